//! The idempotent producer as the wire shows it: five batches remembered, gaps and old epochs refused, all of it after a restart too.

use jackdaw_core::protocol::messages::produce::PartitionProduceResponse;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::requests::{Topic, batch, create, create_with, end_offset, init_producer, produce};
use jackdaw_tests::wire::Connection;

const NONE: i16 = 0;
const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
const INVALID_PRODUCER_EPOCH: i16 = 47;

/// Batches that the broker remembers of a producer on a partition.
const REMEMBERED: i32 = 5;
const RECORDS_A_BATCH: i32 = 2;

struct Producer<'a> {
    connection: Connection,
    topic: &'a Topic,
    id: i64,
    epoch: i16,
}

impl Producer<'_> {
    fn send(&mut self, epoch: i16, sequence: i32) -> PartitionProduceResponse {
        let records = batch(&["a", "b"], Some((self.id, epoch, sequence)));
        produce(&mut self.connection, self.topic, 0, records)
    }

    /// The n-th batch of two records.
    fn batch(&mut self, n: i32) -> PartitionProduceResponse {
        self.send(self.epoch, n * RECORDS_A_BATCH)
    }

    fn expect(&mut self, n: i32, error_code: i16) {
        let answer = self.batch(n);
        assert_eq!(answer.error_code, error_code, "batch {n}: {answer:?}");
        if error_code == NONE {
            assert_eq!(answer.base_offset, i64::from(n * RECORDS_A_BATCH), "batch {n}: {answer:?}");
        }
    }
}

/// A producer that sends a batch again learns when it was stored, not that nothing is known.
#[test]
fn duplicates_get_the_time_of_their_append() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    let stamped = [("message.timestamp.type", "LogAppendTime")];
    let topic = create_with(&mut connection, &topic("stamped"), 1, &stamped);
    let (id, epoch) = init_producer(&mut connection);
    let mut producer = Producer { connection, topic: &topic, id, epoch };
    let (first, again) = (producer.batch(0), producer.batch(0));
    assert!(first.log_append_time_ms > 0, "{first:?}");
    assert_eq!(again, first);
}

#[test]
fn duplicates_get_their_first_offsets() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("idempotent"), 1);
    let (id, epoch) = init_producer(&mut connection);
    let mut producer = Producer { connection, topic: &topic, id, epoch };
    for n in 0..7 {
        producer.expect(n, NONE);
    }
    for n in 7 - REMEMBERED..7 {
        producer.expect(n, NONE);
    }
    producer.expect(7 - REMEMBERED - 1, OUT_OF_ORDER_SEQUENCE_NUMBER);
    producer.expect(8, OUT_OF_ORDER_SEQUENCE_NUMBER);
    // One more epoch must start at 0; the old one is fenced then.
    assert_eq!(producer.send(epoch + 1, 14).error_code, OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(producer.send(epoch + 1, 0).error_code, NONE);
    assert_eq!(producer.send(epoch, 14).error_code, INVALID_PRODUCER_EPOCH);
    assert_eq!(end_offset(&mut producer.connection, &topic.name, 0), 16);
}

/// A snapshot in Kafka's form holds a producer's last batch and no more: so much is known after a clean stop.
#[test]
fn the_last_batch_is_known_after_sigterm() {
    remembered_after(1, |broker| {
        broker.terminate();
        broker.restart();
    });
}

#[test]
fn the_last_batch_is_known_after_sigkill() {
    remembered_after(1, |broker| {
        broker.kill();
        broker.restart();
    });
}

/// Here we ask more of ourselves than Kafka, which knows the last batch alone and answers 45 to the others: a producer
/// with five batches in flight sends them all again after a crash, and the log still has what is needed to know them.
#[test]
fn five_batches_are_known_after_sigkill() {
    remembered_after(REMEMBERED, |broker| {
        broker.kill();
        broker.restart();
    });
}

fn remembered_after(known: i32, restart: impl Fn(&mut Broker)) {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("idempotent"), 1);
    let (id, epoch) = init_producer(&mut connection);
    let mut producer = Producer { connection, topic: &topic, id, epoch };
    for n in 0..7 {
        producer.expect(n, NONE);
    }
    restart(&mut broker);
    producer.connection = Connection::open(broker.bootstrap());
    eventually("the partition has its leader again", || producer.batch(6).error_code == NONE);
    for n in 7 - known..7 {
        producer.expect(n, NONE);
    }
    producer.expect(8, OUT_OF_ORDER_SEQUENCE_NUMBER);
    producer.expect(7, NONE);
    // The ids given before are not given again.
    assert_ne!(init_producer(&mut producer.connection).0, id);
    assert_eq!(end_offset(&mut producer.connection, &topic.name, 0), 16);
}
