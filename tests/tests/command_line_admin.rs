//! `jackdaw topic alter`, `partitions`, `offsets`, `delete-records` and `jackdaw config` as a person uses them.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::command::{command, jackdaw, jackdaw_json, run};
use serde_json::{Value, json};

struct Scene {
    broker: Broker,
    topic: String,
}

impl Scene {
    /// A broker with a topic of two partitions.
    fn new(name: &str) -> Self {
        let scene = Self { broker: Broker::start(Options::groups(2)), topic: topic(name) };
        scene.ok(&["topic", "create", &scene.topic, "-p", "2"]);
        scene
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

    /// A key's value and where it comes from; `None` while the key is not there.
    fn config(&self, resource: &str, key: &str) -> Option<(String, String)> {
        let config = self.json(&["config", "describe", resource])["configs"][key].clone();
        Some((config["value"].as_str()?.to_owned(), config["source"].as_str()?.to_owned()))
    }

    /// What is altered may take a moment to be seen.
    fn await_config(&self, resource: &str, key: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(value, source)| (value.to_owned(), source.to_owned()));
        eventually(&format!("{key} of {resource} is {expected:?}"), || {
            self.config(resource, key) == expected
        });
    }

    fn is_rejected_as_usage(&self, arguments: &[&str]) {
        let output = run(&mut command(self.broker.bootstrap(), arguments), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn topics_are_configured() {
    let scene = Scene::new("configured");
    let name = scene.topic.as_str();
    let resource = format!("topic/{name}");
    let set = scene.ok(&["topic", "alter", name, "-c", "retention.ms=1000", "-c", "cleanup.policy=compact"]);
    assert!(set.contains("retention.ms is \"1000\" now"), "{set}");
    scene.await_config(&resource, "retention.ms", Some(("1000", "topic")));
    scene.ok(&["config", "set", &resource, "--append", "cleanup.policy=delete", "segment.bytes=2000000"]);
    scene.await_config(&resource, "cleanup.policy", Some(("compact,delete", "topic")));
    scene.ok(&["config", "set", &resource, "segment.ms=5000", "--validate-only"]);
    let diff = scene.json(&["config", "diff", &resource]);
    let difference = |key: &str| {
        let all = diff[0]["differences"].as_array().expect("an array");
        all.iter().find(|difference| difference["key"] == key).cloned()
    };
    let retention =
        json!({ "key": "retention.ms", "value": "1000", "default": "604800000", "source": "topic" });
    assert_eq!(difference("retention.ms"), Some(retention));
    assert_eq!(difference("segment.ms"), None, "it was only checked");
    let table = scene.ok(&["config", "diff", &resource]);
    assert!(table.contains("KEY") && table.contains("604800000"), "{table}");
    let docs = scene.ok(&["config", "describe", &resource, "retention.ms", "--docs"]);
    assert!(docs.starts_with("retention.ms = 1000\n  set by topic, default 604800000, long\n  "), "{docs}");

    scene.ok(&["config", "set", &resource, "--subtract", "cleanup.policy=compact"]);
    scene.ok(&["config", "unset", &resource, "segment.bytes"]);
    scene.ok(&["topic", "alter", name, "--unset", "retention.ms"]);
    scene.await_config(&resource, "retention.ms", Some(("604800000", "default")));
    scene.await_config(&resource, "cleanup.policy", Some(("delete", "topic")));
    let only = scene.ok(&["config", "describe", &resource, "--set-only"]);
    assert!(only.contains("cleanup.policy") && !only.contains("retention.ms "), "{only}");
}

#[test]
fn every_kind_of_resource_is_configured() {
    let scene = Scene::new("resources");
    let (group, metrics) = (format!("group/{}", scene.topic), format!("client-metrics/{}", scene.topic));
    let broker = scene.json(&["topic", "describe", &scene.topic])[0]["partitions"][0]["leader"].clone();
    let broker = format!("broker/{broker}");
    let cases = [
        ("cluster", "log.retention.ms", "7200000", "cluster"),
        (broker.as_str(), "max.connections", "5000", "broker"),
        (group.as_str(), "consumer.session.timeout.ms", "50000", "group"),
        (metrics.as_str(), "interval.ms", "60000", "client metrics"),
    ];
    for (resource, key, value, source) in cases {
        scene.ok(&["config", "set", resource, &format!("{key}={value}")]);
        scene.await_config(resource, key, Some((value, source)));
        let diff = scene.json(&["config", "diff", resource]);
        assert!(diff[0]["differences"].to_string().contains(value), "{diff}");
    }
    // The cluster's value is the topic's where it has none of its own.
    let resource = format!("topic/{}", scene.topic);
    scene.await_config(&resource, "retention.ms", Some(("7200000", "cluster")));
    for (resource, key, value, _) in cases {
        scene.ok(&["config", "unset", resource, key]);
        eventually(&format!("{key} of {resource} is gone"), || {
            scene.config(resource, key).is_none_or(|(now, _)| now != value)
        });
    }
}

#[test]
fn topics_get_more_partitions() {
    let scene = Scene::new("partitions");
    let name = scene.topic.as_str();
    let count = || {
        let described = scene.json(&["topic", "describe", name]);
        described[0]["partitions"].as_array().map_or(0, Vec::len)
    };
    scene.ok(&["topic", "partitions", name, "--to", "5", "--validate-only"]);
    assert_eq!(count(), 2);
    let told = scene.ok(&["topic", "partitions", name, "--to", "5"]);
    assert_eq!(told, format!("Topic {name} has 5 partitions now.\n"));
    eventually("there are five", || count() == 5);
    let fewer = scene.fails(&["topic", "partitions", name, "--to", "3"]);
    assert!(fewer.contains("never taken away"), "{fewer}");
    let offsets = scene.json(&["topic", "offsets", &format!("{name}:4")]);
    assert_eq!(offsets, json!([{ "topic": name, "partition": 4, "begin": 0, "end": 0 }]));
}

#[test]
fn the_oldest_records_are_deleted() {
    let scene = Scene::new("deleted");
    let name = scene.topic.as_str();
    for (partition, count) in [("0", 10), ("1", 3)] {
        let lines: String = (0..count).map(|number| format!("value {number}\n")).collect();
        jackdaw(scene.broker.bootstrap(), &["produce", name, "-p", partition], &lines, true);
    }
    let ranges = || -> Vec<(i64, i64)> {
        let offsets = scene.json(&["topic", "offsets", name]);
        let all = offsets.as_array().expect("an array");
        all.iter().filter_map(|of| Some((of["begin"].as_i64()?, of["end"].as_i64()?))).collect()
    };
    assert_eq!(ranges(), [(0, 10), (0, 3)]);
    let at = scene.json(&["topic", "offsets", name, "--at", "1h"]);
    assert_eq!((&at[0]["at"], &at[1]["at"]), (&json!(0), &json!(0)));
    let future = scene.json(&["topic", "offsets", name, "--at", "2100-01-01T00:00:00Z"]);
    assert_eq!(future[0]["at"], Value::Null);

    let plan = scene.ok(&["topic", "delete-records", name, "--before", "4"]);
    assert!(plan.contains("--execute"), "{plan}");
    assert_eq!(ranges(), [(0, 10), (0, 3)], "a plan deletes nothing");
    let refused = scene.fails(&["topic", "delete-records", name, "--before", "4", "--execute"]);
    assert!(refused.contains("beyond") && refused.contains("--clamp"), "{refused}");
    assert_eq!(ranges(), [(0, 10), (0, 3)], "one log is shorter: nothing goes");
    let done = scene.ok(&["topic", "delete-records", name, "--before", "4", "--execute", "--clamp"]);
    assert!(done.contains("Deleted records of 2 partitions"), "{done}");
    assert_eq!(ranges(), [(4, 10), (3, 3)], "an offset past the end becomes the end");
    scene.ok(&["topic", "delete-records", name, "--before", "1h", "--execute"]);
    assert_eq!(ranges(), [(4, 10), (3, 3)], "what is younger stays");
    let one = format!("{name}:0");
    let done = scene.json(&["topic", "delete-records", &one, "--before", "latest", "--execute"]);
    assert_eq!((&done["executed"], &done["partitions"][0]["new_begin"]), (&json!(true), &json!(10)));
    assert_eq!(ranges(), [(10, 10), (3, 3)]);
    assert_eq!(scene.ok(&["consume", name]), "");
}

#[test]
fn mistakes_end_with_the_next_step() {
    let scene = Scene::new("mistakes");
    let name = scene.topic.as_str();
    let resource = format!("topic/{name}");
    let cases: [(&[&str], &[&str]); 9] = [
        (&["config", "describe", "topic/no-such"], &["does not exist", "topic list"]),
        (&["config", "set", "topic/no-such", "retention.ms=1"], &["does not exist", "topic list"]),
        (&["config", "set", &resource, "no.such.key=1"], &["no.such.key", "config describe"]),
        (&["config", "set", &resource, "retention.ms=soon"], &["retention.ms", "config describe"]),
        (&["config", "describe", &resource, "no.such.key"], &["no.such.key"]),
        (&["config", "diff", "broker/4711"], &["no broker 4711", "config describe cluster"]),
        (&["topic", "alter", "no-such", "-c", "retention.ms=1"], &["does not exist", "topic list"]),
        (&["topic", "partitions", "no-such", "--to", "3"], &["does not exist", "topic list"]),
        (&["topic", "offsets", &format!("{name}:7")], &["no partition 7", "topic describe"]),
    ];
    for (arguments, parts) in cases {
        let error = scene.fails(arguments);
        assert!(parts.iter().all(|part| error.contains(part)), "{arguments:?}: {error}");
    }
    scene.is_rejected_as_usage(&["config", "set", "orders", "a=b"]);
    scene.is_rejected_as_usage(&["topic", "delete-records", name, "--before", "soon"]);
    let deleting = scene.fails(&["topic", "delete-records", "no-such", "--before", "1", "--execute"]);
    assert!(deleting.contains("does not exist"), "{deleting}");
    scene.ok(&["config", "set", &resource, "cleanup.policy=compact"]);
    scene.await_config(&resource, "cleanup.policy", Some(("compact", "topic")));
    let plan = scene.fails(&["topic", "delete-records", name, "--before", "latest"]);
    assert!(plan.contains("is compacted") && plan.contains("cleanup.policy"), "{plan}");
    let internal = scene.fails(&["topic", "delete", "__consumer_offsets"]);
    assert!(internal.contains("--internal"), "{internal}");
}
