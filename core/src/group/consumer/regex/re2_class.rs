//! Classes of characters that RE2 knows by name.

use super::re2::{Parser, Re2Error};

/// Those of POSIX; each may be turned round with `^`.
const NAMES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl",
    "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];
/// Scripts with names of four letters; all others of that length are the short names, which RE2 does not know.
const SCRIPTS_OF_FOUR: [&str; 3] = ["Cham", "Lisu", "Thai"];

/// A class like `[:alpha:]` within a class, as it is written; `None` where there is none.
pub(super) fn named_class<'a>(rest: &mut &'a str) -> Result<Option<&'a str>, Re2Error> {
    let Some(end) = rest.find(":]").filter(|_| rest.starts_with("[:")) else { return Ok(None) };
    let (class, after) = rest.split_at(end + 2);
    let name = class.get(2..end).unwrap_or_default();
    if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(Re2Error::CharRange);
    }
    *rest = after;
    Ok(Some(class))
}

/// A category or a script of Unicode.
pub(super) struct UnicodeClass<'a> {
    name: &'a str,
    is_negated: bool,
}

impl<'a> UnicodeClass<'a> {
    /// After the backslash.
    pub(super) fn parse(parser: &mut Parser<'a>) -> Result<Self, Re2Error> {
        let mut is_negated = parser.next() == Some('P');
        let name = if parser.skip("{") {
            let (name, rest) = parser.rest.split_once('}').ok_or(Re2Error::CharRange)?;
            parser.rest = rest;
            name
        } else {
            let end = parser.rest.chars().next().ok_or(Re2Error::CharRange)?.len_utf8();
            let (name, rest) = parser.rest.split_at(end);
            parser.rest = rest;
            name
        };
        is_negated ^= name.starts_with('^');
        Ok(Self { name: name.strip_prefix('^').unwrap_or(name), is_negated })
    }

    pub(super) fn write(&self, parser: &mut Parser<'_>) -> Result<(), Re2Error> {
        let p = if self.is_negated { 'P' } else { 'p' };
        let text = match self.name {
            // The crate has no surrogates, and no text has any.
            "Cs" => format!("[{}\\x{{0}}-\\x{{10ffff}}]", if self.is_negated { "" } else { "^" }),
            name if name == "Any" || CATEGORIES.contains(&name) => format!("\\{p}{{{name}}}"),
            name if is_script(name) => format!("\\{p}{{Script={name}}}"),
            _ => return Err(Re2Error::CharRange),
        };
        parser.needs_unicode = true;
        parser.out.push_str(&text);
        Ok(())
    }
}

/// Whether it is written as the names of scripts are. Which there are the crate knows.
fn is_script(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.bytes().skip(1).all(|b| b.is_ascii_lowercase())
    };
    name.split('_').all(is_word) && name.len() > 1 && (name.len() != 4 || SCRIPTS_OF_FOUR.contains(&name))
}
