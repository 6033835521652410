//! The records of the metadata log and of `__consumer_offsets`, replayed as at a start.
//!
//! Inputs are lists of byte strings (see [`super::pieces`]) that are put into batches of their own, so that damage is within
//! records and not only in what a CRC covers.

use std::sync::LazyLock;

use jackdaw_codec_tests::{
    random::Random,
    sample::{Shape, sample},
    schema_of, schemas,
};
use jackdaw_core::{
    config::{BrokerConfig, GroupConfig, Settings},
    group::{Context, Coordinator, replay_group_batch},
    metadata::{Image, Loader, SnapshotFrame, read_snapshot, snapshot_batches},
    records::{BatchBuilder, BatchView, Frame, NewRecord, compression::Decompressor},
};

use super::pieces;

const SEED: u64 = 12;
const NOW_MS: i64 = 1_767_225_600_000;

/// A batch of these keys and values.
fn batch<'a>(records: impl IntoIterator<Item = (Option<&'a [u8]>, Option<&'a [u8]>)>) -> Option<Vec<u8>> {
    let mut builder = BatchBuilder::new();
    for (key, value) in records {
        builder.append(&NewRecord { timestamp_ms: NOW_MS, key, value, headers: &[] });
    }
    (!builder.is_empty()).then(|| builder.build_uncompressed().to_vec())
}

fn view(bytes: &[u8]) -> BatchView<'_> {
    match BatchView::parse(bytes) {
        Frame::Complete(batch) => batch,
        other => panic!("an own batch is none: {other:?}"),
    }
}

/// The values of one batch.
pub(super) fn metadata(input: &[u8]) {
    let mut loader = Loader::new();
    // Each in a batch of its own: those before one that is refused count.
    for value in pieces::split(input) {
        let Some(bytes) = batch([(None, value)]) else { return };
        if loader.replay_batch(&view(&bytes)).is_err() {
            return;
        }
    }
    let _ = loader.publish();
}

/// A record as it stands in the metadata log: frame version, type and version as varints before it.
fn framed(name: &str) -> Option<Vec<u8>> {
    let schema = schema_of(name);
    let key: u8 = schema.attributes.get("key")?.parse().ok()?;
    let version = schema.versions.last;
    let mut bytes = vec![1, key, version as u8];
    bytes.extend(sample(schema, version, &mut Random::named(SEED, name, version), Shape::PLAIN));
    Some(bytes)
}

fn metadata_records() -> Vec<Vec<u8>> {
    const FIRST: &str = "RegisterBrokerRecord";
    let names = schemas().iter().map(|schema| schema.name.as_str());
    let from_first = names.skip_while(|name| *name != FIRST);
    from_first.take_while(|name| name.ends_with("Record")).filter_map(framed).collect()
}

pub(super) fn metadata_seeds() -> Vec<Vec<u8>> {
    let records = metadata_records();
    assert!(records.len() > 20, "the records of metadata are found");
    let mut seeds: Vec<_> = records.iter().map(|record| pieces::join([Some(record.as_slice())])).collect();
    seeds.push(pieces::join(records.iter().map(|record| Some(record.as_slice()))));
    seeds
}

/// A snapshot file; where the first byte is odd the first batch gets a right CRC.
pub(super) fn snapshot(input: &[u8]) {
    let Some((&choices, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if choices & 1 != 0 && bytes.len() >= 12 {
        let length = i32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        let end = usize::try_from(length).map_or(0, |length| length.saturating_add(12)).min(bytes.len());
        super::records::seal(&mut bytes[..end]);
    }
    let Ok(snapshot) = read_snapshot(&bytes) else { return };
    let _ = Loader::new().load_snapshot(100, 3, &snapshot.records);
}

pub(super) fn snapshot_seeds() -> Vec<Vec<u8>> {
    let frame =
        SnapshotFrame { epoch: 3, last_contained_log_timestamp_ms: NOW_MS, voters: None, now_ms: NOW_MS };
    let mut seeds = Vec::new();
    for choices in [0, 1] {
        let mut input = vec![choices];
        for batch in snapshot_batches(&[], &frame).expect("a snapshot") {
            input.extend(batch.to_vec());
        }
        seeds.push(input);
    }
    let records = metadata_records();
    let with_records = batch(records.iter().map(|record| (None, Some(record.as_slice())))).expect("records");
    let mut input = vec![0];
    let [first, last] = &snapshot_batches(&[], &frame).expect("a snapshot")[..] else { return seeds };
    input.extend(first.to_vec());
    input.extend(with_records);
    input.extend(last.to_vec());
    seeds.push(input);
    seeds
}

/// Keys and values in turn.
pub(super) fn groups(input: &[u8]) {
    static SETTINGS: LazyLock<GroupConfig> = LazyLock::new(|| {
        let (config, _) = BrokerConfig::new(Settings::default()).expect("the defaults");
        config.groups
    });
    let mut coordinator = Coordinator::new(SETTINGS.clone());
    let mut decompressor = Decompressor::default();
    for record in pieces::split(input).chunks(2) {
        let Some(bytes) = batch([(record[0], record.get(1).copied().flatten())]) else { break };
        let replayed =
            replay_group_batch(&view(&bytes), &mut decompressor, |record| coordinator.replay(&record));
        if replayed.is_err() {
            return;
        }
    }
    let image = Image::default();
    let context = Context { now_ms: 1000, unix_ms: NOW_MS, random: [1, 2], image: &image };
    let outcome = coordinator.activate(&context);
    coordinator.take(&context, &outcome.records, outcome.records.len(), outcome.effects);
    let later = Context { now_ms: 10_000_000, unix_ms: NOW_MS + 10_000_000, ..context };
    let outcome = coordinator.poll(&later);
    coordinator.take(&later, &outcome.records, outcome.records.len(), outcome.effects);
}

/// A key or a value with its type or version before it.
fn prefixed(name: &str, prefix: i16, version: i16) -> Vec<u8> {
    let mut bytes = prefix.to_be_bytes().to_vec();
    bytes.extend(sample(schema_of(name), version, &mut Random::named(SEED, name, version), Shape::PLAIN));
    bytes
}

pub(super) fn group_seeds() -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    for schema in schemas().iter().filter(|schema| schema.attributes.contains_key("key")) {
        let Some(stem) = schema.name.strip_suffix("Key") else { continue };
        let value = format!("{stem}Value");
        if !schemas().iter().any(|other| other.name == value) || !is_of_groups(stem) {
            continue;
        }
        let code: i16 = schema.attributes["key"].parse().expect("a record's type");
        let last = schema_of(&value).versions.last;
        records.push((prefixed(&schema.name, code, 0), prefixed(&value, last, last)));
    }
    assert!(records.len() > 8, "the records of groups are found");
    let mut seeds: Vec<_> = records
        .iter()
        .map(|(key, value)| pieces::join([Some(key.as_slice()), Some(value.as_slice())]))
        .collect();
    seeds.extend(records.iter().map(|(key, _)| pieces::join([Some(key.as_slice()), None])));
    let all = records.iter().flat_map(|(key, value)| [Some(key.as_slice()), Some(value.as_slice())]);
    seeds.push(pieces::join(all));
    seeds
}

fn is_of_groups(stem: &str) -> bool {
    ["OffsetCommit", "GroupMetadata", "LegacyOffsetCommit"].contains(&stem)
        || stem.starts_with("ConsumerGroup")
}
