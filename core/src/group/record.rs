//! A record of `__consumer_offsets`.

use crate::protocol::records::{GroupKey, GroupValue};

/// A key and its newest value, in the version that Kafka 4.4 writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRecord {
    pub key: GroupKey,
    /// `None` takes the key away.
    pub value: Option<GroupValue>,
    pub value_version: i16,
}

impl GroupRecord {
    pub fn set(key: GroupKey, value: GroupValue, value_version: i16) -> Self {
        assert_eq!(key.code(), value.code(), "a value goes with the key of its own type");
        Self { key, value: Some(value), value_version }
    }

    pub fn tombstone(key: GroupKey) -> Self {
        Self { key, value: None, value_version: 0 }
    }
}
