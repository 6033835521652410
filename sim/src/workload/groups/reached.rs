//! How often a run really got to what it is meant to check, over all seeds of this thread.

use std::cell::Cell;

pub(super) const UPGRADED: usize = 0;
pub(super) const DOWNGRADED: usize = 1;
pub(super) const CLASSIC_IN_CONSUMER: usize = 2;
pub(super) const FOUND_BY_REGEX: usize = 3;
pub(super) const OFFSETS_DELETED: usize = 4;
pub(super) const GROUPS_DELETED: usize = 5;
pub(super) const TOPICS_DELETED: usize = 6;
pub(super) const OFFSETS_GONE_WITH_TOPIC: usize = 7;
pub(super) const OFFSETS_EXPIRED: usize = 8;
pub(super) const OFFSETS_NOT_EXPIRED: usize = 9;

const NAMES: [&str; 10] = [
    "groups upgraded",
    "groups downgraded",
    "classic members served in a consumer group",
    "assignments of topics found by an expression",
    "OffsetDelete",
    "DeleteGroups",
    "topics deleted under a group",
    "offsets gone with their topic",
    "offsets expired",
    "offsets of members that did not expire",
];

thread_local! {
    static COUNTS: [Cell<u64>; NAMES.len()] = const { [const { Cell::new(0) }; NAMES.len()] };
}

pub(super) fn count(what: usize) {
    COUNTS.with(|counts| counts[what].update(|count| count + 1));
}

/// Each with its name, since this was last asked.
pub fn take() -> Vec<(&'static str, u64)> {
    COUNTS.with(|counts| NAMES.iter().zip(counts).map(|(name, count)| (*name, count.take())).collect())
}
