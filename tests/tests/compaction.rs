//! A topic with `cleanup.policy=compact` keeps the newest record of each key, its offsets, and everything above the part
//! that is compacted; through restarts, and by Kafka's own reader. With `JACKDAW_TEST_BROKER=apache` the same holds of
//! Apache Kafka, record for record.

use std::collections::BTreeMap;
use std::path::Path;

use jackdaw_tests::broker::{Broker, Kind, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, assert_same_records, eventually, topic};
use jackdaw_tests::dump::{files, tool, tool_on_gaps};
use jackdaw_tests::library::Library;
use jackdaw_tests::program::Program;
use jackdaw_tests::record::{self, Record, STEP_MS};
use jackdaw_tests::requests::{create_with, end_offset};
use jackdaw_tests::wire::Connection;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const KEYS: usize = 40;
/// Records of one `produce`.
const RECORDS: usize = 100;
/// Small segments, and no waiting for a ratio.
const COMPACTED: [(&str, &str); 3] = [
    ("cleanup.policy", "compact"),
    ("internal.segment.bytes", "20000"),
    ("min.cleanable.dirty.ratio", "0.01"),
];

fn options() -> Options {
    Options::shards(2).with(&["log.cleaner.backoff.ms=100", "log.index.interval.bytes=1000"])
}

/// Every `produce` writes its own mix of the same keys; each seventh record is a tombstone.
fn keyed(round: usize, start_ms: i64) -> Vec<Record> {
    (0..RECORDS)
        .map(|index| Record {
            timestamp_ms: start_ms + index as i64 * STEP_MS,
            key: Some(format!("key {}", (index * 7 + round * 3) % KEYS).into_bytes()),
            value: (index % 7 != 3).then(|| format!("{round} {index} ").repeat(20).into_bytes()),
            headers: if index % 5 == 0 {
                vec![("name".to_owned(), Some(b"value".to_vec()))]
            } else {
                Vec::new()
            },
        })
        .collect()
}

/// What was produced, by offset.
#[derive(Default)]
struct Written(Vec<Record>);

impl Written {
    fn produce(
        &mut self,
        broker: &Broker,
        client: &mut Program,
        topic: &str,
        rounds: std::ops::Range<usize>,
    ) {
        let scratch = broker.scratch();
        let file = scratch.path().join("records");
        for round in rounds {
            let records = keyed(round, an_hour_ago_ms());
            record::write(&file, &records);
            let acks = if round % 3 == 0 { "idempotent" } else { "all" };
            let codec = CODECS[round % CODECS.len()];
            client.run(&format!("produce {topic} 0 {codec} {acks} {}", file.display()));
            self.0.extend(records);
        }
    }

    /// What a consumer sees once all below `end_offset` is compacted: the newest there of each key, and the rest whole.
    fn seen(&self, end_offset: usize) -> Vec<String> {
        let mut newest = BTreeMap::new();
        for (offset, record) in self.0[..end_offset].iter().enumerate() {
            newest.insert(record.key.clone(), offset);
        }
        let stays = |offset: usize, record: &Record| offset >= end_offset || newest[&record.key] == offset;
        let seen = self.0.iter().enumerate().filter(|(offset, record)| stays(*offset, record));
        seen.map(|(offset, record)| format!("0 {offset} {}", record.printed())).collect()
    }
}

/// Waits until all but the active segment is compacted; the offset up to which it is.
fn await_compaction(data: &Path, topic: &str) -> usize {
    let mut end_offset = 0;
    eventually("all below the active segment is compacted", || {
        end_offset = first_dirty_offset(data, topic).unwrap_or(0);
        end_offset > 0 && end_offset == active_base_offset(data, topic)
    });
    end_offset
}

/// From `cleaner-offset-checkpoint`.
fn first_dirty_offset(data: &Path, topic: &str) -> Option<usize> {
    let text = std::fs::read_to_string(data.join("cleaner-offset-checkpoint")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{topic} 0 ")))?;
    Some(line.parse().expect("an offset"))
}

fn active_base_offset(data: &Path, topic: &str) -> usize {
    let logs = files(data, topic, &[".log"]);
    let name = logs.last().and_then(|path| path.file_stem()).expect("a segment");
    name.to_string_lossy().parse().expect("an offset")
}

fn assert_seen(client: &mut Program, topic: &str, expected: &[String]) {
    let found = client.run(&format!("consume {topic} 0 earliest {}", expected.len()));
    assert_same_records(topic, found, expected);
}

#[test]
fn the_newest_record_of_each_key_stays() {
    let Some(mut broker) = Broker::start_to_stop(options()) else { return };
    let topic = topic("compacted");
    let mut connection = Connection::open(broker.bootstrap());
    create_with(&mut connection, &topic, 1, &COMPACTED);
    let mut client = Library::Confluent.start(broker.bootstrap());
    let mut written = Written::default();

    written.produce(&broker, &mut client, &topic, 0..20);
    let first_end = await_compaction(&broker.data_dir(), &topic);
    let expected = written.seen(first_end);
    assert!(expected.len() < written.0.len() * 2 / 3, "{} of {}", expected.len(), written.0.len());
    assert_seen(&mut client, &topic, &expected);

    // What is compacted already is compacted again with what came later.
    written.produce(&broker, &mut client, &topic, 20..40);
    let second_end = await_compaction(&broker.data_dir(), &topic);
    assert!(second_end > first_end);
    let expected = written.seen(second_end);
    assert_seen(&mut client, &topic, &expected);
    assert_eq!(end_offset(&mut connection, &topic, 0), written.0.len() as i64);

    // A consumer that asks for an offset that is gone goes on at the next one.
    let position = expected.len() / 3;
    let after: usize =
        expected[position - 1].split(' ').nth(1).and_then(|o| o.parse().ok()).expect("an offset");
    let command = format!("consume {topic} 0 {} {}", after + 1, expected.len() - position);
    assert_same_records(&command, client.run(&command), &expected[position..]);

    broker.kill();
    broker.restart();
    let mut client = Library::Confluent.start(broker.bootstrap());
    // Nothing is compacted again: the checkpoint says so.
    assert_seen(&mut client, &topic, &expected);
    assert_eq!(first_dirty_offset(&broker.data_dir(), &topic), Some(second_end));

    broker.terminate();
    let logs = files(&broker.data_dir(), &topic, &[".log"]);
    let dumped = tool_on_gaps(&["--deep-iteration"], &logs);
    assert!(dumped.contains("deleteHorizonMs: OptionalLong["), "tombstones have their time: {dumped}");
    assert_eq!(dumped.lines().filter(|line| line.contains("isvalid: false")).count(), 0, "{dumped}");
    let records = dumped.lines().filter(|line| line.starts_with("| offset:")).count();
    assert_eq!(records, expected.len());
    let indexes = files(&broker.data_dir(), &topic, &[".index", ".timeindex"]);
    tool(&["--index-sanity-check"], &indexes);
    // Of time indexes it says "timestamp mismatch" here, of those that Apache Kafka's cleaner writes, too.
    tool(&["--verify-index-only"], &files(&broker.data_dir(), &topic, &[".index"]));

    broker.restart();
    let mut client = Library::Confluent.start(broker.bootstrap());
    assert_seen(&mut client, &topic, &expected);
}

#[test]
fn tombstones_go_when_their_time_is_over() {
    let Some(broker) = Broker::start_to_stop(options()) else { return };
    let topic = topic("tombstones");
    let mut connection = Connection::open(broker.bootstrap());
    let configs = [&COMPACTED[..], &[("delete.retention.ms", "0")]].concat();
    create_with(&mut connection, &topic, 1, &configs);
    let mut client = Library::Confluent.start(broker.bootstrap());
    let mut written = Written::default();
    written.produce(&broker, &mut client, &topic, 0..10);
    let first_end = await_compaction(&broker.data_dir(), &topic);
    // The first round that met them stays behind the second.
    written.produce(&broker, &mut client, &topic, 10..11);
    eventually("another round", || {
        written.produce(&broker, &mut client, &topic, 11..12);
        first_dirty_offset(&broker.data_dir(), &topic).is_some_and(|end| end > first_end)
    });
    let end_offset = await_compaction(&broker.data_dir(), &topic);
    let mut expected = written.seen(end_offset);
    let is_old_tombstone = |line: &String| {
        let mut words = line.split(' ');
        let offset: usize = words.nth(1).and_then(|word| word.parse().ok()).expect("an offset");
        offset < first_end && words.nth(2) == Some("null")
    };
    let before = expected.len();
    expected.retain(|line| !is_old_tombstone(line));
    // All keys were written again since, so most are not even old; what matters is that none is left.
    assert!(expected.len() <= before);
    let found = client.run(&format!("consume {topic} 0 earliest {}", expected.len()));
    assert!(!found.iter().any(is_old_tombstone));
}

#[test]
fn apache_kafka_goes_on_with_our_log_and_we_with_its() {
    const ROUNDS: usize = 12;
    let mut broker = Broker::start_kind(Kind::Jackdaw, options());
    let topic = topic("turns");
    create_with(&mut Connection::open(broker.bootstrap()), &topic, 1, &COMPACTED);
    let mut written = Written::default();
    let mut compacted_to = 0;
    for (turn, kind) in [Kind::Jackdaw, Kind::Apache, Kind::Jackdaw, Kind::Apache].into_iter().enumerate() {
        if turn > 0 {
            broker.terminate();
            broker.restart_as(kind);
        }
        let mut client = Library::Confluent.start(broker.bootstrap());
        if turn > 0 {
            assert_seen(&mut client, &topic, &written.seen(compacted_to));
            assert_eq!(first_dirty_offset(&broker.data_dir(), &topic), Some(compacted_to), "turn {turn}");
        }
        written.produce(&broker, &mut client, &topic, turn * ROUNDS..(turn + 1) * ROUNDS);
        let end_offset = await_compaction(&broker.data_dir(), &topic);
        assert!(end_offset > compacted_to, "turn {turn}");
        compacted_to = end_offset;
        assert_seen(&mut client, &topic, &written.seen(compacted_to));
    }
}
