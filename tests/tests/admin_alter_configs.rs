//! AlterConfigs and IncrementalAlterConfigs: Kafka's tools, answers that were Apache Kafka 4.4.0's, and what the new
//! values do without a restart and after one.

use jackdaw_core::protocol::messages::ListConfigResourcesRequest;
use jackdaw_core::protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource as Replaced, AlterableConfig as Given,
};
use jackdaw_core::protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use jackdaw_core::protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::requests::{Topic, batch, create, create_with, produce};
use jackdaw_tests::tool::CONFIGS;
use jackdaw_tests::wire::Connection;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

const MESSAGE_TOO_LARGE: i16 = 10;

type Change<'a> = (&'a str, i8, Option<&'a str>);

/// The answer as `code text`.
fn alter(connection: &mut Connection, kind: i8, name: &str, changes: &[Change<'_>]) -> String {
    alter_or_validate(connection, kind, name, changes, false)
}

fn alter_or_validate(
    connection: &mut Connection,
    kind: i8,
    name: &str,
    changes: &[Change<'_>],
    validate_only: bool,
) -> String {
    let config = |(name, operation, value): &Change<'_>| AlterableConfig {
        name: (*name).to_owned(),
        config_operation: *operation,
        value: value.map(str::to_owned),
    };
    let resource = AlterConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configs: changes.iter().map(config).collect(),
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only };
    let response = connection.call(&request, 1).responses.remove(0);
    assert_eq!((response.resource_type, response.resource_name.as_str()), (kind, name));
    format!("{} {}", response.error_code, response.error_message.unwrap_or_default())
}

fn replace(connection: &mut Connection, kind: i8, name: &str, values: &[(&str, Option<&str>)]) -> String {
    let config = |(name, value): &(&str, Option<&str>)| Given {
        name: (*name).to_owned(),
        value: value.map(str::to_owned),
    };
    let resource = Replaced {
        resource_type: kind,
        resource_name: name.to_owned(),
        configs: values.iter().map(config).collect(),
    };
    let request = AlterConfigsRequest { resources: vec![resource], validate_only: false };
    let response = connection.call(&request, 2).responses.remove(0);
    format!("{} {}", response.error_code, response.error_message.unwrap_or_default())
}

/// What the resource itself sets, `name=value` by name.
fn set(connection: &mut Connection, kind: i8, name: &str) -> Vec<String> {
    let resource = DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configuration_keys: None,
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let configs = connection.call(&request, 4).results.remove(0).configs;
    let own: &[i8] = match kind {
        TOPIC => &[1],
        BROKER if name.is_empty() => &[3],
        BROKER => &[2],
        CLIENT_METRICS => &[7],
        _ => &[8],
    };
    let own = configs.into_iter().filter(|config| own.contains(&config.config_source));
    let mut set: Vec<String> =
        own.map(|config| format!("{}={}", config.name, config.value.unwrap_or("null".to_owned()))).collect();
    set.sort();
    set
}

fn await_set(connection: &mut Connection, kind: i8, name: &str, expected: &[&str]) {
    eventually(&format!("{name} sets {expected:?}"), || set(connection, kind, name) == expected);
}

#[test]
fn topics_are_altered_as_kafka_alters_them() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("altered");
    let mut connection = Connection::open(broker.bootstrap());
    create_with(&mut connection, &name, 1, &[("cleanup.policy", "delete")]);
    let not_long = "40 Invalid value x for configuration retention.ms: Not a number of type LONG";
    let unknown = "40 Unknown topic config name: nonsense";
    let not_list = "40 Can't APPEND to key retention.ms because its type is not LIST.";
    let policy = |list: &'static str| Some(list);
    let cases: &[(&[Change<'_>], &str, &[&str])] = &[
        (&[("retention.ms", SET, Some("6000"))], "0 ", &["cleanup.policy=delete", "retention.ms=6000"]),
        (&[("retention.ms", SET, Some("x"))], not_long, &["cleanup.policy=delete", "retention.ms=6000"]),
        (
            &[("retention.ms", SET, None)],
            "42 Null value not supported for : retention.ms",
            &["cleanup.policy=delete", "retention.ms=6000"],
        ),
        (
            &[("retention.ms", SET, Some("1")), ("retention.ms", SET, Some("2"))],
            "42 Error due to duplicate config keys",
            &["cleanup.policy=delete", "retention.ms=6000"],
        ),
        (
            &[("retention.ms", SET, Some("1")), ("nonsense", SET, Some("2"))],
            unknown,
            &["cleanup.policy=delete", "retention.ms=6000"],
        ),
        (&[("nonsense", DELETE, None)], "0 ", &["cleanup.policy=delete", "retention.ms=6000"]),
        (&[("retention.ms", DELETE, Some("6000"))], "0 ", &["cleanup.policy=delete"]),
        (&[("retention.ms", APPEND, Some("6000"))], not_list, &["cleanup.policy=delete"]),
        (&[("cleanup.policy", APPEND, policy("compact"))], "0 ", &["cleanup.policy=delete,compact"]),
        (&[("cleanup.policy", APPEND, policy("compact"))], "0 ", &["cleanup.policy=delete,compact"]),
        (&[("cleanup.policy", SUBTRACT, policy("delete"))], "0 ", &["cleanup.policy=compact"]),
        (&[("cleanup.policy", SUBTRACT, policy("compact"))], "0 ", &["cleanup.policy="]),
        (
            &[("cleanup.policy", APPEND, policy("nonsense"))],
            "40 Invalid value nonsense for configuration cleanup.policy: String must be one of: compact, delete",
            &["cleanup.policy="],
        ),
        (&[("cleanup.policy", DELETE, None)], "0 ", &[]),
        // What is appended to is the default where the topic sets nothing.
        (&[("cleanup.policy", APPEND, policy("compact"))], "0 ", &["cleanup.policy=delete,compact"]),
        (&[("cleanup.policy", SET, policy("compact, delete"))], "0 ", &["cleanup.policy=compact,delete"]),
        (&[("cleanup.policy", DELETE, None)], "0 ", &[]),
        (
            &[("min.compaction.lag.ms", SET, Some("10")), ("max.compaction.lag.ms", SET, Some("5"))],
            "40 conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
            &[],
        ),
        (&[], "0 ", &[]),
    ];
    for (changes, answer, after) in cases {
        assert_eq!(alter(&mut connection, TOPIC, &name, changes), *answer, "{changes:?}");
        await_set(&mut connection, TOPIC, &name, after);
    }
    let changes = [("retention.ms", SET, Some("7000"))];
    assert_eq!(alter_or_validate(&mut connection, TOPIC, &name, &changes, true), "0 ");
    assert_eq!(set(&mut connection, TOPIC, &name), Vec::<String>::new(), "nothing was to be changed");

    let both = [("retention.ms", Some("6000")), ("segment.ms", Some("1000"))];
    assert_eq!(replace(&mut connection, TOPIC, &name, &both), "0 ");
    await_set(&mut connection, TOPIC, &name, &["retention.ms=6000", "segment.ms=1000"]);
    let nulls = [("retention.ms", None), ("segment.ms", None)];
    let text = "42 Null value not supported for : retention.ms, segment.ms";
    assert_eq!(replace(&mut connection, TOPIC, &name, &nulls), text);
    assert_eq!(replace(&mut connection, TOPIC, &name, &both[..1]), "0 ");
    await_set(&mut connection, TOPIC, &name, &["retention.ms=6000"]);
}

#[test]
fn each_kind_of_resource_is_checked_as_kafka_checks_it() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let retention = ("retention.ms", SET, Some("6000"));
    let threads = ("num.io.threads", SET, Some("9"));
    let of_listener =
        "These security configs can be dynamically updated only per-listener using the listener prefix";
    let cases = [
        (TOPIC, "no-such-topic", retention, "3 The topic 'no-such-topic' does not exist.".to_owned()),
        (TOPIC, "", retention, "42 Default topic resources are not allowed.".to_owned()),
        (
            TOPIC,
            "a b",
            retention,
            "17 Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', \
             '_' and '-'"
                .to_owned(),
        ),
        (
            BROKER,
            "1",
            ("log.retention.hours", SET, Some("5")),
            "42 Cannot update these configs dynamically: [log.retention.hours]".to_owned(),
        ),
        (
            BROKER,
            "1",
            ("num.io.threads", SET, Some("0")),
            "42 Invalid value 0 for configuration num.io.threads: Value must be at least 1".to_owned(),
        ),
        (
            BROKER,
            "1",
            ("num.io.threads", APPEND, Some("1")),
            "40 Config value append is not allowed for config key: num.io.threads".to_owned(),
        ),
        (BROKER, "1", ("ssl.key.password", SET, Some("x")), format!("42 {of_listener}: [ssl.key.password]")),
        (
            BROKER,
            "1",
            ("min.insync.replicas", SET, Some("2")),
            "40 Broker-level min.insync.replicas cannot be altered while ELR is enabled.".to_owned(),
        ),
        (
            BROKER,
            "",
            ("min.insync.replicas", DELETE, None),
            "40 Cluster-level min.insync.replicas cannot be removed while ELR is enabled.".to_owned(),
        ),
        (
            BROKER,
            "",
            ("listeners", SET, Some("PLAINTEXT://:1")),
            "42 Cannot update these configs at default cluster level, broker id must be specified: [listeners]"
                .to_owned(),
        ),
        (BROKER, "99", threads, "42 Unexpected broker id, expected 1, but received 99".to_owned()),
        (BROKER, "abc", threads, "42 Node id must be an integer, but it is: abc".to_owned()),
        (
            BROKER_LOGGER,
            "99",
            ("org.apache.kafka", SET, Some("INFO")),
            "42 Unexpected node id. Expected 1, but received 99".to_owned(),
        ),
        (BROKER_LOGGER, "1", ("nonsense", SET, Some("INFO")), "40 Logger nonsense does not exist!".to_owned()),
        (CLIENT_METRICS, "", ("interval.ms", SET, Some("1000")), "42 Subscription name can't be empty".to_owned()),
        (
            CLIENT_METRICS,
            "metrics",
            ("interval.ms", SET, Some("1")),
            "42 Invalid value 1 for interval.ms, interval must be between 100 and 3600000 (1 hour)".to_owned(),
        ),
        (
            GROUP,
            "",
            ("consumer.session.timeout.ms", SET, Some("50000")),
            "42 Default group resources are not allowed.".to_owned(),
        ),
        (
            GROUP,
            "g",
            ("consumer.session.timeout.ms", SET, Some("1")),
            "40 consumer.session.timeout.ms must be in the range 45000 to 60000 inclusive.".to_owned(),
        ),
        (GROUP, "g", ("nonsense", SET, Some("1")), "40 Unknown group config name: nonsense".to_owned()),
        (0, "x", retention, "42 Unknown resource type 0".to_owned()),
        (99, "x", retention, "42 Unknown resource type 99".to_owned()),
    ];
    for (kind, name, change, answer) in cases {
        assert_eq!(
            alter(&mut connection, kind, name, &[change]),
            answer,
            "type {kind}, {name:?}, {change:?}"
        );
    }
    let twice = |name: &str| AlterConfigsResource {
        resource_type: TOPIC,
        resource_name: name.to_owned(),
        configs: Vec::new(),
    };
    let request =
        IncrementalAlterConfigsRequest { resources: vec![twice("t"), twice("t")], validate_only: true };
    for response in connection.call(&request, 0).responses {
        assert_eq!(response.error_message.as_deref(), Some("Each resource must appear at most once."));
    }
    assert_eq!(replace(&mut connection, BROKER_LOGGER, "1", &[]), "42 Unknown resource type 8");
}

#[test]
fn kafka_configs_alters_each_kind_of_resource() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("by-tool");
    let mut connection = Connection::open(broker.bootstrap());
    create(&mut connection, &name, 1);
    let group = topic("group");
    let subscription = topic("subscription");
    let resources = [
        ("topics", name.as_str(), TOPIC, "retention.ms=100000"),
        ("groups", group.as_str(), GROUP, "consumer.session.timeout.ms=50000"),
        ("client-metrics", subscription.as_str(), CLIENT_METRICS, "interval.ms=1000"),
        ("brokers", "1", BROKER, "log.cleaner.threads=2"),
    ];
    for (entity, name, kind, pair) in resources {
        let of = ["--alter", "--entity-type", entity, "--entity-name", name];
        let out = CONFIGS.run(broker.bootstrap(), &[&of[..], &["--add-config", pair]].concat());
        assert!(out.contains("Completed updating config"), "{out}");
        await_set(&mut connection, kind, name, &[pair]);
        let described = ["--describe", "--entity-type", entity, "--entity-name", name];
        let out = CONFIGS.run(broker.bootstrap(), &described);
        assert!(out.contains(pair), "{out}");
        let (key, _) = pair.split_once('=').expect("a pair");
        CONFIGS.run(broker.bootstrap(), &[&of[..], &["--delete-config", key]].concat());
        await_set(&mut connection, kind, name, &[]);
    }
    let of_all = ["--alter", "--entity-type", "brokers", "--entity-default"];
    CONFIGS.run(broker.bootstrap(), &[&of_all[..], &["--add-config", "log.cleaner.threads=2"]].concat());
    await_set(&mut connection, BROKER, "", &["log.cleaner.threads=2", "min.insync.replicas=1"]);
    CONFIGS.run(broker.bootstrap(), &[&of_all[..], &["--delete-config", "log.cleaner.threads"]].concat());
    await_set(&mut connection, BROKER, "", &["min.insync.replicas=1"]);
}

/// The limit of a record's size, from each place that it may come from, in a broker that goes on running.
#[test]
fn new_values_take_effect_at_once_and_stay() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let name = topic("limited");
    let mut connection = Connection::open(broker.bootstrap());
    let limited = create(&mut connection, &name, 2);
    let size = "x".repeat(2000);
    let large = |connection: &mut Connection, topic: &Topic| {
        let answers: Vec<i16> = (0..2)
            .map(|partition| produce(connection, topic, partition, batch(&[&size], None)).error_code)
            .collect();
        assert_eq!(answers[0], answers[1], "both partitions have the same limit");
        answers[0]
    };
    assert_eq!(large(&mut connection, &limited), 0);
    let of_all = [("message.max.bytes", SET, Some("1000"))];
    assert_eq!(alter(&mut connection, BROKER, "", &of_all), "0 ");
    assert_eq!(large(&mut connection, &limited), MESSAGE_TOO_LARGE);
    let of_broker = [("message.max.bytes", SET, Some("3000"))];
    assert_eq!(alter(&mut connection, BROKER, "1", &of_broker), "0 ");
    assert_eq!(large(&mut connection, &limited), 0);
    let of_topic = [("max.message.bytes", SET, Some("900"))];
    assert_eq!(alter(&mut connection, TOPIC, &name, &of_topic), "0 ");
    assert_eq!(large(&mut connection, &limited), MESSAGE_TOO_LARGE);

    broker.terminate();
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    assert_eq!(set(&mut connection, TOPIC, &name), ["max.message.bytes=900"]);
    assert_eq!(large(&mut connection, &limited), MESSAGE_TOO_LARGE);
    assert_eq!(alter(&mut connection, TOPIC, &name, &[("max.message.bytes", DELETE, None)]), "0 ");
    assert_eq!(large(&mut connection, &limited), 0);
    broker.kill();
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    assert_eq!(set(&mut connection, BROKER, "1"), ["message.max.bytes=3000"]);
    assert_eq!(large(&mut connection, &limited), 0);
}

#[test]
fn what_has_a_configuration_is_listed() {
    let Some(broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    create(&mut connection, "listed", 1);
    for (kind, name, key, value) in [
        (CLIENT_METRICS, "metrics2", "interval.ms", "1000"),
        (CLIENT_METRICS, "metrics1", "interval.ms", "1000"),
        (GROUP, "group", "consumer.session.timeout.ms", "50000"),
    ] {
        assert_eq!(alter(&mut connection, kind, name, &[(key, SET, Some(value))]), "0 ");
    }
    let mut list = |version: i16, resource_types: &[i8]| {
        let request = ListConfigResourcesRequest { resource_types: resource_types.to_vec() };
        let response = connection.call(&request, version);
        let names = response.config_resources.iter();
        let names: Vec<String> = names.map(|r| format!("{} {}", r.resource_type, r.resource_name)).collect();
        format!("{}: {}", response.error_code, names.join(", "))
    };
    assert_eq!(list(0, &[]), "0: 16 metrics1, 16 metrics2");
    assert_eq!(list(1, &[]), "0: 32 group, 16 metrics1, 16 metrics2, 8 1, 4 1, 2 listed");
    assert_eq!(list(1, &[BROKER, TOPIC, BROKER]), "0: 4 1, 2 listed");
    assert_eq!(list(1, &[TOPIC, 99]), "35: ");
    let out = CONFIGS.run(broker.bootstrap(), &["--describe", "--entity-type", "client-metrics"]);
    assert!(out.contains("metrics1") && out.contains("metrics2"), "{out}");
}
