//! Kafka's `kafka-consumer-groups` and `kafka-groups` on a classic and on a consumer group: shown, reset, deleted.

use jackdaw_core::records::{BatchBuilder, NewRecord};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::group_view::{committed, describe};
use jackdaw_tests::library::{Library, kafka_tools};
use jackdaw_tests::members::{Event, Members};
use jackdaw_tests::program::Program;
use jackdaw_tests::requests::{self, Topic};
use jackdaw_tests::wire::Connection;

/// 2023-11-14T22:13:20Z. The records follow each other by a minute.
const FIRST_TIMESTAMP_MS: i64 = 1_700_000_000_000;
const MINUTE_MS: i64 = 60_000;

/// Records of partition 0, 1 and 2.
const RECORDS: [i64; 3] = [10, 5, 0];
const PARTITIONS: i32 = RECORDS.len() as i32;

#[test]
fn classic_group() {
    all_forms("range");
}

#[test]
fn consumer_group() {
    all_forms("consumer");
}

/// One group and the tools.
struct Desk {
    connection: Connection,
    tools: Program,
    bootstrap: String,
    group: String,
    topic: Topic,
}

fn all_forms(protocol: &str) {
    let broker = Broker::start(Options::groups(2));
    let mut desk = Desk::open(broker.bootstrap(), protocol);
    let members = Members::start(Library::Confluent, broker.bootstrap());
    members.join("tool-member", &desk.group, &desk.topic.name, protocol, &[]);
    let all = [10, 5, -1];
    eventually("everything is committed", || desk.committed() == all);
    shown_with_a_member(&mut desk, protocol);
    refused_with_a_member(&mut desk);
    assert_eq!(desk.committed(), all, "nothing was reset under a member");
    members.leave("tool-member");
    eventually("the group is empty", || desk.state(protocol).as_deref() == Some("Empty"));
    shown_without_members(&mut desk);
    reset(&mut desk);
    resumed_after_a_reset(&mut desk, &members, protocol);
    deleted(&mut desk);
}

impl Desk {
    fn open(bootstrap: &str, protocol: &str) -> Self {
        let mut connection = Connection::open(bootstrap);
        let group = topic(&format!("tools-{protocol}"));
        let topic = requests::create_with(&mut connection, &group, PARTITIONS, &[("retention.ms", "-1")]);
        for (partition, count) in (0..).zip(RECORDS) {
            if count > 0 {
                produce(&mut connection, &topic, partition, 0..count);
            }
        }
        Self { connection, tools: kafka_tools(), bootstrap: bootstrap.to_owned(), group, topic }
    }

    fn committed(&mut self) -> Vec<i64> {
        committed(&mut self.connection, &self.group, &self.topic.name, PARTITIONS).unwrap_or_default()
    }

    fn state(&mut self, protocol: &str) -> Option<String> {
        describe(&mut self.connection, &self.group, protocol).map(|view| view.state)
    }

    /// What `kafka-consumer-groups` prints, each line's words with single spaces between them.
    fn consumer_groups(&mut self, arguments: &str) -> Vec<String> {
        self.tool("consumer.group.ConsumerGroupCommand", arguments)
    }

    fn tool(&mut self, class: &str, arguments: &str) -> Vec<String> {
        let command = format!("{class} --bootstrap-server {} {arguments}", self.bootstrap);
        let printed = self.tools.run(&command);
        printed.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// The same for this group.
    fn of_group(&mut self, arguments: &str) -> Vec<String> {
        let arguments = format!("{arguments} --group {}", self.group);
        self.consumer_groups(&arguments)
    }

    fn has(&self, printed: &[String], expected: &str) {
        let expected = expected.replace("GROUP", &self.group).replace("TOPIC", &self.topic.name);
        assert!(printed.contains(&expected), "{expected:?} is not in {printed:#?}");
    }
}

fn produce(connection: &mut Connection, topic: &Topic, partition: i32, minutes: std::ops::Range<i64>) {
    let mut batch = BatchBuilder::new();
    for minute in minutes {
        let timestamp_ms = FIRST_TIMESTAMP_MS + minute * MINUTE_MS;
        batch.append(&NewRecord { timestamp_ms, value: Some(b"v"), ..Default::default() });
    }
    let answer = requests::produce(connection, topic, partition, batch.build_uncompressed().to_vec().into());
    assert_eq!(answer.error_code, 0, "{answer:?}");
}

/// Lines of `found` that begin with the group, without it and the topic, and without the member's random id.
fn rows(desk: &Desk, found: &[String]) -> Vec<String> {
    let start = format!("{} {} ", desk.group, desk.topic.name);
    let rows = found.iter().filter_map(|line| line.strip_prefix(&start));
    rows.map(|row| {
        let mut words: Vec<&str> = row.split(' ').collect();
        if words.len() > 5 && words[4] != "-" {
            words[4] = "ID";
        }
        words.join(" ")
    })
    .collect()
}

fn shown_with_a_member(desk: &mut Desk, protocol: &str) {
    let (kind, assignor) =
        if protocol == "consumer" { ("Consumer", "uniform") } else { ("Classic", protocol) };
    let listed = desk.consumer_groups("--list");
    desk.has(&listed, "GROUP");
    let listed = desk.consumer_groups("--list --state");
    desk.has(&listed, "GROUP Stable");
    let listed = desk.consumer_groups("--list --state Empty");
    assert!(!listed.contains(&format!("{} Stable", desk.group)), "{listed:?}");
    let listed = desk.consumer_groups("--list --type");
    desk.has(&listed, &format!("GROUP {kind}"));
    let listed = desk.consumer_groups(&format!("--list --type {kind} --state Stable"));
    desk.has(&listed, &format!("GROUP {kind} Stable"));
    let listed = desk.tool("GroupsCommand", "--list");
    desk.has(&listed, &format!("GROUP {kind} consumer"));

    let offsets = desk.of_group("--describe");
    let expected = [
        "0 10 10 0 ID /127.0.0.1 tool-member",
        "1 5 5 0 ID /127.0.0.1 tool-member",
        "2 - 0 - ID /127.0.0.1 tool-member",
    ];
    assert_eq!(rows(desk, &offsets), expected, "{offsets:#?}");
    let members = desk.of_group("--describe --members --verbose");
    let row = members.iter().find(|line| line.starts_with(&desk.group)).expect("a member's row");
    assert!(row.contains(" /127.0.0.1 tool-member 3 "), "{members:#?}");
    assert!(row.contains(&format!(" {}:0,1,2 ", desk.topic.name)), "{members:#?}");
    let state = desk.of_group("--describe --state");
    let row = state.iter().find(|line| line.starts_with(&desk.group)).expect("the group's row");
    assert!(row.ends_with(&format!(" {assignor} Stable 1")), "{state:#?}");
}

fn refused_with_a_member(desk: &mut Desk) {
    let reset = desk.of_group("--reset-offsets --to-earliest --all-topics --execute");
    assert!(
        reset.iter().any(|line| line.contains("is inactive, but the current state is Stable")),
        "{reset:#?}"
    );
    let deleted = desk.of_group("--delete");
    assert!(deleted.iter().any(|line| line.contains("GroupNotEmptyException")), "{deleted:#?}");
    let topic = desk.topic.name.clone();
    let offsets = desk.of_group(&format!("--delete-offsets --topic {topic}"));
    assert!(offsets.iter().any(|line| line.contains("GroupSubscribedToTopicException")), "{offsets:#?}");
}

fn shown_without_members(desk: &mut Desk) {
    produce(&mut desk.connection, &desk.topic, 0, 10..14);
    let offsets = desk.of_group("--describe");
    assert_eq!(rows(desk, &offsets), ["0 10 14 4 - - -", "1 5 5 0 - - -"], "{offsets:#?}");
    let none = format!("Consumer group '{}' has no active members.", desk.group);
    assert!(offsets.contains(&none), "{offsets:#?}");
    let listed = desk.consumer_groups("--list --state Empty");
    desk.has(&listed, "GROUP Empty");
}

/// Each way to reset, its rows, and what is committed then.
fn reset(desk: &mut Desk) {
    let topic = desk.topic.name.clone();
    let all = format!("--topic {topic}");
    let first = format!("--topic {topic}:0");
    let cases: &[(&str, &str, [i64; 3])] = &[
        ("--to-earliest --dry-run", &all, [10, 5, -1]),
        ("--to-earliest --execute", &all, [0, 0, 0]),
        ("--to-latest --execute", &all, [14, 5, 0]),
        ("--to-offset 3 --execute", &all, [3, 3, 0]),
        // Five and a half minutes after the first record, so the one of minute six.
        ("--to-datetime 2023-11-14T22:18:50.000 --execute", &first, [6, 3, 0]),
        ("--to-datetime 2023-11-14T22:15:20.000+00:00 --execute", &all, [2, 2, 0]),
        ("--shift-by 2 --execute", &all, [4, 4, 0]),
        ("--shift-by -3 --execute", &first, [1, 4, 0]),
        // What lies beyond an end stands at the end.
        ("--shift-by 100 --execute", &all, [14, 5, 0]),
        ("--to-current --execute", &all, [14, 5, 0]),
        ("--by-duration PT1H --execute", &first, [14, 5, 0]),
        ("--to-offset 7 --execute", &all, [7, 5, 0]),
    ];
    for (how, which, expected) in cases {
        let printed = desk.of_group(&format!("--reset-offsets {how} {which}"));
        assert_eq!(desk.committed(), expected, "{how} {which}: {printed:#?}");
    }
}

/// A member that joins after a reset begins there.
fn resumed_after_a_reset(desk: &mut Desk, members: &Members, protocol: &str) {
    members.events(&desk.group);
    members.join("after-reset", &desk.group, &desk.topic.name, protocol, &[]);
    let mut got = Vec::new();
    eventually("the records from offset 7 on", || {
        got.extend(members.events(&desk.group).into_iter().filter_map(|(_, event)| match event {
            Event::Got((_, partition), offset) => Some((partition, offset)),
            _ => None,
        }));
        got.len() >= 7
    });
    assert_eq!(got, (7..14).map(|offset| (0, offset)).collect::<Vec<_>>());
    members.leave("after-reset");
    eventually("the group is empty again", || desk.state(protocol).as_deref() == Some("Empty"));
}

fn deleted(desk: &mut Desk) {
    assert_eq!(desk.committed(), [14, 5, 0]);
    let topic = desk.topic.name.clone();
    let printed = desk.of_group(&format!("--delete-offsets --topic {topic}:1"));
    desk.has(&printed, "TOPIC 1 Successful");
    assert_eq!(desk.committed(), [14, -1, 0]);
    let printed = desk.of_group("--delete");
    assert!(printed.iter().any(|line| line.contains("was successful")), "{printed:#?}");
    let listed = desk.consumer_groups("--list");
    assert!(!listed.contains(&desk.group), "{listed:#?}");
    let again = desk.of_group("--delete");
    assert!(again.iter().any(|line| line.contains("GroupIdNotFoundException")), "{again:#?}");
    let described = desk.of_group("--describe");
    assert!(described.iter().any(|line| line.contains("GroupIdNotFoundException")), "{described:#?}");
}
