//! A topic's flush policy: answers wait for the flush that it promises, and every answer comes.

use jackdaw_core::protocol::messages::ProduceRequest;
use jackdaw_core::protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::requests::{
    Topic, batch, create, create_with, end_offset, init_producer, produce, produce_request,
};
use jackdaw_tests::wire::Connection;

const BATCHES: i32 = 40;
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

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

/// What tells of flushes: `recovery-point-offset-checkpoint`, written all the time.
const TOLD: [&str; 2] = ["replica.high.watermark.checkpoint.interval.ms=50", "jackdaw.journal.bytes=0"];

/// The line of a partition in `recovery-point-offset-checkpoint`.
fn recovery_point(broker: &Broker, topic: &str) -> Option<i64> {
    let path = broker.data_dir().join("recovery-point-offset-checkpoint");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let start = format!("{topic} 0 ");
    text.lines().find_map(|line| line.strip_prefix(&start)).map(|offset| offset.parse().expect("an offset"))
}

fn produce_one_by_one(connection: &mut Connection, topic: &Topic, count: i64) {
    for _ in 0..count {
        assert_eq!(produce(connection, topic, 0, batch(&["x"], None)).error_code, 0);
    }
}

fn alter(connection: &mut Connection, kind: i8, name: &str, key: &str, value: Option<&str>) {
    let config = AlterableConfig {
        name: key.to_owned(),
        config_operation: i8::from(value.is_none()),
        value: value.map(str::to_owned),
    };
    let resource =
        AlterConfigsResource { resource_type: kind, resource_name: name.to_owned(), configs: vec![config] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(connection.call(&request, 1).responses[0].error_code, 0);
}

/// `flush.messages` and `log.flush.interval.messages`: every so many messages, counted from the last flush, also when
/// they are set while the node runs. Kafka flushes when the log has N messages behind its recovery point.
#[test]
fn every_so_many_messages() {
    let broker = Broker::start(Options::shards(1).with(&TOLD));
    let mut connection = Connection::open(broker.bootstrap());
    let own = create_with(&mut connection, &topic("own"), 1, &[("flush.messages", "3")]);
    let other = create(&mut connection, &topic("inherits"), 1);
    let flushed_to = |topic: &Topic, offset: i64| {
        let what = format!("{} is flushed to {offset}", topic.name);
        eventually(&what, || recovery_point(&broker, &topic.name) == Some(offset));
    };
    // One request after the other: the fourth and fifth wait for a sixth.
    produce_one_by_one(&mut connection, &own, 5);
    flushed_to(&own, 3);
    produce_one_by_one(&mut connection, &own, 1);
    flushed_to(&own, 6);
    produce_one_by_one(&mut connection, &other, 5);
    assert_eq!(recovery_point(&broker, &other.name), Some(0), "nobody asked for a flush");

    alter(&mut connection, BROKER, "", "log.flush.interval.messages", Some("4"));
    produce_one_by_one(&mut connection, &other, 1);
    flushed_to(&other, 6);
    produce_one_by_one(&mut connection, &own, 3);
    flushed_to(&own, 9);
    alter(&mut connection, TOPIC, &own.name, "flush.messages", Some("2"));
    produce_one_by_one(&mut connection, &own, 2);
    flushed_to(&own, 11);
    alter(&mut connection, TOPIC, &own.name, "flush.messages", None);
    produce_one_by_one(&mut connection, &own, 4);
    flushed_to(&own, 15);
    produce_one_by_one(&mut connection, &own, 3);
    assert_eq!(recovery_point(&broker, &own.name), Some(15));
}

/// `flush.ms` and `log.flush.interval.ms`, looked at every `log.flush.scheduler.interval.ms`, which stands in for it.
#[test]
fn every_so_many_milliseconds() {
    let scheduler = "log.flush.scheduler.interval.ms=20";
    let never = "log.flush.interval.ms=9223372036854775807";
    for (overrides, of_topic, of_broker) in [
        (vec![scheduler, never], Some("50"), None),
        (vec![scheduler, never], None, Some("50")),
        (vec![scheduler], None, None),
        (vec![scheduler, "log.flush.interval.ms=50"], None, None),
    ] {
        let broker = Broker::start(Options::shards(1).with(&TOLD).with(&overrides));
        let mut connection = Connection::open(broker.bootstrap());
        let topic = create(&mut connection, &topic("aged"), 1);
        produce_one_by_one(&mut connection, &topic, 2);
        if let Some(value) = of_topic {
            alter(&mut connection, TOPIC, &topic.name, "flush.ms", Some(value));
        }
        if let Some(value) = of_broker {
            alter(&mut connection, BROKER, "", "log.flush.interval.ms", Some(value));
        }
        eventually("what lies for long is flushed", || recovery_point(&broker, &topic.name) == Some(2));
    }
}

/// `log.flush.scheduler.interval.ms` is "never" by default, and then no topic's `flush.ms` does anything, as in Kafka.
#[test]
fn nothing_is_flushed_by_age_by_default() {
    let broker = Broker::start(Options::shards(1).with(&TOLD));
    let mut connection = Connection::open(broker.bootstrap());
    let young = create_with(&mut connection, &topic("young"), 1, &[("flush.ms", "0")]);
    let told = create_with(&mut connection, &topic("told"), 1, &[("flush.messages", "1")]);
    produce_one_by_one(&mut connection, &young, 2);
    for count in 1..=3 {
        // Each look at the files is of a later write of them.
        produce_one_by_one(&mut connection, &told, 1);
        eventually("the files are written", || recovery_point(&broker, &told.name) == Some(count));
    }
    assert_eq!(recovery_point(&broker, &young.name), Some(0));
}
