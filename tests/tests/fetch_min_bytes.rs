//! Fetches that ask for more than they can get: they are answered with what there is, and not kept waiting. A broker that
//! keeps them is found out by the deadline of the connection.

use jackdaw_core::protocol::messages::{FetchRequest, FetchResponse};
use jackdaw_tests::{
    broker::{Broker, Options},
    checks::topic,
    requests::{Topic, batch, create_with, fetch_request, produce},
    wire::Connection,
};

const VERSION: i16 = 17;
const BATCH_BYTES: usize = 600 << 10;
const FOR_EVER_MS: i32 = 600_000;

/// A partition with a segment for each of these batches.
fn write(connection: &mut Connection, name: &str, batches: usize) -> Topic {
    let topic = create_with(connection, &topic(name), 1, &[("segment.bytes", "1048576")]);
    let value = "x".repeat(BATCH_BYTES);
    for _ in 0..batches {
        assert_eq!(produce(connection, &topic, 0, batch(&[&value], None)).error_code, 0);
    }
    topic
}

fn fetch(connection: &mut Connection, topic: &Topic, min_bytes: i32, max_bytes: i32) -> FetchResponse {
    let mut request = fetch_request(topic, VERSION, 0, 0, FOR_EVER_MS);
    (request.min_bytes, request.max_bytes) = (min_bytes, max_bytes);
    request.topics[0].partitions[0].partition_max_bytes = 50 << 20;
    connection.call::<FetchRequest>(&request, VERSION)
}

fn records_bytes(response: &FetchResponse) -> usize {
    response.responses[0].partitions[0].records.as_ref().map_or(0, |records| records.len())
}

/// `fetch.min.bytes` above `fetch.max.bytes`.
#[test]
fn more_than_an_answer_may_hold() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = write(&mut connection, "beyond", 1);
    let response = fetch(&mut connection, &topic, 50 << 20, 100 << 10);
    assert!(records_bytes(&response) >= BATCH_BYTES, "{}", records_bytes(&response));
}

/// A reader that is behind gets what is left of an old segment at once, as in Apache Kafka.
#[test]
fn more_than_an_old_segment_has() {
    for shards in [1, 2] {
        let broker = Broker::start(Options::shards(shards));
        let mut connection = Connection::open(broker.bootstrap());
        let topic = write(&mut connection, "behind", 3);
        let response = fetch(&mut connection, &topic, 20 << 20, 50 << 20);
        let size_bytes = records_bytes(&response);
        assert!((BATCH_BYTES..2 * BATCH_BYTES).contains(&size_bytes), "{size_bytes}");
    }
}
