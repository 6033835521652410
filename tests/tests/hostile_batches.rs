//! Batches that are not what they say: each is answered with the error that Apache Kafka gives, and nothing of it is kept.
//!
//! Asked of Apache Kafka 4.4.0 with `JACKDAW_TEST_BROKER=apache`; the few codes that differ are in docs/COMPATIBILITY.md.

use std::ops::Range;

use bytes::Bytes;
use jackdaw_core::records::crc::crc32c;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::{Topic, batch, create, end_offset, init_producer, produce_request};
use jackdaw_tests::wire::Connection;

const LENGTH: Range<usize> = 8..12;
const MAGIC: usize = 16;
const CRC: Range<usize> = 17..21;
const ATTRIBUTES: usize = 22;
const LAST_OFFSET_DELTA: Range<usize> = 23..27;
const MAX_TIMESTAMP: Range<usize> = 35..43;
const BASE_TIMESTAMP: Range<usize> = 27..35;
const COUNT: Range<usize> = 57..61;
const RECORDS: usize = 61;

const UNKNOWN_SERVER_ERROR: i16 = -1;
const CORRUPT_MESSAGE: i16 = 2;
const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_TIMESTAMP: i16 = 32;
const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
const INVALID_PRODUCER_EPOCH: i16 = 47;
const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i16 = 53;
const INVALID_RECORD: i16 = 87;

/// Another code than Kafka's, which is the second.
struct Expected(i16, i16);

const fn same(code: i16) -> Expected {
    Expected(code, code)
}

impl Expected {
    fn code(&self) -> i16 {
        let is_apache = std::env::var("JACKDAW_TEST_BROKER").is_ok_and(|broker| broker == "apache");
        if is_apache { self.1 } else { self.0 }
    }
}

fn set(bytes: &mut [u8], field: Range<usize>, value: i64) {
    let size = field.len();
    bytes[field].copy_from_slice(&value.to_be_bytes()[8 - size..]);
}

/// What is done to a batch of three records.
type Damage = fn(&mut Vec<u8>);

/// With the CRC that fits, but for the first.
const CASES: &[(&str, Damage, Expected)] = &[
    ("magic 3", |bytes| bytes[MAGIC] = 3, same(CORRUPT_MESSAGE)),
    ("a negative magic", |bytes| bytes[MAGIC] = 0xff, same(CORRUPT_MESSAGE)),
    ("a length beyond the records", |bytes| set(bytes, LENGTH, 1_000_000), same(INVALID_RECORD)),
    ("a negative length", |bytes| set(bytes, LENGTH, -1), same(CORRUPT_MESSAGE)),
    ("a length below a header's", |bytes| set(bytes, LENGTH, 20), same(CORRUPT_MESSAGE)),
    ("no records", |bytes| set(bytes, COUNT, 0), same(INVALID_RECORD)),
    ("a negative count", |bytes| set(bytes, COUNT, -1), same(INVALID_RECORD)),
    ("one record too many", |bytes| set(bytes, COUNT, 4), same(INVALID_RECORD)),
    ("one record too few", |bytes| set(bytes, COUNT, 2), same(INVALID_RECORD)),
    ("two thousand million records", |bytes| set(bytes, COUNT, i64::from(i32::MAX)), same(INVALID_RECORD)),
    ("a last offset that is none", |bytes| set(bytes, LAST_OFFSET_DELTA, 7), same(INVALID_RECORD)),
    ("a negative last offset", |bytes| set(bytes, LAST_OFFSET_DELTA, -1), same(INVALID_RECORD)),
    ("a control batch", |bytes| bytes[ATTRIBUTES] |= 0x20, same(INVALID_RECORD)),
    (
        "a transactional batch",
        |bytes| bytes[ATTRIBUTES] |= 0x10,
        Expected(INVALID_RECORD, TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    ),
    (
        "a codec that does not exist",
        |bytes| bytes[ATTRIBUTES] |= 7,
        Expected(INVALID_RECORD, UNKNOWN_SERVER_ERROR),
    ),
    ("gzip that is none", |bytes| bytes[ATTRIBUTES] |= 1, Expected(INVALID_RECORD, UNKNOWN_SERVER_ERROR)),
    ("snappy that is none", |bytes| bytes[ATTRIBUTES] |= 2, Expected(INVALID_RECORD, UNKNOWN_SERVER_ERROR)),
    ("lz4 that is none", |bytes| bytes[ATTRIBUTES] |= 3, Expected(INVALID_RECORD, UNKNOWN_SERVER_ERROR)),
    ("zstd that is none", |bytes| bytes[ATTRIBUTES] |= 4, Expected(INVALID_RECORD, UNKNOWN_SERVER_ERROR)),
    ("a record's length beyond its batch", |bytes| bytes[RECORDS] = 0x7e, same(INVALID_RECORD)),
    ("a negative record length", |bytes| bytes[RECORDS] = 0x01, same(INVALID_RECORD)),
    ("a key beyond its record", |bytes| bytes[RECORDS + 4] = 0x7e, same(INVALID_RECORD)),
    (
        "times of the far future",
        |bytes| {
            set(bytes, BASE_TIMESTAMP, i64::MAX / 2);
            set(bytes, MAX_TIMESTAMP, i64::MAX / 2);
        },
        same(INVALID_TIMESTAMP),
    ),
    (
        "two batches",
        |bytes| {
            seal(bytes);
            let second = bytes.clone();
            bytes.extend(second);
        },
        same(INVALID_RECORD),
    ),
    ("more than max.message.bytes", |bytes| bytes.resize(2 << 20, 0), same(MESSAGE_TOO_LARGE)),
];

/// Make the CRC right. A length that was not lied about follows the bytes.
fn seal(bytes: &mut [u8]) {
    let crc = crc32c(&bytes[CRC.end..]);
    bytes[CRC].copy_from_slice(&crc.to_be_bytes());
}

/// Produce in the version before topic ids; the code of the partition.
fn produce(connection: &mut Connection, topic: &Topic, records: Bytes) -> i16 {
    let answer = connection.call(&produce_request(topic, 12, 0, -1, records), 12);
    answer.responses[0].partition_responses[0].error_code
}

#[test]
fn batches_that_lie_are_refused_as_kafka_refuses_them() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("lies"), 1);
    let good = batch(&["one", "two", "three"], None);
    let mut wrong = Vec::new();
    let mut check = |what: &str, records: Vec<u8>, expected: &Expected| {
        let code = produce(&mut connection, &topic, records.into());
        if code != expected.code() {
            wrong.push(format!("{what}: {code}, {} is expected", expected.code()));
        }
    };
    let mut crc = good.to_vec();
    crc[CRC.start] ^= 1;
    check("a wrong CRC", crc, &same(CORRUPT_MESSAGE));
    check(
        "magic 1",
        {
            let mut old = good.to_vec();
            old[MAGIC] = 1;
            old
        },
        &same(INVALID_RECORD),
    );
    for (what, damage, expected) in CASES {
        let mut damaged = good.to_vec();
        damage(&mut damaged);
        if *what == "more than max.message.bytes" {
            let length = damaged.len() as i64 - 12;
            set(&mut damaged, LENGTH, length);
        }
        if *what != "two batches" {
            seal(&mut damaged);
        }
        check(what, damaged, expected);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(end_offset(&mut connection, &topic.name, 0), 0, "something of them was kept");
    assert_eq!(produce(&mut connection, &topic, good.clone()), 0);
    // Offsets within an uncompressed batch are not looked at, by neither.
    let mut twice = good.to_vec();
    twice[RECORDS + 3] = 2;
    seal(&mut twice);
    assert_eq!(produce(&mut connection, &topic, twice.into()), 0);
    assert_eq!(end_offset(&mut connection, &topic.name, 0), 6);
}

#[test]
fn sequences_that_lie_are_refused_as_kafka_refuses_them() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("sequences"), 1);
    let (id, epoch) = init_producer(&mut connection);
    let mut send = |epoch: i16, sequence: i32| {
        produce(&mut connection, &topic, batch(&["one", "two"], Some((id, epoch, sequence))))
    };
    assert_eq!(send(epoch, 0), 0);
    assert_eq!(send(epoch, 5), OUT_OF_ORDER_SEQUENCE_NUMBER, "a gap");
    assert_eq!(send(epoch, 1), OUT_OF_ORDER_SEQUENCE_NUMBER, "an overlap");
    assert_eq!(send(epoch, 0), 0, "a repetition is acknowledged");
    assert_eq!(send(epoch + 1, 3), OUT_OF_ORDER_SEQUENCE_NUMBER, "a new epoch begins with 0");
    assert_eq!(send(epoch + 1, 0), 0);
    assert_eq!(send(epoch, 2), INVALID_PRODUCER_EPOCH, "an epoch that is past");
    assert_eq!(end_offset(&mut connection, &topic.name, 0), 4);
}
