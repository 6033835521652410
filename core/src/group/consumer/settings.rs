//! What one consumer group runs with: its own configuration over the broker's.

use std::collections::BTreeMap;

use super::assignor::UNIFORM;
use crate::{
    config::ConsumerGroupConfig,
    metadata::{Image, ResourceType},
};

/// The values that a group may have for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSettings<'a> {
    pub session_timeout_ms: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment_interval_ms: i32,
    pub broker: &'a ConsumerGroupConfig,
}

impl<'a> GroupSettings<'a> {
    /// A value outside of the broker's limits counts as the nearest one inside: the limits may have changed after
    /// the group was given it.
    pub fn new(broker: &'a ConsumerGroupConfig, image: &Image, group_id: &str) -> Self {
        let own = image.configs.of(ResourceType::Group, group_id);
        let value = |key: &str, default: i32, min: i32, max: i32| {
            own.and_then(|values: &BTreeMap<String, String>| values.get(key)?.trim().parse().ok())
                .map_or(default, |value: i32| value.max(min).min(max.max(min)))
        };
        Self {
            session_timeout_ms: value(
                "consumer.session.timeout.ms",
                broker.session_timeout_ms,
                broker.min_session_timeout_ms,
                broker.max_session_timeout_ms,
            ),
            heartbeat_interval_ms: value(
                "consumer.heartbeat.interval.ms",
                broker.heartbeat_interval_ms,
                broker.min_heartbeat_interval_ms,
                broker.max_heartbeat_interval_ms,
            ),
            assignment_interval_ms: value(
                "consumer.assignment.interval.ms",
                broker.assignment_interval_ms,
                broker.min_assignment_interval_ms,
                broker.max_assignment_interval_ms,
            ),
            broker,
        }
    }

    pub(super) fn default_assignor(&self) -> &'a str {
        self.broker.assignors.first().map_or(UNIFORM, String::as_str)
    }

    pub(super) fn has_assignor(&self, name: &str) -> bool {
        self.broker.assignors.iter().any(|known| known == name)
    }
}
