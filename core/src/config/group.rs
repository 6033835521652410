//! What a group coordinator runs with.

use super::{error::ConfigError, values::Values};
use crate::records::Codec;

/// Kafka's default for `offsets.topic.replication.factor`.
const UNSET_REPLICATION_FACTOR_MAX: usize = 3;

/// `group.*` and `offsets.*` of a broker. Times are milliseconds, as the names say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    pub classic: ClassicGroupConfig,
    pub consumer: ConsumerGroupConfig,
    pub offsets: OffsetsConfig,
}

/// Groups of the classic protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassicGroupConfig {
    pub min_session_timeout_ms: i32,
    pub max_session_timeout_ms: i32,
    pub initial_rebalance_delay_ms: i32,
    /// Members of one group.
    pub max_size: i32,
}

/// Groups of the protocol of KIP-848. A group's own configuration lies over the first three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupConfig {
    /// Whether there are such groups at all: `group.coordinator.rebalance.protocols`.
    pub is_served: bool,
    pub session_timeout_ms: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment_interval_ms: i32,
    pub min_session_timeout_ms: i32,
    pub max_session_timeout_ms: i32,
    pub min_heartbeat_interval_ms: i32,
    pub max_heartbeat_interval_ms: i32,
    pub min_assignment_interval_ms: i32,
    pub max_assignment_interval_ms: i32,
    /// Members of one group.
    pub max_size: i32,
    /// Names, the default first.
    pub assignors: Vec<String>,
    pub can_upgrade: bool,
    pub can_downgrade: bool,
    pub regex_refresh_interval_ms: i32,
}

/// Committed offsets and their topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetsConfig {
    pub topic_num_partitions: i32,
    /// `None` where nobody set it: see [`OffsetsConfig::topic_replication_factor`].
    topic_replication_factor: Option<i16>,
    pub topic_segment_bytes: i32,
    /// Of what is written from now on; whatever is there is read.
    pub topic_codec: Codec,
    pub retention_ms: i64,
    pub retention_check_interval_ms: i64,
    /// Of the text that goes with an offset.
    pub metadata_max_bytes: i32,
}

impl OffsetsConfig {
    /// How many replicas the offsets topic gets in a cluster of so many live brokers: what was configured, else one
    /// on each broker, three at most.
    pub fn topic_replication_factor(&self, broker_count: usize) -> i16 {
        let unset = i16::try_from(broker_count.clamp(1, UNSET_REPLICATION_FACTOR_MAX)).unwrap_or(1);
        self.topic_replication_factor.unwrap_or(unset)
    }
}

const CODEC: &str = "offsets.topic.compression.codec";
const PROTOCOLS: &str = "group.coordinator.rebalance.protocols";

fn to_codec(number: i32) -> Option<Codec> {
    u8::try_from(number).ok().and_then(Codec::from_id)
}

/// Lower and upper bound of what stands between them.
const RANGES: [(&str, &str, &str); 3] = [
    (
        "group.consumer.min.session.timeout.ms",
        "group.consumer.session.timeout.ms",
        "group.consumer.max.session.timeout.ms",
    ),
    (
        "group.consumer.min.heartbeat.interval.ms",
        "group.consumer.heartbeat.interval.ms",
        "group.consumer.max.heartbeat.interval.ms",
    ),
    (
        "group.consumer.min.assignment.interval.ms",
        "group.consumer.assignment.interval.ms",
        "group.consumer.max.assignment.interval.ms",
    ),
];

/// Values that are right each on its own and contradict each other.
pub(super) fn contradictions(values: &Values, errors: &mut Vec<ConfigError>) {
    let codec = values.int(CODEC);
    if to_codec(codec).is_none() {
        errors.push(ConfigError::Range { key: CODEC, value: codec.into(), allowed: "0 to 4" });
    }
    if !values.list(PROTOCOLS).iter().any(|name| name == "classic") {
        errors.push(ConfigError::NoClassicGroups);
    }
    let mut hold = |key: &'static str, direction, limit_key: &'static str| {
        let (value, limit) = (values.int(key), values.int(limit_key));
        let is_wrong = if direction == "below" { value < limit } else { value > limit };
        if is_wrong {
            errors.push(ConfigError::Order { key, value, direction, limit_key, limit });
        }
    };
    hold("group.max.session.timeout.ms", "below", "group.min.session.timeout.ms");
    for (min, key, max) in RANGES {
        hold(max, "below", min);
        hold(key, "below", min);
        hold(key, "above", max);
    }
}

impl GroupConfig {
    pub(super) fn new(values: &Values) -> Self {
        let migration = values.text_or_null("group.consumer.migration.policy").unwrap_or_default();
        let migration = migration.to_ascii_lowercase();
        Self {
            classic: ClassicGroupConfig {
                min_session_timeout_ms: values.int("group.min.session.timeout.ms"),
                max_session_timeout_ms: values.int("group.max.session.timeout.ms"),
                initial_rebalance_delay_ms: values.int("group.initial.rebalance.delay.ms"),
                max_size: values.int("group.max.size"),
            },
            consumer: ConsumerGroupConfig {
                is_served: values.list(PROTOCOLS).iter().any(|name| name == "consumer"),
                session_timeout_ms: values.int("group.consumer.session.timeout.ms"),
                heartbeat_interval_ms: values.int("group.consumer.heartbeat.interval.ms"),
                assignment_interval_ms: values.int("group.consumer.assignment.interval.ms"),
                min_session_timeout_ms: values.int("group.consumer.min.session.timeout.ms"),
                max_session_timeout_ms: values.int("group.consumer.max.session.timeout.ms"),
                min_heartbeat_interval_ms: values.int("group.consumer.min.heartbeat.interval.ms"),
                max_heartbeat_interval_ms: values.int("group.consumer.max.heartbeat.interval.ms"),
                min_assignment_interval_ms: values.int("group.consumer.min.assignment.interval.ms"),
                max_assignment_interval_ms: values.int("group.consumer.max.assignment.interval.ms"),
                max_size: values.int("group.consumer.max.size"),
                assignors: values.list("group.consumer.assignors"),
                can_upgrade: ["bidirectional", "upgrade"].contains(&&*migration),
                can_downgrade: ["bidirectional", "downgrade"].contains(&&*migration),
                regex_refresh_interval_ms: values.int("group.consumer.regex.refresh.interval.ms"),
            },
            offsets: OffsetsConfig {
                topic_num_partitions: values.int("offsets.topic.num.partitions"),
                topic_replication_factor: values.is_set("offsets.topic.replication.factor").then(|| {
                    i16::try_from(values.int("offsets.topic.replication.factor")).unwrap_or(i16::MAX)
                }),
                topic_segment_bytes: values.int("offsets.topic.segment.bytes"),
                topic_codec: to_codec(values.int(CODEC)).unwrap_or_default(),
                retention_ms: i64::from(values.int("offsets.retention.minutes")) * 60_000,
                retention_check_interval_ms: values.long("offsets.retention.check.interval.ms"),
                metadata_max_bytes: values.int("offset.metadata.max.bytes"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{BrokerConfig, Settings};

    fn refused(lines: &str) -> Vec<String> {
        let mut settings = Settings::default();
        settings.read_file("s", lines).unwrap();
        match BrokerConfig::new(settings) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn what_groups_cannot_run_with_stops_the_start() {
        assert_eq!(refused("offsets.topic.compression.codec=4"), Vec::<String>::new());
        let text = "offsets.topic.compression.codec = 5: must be 0 to 4";
        assert_eq!(refused("offsets.topic.compression.codec=5"), [text]);
        assert_eq!(refused("group.coordinator.rebalance.protocols=classic"), Vec::<String>::new());
        assert_eq!(refused("group.coordinator.rebalance.protocols=consumer").len(), 1);
    }

    #[test]
    fn bounds_that_contradict_each_other_stop_the_start() {
        assert_eq!(refused("group.consumer.session.timeout.ms=50000"), Vec::<String>::new());
        let text = "group.consumer.session.timeout.ms = 1: must not be below \
                    group.consumer.min.session.timeout.ms, which is 45000";
        assert_eq!(refused("group.consumer.session.timeout.ms=1"), [text]);
        assert_eq!(refused("group.min.session.timeout.ms=99\ngroup.max.session.timeout.ms=10").len(), 1);
        assert_eq!(refused("group.consumer.heartbeat.interval.ms=15001").len(), 1);
    }
}
