//! Where reading begins: `--from`.

use std::str::FromStr;

use crate::cli::target::Target;
use crate::utc;

/// A place in every partition that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Earliest,
    Latest,
    Offset(i64),
    /// So many records before the end.
    BeforeEnd(i64),
    /// The first record at or after this time.
    Time(i64),
}

/// The text names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write earliest, latest, an offset, -N, a date such as 2026-11-24T10:00:00Z, time: and milliseconds, or a time ago such as 90s, 15m, 2h, 7d"
)]
pub(super) struct InvalidFrom;

impl FromStr for From {
    type Err = InvalidFrom;

    fn from_str(text: &str) -> Result<Self, InvalidFrom> {
        if let Some(count) = text.strip_prefix('-') {
            let count = count.parse().ok().filter(|_| count.bytes().all(|b| b.is_ascii_digit()));
            return count.map(Self::BeforeEnd).ok_or(InvalidFrom);
        }
        match text.parse() {
            Ok(Target::Earliest) => Ok(Self::Earliest),
            Ok(Target::Latest) => Ok(Self::Latest),
            Ok(Target::Offset(offset)) => Ok(Self::Offset(offset)),
            Ok(Target::Time(time_ms)) => Ok(Self::Time(time_ms)),
            Ok(Target::Ago(ago_ms)) => Ok(Self::Time(utc::now_ms().saturating_sub(ago_ms).max(0))),
            Ok(Target::Current) | Err(_) => Err(InvalidFrom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let cases = [
            ("earliest", Some(From::Earliest)),
            ("latest", Some(From::Latest)),
            ("0", Some(From::Offset(0))),
            ("1500", Some(From::Offset(1500))),
            ("-10", Some(From::BeforeEnd(10))),
            ("time:1700000000000", Some(From::Time(1_700_000_000_000))),
            ("time:1970-01-02", Some(From::Time(86_400_000))),
            ("time:1970-01-01T00:00:01Z", Some(From::Time(1000))),
            ("1970-01-02", Some(From::Time(86_400_000))),
            // Before 1970.
            ("99999w", Some(From::Time(0))),
            ("current", None),
            ("", None),
            ("-", None),
            ("+5", None),
            ("--5", None),
            ("1.5", None),
            ("time:", None),
            ("time:yesterday", None),
            ("99999999999999999999", None),
        ];
        for (text, from) in cases {
            assert_eq!(text.parse::<From>().ok(), from, "{text}");
        }
    }
}
