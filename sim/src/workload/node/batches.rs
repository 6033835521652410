//! Batches that say who wrote them, and where to; and the check that what is read is such a batch.

use bytes::Bytes;
use jackdaw_core::{
    records::{
        BatchBuilder, BatchView, Codec, NewRecord, Records,
        compression::{Compressor, Decompressor, Levels},
    },
    uuid::Uuid,
};

use super::broken;
use crate::{Random, trace::hash_bytes};

/// A partition by its topic's id.
pub(in crate::workload) type Key = (Uuid, i32);

/// A batch's place among those of one writer: each writes increasing numbers.
pub(in crate::workload) type Stamp = (u64, u32);

/// Bytes of a value in front of its filler, and of the checksum behind it.
const FRONT_BYTES: usize = 24;
const CHECKSUM_BYTES: usize = 8;
const LARGEST_BATCH_BYTES: usize = 1 << 20;

/// An idempotent producer's place: id, epoch, first sequence.
pub(in crate::workload) type Sequence = (i64, i16, i32);

/// What distinguishes one partition's records from all others'.
fn tag(key: Key) -> u64 {
    let mut bytes = key.0.0.to_vec();
    bytes.extend(key.1.to_be_bytes());
    hash_bytes(&bytes)
}

pub(in crate::workload) struct BatchPlan {
    pub(in crate::workload) key: Key,
    pub(in crate::workload) stamp: Stamp,
    pub(in crate::workload) records: u64,
    pub(in crate::workload) largest_value_bytes: u64,
    pub(in crate::workload) codec: Codec,
    pub(in crate::workload) sequence: Option<Sequence>,
    pub(in crate::workload) now_ms: i64,
}

/// Build a batch; its bytes.
pub(in crate::workload) fn build(plan: &BatchPlan, random: &mut Random) -> Bytes {
    let mut builder = BatchBuilder::new();
    if let Some((id, epoch, first)) = plan.sequence {
        builder = builder.producer(id, epoch, first);
    }
    for index in 0..plan.records {
        let mut value = tag(plan.key).to_be_bytes().to_vec();
        value.extend(plan.stamp.0.to_be_bytes());
        value.extend(plan.stamp.1.to_be_bytes());
        value.extend((index as u32).to_be_bytes());
        let filler = random.below(plan.largest_value_bytes + 1);
        value.extend((0..filler).map(|_| random.next_u64() as u8 & 15));
        value.extend(hash_bytes(&value).to_be_bytes());
        let record = NewRecord { timestamp_ms: plan.now_ms, value: Some(&value), ..NewRecord::default() };
        builder.append(&record);
    }
    let built = builder.build(plan.codec, &Levels::default(), &mut Compressor::default());
    match built {
        Ok(batch) => batch.to_vec().into(),
        Err(error) => panic!("cannot build a batch: {error}"),
    }
}

/// Who wrote a batch that was read, after a look at every record.
pub(in crate::workload) fn stamp_of(
    batch: &BatchView<'_>,
    key: Key,
    decompressor: &mut Decompressor,
) -> Stamp {
    let header = batch.header();
    let place = || format!("the batch at offset {} of {key:?}", header.base_offset());
    if let Err(error) = batch.check_crc() {
        broken("bytes as written", &format!("{}: {error}", place()));
    }
    let Some(codec) = header.codec() else { broken("bytes as written", &format!("{}: codec", place())) };
    let section = match decompressor.decompress(codec, batch.body(), LARGEST_BATCH_BYTES) {
        Ok(section) => section,
        Err(error) => broken("bytes as written", &format!("{}: {error}", place())),
    };
    let mut stamp = None;
    for (index, record) in Records::new(section, header.records_count()).enumerate() {
        let Ok(record) = record else { broken("bytes as written", &place()) };
        let value = record.value.unwrap_or_default();
        let Some((content, checksum)) = value.split_last_chunk::<CHECKSUM_BYTES>() else {
            broken("bytes as written", &place())
        };
        if content.len() < FRONT_BYTES || hash_bytes(content) != u64::from_be_bytes(*checksum) {
            broken("bytes as written", &place());
        }
        let number = |at: usize, length: usize| {
            content[at..at + length].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte))
        };
        if number(0, 8) != tag(key) {
            broken("records are of their partition", &place());
        }
        let found = (number(8, 8), number(16, 4) as u32);
        if number(20, 4) != index as u64 || *stamp.get_or_insert(found) != found {
            broken("bytes as written", &place());
        }
    }
    stamp.unwrap_or_else(|| broken("bytes as written", &format!("{} is empty", place())))
}
