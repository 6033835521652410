//! Topics that come and go under one name, with kills in between: records of the old one are never served as the new
//! one's, and no checkpoint of the old one speaks for the new.

use jackdaw_core::protocol::messages::DeleteTopicsRequest;
use jackdaw_core::protocol::messages::delete_topics::DeleteTopicState;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::{batch, create, end_offset, fetch, produce};
use jackdaw_tests::wire::Connection;

const PARTITIONS: i32 = 4;

fn delete(connection: &mut Connection, name: &str) {
    let state = DeleteTopicState { name: Some(name.to_owned()), ..Default::default() };
    let request = DeleteTopicsRequest { topics: vec![state], timeout_ms: 30_000, ..Default::default() };
    let response = connection.call(&request, 6);
    assert_eq!(response.responses[0].error_code, 0, "{response:?}");
}

#[test]
fn a_recreated_topic_begins_anew() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let name = topic("again");
    for round in 0..4 {
        let mut connection = Connection::open(broker.bootstrap());
        let old = create(&mut connection, &name, PARTITIONS);
        for partition in 0..PARTITIONS {
            for _ in 0..20 {
                produce(&mut connection, &old, partition, batch(&["old"], None));
            }
        }
        // A clean stop leaves recovery points at the end of the old logs.
        broker.terminate();
        broker.restart();
        let mut connection = Connection::open(broker.bootstrap());
        delete(&mut connection, &name);
        let new = create(&mut connection, &name, PARTITIONS);
        assert_ne!(new.id, old.id);
        for partition in 0..PARTITIONS {
            assert_eq!(end_offset(&mut connection, &name, partition), 0, "round {round}");
            produce(&mut connection, &new, partition, batch(&["new"], None));
        }
        broker.kill();
        broker.restart();
        let mut connection = Connection::open(broker.bootstrap());
        for partition in 0..PARTITIONS {
            let found = fetch(&mut connection, &new, 17, partition, 0);
            assert_eq!((found.error_code, found.high_watermark), (0, 1), "round {round}: {found:?}");
        }
        delete(&mut connection, &name);
    }
}
