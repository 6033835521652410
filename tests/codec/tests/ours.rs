//! Every message and record of the schema comes back byte by byte, and unknown tags are dropped.

use std::collections::BTreeSet;

use bytes::Bytes;
use jackdaw_codec_tests::{
    exchange::MESSAGES,
    random::Random,
    sample::{Shape, sample, sample_pair},
    schema_of, schemas,
};

const SEED: u64 = 3;
const ROUNDS: usize = 30;

#[test]
fn the_table_holds_the_whole_schema() {
    let table: BTreeSet<String> = MESSAGES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let schema: BTreeSet<String> = schemas().iter().map(|message| message.name.clone()).collect();
    assert_eq!(table, schema);
}

#[test]
fn every_message_comes_back_at_every_version() {
    for (name, recode) in MESSAGES {
        let schema = schema_of(name);
        for version in schema.versions.first..=schema.versions.last {
            let mut random = Random::named(SEED, name, version);
            for _ in 0..ROUNDS {
                let bytes = Bytes::from(sample(schema, version, &mut random, Shape::PLAIN));
                let (written, unread) = recode(&bytes, version)
                    .unwrap_or_else(|error| panic!("{name} {version}: {error:?} in {bytes:02x?}"));
                assert_eq!((&written, unread), (&bytes, 0), "{name} {version}");
            }
        }
    }
}

#[test]
fn unknown_tags_are_passed_over_and_dropped() {
    let mut with_tags = 0;
    for (name, recode) in MESSAGES {
        let schema = schema_of(name);
        for version in schema.versions.first..=schema.versions.last {
            for round in 0..ROUNDS as u64 {
                let (with_unknown_tags, plain) = sample_pair(schema, version, SEED + round);
                with_tags += usize::from(with_unknown_tags != plain);
                let (written, unread) = recode(&with_unknown_tags.into(), version).expect("decodes");
                assert_eq!((&written[..], unread), (&plain[..], 0), "{name} {version}");
            }
        }
    }
    assert!(with_tags > 1000, "{with_tags} samples had unknown tags");
}

#[test]
fn versions_that_do_not_exist_are_refused() {
    for (name, recode) in MESSAGES {
        let schema = schema_of(name);
        for version in [schema.versions.first - 1, schema.versions.last + 1, i16::MIN, i16::MAX] {
            assert!(recode(&Bytes::from_static(&[0; 64]), version).is_err(), "{name} {version}");
        }
    }
}
