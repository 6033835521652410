//! Retention by size and by time while a producer writes and a consumer reads through the deletions, over a clean restart and
//! a `kill -9`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use jackdaw_core::protocol::messages::ListOffsetsRequest;
use jackdaw_core::protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use jackdaw_core::records::{Batches, Records};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::requests::{
    FIRST_WITH_TOPIC_IDS, Topic, batch, create_with, fetch_request, produce_request,
};
use jackdaw_tests::wire::Connection;

const EARLIEST: i64 = -2;
const LATEST: i64 = -1;
const OFFSET_OUT_OF_RANGE: i16 = 1;

const RECORD_BYTES: usize = 10_000;
const RECORDS_PER_BATCH: i64 = 20;
/// The least that Kafka allows.
const SEGMENT_BYTES: i64 = 1 << 20;
const RETENTION_BYTES: i64 = 3 << 20;
/// What is written between two events.
const PHASE_RECORDS: i64 = 1500;

/// Until it is stopped, over restarts.
struct Worker<T> {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Worker<T> {
    fn start(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        Self { stop, thread: std::thread::spawn(move || work(&stopped)) }
    }

    fn stop(self) -> T {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a worker that has not failed")
    }
}

fn offset_at(connection: &mut Connection, topic: &Topic, timestamp: i64) -> Option<i64> {
    let asked = ListOffsetsPartition { partition_index: 0, timestamp, ..Default::default() };
    let topics = vec![ListOffsetsTopic { name: topic.name.clone(), partitions: vec![asked] }];
    let request = ListOffsetsRequest { replica_id: -1, topics, ..Default::default() };
    let response = connection.try_call(&request, 7).ok()?;
    let found = &response.topics[0].partitions[0];
    (found.error_code == 0).then_some(found.offset)
}

fn wait() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A record's value: its own offset, and much more.
fn value(offset: i64) -> String {
    format!("{offset:0>RECORD_BYTES$}")
}

/// Write batches as fast as they are taken. After a failure the log's end tells what has arrived.
fn write(bootstrap: &str, topic: &Topic, written: &AtomicI64, stop: &AtomicBool) {
    let version = FIRST_WITH_TOPIC_IDS;
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        let Some((mut open, next)) = connection.take().or_else(|| {
            let mut open = Connection::try_open(bootstrap).ok()?;
            let next = offset_at(&mut open, topic, LATEST)?;
            Some((open, next))
        }) else {
            wait();
            continue;
        };
        let values: Vec<String> = (next..next + RECORDS_PER_BATCH).map(value).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let request = produce_request(topic, version, 0, -1, batch(&values, None));
        let Ok(response) = open.try_call(&request, version) else { continue };
        let answer = &response.responses[0].partition_responses[0];
        if answer.error_code == 0 {
            assert_eq!(answer.base_offset, next, "nothing acknowledged is lost, nothing is doubled");
            written.store(next + RECORDS_PER_BATCH, Ordering::Relaxed);
            connection = Some((open, next + RECORDS_PER_BATCH));
        } else {
            wait();
        }
    }
}

/// What a reader has met.
#[derive(Debug, Default)]
struct Journey {
    next: i64,
    read: i64,
    /// Records that were deleted before it came.
    missed: i64,
    jumps: usize,
}

/// Read from the beginning; where that is gone, from what is the beginning then. Once it is told to stop it reads to the end.
fn read(bootstrap: &str, topic: &Topic, stop: &AtomicBool) -> Journey {
    let mut journey = Journey::default();
    let mut connection = None;
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        let Some(mut open) = connection.take().or_else(|| Connection::try_open(bootstrap).ok()) else {
            wait();
            continue;
        };
        let request = fetch_request(topic, FIRST_WITH_TOPIC_IDS, 0, journey.next, 100);
        let Ok(response) = open.try_call(&request, FIRST_WITH_TOPIC_IDS) else { continue };
        let partition = &response.responses[0].partitions[0];
        match partition.error_code {
            0 => {
                let records = partition.records.clone().unwrap_or_default();
                let is_empty = records.is_empty();
                follow(&mut journey, &records);
                if is_last && is_empty && journey.next == partition.high_watermark {
                    return journey;
                }
            }
            OFFSET_OUT_OF_RANGE => {
                let Some(first) = offset_at(&mut open, topic, EARLIEST) else { continue };
                assert!(first >= journey.next, "the log begins at {first}, before {}", journey.next);
                journey.missed += first - journey.next;
                journey.jumps += 1;
                journey.next = first;
            }
            // The broker is starting or stopping.
            _ => {
                wait();
                continue;
            }
        }
        connection = Some(open);
    }
}

/// Take in what was fetched: whole batches, the last perhaps in part.
fn follow(journey: &mut Journey, records: &Bytes) {
    for batch in Batches::new(records) {
        // A part of a batch that did not fit.
        let Ok(batch) = batch else { return };
        for record in Records::new(batch.body(), batch.header().records_count()) {
            let record = record.expect("a record as it was written");
            let offset = batch.header().base_offset() + i64::from(record.offset_delta);
            // The batch that the offset lies in is told whole.
            if offset < journey.next {
                continue;
            }
            assert_eq!(offset, journey.next, "no gap");
            assert_eq!(record.value.map(|value| value.to_vec()), Some(value(offset).into_bytes()));
            journey.next += 1;
            journey.read += 1;
        }
    }
}

fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(suffix)).collect()
}

/// Load, a clean restart, load, a kill, load; `keeps` is how many bytes of records may be left in the end.
fn deletes_under_load(name: &str, shards: u32, configs: &[(&str, &str)], keeps: i64) {
    let quick = ["log.retention.check.interval.ms=100", "log.initial.task.delay.ms=0"];
    let Some(mut broker) = Broker::start_to_stop(Options::shards(shards).with(&quick)) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let all = [&[("segment.bytes", "1048576"), ("file.delete.delay.ms", "100")], configs].concat();
    let topic = create_with(&mut connection, &topic(name), 1, &all);
    let written = Arc::new(AtomicI64::new(0));
    let (bootstrap, written_to) = (broker.bootstrap().to_owned(), topic.clone());
    let progress = Arc::clone(&written);
    let writer = Worker::start(move |stop| write(&bootstrap, &written_to, &progress, stop));
    let (bootstrap, read_from) = (broker.bootstrap().to_owned(), topic.clone());
    let reader = Worker::start(move |stop| read(&bootstrap, &read_from, stop));

    let mut first = 0;
    let mut phase = |connection: &mut Connection, number: i64| {
        eventually("records are written", || written.load(Ordering::Relaxed) >= number * PHASE_RECORDS);
        let mut begins_at = 0;
        eventually("the beginning is deleted", || {
            begins_at = offset_at(connection, &topic, EARLIEST).unwrap_or(0);
            begins_at > first
        });
        assert!(begins_at >= first, "what was deleted stays deleted: {begins_at} after {first}");
        first = begins_at;
    };
    phase(&mut connection, 1);
    broker.terminate();
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    phase(&mut connection, 2);
    broker.kill();
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    phase(&mut connection, 3);
    writer.stop();
    let journey = reader.stop();
    let end = offset_at(&mut connection, &topic, LATEST).expect("the end");
    assert_eq!((journey.next, journey.read + journey.missed), (end, end), "{journey:?}");
    assert!(journey.read > 0, "{journey:?}");

    let record_bytes = RECORD_BYTES as i64;
    let mut kept = 0;
    eventually("no more is left than is to be kept", || {
        let first = offset_at(&mut connection, &topic, EARLIEST).unwrap_or(0);
        kept = (end - first) * record_bytes;
        kept <= keeps
    });
    let dir = broker.data_dir().join(format!("{}-0", topic.name));
    eventually("the files are gone", || {
        files(&dir, ".deleted").is_empty() && files(&dir, ".log").len() as i64 <= keeps / SEGMENT_BYTES + 2
    });
}

/// A size is kept at least, and a segment more at most, besides the one that is written to.
const BY_SIZE: i64 = RETENTION_BYTES + 2 * SEGMENT_BYTES;

#[test]
fn by_size() {
    deletes_under_load("by-size", 1, &[("retention.bytes", "3145728"), ("retention.ms", "-1")], BY_SIZE);
}

#[test]
fn by_size_with_two_shards() {
    deletes_under_load("by-size-2", 2, &[("retention.bytes", "3145728"), ("retention.ms", "-1")], BY_SIZE);
}

/// The records say that they are an hour old: each segment may go as soon as it is looked at.
#[test]
fn by_time() {
    deletes_under_load("by-time", 1, &[("retention.ms", "1800000")], SEGMENT_BYTES);
}
