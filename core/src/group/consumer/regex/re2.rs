//! An expression as RE2 reads it, in the syntax of the regex crate. The two agree on most of it, and where they do not
//! the crate would often take the text for something else. What Kafka's RE2 (re2j 1.8) refuses is refused here, in its
//! words; everything that is taken is written so that the crate cannot read it in another way.
//!
//! 60,000 expressions at random, each asked for 120 names, came out the same here and there, but for `(?i)\P{Ll}`:
//! Kafka's takes capital letters for it, which with `(?i)` are lower case as well.

use std::collections::BTreeSet;

use super::re2_class::{UnicodeClass, named_class};

/// Groups within groups; the crate has a bound of its own not far above.
const NESTING_MAX: usize = 100;
const REPEAT_MAX: u32 = 1_000;
/// What stands for a surrogate, which is no character of a topic's name, nor of any text here.
const BELOW_SURROGATES: char = '\u{d7ff}';

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Re2Error {
    #[error("invalid character class range")]
    CharRange,
    #[error("invalid escape sequence")]
    Escape,
    #[error("invalid named capture")]
    NamedCapture,
    #[error("duplicate capture group name")]
    DuplicateName,
    #[error("invalid or unsupported Perl syntax")]
    PerlSyntax,
    #[error("invalid nested repetition operator")]
    NestedRepeat,
    #[error("invalid repeat count")]
    RepeatCount,
    #[error("missing argument to repetition operator")]
    MissingArgument,
    #[error("missing closing ]")]
    MissingBracket,
    #[error("missing closing )")]
    MissingParen,
    #[error("missing opening (")]
    UnexpectedParen,
    #[error("trailing backslash at end of expression")]
    TrailingBackslash,
    #[error("groups are nested deeper than {NESTING_MAX}")]
    Nesting,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) text: String,
    /// It names characters that are not ASCII: with another case they may stand for one that is.
    pub(super) needs_unicode: bool,
}

/// Something in `out` that a repetition may follow.
#[derive(Clone, Copy)]
struct Item {
    start: usize,
    end: usize,
    is_repeated: bool,
}

pub(super) struct Parser<'a> {
    pub(super) rest: &'a str,
    pub(super) out: String,
    pub(super) needs_unicode: bool,
    /// Where each open group starts in `out`.
    open: Vec<usize>,
    last: Option<Item>,
    names: BTreeSet<&'a str>,
}

/// # Errors
/// What RE2 refuses.
pub(super) fn translate(pattern: &str) -> Result<Translated, Re2Error> {
    let mut parser = Parser {
        rest: pattern,
        out: String::with_capacity(pattern.len() * 2),
        needs_unicode: false,
        open: Vec::new(),
        last: None,
        names: BTreeSet::new(),
    };
    let mut after_repeat = false;
    while let Some(c) = parser.next() {
        after_repeat = parser.step(c, after_repeat)?;
    }
    match parser.open.is_empty() {
        true => Ok(Translated { text: parser.out, needs_unicode: parser.needs_unicode }),
        false => Err(Re2Error::MissingParen),
    }
}

impl<'a> Parser<'a> {
    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    pub(super) fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes one thing that begins with `c`. Returns whether it was a repetition.
    fn step(&mut self, c: char, after_repeat: bool) -> Result<bool, Re2Error> {
        let start = self.out.len();
        match c {
            '*' | '+' | '?' => {
                self.repeat(&c.to_string(), after_repeat)?;
                return Ok(true);
            }
            '{' => {
                if let Some(counts) = self.counts()? {
                    self.repeat(&counts, after_repeat)?;
                    return Ok(true);
                }
                self.literal(c);
                self.item_from(start);
                // Kafka's RE2 takes it for one in this respect.
                return Ok(true);
            }
            '(' => return self.open_group().map(|()| false),
            ')' => return self.close_group().map(|()| false),
            '|' => {
                self.out.push('|');
                self.last = None;
                return Ok(false);
            }
            '^' | '$' => self.out.push(c),
            // Names are ASCII: any byte is a character, which is much smaller than all of Unicode.
            '.' => self.out.push_str("(?-u:.)"),
            '[' => self.class()?,
            '\\' if self.skip("Q") => return self.quoted().map(|()| false),
            '\\' => self.escape_outside()?,
            c => self.literal(c),
        }
        self.item_from(start);
        Ok(false)
    }

    fn item_from(&mut self, start: usize) {
        self.last = Some(Item { start, end: self.out.len(), is_repeated: false });
    }

    pub(super) fn literal(&mut self, c: char) {
        self.needs_unicode |= !c.is_ascii();
        match c.is_ascii_alphanumeric() {
            true => self.out.push(c),
            false => self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c))),
        }
    }

    /// To `\E`, or to the end.
    fn quoted(&mut self) -> Result<(), Re2Error> {
        let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
        self.rest = rest;
        for c in quoted.chars() {
            let start = self.out.len();
            self.literal(c);
            self.item_from(start);
        }
        Ok(())
    }

    fn escape_outside(&mut self) -> Result<(), Re2Error> {
        let Some(c) = self.rest.chars().next() else { return Err(Re2Error::TrailingBackslash) };
        match c {
            'A' | 'z' => self.out.extend(['\\', c]),
            'b' | 'B' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' => self.out.push_str(&format!("(?-u:\\{c})")),
            'p' | 'P' => {
                let class = UnicodeClass::parse(self)?;
                return class.write(self);
            }
            _ => {
                let c = self.escape()?;
                self.literal(c);
                return Ok(());
            }
        }
        self.next();
        Ok(())
    }

    /// A character written with a backslash, which is read already.
    pub(super) fn escape(&mut self) -> Result<char, Re2Error> {
        let c = self.next().ok_or(Re2Error::TrailingBackslash)?;
        match c {
            // One digit alone refers back to a group.
            '1'..='7' if !self.rest.starts_with(|c| matches!(c, '0'..='7')) => Err(Re2Error::Escape),
            '0'..='7' => {
                let mut value = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
                    self.next();
                    value = value * 8 + digit;
                }
                character(value)
            }
            'x' => self.hexadecimal(),
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            c if c.is_ascii_alphanumeric() => Err(Re2Error::Escape),
            c => Ok(c),
        }
    }

    fn hexadecimal(&mut self) -> Result<char, Re2Error> {
        let digits = if self.skip("{") {
            let (digits, rest) = self.rest.split_once('}').ok_or(Re2Error::Escape)?;
            self.rest = rest;
            digits
        } else {
            let (digits, rest) = self.rest.split_at_checked(2).ok_or(Re2Error::Escape)?;
            self.rest = rest;
            digits
        };
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal);
        value.ok_or(Re2Error::Escape).and_then(character)
    }

    /// The counts of a repetition after its brace, as they are written. `None` where the brace is a literal.
    fn counts(&mut self) -> Result<Option<String>, Re2Error> {
        let Some((inside, rest)) = self.rest.split_once('}') else { return Ok(None) };
        let (least, most) = match inside.split_once(',') {
            None => (inside, inside),
            Some((least, most)) => (least, most),
        };
        if !is_count(least) || !(most.is_empty() && inside.ends_with(',') || is_count(most)) {
            return Ok(None);
        }
        let value = |digits: &str| {
            let value = digits.parse().ok().filter(|value| *value <= REPEAT_MAX);
            value.ok_or(Re2Error::RepeatCount)
        };
        if value(least)? > if most.is_empty() { REPEAT_MAX } else { value(most)? } {
            return Err(Re2Error::RepeatCount);
        }
        self.rest = rest;
        Ok(Some(format!("{{{inside}}}")))
    }

    fn repeat(&mut self, operator: &str, after_repeat: bool) -> Result<(), Re2Error> {
        let Some(Item { start, mut end, is_repeated }) = self.last else {
            return Err(Re2Error::MissingArgument);
        };
        if after_repeat {
            return Err(Re2Error::NestedRepeat);
        }
        // Flags may stand between: it is repeated as a whole.
        if is_repeated {
            self.out.insert(end, ')');
            self.out.insert_str(start, "(?:");
            end += 4;
        }
        let lazy = if self.skip("?") { "?" } else { "" };
        let operator = format!("{operator}{lazy}");
        self.out.insert_str(end, &operator);
        self.last = Some(Item { start, end: end + operator.len(), is_repeated: true });
        Ok(())
    }

    /// A group of any kind, or flags for the rest of the one that is open. Nothing asks for what a group has taken.
    fn open_group(&mut self) -> Result<(), Re2Error> {
        let flags = if self.skip("?P<") || self.skip("?<") {
            let (name, rest) = self.rest.split_once('>').ok_or(Re2Error::NamedCapture)?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(Re2Error::NamedCapture);
            }
            if !self.names.insert(name) {
                return Err(Re2Error::DuplicateName);
            }
            self.rest = rest;
            String::new()
        } else if self.skip("?") {
            let (flags, opens) = self.flags()?;
            if !opens {
                if !flags.is_empty() {
                    self.out.push_str(&format!("(?{flags})"));
                }
                return Ok(());
            }
            flags
        } else {
            String::new()
        };
        if self.open.len() >= NESTING_MAX {
            return Err(Re2Error::Nesting);
        }
        self.open.push(self.out.len());
        self.out.push_str(&format!("(?{flags}:"));
        self.last = None;
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), Re2Error> {
        let start = self.open.pop().ok_or(Re2Error::UnexpectedParen)?;
        self.out.push(')');
        self.item_from(start);
        Ok(())
    }

    /// Flags up to the colon or bracket that ends them, and whether they open a group. The last word on a flag counts.
    fn flags(&mut self) -> Result<(String, bool), Re2Error> {
        let mut set = Vec::new();
        let mut sign = true;
        loop {
            match self.next() {
                Some(flag @ ('i' | 'm' | 's' | 'U')) => {
                    set.retain(|(known, _)| *known != flag);
                    set.push((flag, sign));
                }
                Some('-') if sign && !self.rest.starts_with([':', ')']) => sign = false,
                Some(end @ (':' | ')')) => {
                    let of = |sign| set.iter().filter(move |(_, is)| *is == sign).map(|(flag, _)| *flag);
                    let (on, off): (String, String) = (of(true).collect(), of(false).collect());
                    let dash = if off.is_empty() { "" } else { "-" };
                    return Ok((format!("{on}{dash}{off}"), end == ':'));
                }
                _ => return Err(Re2Error::PerlSyntax),
            }
        }
    }

    /// A class in brackets, the first of which is read already. A set operator or a class within the class, as the
    /// crate has them, RE2 takes for characters.
    fn class(&mut self) -> Result<(), Re2Error> {
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        let mut is_first = true;
        while is_first || !self.skip("]") {
            is_first = false;
            if let Some(class) = named_class(&mut self.rest)? {
                self.out.push_str(class);
            } else if self.rest.starts_with("\\p") || self.rest.starts_with("\\P") {
                self.next();
                UnicodeClass::parse(self)?.write(self)?;
            } else if let Some(class) =
                ["\\d", "\\D", "\\s", "\\S", "\\w", "\\W"].iter().find(|c| self.skip(c))
            {
                self.out.push_str(class);
            } else {
                self.range()?;
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn range(&mut self) -> Result<(), Re2Error> {
        let first = self.class_character()?;
        let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
        self.literal(first);
        if is_range && self.skip("-") {
            let last = self.class_character()?;
            if last < first {
                return Err(Re2Error::CharRange);
            }
            self.out.push('-');
            self.literal(last);
        }
        Ok(())
    }

    fn class_character(&mut self) -> Result<char, Re2Error> {
        match self.next().ok_or(Re2Error::MissingBracket)? {
            '\\' => self.escape(),
            c => Ok(c),
        }
    }
}

/// A number without leading zeros.
fn is_count(digits: &str) -> bool {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number && (digits.len() == 1 || !digits.starts_with('0'))
}

fn character(value: u32) -> Result<char, Re2Error> {
    match value {
        0xd800..=0xdfff => Ok(BELOW_SURROGATES),
        value => char::from_u32(value).ok_or(Re2Error::Escape),
    }
}
