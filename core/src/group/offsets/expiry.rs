//! When an offset has outlived its use.

use super::CommittedOffset;

/// From when on the offsets of a group age; a group may also keep all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// Members are there, or it cannot be known what they read.
    Never,
    /// Since each was committed.
    SinceCommit,
    /// Since the group became empty, by the calendar.
    SinceEmpty(i64),
}

impl Expiry {
    pub(crate) fn has_expired(self, offset: &CommittedOffset, unix_ms: i64, retention_ms: i64) -> bool {
        let since_ms = match self {
            Self::Never => return false,
            Self::SinceCommit => offset.commit_timestamp_ms,
            Self::SinceEmpty(timestamp_ms) => timestamp_ms,
        };
        match offset.expire_timestamp_ms {
            Some(expire_timestamp_ms) => unix_ms >= expire_timestamp_ms,
            None => unix_ms.saturating_sub(since_ms) >= retention_ms,
        }
    }
}
