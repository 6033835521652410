//! SIGTERM and start again: what was there is there, and what comes next continues it.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, assert_gone, assert_same_records, await_topic, topic};
use jackdaw_tests::library::Library::{self, Confluent, Franz, Java, Sarama};
use jackdaw_tests::record::{self, EVERYTHING};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const RECORDS: usize = 20;

/// Their programs live through the restart, with connections, metadata and producer ids from before it.
const CLIENTS: [Library; 4] = [Java, Confluent, Franz, Sarama];

#[test]
fn one_shard() {
    restart(1, 1);
}

#[test]
fn two_shards() {
    restart(2, 2);
}

#[test]
fn every_shard_count_finds_what_another_wrote() {
    restart(2, 1);
}

fn restart(shards_before: u32, shards_after: u32) {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(shards_before)) else { return };
    let scratch = broker.scratch();
    let mut programs = CLIENTS.map(|library| library.start(broker.bootstrap()));
    let mut topics = Vec::new();
    for program in &mut programs {
        let topic = topic(&format!("restart-{}", program.name()));
        program.run(&format!("create {topic} {}", CODECS.len()));
        await_topic(program, &topic, CODECS.len());
        topics.push(topic);
    }
    let deleted = topic("deleted");
    programs[0].run(&format!("create {deleted} 3"));
    await_topic(&mut programs[0], &deleted, 3);
    programs[0].run(&format!("delete {deleted}"));
    assert_gone(&mut programs[0], &deleted);

    let records: Vec<_> =
        (0..3).map(|round| record::make(round, RECORDS, an_hour_ago_ms(), EVERYTHING)).collect();
    for (round, batch) in records.iter().enumerate() {
        let file = scratch.path().join("records");
        record::write(&file, batch);
        for (program, topic) in programs.iter_mut().zip(&topics) {
            for (partition, codec) in CODECS.iter().enumerate() {
                let command = format!("produce {topic} {partition} {codec} idempotent {}", file.display());
                assert_eq!(
                    program.run(&command),
                    [(round * RECORDS).to_string()],
                    "{}: {command}",
                    program.name()
                );
            }
        }
        broker.terminate();
        broker.reshard(if round == 0 { shards_after } else { shards_before });
        broker.restart();
    }

    let mut fresh = Franz.start(broker.bootstrap());
    let all = records.concat();
    let expected: Vec<String> = (0..CODECS.len()).flat_map(|p| record::printed(p, 0, &all)).collect();
    for (program, topic) in programs.iter_mut().zip(&topics) {
        let command = format!("consume {topic} all earliest {}", expected.len());
        assert_same_records(&format!("{} reads {topic}", program.name()), program.run(&command), &expected);
        assert_same_records(&format!("a new client reads {topic}"), fresh.run(&command), &expected);
    }
    assert_gone(&mut fresh, &deleted);
}
