//! Bytes that Apache Kafka 4.4.0's own classes read and wrote back unchanged: every message and record at every
//! version. How they were made: `java/Recode.java`.

use std::collections::BTreeSet;

use bytes::Bytes;
use jackdaw_codec_tests::{exchange::MESSAGES, schema::Message, schemas};

const VECTORS: &str = include_str!("../fixtures/kafka-4.4.0.txt");

#[test]
fn what_kafka_wrote_comes_back_unchanged() {
    let mut seen = BTreeSet::new();
    for line in VECTORS.lines() {
        let [name, version, hex] = line.split(' ').collect::<Vec<_>>().try_into().expect("three words");
        let version: i16 = version.parse().expect("a version");
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        let bytes: Bytes = (0..hex.len()).step_by(2).map(digits).collect();
        let (_, recode) = MESSAGES.iter().find(|(known, _)| *known == name).expect("a message of ours");
        let (written, unread) =
            recode(&bytes, version).unwrap_or_else(|error| panic!("{name} {version}: {error:?}"));
        assert_eq!((&written, unread), (&bytes, 0), "{name} {version}");
        seen.insert((name.to_owned(), version));
    }
    let versions = |message: &'static Message| {
        (message.versions.first..=message.versions.last).map(|version| (message.name.clone(), version))
    };
    assert_eq!(seen, schemas().iter().flat_map(versions).collect(), "a message without a vector");
}
