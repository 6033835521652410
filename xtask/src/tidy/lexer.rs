//! Rust text taken apart: its code without comments and literals, and its comments alone. Both keep every
//! line break, so that line numbers stay true.

/// The two halves of a source.
pub(super) struct Parts {
    pub(super) code: String,
    pub(super) comments: String,
}

/// Splits a source. It knows nested comments, raw and byte strings, and characters against lifetimes.
pub(super) fn split(source: &str) -> Parts {
    let mut lexer = Lexer { rest: source, code: String::new(), comments: String::new() };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    Parts { code: lexer.code, comments: lexer.comments }
}

struct Lexer<'a> {
    rest: &'a str,
    code: String,
    comments: String,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.comment(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.comment(block_comment(rest));
        } else if let Some(length) = raw_string(rest).filter(|_| !self.in_word()) {
            self.literal(length);
        } else if rest.starts_with('"') {
            self.literal(quoted(rest, '"'));
        } else if rest.starts_with('\'') && is_character(rest) {
            self.literal(quoted(rest, '\''));
        } else {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            self.take(length, |part, lexer| lexer.code.push_str(part));
            if rest.starts_with('\n') {
                self.comments.push('\n');
            }
        }
    }

    /// The letter before belongs to a name: `for` ends in `r`, and that begins no raw string.
    fn in_word(&self) -> bool {
        self.code.ends_with(|character: char| character.is_alphanumeric() || character == '_')
    }

    fn comment(&mut self, length: usize) {
        self.take(length, |part, lexer| {
            lexer.comments.push_str(part);
            lexer.code.extend(part.chars().filter(|&character| character == '\n'));
        });
    }

    fn literal(&mut self, length: usize) {
        self.take(length, |part, lexer| {
            lexer.code.push_str("\"\"");
            for breaks in part.chars().filter(|&character| character == '\n') {
                lexer.code.push(breaks);
                lexer.comments.push(breaks);
            }
        });
    }

    fn take(&mut self, length: usize, put: impl FnOnce(&str, &mut Self)) {
        let (part, rest) = self.rest.split_at(length.min(self.rest.len()));
        put(part, self);
        self.rest = rest;
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a raw string that begins here: `r"`, `r#"`, `br"`, `cr"`.
fn raw_string(text: &str) -> Option<usize> {
    let after =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let hashes = after.bytes().take_while(|&byte| byte == b'#').count();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| begin + at + end.len()))
}

/// The length of a literal between two quotes, with escapes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if character == quote && !escaped {
            return at + quote.len_utf8();
        }
        escaped = character == '\\' && !escaped;
    }
    text.len()
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_character(text: &str) -> bool {
    let mut characters = text.chars().skip(1);
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

/// Whether `word` stands in `line` with no letter, digit or underscore beside it.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_comments_come_apart() {
        let source =
            "let a = \"// no\"; // yes\nlet b = r#\"x \" {\"#; /* a\n/* b */ c */ 'l: for c in '{'..'\\'' {}";
        let parts = split(source);
        assert_eq!(parts.code, "let a = \"\"; \nlet b = \"\"; \n 'l: for c in \"\"..\"\" {}");
        assert_eq!(parts.comments, "// yes\n/* a\n/* b */ c */");
        assert_eq!(parts.code.lines().count(), source.lines().count());
    }

    #[test]
    fn words_end_at_other_characters() {
        assert!(has_word("a unsafe{ b", "unsafe"));
        assert!(!has_word("unsafe_code", "unsafe"));
        assert!(has_word("use io_uring::x", "io_uring"));
    }
}
