//! Subscriptions by regular expression, resolved here and not by the client.

mod re2;
mod re2_class;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use re2::{Re2Error, Translated, translate};
use regex::bytes::{Regex, RegexBuilder};

use super::member::TEXT_BYTES;
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

impl ResolvedRegex {
    /// What its texts take, with those of the expression.
    pub(super) fn size_bytes(&self, regex: &str) -> usize {
        regex.len() + self.topics.iter().map(|topic| topic.len() + TEXT_BYTES).sum::<usize>()
    }
}

/// Why an expression cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidRegex {
    #[error("it is longer than {GROUP_REGEX_LENGTH_MAX} bytes")]
    Length,
    #[error(transparent)]
    Re2(#[from] Re2Error),
    #[error("compiled it is larger than {GROUP_REGEX_PROGRAM_BYTES_MAX} bytes")]
    Size,
}

/// Whether a member may subscribe with this pattern.
pub fn is_pattern(pattern: &str) -> bool {
    TopicRegex::new(pattern).is_ok()
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
        let Translated { text, needs_unicode } = translate(pattern)?;
        // Names of topics are ASCII. Without Unicode what is compiled is much smaller.
        let whole = RegexBuilder::new(&format!("\\A(?:{text})\\z"))
            .unicode(needs_unicode)
            .size_limit(GROUP_REGEX_PROGRAM_BYTES_MAX)
            .build();
        match whole {
            Ok(whole) => Ok(Self { pattern: pattern.to_owned(), whole }),
            Err(regex::Error::CompiledTooBig(_)) => Err(InvalidRegex::Size),
            // All that can be left for the crate to refuse is a script that it does not know.
            Err(_) => Err(Re2Error::CharRange.into()),
        }
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
