//! Many requests sent at once on one connection: answered all, in order, and appended in order.

use jackdaw_core::protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, ProduceRequest};
use jackdaw_core::protocol::{ApiKey, Request};
use jackdaw_core::records::{Batches, Records};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::{batch, create, end_offset, fetch, fetch_request, produce_request};
use jackdaw_tests::wire::Connection;

const PARTITIONS: i32 = 4;
const ROUNDS: i32 = 200;

#[test]
fn one_shard() {
    answered_in_order(1);
}

#[test]
fn two_shards() {
    answered_in_order(2);
}

/// Sends rounds of mixed requests without reading, then reads all answers. With two shards most produces go to another
/// shard while the requests between them are answered at once: their order must hold all the same.
fn answered_in_order(shards: u32) {
    let broker = Broker::start(Options::shards(shards));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("pipelined"), PARTITIONS);
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        let acks = [-1, 1][round as usize % 2];
        let produce =
            produce_request(&topic, 13, round % PARTITIONS, acks, batch(&[&round.to_string()], None));
        sent.push((ProduceRequest::KEY, connection.send(&produce, 13)));
        match round % 4 {
            0 => sent.push((MetadataRequest::KEY, connection.send(&MetadataRequest::default(), 12))),
            1 => sent.push((
                FetchRequest::KEY,
                connection.send(&fetch_request(&topic, 17, round % PARTITIONS, 0, 100), 17),
            )),
            2 => sent.push((ApiVersionsRequest::KEY, connection.send(&ApiVersionsRequest::default(), 3))),
            _ => {}
        }
        // Not answered at all: the next answer must not take its place.
        let unanswered =
            produce_request(&topic, 13, (round + 1) % PARTITIONS, 0, batch(&["unanswered"], None));
        connection.send(&unanswered, 13);
    }
    for (key, correlation_id) in sent {
        let answered = match key {
            ApiKey::Produce => {
                let (id, response) = connection.answer::<ProduceRequest>(13);
                assert_eq!(response.responses[0].partition_responses[0].error_code, 0, "{response:?}");
                id
            }
            ApiKey::Fetch => connection.answer::<FetchRequest>(17).0,
            ApiKey::Metadata => connection.answer::<MetadataRequest>(12).0,
            _ => connection.answer::<ApiVersionsRequest>(3).0,
        };
        assert_eq!(answered, correlation_id, "{key:?}");
    }
    let total: i64 = (0..PARTITIONS).map(|p| end_offset(&mut connection, &topic.name, p)).sum();
    assert_eq!(total, i64::from(2 * ROUNDS));
    for partition in 0..PARTITIONS {
        let numbers = numbers_of(&mut connection, &topic, partition);
        let expected: Vec<i32> = (0..ROUNDS).filter(|round| round % PARTITIONS == partition).collect();
        assert_eq!(numbers, expected, "partition {partition}");
    }
}

/// The values of a partition that are numbers, in order.
fn numbers_of(
    connection: &mut Connection,
    topic: &jackdaw_tests::requests::Topic,
    partition: i32,
) -> Vec<i32> {
    let records = fetch(connection, topic, 17, partition, 0).records.expect("records");
    let mut numbers = Vec::new();
    for batch in Batches::new(&records) {
        let batch = batch.expect("a whole batch");
        for record in Records::new(batch.body(), batch.header().records_count()) {
            let value = record.expect("a record").value.expect("a value");
            numbers.extend(std::str::from_utf8(value).ok().and_then(|text| text.parse::<i32>().ok()));
        }
    }
    numbers
}
