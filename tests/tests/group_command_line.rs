//! `jackdaw group list`, `describe`, `members`, `lag`, `watch`, `reset`, `delete` and `jackdaw consume --group` as a person uses them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jackdaw_tests::broker::{Broker, Options, wait};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::command::{command, jackdaw, jackdaw_json, run, text};
use jackdaw_tests::wire_member::WireMember;
use serde_json::{Value, json};

const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// A broker with a topic of two partitions: 100 records in the first, 10 in the second.
struct Scene {
    broker: Broker,
    topic: String,
    group: String,
}

impl Scene {
    fn new(name: &str) -> Self {
        let scene = Self {
            broker: Broker::start(Options::groups(2)),
            topic: topic(name),
            group: topic(&format!("{name}-group")),
        };
        scene.ok(&["topic", "create", &scene.topic, "-p", "2"]);
        for (partition, count) in [("0", 100), ("1", 10)] {
            scene.write(partition, "value", count);
        }
        scene
    }

    fn write(&self, partition: &str, word: &str, count: usize) {
        let lines: String = (0..count).map(|number| format!("{word} {number}\n")).collect();
        jackdaw(self.broker.bootstrap(), &["produce", &self.topic, "-p", partition], &lines, true);
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

    /// This group in `jackdaw group list` with these filters.
    fn listed(&self, filters: &[&str]) -> Option<Value> {
        let all = self.json(&[&["group", "list"], filters].concat());
        all.as_array().expect("an array").iter().find(|group| group["group"] == self.group).cloned()
    }

    /// The committed offsets of both partitions.
    fn committed(&self) -> Value {
        let lag = self.json(&["group", "lag", &self.group]);
        lag["partitions"].as_array().expect("an array").iter().map(|p| p["committed"].clone()).collect()
    }

    fn reset(&self, arguments: &[&str]) -> String {
        self.ok(&[&["group", "reset", &self.group], arguments].concat())
    }
}

#[test]
fn offsets_of_a_group_without_members_are_planned_moved_and_deleted() {
    let scene = Scene::new("reset");
    let (topic, group) = (scene.topic.as_str(), scene.group.as_str());
    let plan = scene.reset(&["--topic", topic, "--to", "20"]);
    assert!(plan.contains("--execute"), "{plan}");
    assert_eq!(scene.listed(&[]), None, "a plan makes no group");
    let refused = scene.fails(&["group", "reset", group, "--topic", topic, "--to", "20", "--execute"]);
    assert!(refused.contains("beyond") && refused.contains("--clamp"), "{refused}");
    assert_eq!(scene.listed(&[]), None, "what is refused makes no group");
    let done = scene.reset(&["--topic", topic, "--to", "20", "--execute", "--clamp"]);
    assert!(done.contains("ends at 10") && done.contains("Set 2 offsets"), "{done}");
    assert_eq!(scene.committed(), json!([20, 10]), "an offset past the end becomes the end");
    assert_eq!(
        scene.listed(&["--state", "empty", "--type", "classic"]).map(|g| g["state"].clone()),
        Some(json!("Empty"))
    );
    assert_eq!(scene.listed(&["--state", "stable"]), None);
    assert_eq!(scene.listed(&["--type", "consumer"]), None);

    let one = format!("{topic}:0");
    let moves: [(&[&str], [i64; 2]); 7] = [
        (&["--topic", &one, "--shift-by", "-5"], [15, 10]),
        (&["--all-topics", "--shift-by", "3"], [18, 10]),
        (&["--all-topics", "--to", "earliest"], [0, 0]),
        (&["--all-topics", "--to", "latest"], [100, 10]),
        (&["--all-topics", "--to", "1h"], [0, 0]),
        (&["--all-topics", "--to", "2100-01-01T00:00:00Z"], [100, 10]),
        (&["--topic", &one, "--to", "40"], [40, 10]),
    ];
    for (arguments, expected) in moves {
        scene.reset(&[arguments, &["--execute"]].concat());
        assert_eq!(scene.committed(), json!(expected), "{arguments:?}");
    }
    scene.reset(&["--all-topics", "--to", "current", "--execute"]);
    let described = scene.json(&["group", "describe", group]);
    assert_eq!(described[0]["total_lag"], 60);
    assert_eq!(described[0]["max_lag"], 60);
    assert_eq!(described[0]["partitions"][0]["log_end"], 100);
    let all = scene.json(&["group", "lag"]);
    let of_group =
        all.as_array().expect("an array").iter().find(|lag| lag["group"] == group).expect("our group");
    assert_eq!((&of_group["total_lag"], &of_group["partition_count"]), (&json!(60), &json!(2)));

    let gone = scene.ok(&["group", "delete", group, "--topic", &one]);
    assert_eq!(gone, format!("Deleted the offset of group {group} in {one}.\n"));
    assert_eq!(scene.committed(), json!([10]));
    assert!(scene.fails(&["group", "delete", group, "--topic", &one]).contains("no offset"));
    scene.ok(&["group", "delete", group, "--topic", &one, "--if-exists"]);
    assert_eq!(scene.ok(&["group", "delete", group]), format!("Deleted group {group}.\n"));
    assert_eq!(scene.listed(&[]), None);
    scene.ok(&["group", "delete", group, "--if-exists"]);
}

#[test]
fn a_classic_groups_members_are_shown_and_guard_its_offsets() {
    let scene = Scene::new("classic");
    let (topic, group) = (scene.topic.as_str(), scene.group.as_str());
    let mut member =
        WireMember::join_classic(scene.broker.bootstrap(), group, Some("instance-1"), topic, &[0, 1]);
    member.commit(topic, 0, 30);

    let listed = scene.listed(&["--state", "Stable", "--type", "classic"]).expect("a stable group");
    assert_eq!(listed["protocol_type"], "consumer");
    let described = &scene.json(&["group", "describe", group])[0];
    let expected = json!({ "state": "Stable", "type": "classic", "assignor": "range", "member_count": 1 });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&described[key], value, "{key}");
    }
    let partitions = described["partitions"].as_array().expect("an array");
    assert_eq!(partitions.len(), 2, "one has an offset, both an owner");
    assert_eq!(partitions[0]["lag"], 70);
    assert_eq!(partitions[0]["metadata"], "by hand");
    assert_eq!(partitions[0]["member"], member.member_id());
    assert_eq!(partitions[1]["committed"], Value::Null);
    assert_eq!(partitions[1]["host"], "127.0.0.1");
    let shown = scene.ok(&["group", "describe", group]);
    assert!(shown.contains("LAG") && shown.contains(member.member_id()), "{shown}");
    let members = scene.json(&["group", "members", group]);
    assert_eq!(members["members"][0]["instance"], "instance-1");
    assert_eq!(members["members"][0]["assignment"][topic], json!([0, 1]));
    assert!(scene.ok(&["group", "members", group]).contains(&format!("{topic}:0-1")));

    let to_earliest = ["group", "reset", group, "--topic", topic, "--to", "earliest"];
    let refused = scene.fails(&[&to_earliest[..], &["--execute"]].concat());
    assert!(refused.contains("active members") && refused.contains("Stop its consumers"), "{refused}");
    assert!(scene.ok(&to_earliest).contains("LAG THEN"), "the plan is shown all the same");
    assert!(scene.fails(&["group", "delete", group]).contains("Stop its consumers"));
    let subscribed = scene.fails(&["group", "delete", group, "--topic", topic]);
    assert!(subscribed.contains("GROUP_SUBSCRIBED_TO_TOPIC"), "{subscribed}");
    assert_eq!(scene.committed(), json!([30, null]), "nothing was changed");

    member.leave();
    eventually("the group is empty", || scene.listed(&["--state", "empty"]).is_some());
    scene.ok(&[&to_earliest[..], &["--execute"]].concat());
    assert_eq!(scene.committed(), json!([0, 0]));
}

#[test]
fn a_group_of_the_consumer_protocol_shows_epochs() {
    let scene = Scene::new("consumer");
    let (topic, group) = (scene.topic.as_str(), scene.group.as_str());
    let mut member = WireMember::join_consumer(scene.broker.bootstrap(), group, topic);
    member.commit(topic, 1, 4);
    let described = &scene.json(&["group", "describe", group])[0];
    assert_eq!(described["type"], "consumer");
    assert_eq!(described["assignor"], "uniform");
    assert!(described["epoch"].as_i64().is_some_and(|epoch| epoch > 0), "{described}");
    assert_eq!(described["partitions"][1]["lag"], 6);
    let members = scene.json(&["group", "members", group]);
    let only = &members["members"][0];
    assert_eq!(only["protocol"], "consumer");
    assert_eq!(only["epoch"], described["epoch"]);
    assert_eq!(only["target"][topic], json!([0, 1]));
    assert!(scene.listed(&["--type", "consumer"]).is_some());
    let refused = ["group", "reset", group, "--all-topics", "--to", "earliest", "--execute"];
    assert!(scene.fails(&refused).contains("active members"));
    assert!(scene.fails(&["group", "delete", group]).contains("active members"));
    member.leave();
    scene.ok(&refused);
    assert_eq!(scene.committed(), json!([0]));
    scene.ok(&["group", "delete", group]);
}

#[test]
fn watching_tells_rates_and_ends_on_sigint() {
    let scene = Scene::new("watch");
    let (topic, group) = (scene.topic.as_str(), scene.group.as_str());
    scene.reset(&["--topic", topic, "--to", "10", "--execute"]);
    let looks = scene.ok(&["group", "watch", group, "-n", "2", "--interval", "0.1", "--format", "json"]);
    let looks: Vec<Value> = looks.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(looks.len(), 2);
    assert_eq!(looks[0]["consumed_per_second"], Value::Null, "nothing to compare with");
    assert_eq!(looks[1]["consumed_per_second"], 0.0);
    assert_eq!(looks[1]["total_lag"], 90);

    let arguments = ["group", "watch", group, "--interval", "0.1"];
    let mut child = command(scene.broker.bootstrap(), &arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let line = lines.next().expect("a line");
    assert!(line.contains(&format!("{topic}:0  committed 10  end 100  lag 90")), "{line}");
    assert!(lines.by_ref().any(|line| line.contains("consumed 0/s")), "a second look");
    // What it still writes must find a reader.
    let reader = std::thread::spawn(move || lines.count());
    assert!(interrupt(&mut child), "it ends on SIGINT");
    reader.join().expect("the reader");
}

#[test]
fn a_group_that_consumes_goes_on_where_it_stood() {
    let scene = Scene::new("consume");
    let (topic, group) = (scene.topic.as_str(), scene.group.as_str());
    let consume = |more: &[&str]| {
        let text = scene.ok(&[&["consume", topic, "--group", group], more].concat());
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = consume(&["--count", "25"]);
    assert_eq!(first.len(), 25);
    let committed = scene.committed();
    let sum: i64 = committed.as_array().expect("an array").iter().filter_map(Value::as_i64).sum();
    assert_eq!(sum, 25, "{committed}");
    let rest = consume(&[]);
    assert_eq!(rest.len(), 85, "each record once");
    assert_eq!(consume(&[]), [""; 0]);
    assert_eq!(scene.committed(), json!([100, 10]));
    assert_eq!(scene.json(&["group", "describe", group])[0]["member_count"], 0, "it left");
    // A committed offset goes before --from.
    scene.reset(&["--topic", topic, "--to", "98", "--execute", "--clamp"]);
    assert_eq!(consume(&["--from", "earliest"]), ["value 98", "value 99"]);
}

#[test]
fn members_that_consume_share_the_partitions_and_hand_them_back() {
    let scene = Scene::new("share");
    let (topic, group) = (scene.topic.as_str(), scene.group.as_str());
    let arguments = ["consume", topic, "--group", group, "--follow"];
    let start = || {
        let mut command = command(scene.broker.bootstrap(), &arguments);
        command.stdout(Stdio::piped()).spawn().expect("the binary runs")
    };
    let shares = || {
        let members = scene.json(&["group", "members", group]);
        let members = members["members"].as_array().expect("an array").clone();
        let share = |m: &Value| m["assignment"][topic].as_array().map_or(0, Vec::len);
        members.iter().map(share).collect::<Vec<usize>>()
    };
    let mut one = start();
    eventually("the first has both", || scene.listed(&["--state", "stable"]).is_some() && shares() == [2]);
    let mut other = start();
    eventually("each has one", || shares() == [1, 1]);
    assert!(interrupt(&mut one), "it ends on SIGINT");
    eventually("the other has both", || shares() == [2]);
    scene.write("0", "late", 5);
    scene.write("1", "late", 5);
    let mut lines = BufReader::new(other.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let late = lines.by_ref().filter(|line| line.starts_with("late")).take(10).count();
    assert_eq!(late, 10);
    let reader = std::thread::spawn(move || lines.count());
    assert!(interrupt(&mut other), "it ends on SIGINT");
    reader.join().expect("the reader");
    assert_eq!(scene.committed(), json!([105, 15]), "what was printed is committed at the end");
}

#[test]
fn who_follows_in_a_group_waits_for_the_broker_and_ends_at_once() {
    let mut scene = Scene::new("away");
    let arguments = ["consume", &scene.topic, "--group", &scene.group, "--follow"];
    let mut command = command(scene.broker.bootstrap(), &arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut printed = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(printed.next().is_some(), "it reads");
    scene.broker.kill();
    let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let told = stderr.lines().map_while(Result::ok).find(|line| line.contains("trying again"));
    assert!(told.is_some(), "it says that it waits");
    assert!(interrupt(&mut child), "it ends on SIGINT");
}

#[test]
fn a_start_after_a_kill_loads_groups_once() {
    let mut scene = Scene::new("loaded");
    scene.reset(&["--topic", &scene.topic, "--to", "5", "--execute"]);
    scene.broker.kill();
    scene.broker.restart();
    eventually("the offsets are there", || {
        let mut lag = command(scene.broker.bootstrap(), &["group", "lag", &scene.group]);
        run(&mut lag, "").status.success()
    });
    assert_eq!(scene.broker.log().matches("loaded groups and offsets").count(), 1);
}

/// Whether a command ends on SIGINT as a shell expects.
fn interrupt(child: &mut Child) -> bool {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let status = wait(child, STOP_DEADLINE);
    if status.is_none() {
        child.kill().expect("our own child");
    }
    status.is_some_and(|status| status.code() == Some(130))
}

/// The offsets of a deleted topic go by themselves: a moment after it, put back from before.
#[test]
fn a_topic_that_is_gone_is_left_out_of_a_reset() {
    let mut scene = Scene::new("gone");
    let (topic, group) = (scene.topic.clone(), scene.group.clone());
    let other = format!("{topic}-other");
    scene.ok(&["topic", "create", &other, "-p", "1"]);
    scene.reset(&["--topic", &topic, "--to", "5", "--execute"]);
    scene.reset(&["--topic", &other, "--to", "earliest", "--execute"]);
    scene.broker.terminate();
    let (data, kept) = (scene.broker.data_dir(), scene.broker.scratch());
    copy_offsets(&data, kept.path());
    scene.broker.restart();
    scene.ok(&["topic", "delete", &other]);
    scene.broker.kill();
    copy_offsets(kept.path(), &data);
    scene.broker.restart();

    let arguments = ["group", "reset", &group, "--all-topics", "--to", "earliest", "--execute"];
    let reset = || run(&mut command(scene.broker.bootstrap(), &arguments), "");
    eventually("the offsets are there", || reset().status.success());
    let output = reset();
    let note = text(&output.stderr);
    assert!(note.contains(&format!("{other}:0 does not exist any more and is left out")), "{note}");
    assert!(text(&output.stdout).contains("Set 2 offsets"), "{}", text(&output.stdout));
    scene.ok(&["group", "delete", &group, "--topic", &topic]);
    let nothing = scene.fails(&arguments);
    assert!(nothing.contains("only in what does not exist") && nothing.contains(&other), "{nothing}");
}

/// The partitions of `__consumer_offsets`, over those that are there.
fn copy_offsets(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with("__consumer_offsets-") {
            continue;
        }
        let place = to.join(name);
        if place.exists() {
            std::fs::remove_dir_all(&place).expect("an old copy goes");
        }
        std::fs::create_dir(&place).expect("a directory for the copy");
        for file in std::fs::read_dir(entry.path()).expect("a partition").map(|file| file.expect("a file")) {
            std::fs::copy(file.path(), place.join(file.file_name())).expect("a copy");
        }
    }
}

#[test]
fn mistakes_about_groups_end_with_the_next_step() {
    let scene = Scene::new("mistakes");
    let (topic, group) = (scene.topic.as_str(), scene.group.as_str());
    for arguments in [
        &["group", "describe", group][..],
        &["group", "members", group],
        &["group", "lag", group],
        &["group", "watch", group],
        &["group", "delete", group],
        &["group", "delete", group, "--topic", topic],
    ] {
        let error = scene.fails(arguments);
        assert!(error.contains(group) && error.contains("jackdaw group list"), "{arguments:?}: {error}");
    }
    let nothing = scene.fails(&["group", "reset", group, "--all-topics", "--to", "earliest"]);
    assert!(nothing.contains("has no offsets") && nothing.contains("--topic"), "{nothing}");
    let unknown = scene.fails(&["group", "reset", group, "--topic", "no-such-topic", "--to", "earliest"]);
    assert!(unknown.contains("no-such-topic"), "{unknown}");
    let beyond = format!("{topic}:7");
    assert!(scene.fails(&["group", "reset", group, "--topic", &beyond, "--to", "0"]).contains("partition 7"));
    let shift = scene.fails(&["group", "reset", group, "--topic", topic, "--shift-by", "1"]);
    assert!(shift.contains("--to"), "{shift}");
    // Refused before any broker is asked, with the exit code of wrong arguments.
    for arguments in [
        &["group", "reset", group, "--topic", topic][..],
        &["group", "reset", group, "--to", "earliest"],
        &["group", "reset", group, "--topic", topic, "--to", "yesterday"],
        &["group", "list", "--state", "asleep"],
    ] {
        let output = run(&mut command("127.0.0.1:1", arguments), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
    }
}
