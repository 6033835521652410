//! A topic's flush policy: answers wait for the flush that it promises, and every answer comes.

use jackdaw_core::protocol::messages::ProduceRequest;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::{batch, create_with, end_offset, init_producer, produce, produce_request};
use jackdaw_tests::wire::Connection;

const BATCHES: i32 = 40;

/// With a policy of several messages the last batch of a burst must not wait for batches that never come.
#[test]
fn every_batch_of_a_burst_is_answered() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    for policy in ["1", "2", "3", "7"] {
        let configs = [("flush.messages", policy)];
        let topic = create_with(&mut connection, &topic("flushed"), 1, &configs);
        for _ in 0..BATCHES {
            connection.send(&produce_request(&topic, 13, 0, -1, batch(&["x"], None)), 13);
        }
        for offset in 0..BATCHES {
            let (_, response) = connection.answer::<ProduceRequest>(13);
            let partition = &response.responses[0].partition_responses[0];
            assert_eq!((partition.error_code, partition.base_offset), (0, i64::from(offset)), "{policy}");
        }
        assert_eq!(end_offset(&mut connection, &topic.name, 0), i64::from(BATCHES));
    }
}

/// A batch that was written before a kill and is sent again gets its first offset, under a flush policy too.
#[test]
fn a_duplicate_is_answered_after_sigkill() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(1)) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create_with(&mut connection, &topic("duplicate"), 1, &[("flush.messages", "1")]);
    let (id, epoch) = init_producer(&mut connection);
    let records = batch(&["once"], Some((id, epoch, 0)));
    assert_eq!(produce(&mut connection, &topic, 0, records.clone()).base_offset, 0);
    broker.kill();
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    let again = produce(&mut connection, &topic, 0, records);
    assert_eq!((again.error_code, again.base_offset), (0, 0), "{again:?}");
    assert_eq!(end_offset(&mut connection, &topic.name, 0), 1);
}
