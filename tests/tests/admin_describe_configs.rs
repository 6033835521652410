//! DescribeConfigs: Kafka's tools, and answers that were Apache Kafka 4.4.0's.

use jackdaw_core::protocol::messages::DescribeConfigsRequest;
use jackdaw_core::protocol::messages::describe_configs::{DescribeConfigsResource, DescribeConfigsResult};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::create_with;
use jackdaw_tests::tool::{CONFIGS, TOPICS};
use jackdaw_tests::wire::Connection;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

#[test]
fn kafkas_tools_describe_topics_and_brokers() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("described");
    let mut connection = Connection::open(broker.bootstrap());
    create_with(&mut connection, &name, 2, &[("retention.ms", "5000")]);
    let described = TOPICS.run(broker.bootstrap(), &["--describe", "--topic", &name]);
    assert!(described.contains("PartitionCount: 2\tReplicationFactor: 1\tConfigs: "), "{described}");
    assert!(described.contains("retention.ms=5000"), "{described}");
    assert!(described.contains("Partition: 1\tLeader: 1\tReplicas: 1\tIsr: 1"), "{described}");

    let of_topic = ["--describe", "--entity-type", "topics", "--entity-name", &name];
    let described = CONFIGS.run(broker.bootstrap(), &of_topic);
    let line = "retention.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5000}";
    assert!(described.contains(line), "{described}");
    let all = CONFIGS.run(broker.bootstrap(), &[&of_topic[..], &["--all"]].concat());
    assert_eq!(all.lines().count(), 38, "a title and every key:\n{all}");

    let of_broker = ["--describe", "--entity-type", "brokers", "--entity-name", "1", "--all"];
    let described = CONFIGS.run(broker.bootstrap(), &of_broker);
    let line = "log.retention.hours=168 sensitive=false synonyms={DEFAULT_CONFIG:log.retention.hours=168}";
    assert!(described.contains(line), "{described}");
    let of_all =
        CONFIGS.run(broker.bootstrap(), &["--describe", "--entity-type", "brokers", "--entity-default"]);
    assert!(of_all.contains("min.insync.replicas=1"), "{of_all}");
}

fn ask(
    connection: &mut Connection,
    kind: i8,
    name: &str,
    keys: &[&str],
    version: i16,
) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configuration_keys: Some(keys.iter().map(|&key| key.to_owned()).collect()),
    };
    let request = DescribeConfigsRequest {
        resources: vec![resource],
        include_synonyms: true,
        include_documentation: version >= 3,
    };
    connection.call(&request, version).results.remove(0)
}

/// `code text; name=value source type [synonym=value source, ...]; ...`, entries by name.
fn show(result: &DescribeConfigsResult) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
    let mut entries: Vec<String> = Vec::new();
    for entry in &result.configs {
        let synonyms: Vec<String> = entry
            .synonyms
            .iter()
            .map(|link| format!("{}={} {}", link.name, value(&link.value), link.source))
            .collect();
        let (shown, chain) = (value(&entry.value), synonyms.join(", "));
        entries
            .push(format!("{}={shown} {} {} [{chain}]", entry.name, entry.config_source, entry.config_type));
    }
    entries.sort();
    let text = result.error_message.as_deref().unwrap_or("null");
    format!("{} {text}; {}", result.error_code, entries.join("; "))
}

#[test]
fn each_kind_of_resource_is_answered_as_kafka_answers() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("asked");
    let mut connection = Connection::open(broker.bootstrap());
    create_with(&mut connection, &name, 1, &[("retention.ms", "5000")]);
    let keys =
        ["retention.ms", "segment.bytes", "segment.ms", "nonsense", "interval.ms", "log.retention.hours"];
    let malformed = "42 This most likely occurs because of a request being malformed by the client library or the \
                     message was sent to an incompatible broker. See the broker logs for more details.; ";
    let cases = [
        (
            TOPIC,
            name.as_str(),
            "0 ; retention.ms=5000 1 5 [retention.ms=5000 1]; \
             segment.bytes=1073741824 5 3 [log.segment.bytes=1073741824 5]; segment.ms=604800000 5 5 []",
        ),
        (TOPIC, "no-such-topic", "3 ; "),
        (TOPIC, "", "17 Topic name is invalid: the empty string is not allowed; "),
        (
            TOPIC,
            "a b",
            "17 Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', \
             '_' and '-'; ",
        ),
        (BROKER, "1", "0 ; log.retention.hours=168 5 3 [log.retention.hours=168 5]"),
        (BROKER, "99", "42 Unexpected broker id, expected 1 or empty string, but received 99; "),
        (BROKER, "abc", "42 Broker id must be an integer, but it is: abc; "),
        (BROKER_LOGGER, "", "42 Broker id must not be empty; "),
        (BROKER_LOGGER, "99", "42 Unexpected broker id, expected 1 but received 99; "),
        (CLIENT_METRICS, "anything", "0 ; interval.ms=300000 5 3 []"),
        (CLIENT_METRICS, "", "42 Client metrics subscription name must not be empty; "),
        (GROUP, "anything", "0 ; "),
        (GROUP, "", "42 Group name must not be empty; "),
        (0, "x", malformed),
        (99, "x", malformed),
    ];
    for (kind, name, expected) in cases {
        let result = ask(&mut connection, kind, name, &keys, 4);
        assert_eq!(show(&result), expected, "type {kind}, name {name:?}");
    }
    let counted = [(TOPIC, name.as_str(), 37), (CLIENT_METRICS, "x", 3), (GROUP, "x", 21)];
    for (kind, name, count) in counted {
        assert_eq!(ask(&mut connection, kind, name, &[], 4).configs.len(), count, "type {kind}");
    }
    for version in 1..=4 {
        let result = ask(&mut connection, TOPIC, &name, &["retention.ms"], version);
        let entry = &result.configs[0];
        assert_eq!(entry.value.as_deref(), Some("5000"), "version {version}");
        let documentation = entry.documentation.as_deref().unwrap_or_default();
        assert_eq!(documentation.is_empty(), version < 3, "version {version}: {documentation}");
    }
}
