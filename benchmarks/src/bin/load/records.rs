//! Batches and the requests around them, made before the load begins.

use bytes::Bytes;
use jackdaw_bench::connection::CLIENT_ID;
use jackdaw_core::{
    protocol::{
        frame::request_frame,
        messages::{
            ProduceRequest,
            produce::{PartitionProduceData, TopicProduceData},
        },
    },
    records::{
        BatchBuilder, Codec, NewRecord,
        compression::{Compressor, Levels},
    },
};
use jackdaw_ring::random_u64;

use crate::topic::Topic;

/// What Kafka's own client of 4.x speaks.
pub(crate) const PRODUCE_VERSION: i16 = 13;
const TIMEOUT_MS: i32 = 30_000;
/// What a record takes beside its value: length, attributes, deltas, and lengths of key, value and headers.
const RECORD_OVERHEAD_BYTES: usize = 10;

/// How a batch is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchShape {
    pub(crate) record_bytes: usize,
    pub(crate) records: usize,
    pub(crate) codec: Codec,
}

impl BatchShape {
    /// As many records as fit in a batch of this size.
    pub(crate) fn filling(record_bytes: usize, batch_bytes: usize, codec: Codec) -> Self {
        let records = batch_bytes / (record_bytes + RECORD_OVERHEAD_BYTES);
        Self { record_bytes, records: records.max(1), codec }
    }

    /// Bytes of values: what throughput counts.
    pub(crate) fn payload_bytes(&self) -> u64 {
        (self.record_bytes * self.records) as u64
    }
}

/// A batch of records that a codec makes about half of.
pub(crate) fn batch(shape: BatchShape, now_ms: i64) -> Result<Bytes, Box<dyn std::error::Error>> {
    let mut builder = BatchBuilder::new();
    let mut value = vec![0; shape.record_bytes];
    for _ in 0..shape.records {
        fill(&mut value);
        builder.append(&NewRecord { timestamp_ms: now_ms, value: Some(&value), ..Default::default() });
    }
    let batch = builder.build(shape.codec, &Levels::default(), &mut Compressor::default())?;
    Ok(batch.to_vec().into())
}

/// Sixteen letters in random order: four bits of eight carry something.
fn fill(value: &mut [u8]) {
    for chunk in value.chunks_mut(16) {
        let mut random = random_u64();
        for byte in chunk {
            *byte = b'a' + (random & 15) as u8;
            random >>= 4;
        }
    }
}

/// A Produce request with one batch, as it goes over the connection.
pub(crate) fn produce_frame(
    topic: &Topic,
    partition: i32,
    acks: i16,
    id: i32,
    batch: Bytes,
) -> Result<Bytes, Box<dyn std::error::Error>> {
    let data = PartitionProduceData { index: partition, records: Some(batch) };
    let topic_data =
        vec![TopicProduceData { name: topic.name.clone(), topic_id: topic.id, partition_data: vec![data] }];
    let request = ProduceRequest { acks, timeout_ms: TIMEOUT_MS, topic_data, ..Default::default() };
    Ok(request_frame(&request, PRODUCE_VERSION, id, Some(CLIENT_ID))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_filled_but_not_over() {
        let shape = BatchShape::filling(1024, 1_000_000, Codec::None);
        assert_eq!(shape.records, 967);
        assert_eq!(BatchShape::filling(1024, 10, Codec::None).records, 1);
    }
}
