//! A place in a log as it is named on the command line: `earliest`, an offset, a time.

use std::str::FromStr;

use crate::utc;

/// A place in every partition that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Earliest,
    Latest,
    /// What is committed already; the end where nothing is. It pins a group to what it has.
    Current,
    Offset(i64),
    /// The first record at or after this time.
    Time(i64),
    /// The first record of so many milliseconds before now.
    Ago(i64),
}

/// The text names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write earliest, latest, current, an offset, a date such as 2026-11-24T10:00:00Z, or a time ago such as 90s, 15m, 2h, 7d"
)]
pub(crate) struct InvalidTarget;

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        match text {
            "earliest" | "beginning" => return Ok(Self::Earliest),
            "latest" | "end" => return Ok(Self::Latest),
            "current" => return Ok(Self::Current),
            _ => {}
        }
        // As `jackdaw consume --from` takes it.
        if let Some(time) = text.strip_prefix("time:") {
            return number(time).or_else(|| utc::from_text(time)).map(Self::Time).ok_or(InvalidTarget);
        }
        let offset = number(text).map(Self::Offset);
        let time = || utc::from_text(text).map(Self::Time);
        offset.or_else(time).or_else(|| duration_ms(text).map(Self::Ago)).ok_or(InvalidTarget)
    }
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `90s`, `1h30m`, `7d`.
fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total_ms = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count = number(&rest[..digits])?;
        let unit = rest[digits..].chars().next()?;
        let unit_ms: i64 = match unit {
            's' => 1000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            'w' => 7 * 86_400_000,
            _ => return None,
        };
        total_ms = total_ms.checked_add(count.checked_mul(unit_ms)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    (!text.is_empty()).then_some(total_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let cases = [
            ("earliest", Some(Target::Earliest)),
            ("latest", Some(Target::Latest)),
            ("current", Some(Target::Current)),
            ("0", Some(Target::Offset(0))),
            ("2026", Some(Target::Offset(2026))),
            ("1970-01-02", Some(Target::Time(86_400_000))),
            ("1970-01-01T02:00:01+02:00", Some(Target::Time(1000))),
            ("time:5000", Some(Target::Time(5000))),
            ("90s", Some(Target::Ago(90_000))),
            ("1h30m", Some(Target::Ago(5_400_000))),
            ("2d", Some(Target::Ago(172_800_000))),
            ("1w", Some(Target::Ago(604_800_000))),
            ("", None),
            ("-1", None),
            ("h", None),
            ("1h5", None),
            ("5x", None),
            ("5é", None),
            ("99999999999999999w", None),
            ("99999999999999999999", None),
            ("yesterday", None),
            ("time:", None),
        ];
        for (text, target) in cases {
            assert_eq!(text.parse::<Target>().ok(), target, "{text}");
        }
    }
}
