//! Every client library creates, produces with each codec and acks, and reads what every other one wrote.

use std::path::Path;

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{
    an_hour_ago_ms, assert_gone, assert_same_records, await_topic, eventually_is, topic,
};
use jackdaw_tests::kcat;
use jackdaw_tests::library::{LIBRARIES, Library};
use jackdaw_tests::program::Program;
use jackdaw_tests::record::{self, Record};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const ACKS: [&str; 3] = ["0", "1", "all"];

/// One partition for each codec with each acks, and one for the library's defaults.
const PARTITIONS: usize = CODECS.len() * ACKS.len() + 1;
const RECORDS: usize = 23;

/// A topic and what was written to each of its partitions.
struct Written {
    topic: String,
    partitions: Vec<Vec<Record>>,
}

impl Written {
    fn count(&self) -> usize {
        self.partitions.iter().map(Vec::len).sum()
    }

    /// What a reader prints that cannot tell empty from null when `empty` is not set.
    fn printed(&self, reader: Library) -> Vec<String> {
        let all = self.partitions.iter().enumerate();
        all.flat_map(|(p, records)| record::printed(p, 0, records))
            .map(|line| as_read_by(reader, line))
            .collect()
    }
}

fn as_read_by(reader: Library, line: String) -> String {
    if reader.expressible().empty {
        return line;
    }
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let headers =
        words[5].split(',').map(|h| h.strip_suffix("=.").map_or(h.to_owned(), |name| format!("{name}=null")));
    words[5] = headers.collect::<Vec<_>>().join(",");
    words.iter_mut().filter(|word| *word == ".").for_each(|word| *word = "null".to_owned());
    words.join(" ")
}

#[test]
fn one_shard() {
    matrix(1);
}

#[test]
fn two_shards() {
    matrix(2);
}

fn matrix(shards: u32) {
    // Else a client that still asks for a deleted topic brings it back.
    let broker = Broker::start(
        Options::shards(shards)
            .with(&["auto.create.topics.enable=false", "group.initial.rebalance.delay.ms=0"]),
    );
    let scratch = broker.scratch();
    let (mut programs, written): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let write = |library: Library| {
            let (bootstrap, scratch) = (broker.bootstrap(), scratch.path());
            scope.spawn(move || write_all(library, bootstrap, scratch))
        };
        let writers: Vec<_> = LIBRARIES.map(write).into();
        writers.into_iter().map(|writer| writer.join().expect("a writer")).unzip()
    });

    std::thread::scope(|scope| {
        let written = &written;
        for (library, program) in LIBRARIES.into_iter().zip(&mut programs) {
            scope.spawn(move || written.iter().for_each(|of| read_all(library, program, of)));
        }
        scope.spawn(|| written.iter().for_each(|of| kcat_reads(broker.bootstrap(), of)));
    });

    // kgo never asks for a topic to be created.
    let mut watcher = Library::Franz.start(broker.bootstrap());
    for (program, of) in programs.iter_mut().zip(&written) {
        program.run(&format!("delete {}", of.topic));
        assert_gone(&mut watcher, &of.topic);
    }
}

/// Creates the library's own topic and fills it.
fn write_all(library: Library, bootstrap: &str, scratch: &Path) -> (Program, Written) {
    let mut program = library.start(bootstrap);
    let topic = topic(&format!("from-{}", library.name()));
    program.run(&format!("create {topic} {PARTITIONS}"));
    await_topic(&mut program, &topic, PARTITIONS);
    let mut partitions = Vec::new();
    for (i, codec) in CODECS.into_iter().enumerate() {
        for (j, acks) in ACKS.into_iter().enumerate() {
            let partition = i * ACKS.len() + j;
            let make = if acks == "all" { record::make_big } else { record::make };
            let records = make(partition as u64, RECORDS, an_hour_ago_ms(), library.expressible());
            produce(library, &mut program, scratch, &topic, partition, (codec, acks), 0, &records);
            partitions.push(records);
        }
    }
    let by_default = PARTITIONS - 1;
    let mut records = record::make(99, RECORDS, an_hour_ago_ms(), library.expressible());
    produce(library, &mut program, scratch, &topic, by_default, ("none", "default"), 0, &records);
    if library.idempotent() {
        produce(
            library,
            &mut program,
            scratch,
            &topic,
            by_default,
            ("zstd", "idempotent"),
            RECORDS,
            &records,
        );
        records.extend(records.clone());
    }
    partitions.push(records);
    for (partition, records) in partitions.iter().enumerate() {
        // With acks 0 nobody says when the records have arrived.
        let (asked, expected) = (format!("offsets {topic} {partition}"), format!("0 {}", records.len()));
        eventually_is(&format!("{}: {asked}", library.name()), &[expected], || program.run(&asked));
    }
    (program, Written { topic, partitions })
}

#[expect(clippy::too_many_arguments, reason = "each names one thing of the produce command")]
fn produce(
    library: Library,
    program: &mut Program,
    scratch: &Path,
    topic: &str,
    partition: usize,
    (codec, acks): (&str, &str),
    base_offset: usize,
    records: &[Record],
) {
    let file = scratch.join(format!("{topic}-{partition}"));
    record::write(&file, records);
    let command = format!("produce {topic} {partition} {codec} {acks} {}", file.display());
    let offset = program.run(&command);
    if acks != "0" && library.tells_offsets() {
        assert_eq!(offset, [base_offset.to_string()], "{}: {command}", library.name());
    }
}

fn read_all(reader: Library, program: &mut Program, written: &Written) {
    let command = format!("consume {} all earliest {}", written.topic, written.count());
    let found = program.run(&command).into_iter().map(|line| as_read_by(reader, line)).collect();
    assert_same_records(
        &format!("{} reads {}", reader.name(), written.topic),
        found,
        &written.printed(reader),
    );
}

fn kcat_reads(bootstrap: &str, written: &Written) {
    let mut found = kcat::consume(bootstrap, &written.topic, None, "beginning", written.count());
    found.sort_by_key(|shown| shown.partition);
    let expected: Vec<_> = written
        .partitions
        .iter()
        .enumerate()
        .flat_map(|(p, records)| (0..).zip(records).map(move |of| (p, of)))
        .collect();
    assert_eq!(found.len(), expected.len(), "kcat reads {}", written.topic);
    for (shown, (partition, (offset, record))) in found.iter().zip(expected) {
        let place = (shown.partition, shown.offset, shown.timestamp_ms);
        assert_eq!(place, (partition, offset, record.timestamp_ms), "kcat reads {}", written.topic);
        let same = shown.key == record.key && shown.value == record.value;
        assert!(same, "kcat reads {} {partition} {offset}: another key or value", written.topic);
    }
}

#[test]
fn kcat_writes() {
    let broker = Broker::start(Options::shards(2));
    let scratch = broker.scratch();
    let mut reader = Library::Franz.start(broker.bootstrap());
    let topic = topic("from-kcat");
    reader.run(&format!("create {topic} {PARTITIONS}"));
    await_topic(&mut reader, &topic, PARTITIONS);
    let lines = scratch.path().join("lines");
    std::fs::write(&lines, "k1:v1\nk2:\nk3:a longer value\n").expect("lines for kcat");
    for (partition, (codec, acks)) in
        CODECS.iter().flat_map(|codec| ACKS.map(|acks| (codec, acks))).enumerate()
    {
        kcat::produce(broker.bootstrap(), &topic, partition, codec, acks, &lines)
            .unwrap_or_else(|e| panic!("{e}"));
    }
    let records = reader.run(&format!("consume {topic} all earliest {}", 3 * (PARTITIONS - 1)));
    let found: Vec<String> = records.iter().map(|line| without_timestamp(line)).collect();
    let from = format!("{}={}", record::hex(b"from"), record::hex(b"kcat"));
    let expected: Vec<String> = (0..PARTITIONS - 1)
        .flat_map(|p| {
            let fields =
                [("k1", Some("v1")), ("k2", None), ("k3", Some("a longer value"))].into_iter().enumerate();
            let from = &from;
            fields.map(move |(i, (key, value))| {
                let value = value.map_or("null".to_owned(), |v| record::hex(v.as_bytes()));
                format!("{p} {i} {} {value} {from}", record::hex(key.as_bytes()))
            })
        })
        .collect();
    assert_same_records("franz-go reads what kcat wrote", found, &expected);
    let arguments = ["-C", "-q", "-t", &topic, "-p", "3", "-o", "beginning", "-e", "-f", "%o %h %k=%s\n"];
    let shown = kcat::run(broker.bootstrap(), &arguments, None).unwrap_or_else(|e| panic!("{e}"));
    let expected = "0 from=kcat k1=v1\n1 from=kcat k2=\n2 from=kcat k3=a longer value\n";
    assert_eq!(String::from_utf8_lossy(&shown), expected);
}

fn without_timestamp(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    [&words[..2], &words[3..]].concat().join(" ")
}
