//! `jackdaw quota`, `jackdaw cluster` and `jackdaw top` as a person uses them.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::command::{command, jackdaw, jackdaw_json, run};
use jackdaw_tests::load::Load;
use jackdaw_tests::requests::create;
use jackdaw_tests::wire::Connection;
use serde_json::{Value, json};

struct Scene {
    broker: Broker,
}

impl Scene {
    fn new() -> Self {
        Self { broker: Broker::start(Options::shards(2)) }
    }

    fn ok(&self, arguments: &[&str]) -> String {
        jackdaw(self.broker.bootstrap(), arguments, "", true)
    }

    fn fails(&self, arguments: &[&str]) -> String {
        jackdaw(self.broker.bootstrap(), arguments, "", false)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        jackdaw_json(self.broker.bootstrap(), arguments)
    }

    fn is_rejected_as_usage(&self, arguments: &[&str]) {
        let output = run(&mut command(self.broker.bootstrap(), arguments), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn quotas_are_set_shown_and_taken_away() {
    let scene = Scene::new();
    let client = topic("billing");
    let entity = format!("client={client}");
    let set = scene.ok(&["quota", "set", &entity, "producer_byte_rate=1048576", "request_percentage=12.5"]);
    assert_eq!(
        set,
        format!("{entity}: producer_byte_rate is 1048576 now.\n{entity}: request_percentage is 12.5 now.\n")
    );
    let expected = json!([{
        "entity": { "client-id": client },
        "quotas": { "producer_byte_rate": 1048576.0, "request_percentage": 12.5 },
    }]);
    eventually("the quotas are there", || scene.json(&["quota", "describe", &entity]) == expected);
    let table = scene.ok(&["quota", "describe"]);
    let mut lines = table.lines();
    assert_eq!(
        lines.next().map(|line| line.split_whitespace().collect::<Vec<_>>()),
        Some(vec!["ENTITY", "QUOTA", "VALUE"])
    );
    assert!(
        lines.any(|line| line.split_whitespace().eq([&entity, "producer_byte_rate", "1048576"])),
        "{table}"
    );

    scene.ok(&["quota", "set", "user=,client=", "consumer_byte_rate=1000000", "--validate-only"]);
    assert_eq!(
        scene.ok(&["quota", "describe", "user=,client="]),
        "user=<default>,client=<default> has no quotas.\n"
    );
    let told = scene.json(&["quota", "set", "ip=10.1.2.3", "connection_creation_rate=10"]);
    assert_eq!(told, json!({ "entity": { "ip": "10.1.2.3" }, "changed": true }));

    scene.ok(&["quota", "unset", &entity, "request_percentage"]);
    eventually("one is left", || {
        scene.json(&["quota", "describe", &entity])[0]["quotas"] == json!({ "producer_byte_rate": 1048576.0 })
    });
    assert!(
        scene
            .fails(&["quota", "unset", &entity, "request_percentage"])
            .contains("has no quota request_percentage")
    );
    scene.ok(&["quota", "unset", &entity]);
    eventually("none is left", || scene.json(&["quota", "describe", &entity]) == json!([]));
    assert!(scene.fails(&["quota", "unset", &entity]).contains("`jackdaw quota describe` shows"));
    let refused = scene.fails(&["quota", "set", &entity, "nonsense=1"]);
    assert!(refused.contains("Invalid configuration key nonsense"), "{refused}");
    assert!(refused.contains("jackdaw quota set --help"), "{refused}");
    scene.is_rejected_as_usage(&["quota", "set", &entity]);
    scene.is_rejected_as_usage(&["quota", "set", &entity, "producer_byte_rate=much"]);
    scene.is_rejected_as_usage(&["quota", "set", "somebody", "producer_byte_rate=1"]);
}

#[test]
fn the_cluster_is_shown() {
    let scene = Scene::new();
    let (host, port) = scene.broker.bootstrap().split_once(':').expect("an address");
    let cluster = scene.json(&["cluster", "describe"]);
    let broker = &cluster["brokers"][0];
    let id = broker["id"].as_i64().expect("an id");
    let expected = json!([{ "id": id, "host": host, "port": port.parse::<u16>().expect("a port"), "rack": null, "fenced": false }]);
    assert_eq!(cluster["brokers"], expected);
    let text = scene.ok(&["cluster", "describe"]);
    let cluster_id = cluster["cluster_id"].as_str().expect("an id");
    assert!(text.starts_with(&format!("Cluster {cluster_id}: 1 broker.")), "{text}");
    assert!(
        text.lines().any(|line| line.split_whitespace().eq([
            &id.to_string(),
            scene.broker.bootstrap(),
            "-",
            "active"
        ])),
        "{text}"
    );

    let quorum = scene.json(&["cluster", "quorum"]);
    assert_eq!(quorum["leader_id"], id);
    assert!(quorum["high_watermark"].as_i64().is_some_and(|offset| offset > 0), "{quorum}");
    let leader = &quorum["nodes"][0];
    assert_eq!((&leader["id"], &leader["role"], &leader["lag"]), (&json!(id), &json!("leader"), &json!(0)));
    let text = scene.ok(&["cluster", "quorum"]);
    assert!(text.starts_with(&format!("Node {id} leads in epoch ")) && text.contains("leader"), "{text}");

    let features = scene.json(&["cluster", "features"]);
    let features = features["features"].as_array().expect("features");
    let metadata = features.iter().find(|feature| feature["name"] == "metadata.version").expect("its level");
    assert!(metadata["level"].as_i64() <= metadata["supported_max"].as_i64(), "{metadata}");
    assert!(scene.ok(&["cluster", "features"]).contains("metadata.version"));
}

#[test]
fn log_directories_are_shown() {
    let scene = Scene::new();
    let name = topic("kept");
    scene.ok(&["topic", "create", &name, "-p", "3"]);
    let of_topic = || {
        let dirs = scene.json(&["cluster", "log-dirs"]);
        let partitions = dirs[0]["partitions"].as_array().expect("partitions").clone();
        let mut found: Vec<Value> = partitions.into_iter().filter(|p| p["topic"] == *name).collect();
        found.sort_by_key(|partition| partition["partition"].as_i64());
        (dirs, found)
    };
    eventually("its partitions are there", || of_topic().1.len() == 3);
    let (dirs, found) = of_topic();
    let empty = |id: i32| json!({ "topic": name, "partition": id, "size_bytes": 0, "offset_lag": 0, "future": false });
    assert_eq!(found, [0, 1, 2].map(empty));
    assert_eq!((&dirs[0]["error"], &dirs[0]["cordoned"]), (&Value::Null, &json!(false)));
    let (total, usable) = (&dirs[0]["total_bytes"], &dirs[0]["usable_bytes"]);
    assert!(usable.as_i64().is_some_and(|bytes| bytes > 0) && usable.as_i64() <= total.as_i64(), "{dirs}");
    let id = dirs[0]["broker"].to_string();
    let table = scene.ok(&["cluster", "log-dirs", "--broker", &id]);
    assert!(table.contains("DIRECTORY") && table.contains("online"), "{table}");
    let table = scene.ok(&["cluster", "log-dirs", "--partitions"]);
    assert_eq!(table.lines().filter(|line| line.contains(name.as_str())).count(), 3, "{table}");
    let missing = scene.fails(&["cluster", "log-dirs", "--broker", "99"]);
    assert!(
        missing.contains("there is no broker 99") && missing.contains("jackdaw cluster describe"),
        "{missing}"
    );
}

#[test]
fn what_a_broker_does_is_shown() {
    for has_page in [true, false] {
        // Apache Kafka has no such page.
        let options = if has_page { Options::shards(2).with_http() } else { Options::shards(2) };
        let is_jackdaw = std::env::var("JACKDAW_TEST_BROKER").as_deref() != Ok("apache");
        if has_page && !is_jackdaw {
            continue;
        }
        let Some(broker) = Broker::start_to_stop(options) else { return };
        let mut connection = Connection::open(broker.bootstrap());
        let name = topic("busy");
        let busy = create(&mut connection, &name, 2);
        create(&mut connection, &topic("quiet"), 1);
        let load = Load::start(broker.bootstrap(), &busy, 2);
        let top = |more: &[&str]| jackdaw(broker.bootstrap(), &[&["top", "--once"], more].concat(), "", true);
        let frame: Value = serde_json::from_str(&top(&["--format", "json"])).expect("one object");
        let first = &frame["topics"][0];
        assert_eq!((&first["topic"], &first["partitions"]), (&json!(name), &json!(2)), "{frame}");
        assert!(first["records_per_second"].as_f64() > Some(0.0), "{frame}");
        assert_eq!(frame["shards"].as_array().map(Vec::len), Some(if has_page { 2 } else { 0 }));
        let text = top(&[]);
        assert!(text.lines().any(|line| line.starts_with(&name)), "{text}");
        assert_eq!(text.contains("MEDIAN MS") && text.contains("Produce"), has_page, "{text}");
        load.stop();
    }
    let broker = Broker::start(Options::shards(1));
    let nobody = jackdaw(broker.bootstrap(), &["top", "--once", "--http", "127.0.0.1:1"], "", false);
    assert!(nobody.contains("cannot connect to 127.0.0.1:1"), "{nobody}");
}
