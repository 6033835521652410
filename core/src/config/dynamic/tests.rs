//! Against what Apache Kafka 4.4.0 answered.

use super::super::settings::Settings;
use super::*;

fn broker(text: &str) -> BrokerConfig {
    let mut settings = Settings::default();
    settings.read_file("s", text).unwrap();
    BrokerConfig::new(settings).unwrap().0
}

fn overrides(pairs: &[(&str, &str)]) -> Overrides {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn refused(result: Result<(), ConfigRefusal>) -> (i16, String) {
    match result {
        Ok(()) => (0, String::new()),
        Err(ConfigRefusal::Config(text)) => (40, text),
        Err(ConfigRefusal::Request(text)) => (42, text),
    }
}

#[test]
fn brokers() {
    let config = broker("");
    let not_dynamic = "Cannot update these configs dynamically";
    let per_listener =
        "These security configs can be dynamically updated only per-listener using the listener prefix";
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[("log.retention.ms", "100000"), ("sillykey", "5"), ("sasl.enabled.mechanisms", "PLAIN")], ""),
        (
            &[("log.retention.ms", "x")],
            "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
        ),
        (&[("log.retention.hours", "5")], &format!("{not_dynamic}: [log.retention.hours]")),
        (&[("num.io.threads", "x"), ("node.id", "5")], &format!("{not_dynamic}: [node.id]")),
        (
            &[("num.io.threads", "0")],
            "Invalid value 0 for configuration num.io.threads: Value must be at least 1",
        ),
        (&[("ssl.key.password", "s")], &format!("{per_listener}: [ssl.key.password]")),
        (
            &[("leader.replication.throttled.rate", "-1")],
            "Invalid value -1 for configuration leader.replication.throttled.rate: Value must be at least 0",
        ),
        (&[("leader.replication.throttled.rate", "1000")], ""),
        // Kafka would open the listener.
        (&[("listeners", "PLAINTEXT://:1")], &format!("{not_dynamic}: [listeners]")),
    ];
    for (values, text) in cases {
        let code = if text.is_empty() { 0 } else { 42 };
        assert_eq!(refused(config.check_dynamic(&overrides(values), false)), (code, text.to_owned()));
    }
    let text =
        "Cannot update these configs at default cluster level, broker id must be specified: [listeners]";
    let cluster = config.check_dynamic(&overrides(&[("listeners", "PLAINTEXT://:1")]), true);
    assert_eq!(refused(cluster), (42, text.to_owned()));
}

#[test]
fn groups() {
    let config = broker("");
    let range =
        |name: &str, min: i32, max: i32| format!("{name} must be in the range {min} to {max} inclusive.");
    let cases = [
        ("consumer.session.timeout.ms", "50000", String::new()),
        ("consumer.session.timeout.ms", "1", range("consumer.session.timeout.ms", 45000, 60000)),
        (
            "consumer.session.timeout.ms",
            "x",
            "Invalid value x for configuration consumer.session.timeout.ms: Not a number of type INT".to_owned(),
        ),
        ("consumer.heartbeat.interval.ms", "60000", range("consumer.heartbeat.interval.ms", 5000, 15000)),
        ("consumer.assignment.interval.ms", "99999", range("consumer.assignment.interval.ms", 0, 15000)),
        ("share.record.lock.duration.ms", "1000", range("share.record.lock.duration.ms", 15000, 60000)),
        ("share.delivery.count.limit", "100", range("share.delivery.count.limit", 2, 10)),
        ("share.partition.max.record.locks", "99999", range("share.partition.max.record.locks", 100, 4000)),
        (
            "share.delivery.count.limit",
            "1",
            "Invalid value 1 for configuration share.delivery.count.limit: Value must be at least 2".to_owned(),
        ),
        ("share.auto.offset.reset", "by_duration:PT1H", String::new()),
        (
            "share.auto.offset.reset",
            "nope",
            "Invalid value nope for configuration share.auto.offset.reset: Invalid value `nope` for configuration \
             share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format \
             'by_duration:<PnDTnHnMn.nS>'."
                .to_owned(),
        ),
        (
            "share.isolation.level",
            "nope",
            "Invalid value nope for configuration share.isolation.level: String must be one of: read_committed, \
             read_uncommitted"
                .to_owned(),
        ),
        (
            "streams.num.standby.replicas",
            "3",
            "streams.num.standby.replicas must be less than or equal to 2".to_owned(),
        ),
        (
            "streams.num.warmup.replicas",
            "99",
            "streams.num.warmup.replicas must be less than or equal to 20".to_owned(),
        ),
        (
            "streams.task.offset.interval.ms",
            "1",
            "streams.task.offset.interval.ms must be greater than or equal to 15000".to_owned(),
        ),
        (
            "streams.assignor.name",
            "x",
            "streams.assignor.name 'x' is not a registered task assignor. Registered assignors are: [sticky]."
                .to_owned(),
        ),
        (
            "errors.deadletterqueue.topic.name",
            "__x",
            "errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'".to_owned(),
        ),
        ("errors.deadletterqueue.topic.name", "a b", String::new()),
        ("nonsense", "1", "Unknown group config name: nonsense".to_owned()),
    ];
    for (name, value, text) in cases {
        let code = if text.is_empty() { 0 } else { 40 };
        assert_eq!(refused(config.check_group(&overrides(&[(name, value)]))), (code, text), "{name}={value}");
    }
}

#[test]
fn a_session_outlasts_a_heartbeat() {
    let config =
        broker("group.consumer.min.session.timeout.ms=1000\ngroup.consumer.session.timeout.ms=45000");
    let refusal = config.check_group(&overrides(&[("consumer.session.timeout.ms", "4000")]));
    let text = "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms";
    assert_eq!(refused(refusal), (40, text.to_owned()));
}

#[test]
fn client_metrics() {
    let cases = [
        ("interval.ms", "1000", 0, ""),
        (
            "interval.ms",
            "1",
            42,
            "Invalid value 1 for interval.ms, interval must be between 100 and 3600000 (1 hour)",
        ),
        ("interval.ms", "x", 40, "Invalid value x for configuration interval.ms: Not a number of type INT"),
        ("nonsense", "1", 42, "Unknown client metrics configuration: nonsense"),
        ("metrics", "org.apache.kafka", 0, ""),
        ("match", "client_id=app.*", 0, ""),
        ("match", "", 0, ""),
        ("match", "nonsense=a", 40, "Illegal client matching pattern: nonsense=a"),
        ("match", "client_id", 40, "Illegal client matching pattern: client_id"),
    ];
    for (name, value, code, text) in cases {
        let checked = check_client_metrics(&overrides(&[(name, value)]));
        assert_eq!(refused(checked), (code, text.to_owned()), "{name}={value}");
    }
}

#[test]
fn the_nearest_value_is_in_effect() {
    let config = broker("max.connections=10");
    let (own, cluster) = (overrides(&[("max.connections", "3")]), overrides(&[("max.connections", "5")]));
    let in_effect = |own, cluster| config.int_in_effect("max.connections", DynamicBroker { own, cluster });
    assert_eq!(in_effect(Some(&own), Some(&cluster)), 3);
    assert_eq!(in_effect(None, Some(&cluster)), 5);
    assert_eq!(in_effect(None, None), 10);
}

#[test]
fn compaction_goes_by_what_was_set_last() {
    let config = broker("log.cleaner.backoff.ms=10\nlog.cleaner.io.buffer.size=2000000");
    let (own, cluster) = (
        overrides(&[("log.cleaner.backoff.ms", "30"), ("log.cleaner.io.buffer.load.factor", "0.5")]),
        overrides(&[
            ("log.cleaner.backoff.ms", "50"),
            ("log.cleaner.io.max.bytes.per.second", "1e6"),
            ("log.cleaner.io.buffer.size", "3000000"),
            ("log.cleaner.dedupe.buffer.size", "4000000"),
        ]),
    );
    let none = config.cleaner_in_effect(DynamicBroker { own: None, cluster: None });
    assert_eq!((none.backoff_ms, none.io_buffer_size, none.io_buffer_load_factor), (10, 2_000_000, 0.9));
    let found = config.cleaner_in_effect(DynamicBroker { own: Some(&own), cluster: Some(&cluster) });
    let expected = LogCleanerConfig {
        enable: true,
        io_max_bytes_per_second: 1e6,
        dedupe_buffer_size: 4_000_000,
        io_buffer_size: 3_000_000,
        io_buffer_load_factor: 0.5,
        backoff_ms: 30,
    };
    assert_eq!(found, expected);
}
