//! Reading from an offset and from a time, in the middle of batches and across them.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, assert_same_records, await_topic, topic};
use jackdaw_tests::kcat;
use jackdaw_tests::library::{LIBRARIES, Library};
use jackdaw_tests::record::{self, EVERYTHING, Record, STEP_MS};

/// Each produce is at least one batch.
const BATCHES: usize = 6;
const RECORDS_A_BATCH: usize = 20;
const RECORDS: usize = BATCHES * RECORDS_A_BATCH;

#[test]
fn one_shard() {
    every_library_seeks(1);
}

#[test]
fn two_shards() {
    every_library_seeks(2);
}

fn every_library_seeks(shards: u32) {
    let broker = Broker::start(Options::shards(shards).with(&["group.initial.rebalance.delay.ms=0"]));
    let start_ms = an_hour_ago_ms();
    let topic = topic("seek");
    let rising = record::make(1, RECORDS, start_ms, EVERYTHING);
    // In the second partition the times of every pair are swapped: there a time's offset is the first that is not earlier.
    let mut swapped = record::make(2, RECORDS, start_ms, EVERYTHING);
    swapped.chunks_exact_mut(2).for_each(|pair| {
        let (first, second) = (pair[0].timestamp_ms, pair[1].timestamp_ms);
        (pair[0].timestamp_ms, pair[1].timestamp_ms) = (second, first);
    });
    let partitions = [rising, swapped];
    write(&broker, &topic, &partitions);
    std::thread::scope(|scope| {
        for library in LIBRARIES.into_iter().filter(|library| library.expressible().empty) {
            let (bootstrap, topic, partitions) = (broker.bootstrap(), &topic, &partitions);
            scope.spawn(move || seek(library, bootstrap, topic, partitions));
        }
        scope.spawn(|| kcat_seeks(broker.bootstrap(), &topic, &partitions));
    });
}

fn write(broker: &Broker, topic: &str, partitions: &[Vec<Record>]) {
    let scratch = broker.scratch();
    let mut writer = Library::Franz.start(broker.bootstrap());
    writer.run(&format!("create {topic} {}", partitions.len()));
    await_topic(&mut writer, topic, partitions.len());
    for (partition, records) in partitions.iter().enumerate() {
        for (batch, codec) in
            records.chunks(RECORDS_A_BATCH).zip(["none", "gzip", "snappy", "lz4", "zstd", "none"])
        {
            let file = scratch.path().join("batch");
            record::write(&file, batch);
            writer.run(&format!("produce {topic} {partition} {codec} all {}", file.display()));
        }
    }
}

/// The first offset whose record is not earlier.
fn offset_of(records: &[Record], timestamp_ms: i64) -> usize {
    records.iter().position(|record| record.timestamp_ms >= timestamp_ms).expect("a time within the records")
}

/// Where to seek, as the programs name it, and the offset that is.
fn places(records: &[Record]) -> Vec<(String, usize)> {
    let first_ms = records.iter().map(|record| record.timestamp_ms).min().expect("records");
    let last_ms = records.iter().map(|record| record.timestamp_ms).max().expect("records");
    let offsets = [0, 1, 19, 20, 21, 77, RECORDS - 3].map(|offset| (offset.to_string(), offset));
    // Before all, exactly one, between two, at the edge of a batch, and the last.
    let times = [
        first_ms - 1_000_000,
        first_ms,
        first_ms + 3 * STEP_MS,
        first_ms + 41 * STEP_MS - 1,
        first_ms + 60 * STEP_MS,
        last_ms,
    ];
    let times = times.map(|ms| (format!("time:{ms}"), offset_of(records, ms)));
    offsets.into_iter().chain(times).chain([("earliest".to_owned(), 0)]).collect()
}

fn seek(library: Library, bootstrap: &str, topic: &str, partitions: &[Vec<Record>]) {
    let mut program = library.start(bootstrap);
    for (partition, records) in partitions.iter().enumerate() {
        for (place, offset) in places(records) {
            let count = 3.min(RECORDS - offset);
            let command = format!("consume {topic} {partition} {place} {count}");
            let expected = record::printed(partition, offset, &records[offset..offset + count]);
            assert_same_records(
                &format!("{} at {command}", library.name()),
                program.run(&command),
                &expected,
            );
        }
    }
}

fn kcat_seeks(bootstrap: &str, topic: &str, partitions: &[Vec<Record>]) {
    for (partition, records) in partitions.iter().enumerate() {
        for (place, offset) in places(records) {
            // kcat names a time s@MS, and the earliest offset beginning.
            let from = place.replace("time:", "s@").replace("earliest", "beginning");
            let found = kcat::consume(bootstrap, topic, Some(partition), &from, 1);
            assert_eq!(
                (found[0].offset, &found[0].value),
                (offset, &records[offset].value),
                "kcat -o {from} of {topic} {partition}"
            );
        }
    }
}
