//! Times in UTC: milliseconds since 1970 as ISO 8601 text, and back.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const EPOCH_DAYS: i64 = 719_468;
/// 400 years.
const ERA_DAYS: i64 = 146_097;

/// The system's clock, in milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// The system's clock as text.
pub(crate) fn now_text() -> String {
    to_text(now_ms())
}

/// `2026-11-24T10:00:00.123Z`.
pub(crate) fn to_text(time_ms: i64) -> String {
    let (days, in_day_ms) = (time_ms.div_euclid(DAY_MS), time_ms.rem_euclid(DAY_MS));
    let (year, month, day) = date_of_days(days);
    let (seconds, ms) = (in_day_ms / 1000, in_day_ms % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Reads `2026-11-24`, `2026-11-24T10:00`, `2026-11-24T10:00:00.5Z` or `2026-11-24 10:00:00+02:00`; without a
/// zone it is UTC. Parts of a millisecond are dropped. `None` for anything else.
pub(crate) fn from_text(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let days = days_of_date(year, month, day);
    if date_of_days(days) != (year, month, day) {
        return None;
    }
    Some(days * DAY_MS + time.map_or(Some(0), time_of_day_ms)?)
}

/// The time of day in UTC; behind a zone it may lie outside the day.
fn time_of_day_ms(text: &str) -> Option<i64> {
    let (time, zone_ms) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => (&text[..at], zone_ms(&text[at..])?),
        None => (text, 0),
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.splitn(3, ':');
    let hour = below(digits(parts.next()?, 2)?, 24)?;
    let minute = below(digits(parts.next()?, 2)?, 60)?;
    let second = below(parts.next().map_or(Some(0), |second| digits(second, 2))?, 60)?;
    Some((hour * 3600 + minute * 60 + second) * 1000 + fraction_ms(fraction)? - zone_ms)
}

/// `Z`, `+02:00` or `+0200`.
fn zone_ms(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, offset) = text.split_at_checked(1)?;
    let offset = offset.replace(':', "");
    let (hours, minutes) = offset.split_at_checked(2)?;
    let minutes = if minutes.is_empty() { 0 } else { below(digits(minutes, 2)?, 60)? };
    let ms = (below(digits(hours, 2)?, 24)? * 60 + minutes) * 60_000;
    Some(if sign == "-" { -ms } else { ms })
}

fn fraction_ms(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<3}").get(..3)?.parse().ok()
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn below(value: i64, limit: i64) -> Option<i64> {
    (value < limit).then_some(value)
}

/// Years are counted from March here, so that a leap day is a year's last.
fn date_of_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_milliseconds_agree() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_795_514_571_123, "2026-11-24T10:02:51.123Z"),
        ];
        for (ms, text) in cases {
            assert_eq!(to_text(ms), text);
            assert_eq!(from_text(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn short_forms_and_zones_are_read() {
        let ten = 1_795_514_400_000;
        let cases = [
            ("2026-11-24", ten - 36_000_000),
            ("2026-11-24T10:00", ten),
            ("2026-11-24 10:00:00", ten),
            ("2026-11-24T12:00:00+02:00", ten),
            ("2026-11-24T08:30:00-0130", ten),
            ("2026-11-24T12:00+02", ten),
            ("2026-11-24T10:00:00.5Z", ten + 500),
            ("2026-11-24T10:00:00.123456789z", ten + 123),
        ];
        for (text, ms) in cases {
            assert_eq!(from_text(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        let cases = [
            "",
            "now",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-11-24T",
            "2026-11-24T24:00",
            "2026-11-24T10:60",
            "2026-11-24T10:00:00.Z",
            "2026-11-24T10:00+",
            "2026-11-24T10:00:00+é",
        ];
        for text in cases {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}
