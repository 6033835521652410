//! What a broken or hostile peer sends: the connection is closed where Kafka closes it, and the broker goes on.

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use jackdaw_core::protocol::{Message as _, Reader};
use jackdaw_core::records::{BatchBuilder, NewRecord};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, topic};
use jackdaw_tests::requests::{batch, create, end_offset, init_producer, produce};
use jackdaw_tests::wire::{Connection, frame};

const UNSUPPORTED_VERSION: i16 = 35;
const CORRUPT_MESSAGE: i16 = 2;
const API_VERSIONS: i16 = 18;
const METADATA: i16 = 3;

fn broker() -> Broker {
    // A peer's mistake may be told at WARN: it is not the broker's.
    Broker::start(Options::shards(2).expecting(&["closed", "clos", "malformed", "unknown", "unsupported"]))
}

/// The broker serves others, whatever one peer did.
fn assert_serves(broker: &Broker) {
    let response = Connection::open(broker.bootstrap()).call(&ApiVersionsRequest::default(), 0);
    assert_eq!(response.error_code, 0);
}

fn assert_closed(broker: &Broker, what: &str, bytes: &[u8]) {
    let mut connection = Connection::open(broker.bootstrap());
    connection.send_raw(bytes);
    assert!(connection.is_closed(), "{what}: the connection stays open");
    assert_serves(broker);
}

#[test]
fn what_is_not_a_request_closes_the_connection() {
    let broker = broker();
    let cases: [(&str, Vec<u8>); 8] = [
        ("an unknown api key", frame(9999, 0, 1, &[])),
        ("a negative api key", frame(-1, 0, 1, &[])),
        ("an unknown version", frame(METADATA, 99, 1, &[])),
        ("a negative version", frame(METADATA, -1, 1, &[])),
        ("a negative length", (-1_i32).to_be_bytes().to_vec()),
        ("a length above the limit", i32::MAX.to_be_bytes().to_vec()),
        ("a frame too short for a header", [0, 0, 0, 2, 0, 3].to_vec()),
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
    ];
    for (what, bytes) in cases {
        assert_closed(&broker, what, &bytes);
    }
}

#[test]
fn what_claims_more_than_it_has_closes_the_connection() {
    let broker = broker();
    // Metadata 1 with a count of topics that the frame cannot hold; a topic's name longer than the frame.
    let counts = [i32::MAX.to_be_bytes().to_vec(), [0, 0, 0, 1, 0x7f, 0xff, b'x'].to_vec()];
    for body in counts {
        assert_closed(&broker, &format!("{body:?}"), &frame(METADATA, 1, 1, &body));
    }
}

#[test]
fn a_frame_cut_short_is_dropped() {
    let broker = broker();
    let whole = frame(METADATA, 1, 1, &[0xff, 0xff, 0xff, 0xff]);
    for end in 1..whole.len() {
        let mut connection = Connection::open(broker.bootstrap());
        connection.send_raw(&whole[..end]);
        connection.end_sending();
        assert!(connection.is_closed(), "{end} bytes of {} are answered", whole.len());
    }
    assert_serves(&broker);
}

#[test]
fn a_frame_in_single_bytes_is_answered() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    for byte in frame(API_VERSIONS, 0, 42, &[]) {
        connection.send_raw(&[byte]);
    }
    assert_eq!(connection.receive()[..6], [0, 0, 0, 42, 0, 0]);
}

#[test]
fn api_versions_of_the_future_is_answered_in_version_0() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    connection.send_raw(&frame(API_VERSIONS, 99, 5, &[0]));
    let answer = bytes::Bytes::from(connection.receive());
    let mut reader = Reader::new(&answer);
    assert_eq!(reader.i32().expect("a correlation id"), 5);
    let response = ApiVersionsResponse::decode(&mut reader, 0).expect("version 0");
    assert_eq!(response.error_code, UNSUPPORTED_VERSION);
    let own = response.api_keys.iter().find(|key| key.api_key == API_VERSIONS).expect("its own versions");
    assert!(own.max_version >= 4);
    // And the connection goes on.
    assert_eq!(connection.call(&ApiVersionsRequest::default(), 0).error_code, 0);
}

#[test]
fn a_damaged_batch_is_refused_and_changes_nothing() {
    let broker = broker();
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("damaged"), 1);
    let good = batch(&["good"], None);
    assert_eq!(produce(&mut connection, &topic, 0, good.clone()).error_code, 0);
    let mut damaged = good.to_vec();
    *damaged.last_mut().expect("bytes") ^= 1;
    assert_eq!(produce(&mut connection, &topic, 0, damaged.into()).error_code, CORRUPT_MESSAGE);
    assert_eq!(end_offset(&mut connection, &topic.name, 0), 1);
    assert_eq!(produce(&mut connection, &topic, 0, good).base_offset, 1);
}

/// A transaction that nobody can end would hold readers up for ever: Kafka, too, refuses it with 53.
#[test]
fn a_transactional_batch_needs_a_transactional_id() {
    let broker = Broker::start(Options::shards(1));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("transactional"), 1);
    let (id, epoch) = init_producer(&mut connection);
    let mut builder = BatchBuilder::new().producer(id, epoch, 0).transactional();
    builder.append(&NewRecord { timestamp_ms: an_hour_ago_ms(), value: Some(b"x"), ..Default::default() });
    let answer = produce(&mut connection, &topic, 0, builder.build_uncompressed().to_vec().into());
    assert_eq!(answer.error_code, ErrorCode::TransactionalIdAuthorizationFailed.code());
    assert_eq!(end_offset(&mut connection, &topic.name, 0), 0);
}
