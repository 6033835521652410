//! Records: layout, leniency, hostile bytes.

use super::*;
use crate::records::{
    test_random::Random,
    varint::{put_varint, put_varlong},
};

fn put(out: &mut Vec<u8>, body: &[u8]) {
    put_varint(out, body.len() as i32);
    out.extend_from_slice(body);
}

/// A record's body with key and value lengths as given.
fn body(
    offset_delta: i32,
    key_length: i32,
    key: &[u8],
    value_length: i32,
    value: &[u8],
    headers: &[u8],
) -> Vec<u8> {
    let mut out = vec![0];
    put_varlong(&mut out, 7);
    put_varint(&mut out, offset_delta);
    put_varint(&mut out, key_length);
    out.extend_from_slice(key);
    put_varint(&mut out, value_length);
    out.extend_from_slice(value);
    out.extend_from_slice(headers);
    out
}

type Fields = (Option<Vec<u8>>, Option<Vec<u8>>, usize);

fn only(body: &[u8]) -> Result<Fields, InvalidRecord> {
    let mut section = Vec::new();
    put(&mut section, body);
    let record = Records::new(&section, 1).next().unwrap()?;
    assert_eq!(record.size_bytes, section.len());
    Ok((record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec), record.headers().count()))
}

#[test]
fn nulls_and_empty_differ() {
    assert_eq!(only(&body(0, -1, b"", -1, b"", &[0])), Ok((None, None, 0)));
    assert_eq!(only(&body(0, 0, b"", 0, b"", &[0])), Ok((Some(vec![]), Some(vec![]), 0)));
    assert_eq!(only(&body(0, 1, b"k", 2, b"vv", &[0])), Ok((Some(b"k".to_vec()), Some(b"vv".to_vec()), 0)));
    // Java takes every negative length as null.
    assert_eq!(only(&body(0, -2, b"", -7, b"", &[0])), Ok((None, None, 0)));
}

#[test]
fn headers_keep_order_and_duplicates() {
    let mut headers = Vec::new();
    put_varint(&mut headers, 3);
    for (key, value) in [(&b"a"[..], Some(&b"1"[..])), (b"b", None), (b"a", Some(b"2"))] {
        put(&mut headers, key);
        match value {
            Some(value) => put(&mut headers, value),
            None => put_varint(&mut headers, -1),
        }
    }
    let mut section = Vec::new();
    put(&mut section, &body(0, -1, b"", -1, b"", &headers));
    let record = Records::new(&section, 1).next().unwrap().unwrap();
    let read: Vec<_> = record.headers().map(|header| (header.key, header.value)).collect();
    assert_eq!(read, [(&b"a"[..], Some(&b"1"[..])), (b"b", None), (b"a", Some(b"2"))]);
}

#[test]
fn broken_records_are_named() {
    let fields = Err(InvalidRecord::Fields { position: 0 });
    let mut negative_count = Vec::new();
    put_varint(&mut negative_count, -1);
    let mut negative_header_key = Vec::new();
    put_varint(&mut negative_header_key, 1);
    put_varint(&mut negative_header_key, -1);
    put_varint(&mut negative_header_key, -1);
    let mut huge_count = Vec::new();
    put_varint(&mut huge_count, i32::MAX);
    assert_eq!(only(&body(0, -1, b"", -1, b"", &negative_count)), fields);
    assert_eq!(only(&body(0, -1, b"", -1, b"", &negative_header_key)), fields);
    assert_eq!(only(&body(0, -1, b"", -1, b"", &huge_count)), fields);
    assert_eq!(only(&body(0, 5, b"k", -1, b"", &[0])), fields);
    assert_eq!(only(&body(0, -1, b"", i32::MAX, b"", &[0])), fields);
    assert_eq!(only(&body(0, -1, b"", -1, b"", &[0, 9])), fields);
    assert_eq!(only(&[]), fields);

    let mut negative = Vec::new();
    put_varint(&mut negative, -5);
    let length = InvalidRecord::Length { position: 0, length: -5 };
    assert_eq!(Records::new(&negative, 1).next(), Some(Err(length)));
    assert_eq!(Records::new(&[], 1).next(), Some(Err(InvalidRecord::Short { position: 0 })));
    assert_eq!(Records::new(&[20, 0, 0], 1).next(), Some(Err(InvalidRecord::Short { position: 0 })));
}

#[test]
fn iteration_ends_after_count_or_error() {
    let mut section = Vec::new();
    for offset_delta in 0..3 {
        put(&mut section, &body(offset_delta, -1, b"", -1, b"", &[0]));
    }
    let mut records = Records::new(&section, 2);
    assert_eq!(records.by_ref().map(|record| record.unwrap().offset_delta).collect::<Vec<_>>(), [0, 1]);
    assert!(records.position() < section.len());
    let mut records = Records::new(&section, 5);
    assert_eq!(records.by_ref().filter(Result::is_err).count(), 1);
    assert!(records.next().is_none());
    assert_eq!(Records::new(&section, -1).count(), 0);
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::new(11);
    for _ in 0..20_000 {
        let size = random.below(64) as usize;
        let section: Vec<u8> = (0..size).map(|_| (random.next() as u8) & 0x3f).collect();
        for record in Records::new(&section, 100).flatten() {
            assert_eq!(record.headers().count(), record.headers_count());
        }
    }
}
