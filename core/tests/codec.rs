//! The codec against what Apache Kafka 4.4.0 said: frames from its connections, records from its logs, and the APIs
//! that it advertises.

use bytes::Bytes;
use jackdaw_core::protocol::{
    ApiKey, Message, Reader, Writer,
    header::{RequestHeader, read_response_header, write_response_header},
    messages::{AnyRequest, AnyResponse},
    records::{
        GroupKey, GroupValue, MetadataRecord, TransactionKey, TransactionValue,
        control::{
            ControlRecordTypeSchema, EndTxnMarker, LeaderChangeMessage, SnapshotFooterRecord,
            SnapshotHeaderRecord,
        },
    },
};

/// The lines of a fixture, in words.
fn lines(fixture: &str) -> impl Iterator<Item = Vec<&str>> {
    fixture.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect())
}

fn unhex(hex: &str) -> Bytes {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// A record's key or value: `-` is null.
fn field(hex: &str) -> Option<Bytes> {
    (hex != "-").then(|| unhex(hex))
}

#[test]
fn frames_of_real_connections_come_back_unchanged() {
    let mut count = 0;
    for line in lines(include_str!("fixtures/kafka-4.4.0-frames.txt")) {
        let [key, version, direction, hex] = line[..] else { panic!("four words: {line:?}") };
        let key = ApiKey::from_code(key.parse().expect("a key")).expect("an API of ours");
        let version: i16 = version.parse().expect("a version");
        let frame = unhex(hex);
        let mut reader = Reader::new(&frame);
        let mut writer = Writer::new();
        if direction == "request" {
            let header = RequestHeader::read(&mut reader).expect("a header");
            assert_eq!((header.api_key, header.api_version), (key.code(), version));
            let request = AnyRequest::decode(key, &mut reader, version).expect("a request");
            assert_eq!(request.key(), key);
            header.write(&mut writer).expect("short");
            request.encode(&mut writer, version).expect("encodes");
        } else {
            let correlation_id = read_response_header(&mut reader, key, version).expect("a header");
            let response = AnyResponse::decode(key, &mut reader, version).expect("a response");
            write_response_header(&mut writer, key, version, correlation_id);
            response.encode(&mut writer, version).expect("encodes");
        }
        assert_eq!(reader.remaining(), 0, "{key:?} {version} {direction}");
        assert_eq!(writer.freeze(), frame, "{key:?} {version} {direction}");
        count += 1;
    }
    assert!(count > 100, "{count} frames");
}

#[test]
fn records_of_real_logs_come_back_unchanged() {
    for line in lines(include_str!("fixtures/kafka-4.4.0-records.txt")) {
        let [topic, key, value] = line[..] else { panic!("three words: {line:?}") };
        let (key, value) = (field(key), field(value));
        match topic {
            "__cluster_metadata" => {
                let value = value.expect("a value");
                let (record, version) = MetadataRecord::decode_framed(&value).expect("a record");
                assert_eq!(record.encode_framed(version), Ok(value), "{record:?}");
            }
            "__consumer_offsets" => {
                let bytes = key.expect("a key");
                let key = GroupKey::decode(&bytes).expect("a key");
                assert_eq!(key.encode(), Ok(bytes));
                if let Some(value) = value {
                    let decoded = GroupValue::decode(key.code(), &value).expect("a value");
                    assert_eq!(decoded.encode(prefix(&value)), Ok(value), "{decoded:?}");
                }
            }
            "__transaction_state" => {
                let bytes = key.expect("a key");
                let key = TransactionKey::decode(&bytes).expect("a key");
                assert_eq!(key.encode(), Ok(bytes));
                if let Some(value) = value {
                    let decoded = TransactionValue::decode(key.code(), &value).expect("a value");
                    assert_eq!(decoded.encode(prefix(&value)), Ok(value), "{decoded:?}");
                }
            }
            "control" => control_record(&key.expect("a key"), &value.expect("a value")),
            other => panic!("{other}"),
        }
    }
}

/// The version that a value begins with.
fn prefix(value: &Bytes) -> i16 {
    Reader::new(value).i16().expect("a version")
}

fn control_record(key: &Bytes, value: &Bytes) {
    let kind = ControlRecordTypeSchema::from_prefixed_bytes(key).expect("a type").r#type;
    let version = prefix(value);
    let written = match kind {
        // A marker's version stands before it; the others have it as their first field.
        0 | 1 => EndTxnMarker::from_prefixed_bytes(value).expect("a marker").to_prefixed_bytes(version).ok(),
        2 => rewritten::<LeaderChangeMessage>(value, version),
        3 => rewritten::<SnapshotHeaderRecord>(value, version),
        4 => rewritten::<SnapshotFooterRecord>(value, version),
        other => panic!("control record of type {other}"),
    };
    assert_eq!(written.as_ref(), Some(value), "control record of type {kind}");
}

fn rewritten<M: Message>(value: &Bytes, version: i16) -> Option<Bytes> {
    M::from_bytes(value, version).expect("a control record").to_bytes(version).ok()
}

#[test]
fn the_table_of_apis_is_what_kafka_advertises() {
    let mut advertised = Vec::new();
    for line in lines(include_str!("fixtures/kafka-4.4.0-api-versions.txt")) {
        let [key, name, versions] = line[..] else { panic!("three words: {line:?}") };
        let key = ApiKey::from_code(key.parse().expect("a key")).expect("an API of ours");
        let info = key.info();
        assert_eq!(info.name, name);
        assert_eq!(
            format!("{}-{}", info.advertised_min_version, info.stable_max_version),
            versions,
            "{name}"
        );
        assert!(info.on_broker, "{name}");
        advertised.push(key);
    }
    // Telemetry is advertised only where something receives it.
    let hidden = [ApiKey::GetTelemetrySubscriptions, ApiKey::PushTelemetry];
    let missing: Vec<_> = ApiKey::ALL
        .into_iter()
        .filter(|key| key.info().on_broker && !advertised.contains(key) && !hidden.contains(key))
        .collect();
    assert_eq!(missing, []);
}
