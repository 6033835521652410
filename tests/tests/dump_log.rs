//! Kafka's own DumpLogSegments reads the directory without a complaint.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, await_topic, topic};
use jackdaw_tests::dump::{files, tool};
use jackdaw_tests::group_scene::Scene;
use jackdaw_tests::library::Library;
use jackdaw_tests::members::Members;
use jackdaw_tests::record::{self, EVERYTHING};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const RECORDS: usize = 20;

/// Kafka's smallest segment: every big set fills most of one, so that partitions roll.
const SEGMENT_BYTES: &str = "log.segment.bytes=1048576";

/// Big sets a partition: several segments.
const ROUNDS: usize = 3;

#[test]
fn after_a_clean_stop() {
    dump(Broker::terminate);
}

#[test]
fn after_a_kill_and_recovery() {
    dump(|broker| {
        broker.kill();
        broker.restart();
        broker.terminate();
    });
}

fn dump(stop: impl Fn(&mut Broker)) {
    let options = Options::shards(2).with(&[SEGMENT_BYTES, "log.index.interval.bytes=4096"]);
    let Some(mut broker) = Broker::start_to_stop(options) else { return };
    let topic = topic("dumped");
    fill(&broker, &topic);
    stop(&mut broker);

    let logs = files(&broker.data_dir(), &topic, &[".log"]);
    assert!(logs.len() >= 2 * CODECS.len(), "partitions have rolled: {logs:?}");
    let batches = tool(&["--deep-iteration"], &logs);
    let lines = || batches.lines();
    assert_eq!(lines().filter(|line| line.contains("isvalid: false")).count(), 0, "{batches}");
    let records = CODECS.len() * ROUNDS * 2 * RECORDS;
    assert_eq!(
        lines().filter(|line| line.starts_with("| offset:") && line.contains("sequence:")).count(),
        records
    );
    for codec in CODECS {
        let named = format!("compresscodec: {codec}");
        assert!(lines().any(|line| line.contains(&named)), "no batch with {codec}");
    }

    let indexes = files(&broker.data_dir(), &topic, &[".index", ".timeindex"]);
    let checked = tool(&["--index-sanity-check"], &indexes);
    let passed = |line: &&str| line.ends_with("passed sanity check.") || line.ends_with("index is empty.");
    let passed = checked.lines().filter(passed).count();
    assert_eq!(passed, indexes.len(), "{checked}");
    // The entries of both against the log beside them.
    tool(&["--verify-index-only"], &indexes);

    let snapshots = files(&broker.data_dir(), &topic, &[".snapshot"]);
    assert!(!snapshots.is_empty(), "a partition with an idempotent producer has snapshots");
    let producers = tool(&[], &snapshots);
    assert!(producers.contains("producerId:"), "{producers}");

    let metadata = files(&broker.data_dir(), "__cluster_metadata", &[".log", ".checkpoint"]);
    let decoded = tool(&["--cluster-metadata-decoder"], &metadata);
    for kind in ["FEATURE_LEVEL_RECORD", "REGISTER_BROKER_RECORD", "TOPIC_RECORD", "PARTITION_RECORD"] {
        assert!(decoded.contains(&format!("\"{kind}\"")), "no {kind} in\n{decoded}");
    }
}

/// The kinds of records as the decoder names them, by protocol.
const CLASSIC_KINDS: &[&str] = &["\"type\":\"1\"", "\"type\":\"2\""];
const CONSUMER_KINDS: &[&str] = &[
    "\"type\":\"1\"",
    "\"type\":\"3\"",
    "\"type\":\"5\"",
    "\"type\":\"6\"",
    "\"type\":\"7\"",
    "\"type\":\"8\"",
];

/// What groups of both protocols leave in `__consumer_offsets`, by its own decoder.
#[test]
fn offsets_topic() {
    let Some(mut broker) = Broker::start_to_stop(Options::groups(2)) else { return };
    let bootstrap = broker.bootstrap().to_owned();
    let members = Members::start(Library::Confluent, &bootstrap);
    let mut scenes =
        ["range", "consumer"].map(|protocol| Scene::open(&bootstrap, &members, protocol, "dumped"));
    for scene in &mut scenes {
        scene.start_load();
        ["a", "b"].iter().for_each(|member| scene.join(member, &[]));
        scene.await_shares(&[6, 6]);
        scene.await_progress();
        let end = scene.stop_load();
        scene.await_end(end);
    }
    // While the groups have their members: an empty group's record says less.
    broker.terminate();
    let logs = files(&broker.data_dir(), "__consumer_offsets", &[".log"]);
    let decoded = tool(&["--offsets-decoder", "--print-data-log"], &logs);
    let records: Vec<&str> = decoded.lines().filter(|line| line.contains(" key: {")).collect();
    for (scene, kinds) in scenes.iter().zip([CLASSIC_KINDS, CONSUMER_KINDS]) {
        let of_group: Vec<&&str> = records.iter().filter(|line| line.contains(&scene.group)).collect();
        for kind in kinds {
            assert!(of_group.iter().any(|line| line.contains(kind)), "no {kind} in\n{of_group:#?}");
        }
    }
    assert!(!records.iter().any(|line| line.contains("unknown::")), "{records:#?}");
}

/// A partition a codec, with plain and with idempotent batches.
fn fill(broker: &Broker, topic: &str) {
    let scratch = broker.scratch();
    let mut writer = Library::Confluent.start(broker.bootstrap());
    writer.run(&format!("create {topic} {}", CODECS.len()));
    await_topic(&mut writer, topic, CODECS.len());
    let file = scratch.path().join("records");
    for round in 0..ROUNDS {
        record::write(&file, &record::make_big(round as u64, RECORDS, an_hour_ago_ms(), EVERYTHING));
        for (partition, codec) in CODECS.iter().enumerate() {
            for acks in ["all", "idempotent"] {
                writer.run(&format!("produce {topic} {partition} {codec} {acks} {}", file.display()));
            }
        }
    }
}
