//! Fetch sessions (KIP-227): what is told, what is not told again, and two connections that share one.

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::FetchRequest;
use jackdaw_core::protocol::messages::fetch::{FetchResponse, ForgottenTopic};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::{Topic, batch, create, fetch_request, produce};
use jackdaw_tests::wire::Connection;

const VERSION: i16 = 17;

fn full(topic: &Topic, partitions: i32) -> FetchRequest {
    let mut request = fetch_request(topic, VERSION, 0, 0, 0);
    request.session_epoch = 0;
    let one = request.topics[0].partitions[0].clone();
    request.topics[0].partitions = (0..partitions)
        .map(|partition| {
            let mut of = one.clone();
            of.partition = partition;
            of
        })
        .collect();
    request
}

fn next(session_id: i32, session_epoch: i32, max_wait_ms: i32) -> FetchRequest {
    FetchRequest {
        session_id,
        session_epoch,
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        topics: vec![],
        ..FetchRequest::default()
    }
}

fn partitions(response: &FetchResponse) -> Vec<i32> {
    response.responses.iter().flat_map(|topic| topic.partitions.iter().map(|of| of.partition_index)).collect()
}

#[test]
fn an_incremental_answer_has_what_is_new() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("session"), 3);
    let first = connection.call(&full(&topic, 3), VERSION);
    assert_ne!(first.session_id, 0);
    assert_eq!(partitions(&first), [0, 1, 2]);
    let quiet = connection.call(&next(first.session_id, 1, 0), VERSION);
    assert_eq!((quiet.error_code, partitions(&quiet)), (0, vec![]), "nothing is new");
    produce(&mut connection, &topic, 1, batch(&["news"], None));
    let news = connection.call(&next(first.session_id, 2, 0), VERSION);
    assert_eq!((news.session_id, partitions(&news)), (first.session_id, vec![1]));
    let wrong_epoch = connection.call(&next(first.session_id, 7, 0), VERSION);
    assert_eq!(wrong_epoch.error_code, ErrorCode::InvalidFetchSessionEpoch.code());
    let wrong_id = connection.call(&next(first.session_id.wrapping_add(1).max(1), 3, 0), VERSION);
    assert_eq!(wrong_id.error_code, ErrorCode::FetchSessionIdNotFound.code());
}

/// A second connection changes the session while a fetch of the first waits: neither may stop the broker.
#[test]
fn two_connections_may_share_a_session() {
    let broker = Broker::start(Options::shards(1));
    let mut first = Connection::open(broker.bootstrap());
    let mut second = Connection::open(broker.bootstrap());
    let topic = create(&mut first, &topic("shared"), 2);
    let session_id = first.call(&full(&topic, 2), VERSION).session_id;
    first.send(&next(session_id, 1, 1000), VERSION);
    // The first fetch must be waiting when the second comes: ask until the session has moved on.
    let mut forget = next(session_id, 2, 0);
    let forgotten = ForgottenTopic { topic_id: topic.id, partitions: vec![0], ..Default::default() };
    forget.forgotten_topics_data = vec![forgotten];
    while second.call(&forget, VERSION).error_code == ErrorCode::InvalidFetchSessionEpoch.code() {}
    let (_, answer) = first.answer::<FetchRequest>(VERSION);
    assert_eq!(answer.error_code, 0);
    let still = second.call(&next(session_id, 3, 0), VERSION);
    assert_eq!(still.error_code, 0, "the broker goes on: {still:?}");
}
