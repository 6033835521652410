//! Topic configuration: inheritance, and the answers of Kafka 4.4.0 to CreateTopics.

use super::super::settings::Settings;
use super::*;

fn broker(text: &str) -> BrokerConfig {
    let mut settings = Settings::default();
    settings.read_file("s", text).unwrap();
    BrokerConfig::new(settings).unwrap().0
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn defaults_are_kafkas() {
    let config = broker("").topic_defaults;
    assert_eq!(config.segment_bytes, 1 << 30);
    assert_eq!(config.segment_ms, 7 * 24 * 3_600_000);
    assert_eq!(config.segment_jitter_ms, 0);
    assert_eq!(config.retention_ms, 7 * 24 * 3_600_000);
    assert_eq!(config.flush_ms, i64::MAX);
    assert_eq!(config.max_message_bytes, 1_048_588);
    assert_eq!(config.cleanup_policy, CleanupPolicy { delete: true, compact: false });
    assert_eq!(config.compression_type, CompressionType::Producer);
}

/// The second and third are what a real broker showed for these settings.
#[test]
fn chains_are_followed_and_converted() {
    type Field = fn(&TopicConfig) -> i64;
    let cases: &[(&str, Field, i64)] = &[
        ("log.roll.hours=2", |c| c.segment_ms, 7_200_000),
        ("log.retention.hours=24", |c| c.retention_ms, 86_400_000),
        ("log.flush.scheduler.interval.ms=1000", |c| c.flush_ms, 1000),
        ("log.flush.interval.ms=5\nlog.flush.scheduler.interval.ms=1000", |c| c.flush_ms, 5),
        ("log.retention.hours=1\nlog.retention.minutes=2", |c| c.retention_ms, 120_000),
        ("log.retention.hours=1\nlog.retention.minutes=2\nlog.retention.ms=3", |c| c.retention_ms, 3),
        ("log.retention.hours=-1", |c| c.retention_ms, -1),
        ("message.max.bytes=77", |c| c.max_message_bytes.into(), 77),
        ("log.segment.delete.delay.ms=9", |c| c.file_delete_delay_ms, 9),
    ];
    for &(text, field, value) in cases {
        assert_eq!(field(&broker(text).topic_defaults), value, "{text}");
    }
}

#[test]
fn layers_go_before_one_another() {
    let broker = broker("message.max.bytes=1\nlog.retention.minutes=1");
    let cluster = map(&[("message.max.bytes", "2"), ("log.retention.ms", "222")]);
    let own = map(&[("message.max.bytes", "3")]);
    let overrides = map(&[("max.message.bytes", "4"), ("segment.bytes", "not a number")]);
    let none = BTreeMap::new();

    let resolve =
        |own, cluster, overrides| TopicConfig::resolve(&broker, DynamicBroker { own, cluster }, overrides);
    assert_eq!(resolve(None, None, &none).max_message_bytes, 1);
    assert_eq!(resolve(None, None, &none).retention_ms, 60_000);
    assert_eq!(resolve(None, Some(&cluster), &none).max_message_bytes, 2);
    assert_eq!(resolve(None, Some(&cluster), &none).retention_ms, 222);
    assert_eq!(resolve(Some(&own), Some(&cluster), &none).max_message_bytes, 3);
    let all = resolve(Some(&own), Some(&cluster), &overrides);
    assert_eq!(all.max_message_bytes, 4);
    assert_eq!(all.segment_bytes, 1 << 30);
}

#[test]
fn a_test_may_make_segments_smaller_than_the_bound() {
    let broker = broker("");
    let overrides = map(&[("internal.segment.bytes", "500"), ("segment.bytes", "2000000")]);
    assert_eq!(TopicConfig::resolve(&broker, DynamicBroker::default(), &overrides).segment_bytes, 500);
}

#[test]
fn new_topics_are_refused_in_kafkas_words() {
    let tiered = "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote \
                  log storage.";
    let lag = "conflict topic config setting min.compaction.lag.ms (100) > max.compaction.lag.ms (50)";
    let segment = "Invalid value 0 for configuration segment.bytes: Value must be at least 1048576";
    type Keys = &'static [(&'static str, Option<&'static str>)];
    let cases: &[(Keys, &str)] = &[
        (&[("min.compaction.lag.ms", Some("100")), ("max.compaction.lag.ms", Some("50"))], lag),
        (&[("retention.ms", Some("x")), ("segment.bytes", Some("0"))], segment),
        (&[("segment.bytes", Some("0")), ("unknown.a", Some("1"))], "Unknown topic config name: unknown.a"),
        (&[("remote.storage.enable", Some("true"))], tiered),
        (&[("remote.storage.enable", Some("true")), ("cleanup.policy", Some("compact"))], tiered),
        (&[("retention.ms", None)], "Null value not supported for topic configs: retention.ms"),
    ];
    let broker = broker("");
    for (keys, text) in cases {
        assert_eq!(TopicConfig::validate(&broker, keys).unwrap_err().to_string(), *text);
    }
}

#[test]
fn new_topics_that_kafka_takes() {
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[("min.insync.replicas", "5")],
        &[("internal.segment.bytes", "5")],
        &[("remote.log.copy.disable", "true")],
        &[("local.retention.ms", "100"), ("retention.ms", "50")],
        &[("errors.deadletterqueue.group.enable", "true")],
        &[("cleanup.policy", "")],
    ];
    let broker = broker("");
    for keys in cases {
        let keys: Vec<_> = keys.iter().map(|&(key, value)| (key, Some(value))).collect();
        assert_eq!(TopicConfig::validate(&broker, &keys), Ok(()), "{keys:?}");
    }
}
