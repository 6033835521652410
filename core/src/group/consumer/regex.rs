//! Subscriptions by regular expression, resolved here and not by the client.

use std::collections::BTreeSet;

use regex::bytes::{Regex, RegexBuilder};

use crate::{
    limits::{GROUP_REGEX_LENGTH_MAX, GROUP_REGEX_PROGRAM_BYTES_MAX},
    metadata::Image,
};

/// What a regular expression stood for when it was last looked up (record type 16).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResolvedRegex {
    pub(super) topics: BTreeSet<String>,
    /// The offset of the metadata that it was looked up in.
    pub(super) metadata_version: i64,
    /// By the calendar.
    pub(super) timestamp_ms: i64,
}

/// Why an expression cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidRegex {
    #[error("it is longer than {GROUP_REGEX_LENGTH_MAX} bytes")]
    Length,
    #[error("{0}")]
    Syntax(String),
}

/// An expression that matches in time linear in the name, as RE2 does: no look-around, no back references.
#[derive(Clone, Debug)]
pub(super) struct TopicRegex {
    pattern: String,
    whole: Regex,
}

impl TopicRegex {
    /// Compiles an expression for whole names.
    ///
    /// # Errors
    /// What RE2 does not know either, and what is too large.
    pub(super) fn new(pattern: &str) -> Result<Self, InvalidRegex> {
        if pattern.len() > GROUP_REGEX_LENGTH_MAX {
            return Err(InvalidRegex::Length);
        }
        // On its own first: what is wrong with it must not hide in the brackets around it.
        compile(pattern, false)
            .or_else(|_| compile(pattern, true))
            .map_err(|error| InvalidRegex::Syntax(reason(&error)))?;
        let whole = format!("\\A(?:{pattern})\\z");
        // Names of topics are ASCII. Without Unicode the classes are those of RE2, and small; an expression that
        // names a class of Unicode needs it.
        let compiled = compile(&whole, false).or_else(|_| compile(&whole, true));
        let compiled = compiled.map(|whole| Self { pattern: pattern.to_owned(), whole });
        compiled.map_err(|error| InvalidRegex::Syntax(reason(&error)))
    }

    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(super) fn matches(&self, topic: &str) -> bool {
        self.whole.is_match(topic.as_bytes())
    }

    /// The topics of the image that it matches.
    pub(super) fn resolve(&self, image: &Image, unix_ms: i64) -> ResolvedRegex {
        let names = image.topics.iter().map(|topic| topic.name.as_str());
        ResolvedRegex {
            topics: names.filter(|name| self.matches(name)).map(str::to_owned).collect(),
            metadata_version: image.offset,
            timestamp_ms: unix_ms,
        }
    }
}

fn compile(pattern: &str, unicode: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(unicode).size_limit(GROUP_REGEX_PROGRAM_BYTES_MAX).build()
}

/// The last line of the error: the others draw the expression and an arrow.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_names() {
        for (pattern, name, matches) in [
            ("foo.*", "foobar", true),
            ("foo", "foobar", false),
            ("foo|bar", "bar", true),
            ("foo|bar", "foobar", false),
            ("", "foo", false),
            ("(?i)FOO", "foo", true),
            ("\\w+-\\d{2}", "topic-07", true),
            ("\\pL+", "abc", true),
            ("^foo$", "foo", true),
        ] {
            assert_eq!(TopicRegex::new(pattern).unwrap().matches(name), matches, "{pattern} on {name}");
        }
    }

    #[test]
    fn refuses_what_re2_refuses_and_what_is_too_large() {
        for pattern in ["fo[.*", "fo(?=x)", "(a)\\1", "a)|(b", "*", "((a{1000}){1000}){1000}", "a++{"] {
            assert!(TopicRegex::new(pattern).is_err(), "{pattern}");
        }
        assert!(TopicRegex::new(&"a".repeat(GROUP_REGEX_LENGTH_MAX)).is_ok());
        assert!(matches!(
            TopicRegex::new(&"a".repeat(GROUP_REGEX_LENGTH_MAX + 1)),
            Err(InvalidRegex::Length)
        ));
    }
}
