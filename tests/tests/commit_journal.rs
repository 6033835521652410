//! The commit journal of many partitions that wait for the disk: over its halves, stops and kills, and Apache Kafka after us.

use jackdaw_core::protocol::messages::ProduceRequest;
use jackdaw_tests::broker::{Broker, Kind, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::{Topic, await_end_offset, batch, create_with, produce_request};
use jackdaw_tests::wire::Connection;

const PARTITIONS: i32 = 20;
/// Halves of 20 KB are full after a few rounds.
const SMALL: [&str; 1] = ["jackdaw.journal.bytes=40000"];

/// A clean stop leaves no journal, and after a kill all is there.
#[test]
fn many_partitions_share_a_journal() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2).with(&SMALL)) else { return };
    let topic = create(&broker);
    let mut count = 0;
    for is_kill in [false, true, true, false] {
        produce_to_all(&broker, &topic, &mut count, 60);
        assert!(!journals(&broker).is_empty(), "the journal was made");
        if is_kill {
            broker.kill();
        } else {
            broker.terminate();
            assert_eq!(journals(&broker), [""; 0], "a clean stop leaves Kafka's own files alone");
        }
        broker.restart();
        assert_ends(&broker, &topic, count);
    }
}

/// Apache Kafka passes over the journal of a killed broker, finds all in the segments, and goes on; after its clean stop
/// the journal is void for us.
#[test]
fn apache_kafka_goes_on_after_a_kill() {
    let options = Options::shards(2).with(&SMALL).expecting(&["its journal is void"]);
    let mut broker = Broker::start_kind(Kind::Jackdaw, options);
    let topic = create(&broker);
    let mut count = 0;
    produce_to_all(&broker, &topic, &mut count, 30);
    broker.kill();
    assert!(!journals(&broker).is_empty(), "the kill leaves it");
    broker.restart_as(Kind::Apache);
    assert_ends(&broker, &topic, count);
    produce_to_all(&broker, &topic, &mut count, 2);
    broker.terminate();
    broker.restart_as(Kind::Jackdaw);
    assert_ends(&broker, &topic, count);
    assert_eq!(journals(&broker), [""; 0], "it is gone until somebody waits for the disk");
}

fn create(broker: &Broker) -> Topic {
    let mut connection = Connection::open(broker.bootstrap());
    create_with(&mut connection, &topic("shared"), PARTITIONS, &[("flush.messages", "1")])
}

/// To every partition at once, so many times.
fn produce_to_all(broker: &Broker, topic: &Topic, count: &mut i64, times: i64) {
    let mut connection = Connection::open(broker.bootstrap());
    for _ in 0..times {
        for partition in 0..PARTITIONS {
            connection.send(&produce_request(topic, 13, partition, -1, batch(&["x"], None)), 13);
        }
        for _ in 0..PARTITIONS {
            let (_, response) = connection.answer::<ProduceRequest>(13);
            let partition = &response.responses[0].partition_responses[0];
            assert_eq!((partition.error_code, partition.base_offset), (0, *count));
        }
        *count += 1;
    }
}

fn assert_ends(broker: &Broker, topic: &Topic, count: i64) {
    let mut connection = Connection::open(broker.bootstrap());
    for partition in 0..PARTITIONS {
        // Apache Kafka serves before it leads all partitions.
        let end = await_end_offset(&mut connection, &topic.name, partition);
        assert_eq!(end, count, "partition {partition}");
    }
}

fn journals(broker: &Broker) -> Vec<String> {
    let entries = std::fs::read_dir(broker.data_dir()).expect("the log directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("jackdaw-journal-")).collect()
}
