//! Against what Apache Kafka 4.4.0 answered.

use super::super::settings::Settings;
use super::*;

fn broker(text: &str) -> BrokerConfig {
    let mut settings = Settings::default();
    settings.read_file("s", text).unwrap();
    BrokerConfig::new(settings).unwrap().0
}

/// `value source [synonym=value source, ...]`, the form of the expectations below.
fn show(all: &[DescribedConfig], name: &str) -> String {
    let entry = all.iter().find(|entry| entry.name == name).unwrap();
    let shown = |value: &Option<String>| value.clone().unwrap_or("null".to_owned());
    let synonyms: Vec<_> = entry
        .synonyms
        .iter()
        .map(|link| format!("{}={} {}", link.name, shown(&link.value), link.source as i8))
        .collect();
    format!("{} {} [{}]", shown(&entry.value), entry.source as i8, synonyms.join(", "))
}

/// Values, sources and chains are those that Kafka 4.4.0 showed with these settings.
#[test]
fn a_broker_is_described_as_kafka_describes_it() {
    let config = broker(
        "log.retention.hours=24\nlog.flush.scheduler.interval.ms=1000\nlog.segment.bytes=2097152\n\
         num.io.threads=4\nbogus.key=5\nssl.key.password=secret",
    );
    let all = config.describe(DynamicBroker::default());
    let cases = [
        ("log.retention.hours", "24 4 [log.retention.hours=24 4, log.retention.hours=168 5]"),
        ("log.retention.ms", "null 5 []"),
        ("log.flush.interval.ms", "null 5 []"),
        ("log.roll.hours", "168 5 [log.roll.hours=168 5]"),
        ("num.io.threads", "4 4 [num.io.threads=4 4, num.io.threads=8 5]"),
        ("bogus.key", "null 4 [bogus.key=null 4]"),
        ("ssl.key.password", "null 4 [ssl.key.password=null 4]"),
    ];
    for (name, shown) in cases {
        assert_eq!(show(&all, name), shown, "{name}");
    }
    assert!(all.iter().all(|entry| entry.name != "unstable.api.versions.enable"));
    let flags = |name: &str| all.iter().find(|e| e.name == name).map(|e| (e.read_only, e.sensitive)).unwrap();
    assert_eq!(flags("bogus.key"), (true, true));
    assert_eq!(flags("ssl.key.password"), (false, true));
    assert_eq!(flags("log.retention.hours"), (true, false));
    assert_eq!(flags("log.segment.bytes"), (false, false));
}

#[test]
fn a_topic_is_described_as_kafka_describes_it() {
    let config = broker("log.flush.scheduler.interval.ms=1000\nlog.segment.bytes=2097152");
    let overrides = BTreeMap::from([("retention.ms".to_owned(), "5000".to_owned())]);
    let cluster = BTreeMap::from([("min.insync.replicas".to_owned(), "1".to_owned())]);
    let all = config.describe_topic(DynamicBroker { own: None, cluster: Some(&cluster) }, &overrides);
    let cases = [
        ("retention.ms", "5000 1 [retention.ms=5000 1]"),
        ("segment.bytes", "2097152 4 [log.segment.bytes=2097152 4, log.segment.bytes=1073741824 5]"),
        ("flush.ms", "1000 5 []"),
        ("segment.ms", "604800000 5 []"),
        ("min.insync.replicas", "1 3 [min.insync.replicas=1 3, min.insync.replicas=1 5]"),
        ("errors.deadletterqueue.group.enable", "false 5 []"),
        ("preallocate", "false 5 [log.preallocate=false 5]"),
    ];
    for (name, shown) in cases {
        assert_eq!(show(&all, name), shown, "{name}");
    }
    assert_eq!(all.len(), 37);
}

/// What Kafka 4.4.0 showed after these values were set at run time.
#[test]
fn what_was_set_at_run_time_stands_first() {
    let config = broker("log.retention.hours=168");
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let own = map(&[("num.io.threads", "9"), ("log.retention.ms", "77777")]);
    let cluster = map(&[("num.io.threads", "7"), ("sillykey", "2")]);
    let dynamic = DynamicBroker { own: Some(&own), cluster: Some(&cluster) };
    let all = config.describe(dynamic);
    let threads = "9 2 [num.io.threads=9 2, num.io.threads=7 3, num.io.threads=8 5]";
    assert_eq!(show(&all, "num.io.threads"), threads);
    let retention = "log.retention.ms=77777 2, log.retention.hours=168 4, log.retention.hours=168 5";
    assert_eq!(show(&all, "log.retention.ms"), format!("77777 2 [{retention}]"));
    assert_eq!(show(&all, "sillykey"), "null 3 [sillykey=null 3]");
    let topic = config.describe_topic(dynamic, &map(&[("retention.ms", "5000")]));
    assert_eq!(show(&topic, "retention.ms"), format!("5000 1 [retention.ms=5000 1, {retention}]"));
    let of_all = config.describe_cluster(&cluster);
    assert_eq!(show(&of_all, "num.io.threads"), "7 3 [num.io.threads=7 3]");
    assert_eq!(show(&of_all, "sillykey"), "null 3 [sillykey=null 3]");
    assert_eq!(of_all.len(), 2);
}

#[test]
fn groups_and_client_metrics_are_described_as_kafka_describes_them() {
    let config = broker("group.consumer.heartbeat.interval.ms=6000");
    let overrides = BTreeMap::from([
        ("consumer.session.timeout.ms".to_owned(), "50000".to_owned()),
        ("share.auto.offset.reset".to_owned(), "earliest".to_owned()),
    ]);
    let group = config.describe_group(DynamicBroker::default(), &overrides);
    let cases = [
        (
            "consumer.session.timeout.ms",
            "50000 8 [consumer.session.timeout.ms=50000 8, group.consumer.session.timeout.ms=45000 5]",
        ),
        (
            "consumer.heartbeat.interval.ms",
            "6000 4 [group.consumer.heartbeat.interval.ms=6000 4, group.consumer.heartbeat.interval.ms=5000 5]",
        ),
        (
            "share.auto.offset.reset",
            "earliest 8 [share.auto.offset.reset=earliest 8, share.auto.offset.reset=latest 5]",
        ),
        ("streams.assignor.name", "sticky 5 [group.streams.assignors=sticky 5]"),
        ("errors.deadletterqueue.topic.name", " 5 [errors.deadletterqueue.topic.name= 5]"),
    ];
    for (name, shown) in cases {
        assert_eq!(show(&group, name), shown, "{name}");
    }
    assert_eq!(group.len(), 21);
    let overrides = BTreeMap::from([("interval.ms".to_owned(), "1000".to_owned())]);
    let metrics = BrokerConfig::describe_client_metrics(&overrides);
    assert_eq!(show(&metrics, "interval.ms"), "1000 7 [interval.ms=1000 7]");
    assert_eq!(show(&metrics, "match"), " 5 []");
    assert_eq!(metrics.len(), 3);
}
