//! Java properties text: comments, escapes, continued lines, `=`, `:` or white space after the key.

/// One key and its value, and the line (from 1) where the key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub key: String,
    pub value: String,
    pub line: usize,
}

/// The text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \\u must be followed by four hexadecimal digits")]
pub struct BadEscape {
    pub line: usize,
}

/// Reads all properties of a text, in its order; a key may stand more than once.
pub(super) fn parse(text: &str) -> Result<Vec<Property>, BadEscape> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut properties = Vec::new();
    let mut lines = text.split('\n').zip(1..);
    while let Some((first, line)) = lines.next() {
        let first = first.trim_start_matches(is_blank);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while ends_in_open_backslash(&logical) {
            logical.pop();
            match lines.next() {
                Some((next, _)) => logical.push_str(next.trim_start_matches(is_blank)),
                None => break,
            }
        }
        let (key, value) = split(&logical);
        let key = unescape(key).ok_or(BadEscape { line })?;
        let value = unescape(value).ok_or(BadEscape { line })?;
        properties.push(Property { key, value, line });
    }
    Ok(properties)
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\x0c')
}

/// An odd number of backslashes at the end continues the line.
fn ends_in_open_backslash(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

/// Cuts at the first `=`, `:` or white space that no backslash covers; one separator and the white space
/// around it belong to neither side.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        if !escaped && (character == '=' || character == ':' || is_blank(character)) {
            let rest = line[at..].trim_start_matches(is_blank);
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (&line[..at], rest.trim_start_matches(is_blank));
        }
        escaped = character == '\\' && !escaped;
    }
    (line, "")
}

/// Resolves `\t \n \r \f \uXXXX`; a backslash before anything else is dropped. `None`: a bad `\u`.
fn unescape(text: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::new();
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let resolved = match character {
            '\\' => match characters.next() {
                Some('u') => {
                    units.push(hex_unit(&mut characters)?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        drain_units(&mut units, &mut out);
        out.push(resolved);
    }
    drain_units(&mut units, &mut out);
    Some(out)
}

/// Java's escapes are UTF-16 units: a pair of them may be one character.
fn drain_units(units: &mut Vec<u16>, out: &mut String) {
    out.extend(char::decode_utf16(units.drain(..)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}

fn hex_unit(characters: &mut std::str::Chars<'_>) -> Option<u16> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit * 16 + characters.next()?.to_digit(16)?;
    }
    u16::try_from(unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String, usize)> {
        parse(text).unwrap().into_iter().map(|p| (p.key, p.value, p.line)).collect()
    }

    #[test]
    fn forms_of_a_line() {
        let cases = [
            ("a=b", "a", "b"),
            ("a = b", "a", "b"),
            ("a: b", "a", "b"),
            ("a b c", "a", "b c"),
            ("  a\t=\tb ", "a", "b "),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("a==b", "a", "=b"),
            ("a = :b", "a", ":b"),
            ("a\\=b=c", "a=b", "c"),
            ("a\\:b\\ c d", "a:b c", "d"),
            ("a=1\\t2\\n3\\q", "a", "1\t2\n3q"),
            ("a=\\u00e9\\uD83D\\uDE00x", "a", "é😀x"),
            ("a=one,\\\n    two", "a", "one,two"),
            ("a=one\\\\", "a", "one\\"),
            ("a=end\\", "a", "end"),
            ("listeners=PLAINTEXT://:9092", "listeners", "PLAINTEXT://:9092"),
        ];
        for (text, key, value) in cases {
            assert_eq!(pairs(text), [(key.to_owned(), value.to_owned(), 1)], "{text:?}");
        }
    }

    #[test]
    fn comments_blank_lines_and_line_numbers() {
        let text = "# a comment \\\n\n! another\r\nx=1\r\n  \r\ny=2\\\n  3\nz=4";
        let expected = [("x", "1", 4), ("y", "23", 6), ("z", "4", 8)];
        let expected: Vec<_> = expected.map(|(k, v, line)| (k.to_owned(), v.to_owned(), line)).into();
        assert_eq!(pairs(text), expected);
    }

    #[test]
    fn a_continued_line_over_a_carriage_return() {
        assert_eq!(pairs("a=1\\\r\n  2")[0].1, "12");
    }

    #[test]
    fn a_bad_escape_is_named_by_its_line() {
        assert_eq!(parse("a=1\nb=\\u12"), Err(BadEscape { line: 2 }));
        assert_eq!(parse("b=\\uzzzz"), Err(BadEscape { line: 1 }));
    }
}
