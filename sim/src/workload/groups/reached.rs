//! The marks of `groups-mixed`: that a run really got to what it is meant to check.

pub(super) const UPGRADED: &str = "a group upgraded";
pub(super) const DOWNGRADED: &str = "a group downgraded";
pub(super) const CLASSIC_IN_CONSUMER: &str = "a classic member served in a consumer group";
pub(super) const FOUND_BY_REGEX: &str = "an assignment of topics found by an expression";
pub(super) const OFFSETS_DELETED: &str = "OffsetDelete";
pub(super) const GROUPS_DELETED: &str = "DeleteGroups";
pub(super) const TOPICS_DELETED: &str = "a topic deleted under a group";
pub(super) const OFFSETS_GONE_WITH_TOPIC: &str = "offsets gone with their topic";
pub(super) const OFFSETS_EXPIRED: &str = "an offset expired";
pub(super) const OFFSETS_NOT_EXPIRED: &str = "an offset of members that did not expire";

/// All of them.
pub const MIXED_MARKS: &[&str] = &[
    UPGRADED,
    DOWNGRADED,
    CLASSIC_IN_CONSUMER,
    FOUND_BY_REGEX,
    OFFSETS_DELETED,
    GROUPS_DELETED,
    TOPICS_DELETED,
    OFFSETS_GONE_WITH_TOPIC,
    OFFSETS_EXPIRED,
    OFFSETS_NOT_EXPIRED,
];
