//! The table holds together: names once, defaults valid, synonyms present, a text for every key.

use super::super::row::{ConfigKey, Treatment};
use super::*;

fn every_key() -> impl Iterator<Item = &'static ConfigKey> {
    broker_keys()
        .chain(TOPIC)
        .chain(GROUP)
        .chain(CLIENT_METRICS)
        .chain(USER_AND_CLIENT)
        .chain(ADDRESS)
        .chain(BROKER_QUOTA)
}

#[test]
fn a_name_stands_once_in_its_scope() {
    for scope in [broker_keys().collect::<Vec<_>>(), TOPIC.iter().collect(), GROUP.iter().collect()] {
        let mut names: Vec<_> = scope.iter().map(|key| key.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

/// Kafka 4.4.0 defines 379 keys of a broker, 38 of a topic, 27 of a group; four keys are ours.
#[test]
fn every_key_of_kafka_is_there() {
    assert_eq!(broker_keys().filter(|key| !key.name.starts_with("jackdaw.")).count(), 379);
    assert_eq!(TOPIC.len(), 38);
    assert_eq!(GROUP.len(), 27);
}

#[test]
fn defaults_are_valid_values() {
    for key in every_key() {
        for value in [key.default, key.alone].into_iter().flatten() {
            assert_eq!(key.parse(value).err(), None, "{} = {value}", key.name);
        }
    }
}

#[test]
fn synonyms_are_keys_of_the_broker() {
    for key in every_key() {
        for synonym in key.synonyms {
            assert!(broker_key(synonym.name).is_some(), "{} of {}", synonym.name, key.name);
        }
    }
}

#[test]
fn every_key_has_a_sentence() {
    for key in every_key() {
        assert!(key.doc.ends_with('.') && key.doc.len() > 15, "{}: {}", key.name, key.doc);
        if let Treatment::NotYet(why) | Treatment::Meaningless(why) = key.treatment {
            assert!(!why.is_empty() && !why.ends_with('.'), "{}: {why}", key.name);
        }
    }
}

#[test]
fn a_topic_default_is_the_broker_default() {
    for key in TOPIC {
        let from_broker = key.synonyms.iter().find_map(|synonym| {
            let default = broker_key(synonym.name)?.default?;
            match synonym.unit.factor() {
                1 => Some(default.to_owned()),
                factor => Some((default.parse::<i64>().ok()? * factor).to_string()),
            }
        });
        if !key.synonyms.is_empty() {
            assert_eq!(from_broker.as_deref(), key.default, "{}", key.name);
        }
    }
}
