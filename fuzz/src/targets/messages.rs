//! Requests, responses and the messages in records, at every version.

use std::cell::RefCell;

use bytes::Bytes;
use jackdaw_codec_tests::{
    exchange::MESSAGES,
    random::Random,
    sample::{Shape, sample},
    schema_of,
};
use jackdaw_core::protocol::{
    ApiKey, Reader,
    fetch::FetchFrame,
    header::{RequestHeader, read_response_header},
    produce::ProduceFrame,
};

const SEED: u64 = 11;

/// A frame without its length: a request's header, and a response's before every API.
pub(super) fn frame(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    let mut reader = Reader::new(&bytes);
    let Ok(header) = RequestHeader::read(&mut reader) else { return };
    let Some(key) = ApiKey::from_code(header.api_key) else { return };
    let name = |end: &str| format!("{key:?}{end}");
    let rest = bytes.slice(bytes.len() - reader.remaining()..);
    recode(&name("Request"), &rest, header.api_version);
    let mut reader = Reader::new(&bytes);
    if read_response_header(&mut reader, key, header.api_version).is_ok() {
        let rest = bytes.slice(bytes.len() - reader.remaining()..);
        recode(&name("Response"), &rest, header.api_version);
    }
}

fn recode(name: &str, bytes: &Bytes, version: i16) {
    if let Some((_, recode)) = MESSAGES.iter().find(|(known, _)| *known == name) {
        let _ = recode(bytes, version);
    }
}

pub(super) fn frame_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (name, _) in MESSAGES.iter().filter(|(name, _)| name.ends_with("Request")) {
        let schema = schema_of(name);
        let Some(key) = schema.attributes.get("key").and_then(|key| key.parse::<i16>().ok()) else {
            continue;
        };
        for version in [schema.versions.first, schema.versions.last] {
            let mut bytes = Vec::new();
            bytes.extend(key.to_be_bytes());
            bytes.extend(version.to_be_bytes());
            bytes.extend([0, 0, 0, 7, 0, 4]);
            bytes.extend(b"fuzz");
            if schema.flexible.is_some_and(|first| version >= first) {
                bytes.push(0);
            }
            bytes.extend(sample(schema, version, &mut Random::named(SEED, name, version), Shape::PLAIN));
            seeds.push(bytes);
        }
    }
    seeds
}

/// The number of a message, two bytes, its version, one, and the message.
pub(super) fn message(input: &[u8]) {
    let Some((&[high, low, version], rest)) = input.split_first_chunk::<3>() else { return };
    let (_, recode) = MESSAGES[usize::from(u16::from_be_bytes([high, low])) % MESSAGES.len()];
    // What was read can be written, unless the version lacks a field that was set by a tag; and is read again as the same.
    let version = i16::from(version.cast_signed());
    let Ok((written, _)) = recode(&Bytes::copy_from_slice(rest), version) else { return };
    let (again, left) =
        recode(&written, version).unwrap_or_else(|error| panic!("own bytes are refused: {error:?}"));
    assert_eq!((again, left), (written, 0), "own bytes come back otherwise");
}

pub(super) fn message_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, (name, _)) in MESSAGES.iter().enumerate() {
        let schema = schema_of(name);
        for version in schema.versions.first..=schema.versions.last {
            let mut random = Random::named(SEED, name, version);
            let mut bytes = (index as u16).to_be_bytes().to_vec();
            bytes.push(version as u8);
            bytes.extend(sample(schema, version, &mut random, Shape::PLAIN));
            seeds.push(bytes);
        }
    }
    seeds
}

/// The version, a byte, and the request, read as on the hot path.
pub(super) fn produce(input: &[u8]) {
    let Some((&version, rest)) = input.split_first() else { return };
    let bytes = Bytes::copy_from_slice(rest);
    let mut frame = ProduceFrame::default();
    let is_read = frame.fill(&mut Reader::new(&bytes), i16::from(version)).is_ok();
    same_as_generated("ProduceRequest", &bytes, i16::from(version), is_read);
}

/// As [`produce`].
pub(super) fn fetch(input: &[u8]) {
    thread_local! {
        /// Filled again and again, as a shard does.
        static FRAME: RefCell<FetchFrame> = RefCell::default();
    }
    let Some((&version, rest)) = input.split_first() else { return };
    let bytes = Bytes::copy_from_slice(rest);
    let fill = |frame: &RefCell<FetchFrame>| {
        frame.borrow_mut().fill(&mut Reader::new(&bytes), i16::from(version)).is_ok()
    };
    let is_read = FRAME.with(fill);
    same_as_generated("FetchRequest", &bytes, i16::from(version), is_read);
}

/// The hot path's own decoder takes what the generated one takes.
fn same_as_generated(name: &str, bytes: &Bytes, version: i16, is_read: bool) {
    let (_, recode) = MESSAGES.iter().find(|(known, _)| *known == name).expect("the message");
    let generated = recode(bytes, version);
    let is_same = match &generated {
        Ok(_) => is_read,
        Err(jackdaw_codec_tests::exchange::Refusal::Decode(_)) => !is_read,
        Err(jackdaw_codec_tests::exchange::Refusal::Encode(_)) => true,
    };
    assert!(
        is_same,
        "{name} {version}: the generated decoder says {generated:?}, the own one takes it: {is_read}"
    );
}

fn request_seeds(name: &str) -> Vec<Vec<u8>> {
    let schema = schema_of(name);
    let mut seeds = Vec::new();
    for version in schema.versions.first..=schema.versions.last {
        let mut random = Random::named(SEED, name, version);
        for _ in 0..4 {
            let mut bytes = vec![version as u8];
            bytes.extend(sample(schema, version, &mut random, Shape::PLAIN));
            seeds.push(bytes);
        }
    }
    seeds
}

pub(super) fn produce_seeds() -> Vec<Vec<u8>> {
    request_seeds("ProduceRequest")
}

pub(super) fn fetch_seeds() -> Vec<Vec<u8>> {
    request_seeds("FetchRequest")
}
