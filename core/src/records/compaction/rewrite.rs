//! A batch with fewer records: its bytes, as Kafka's cleaner writes them.

use crate::records::{
    BatchHeader, BatchView, Codec, CompactionError, HEADER_SIZE_BYTES, Record, TimestampType,
    batch_header::NO_TIMESTAMP,
    compression::{Compressor, Levels},
    varint::{put_varint, put_varlong, varlong_size_bytes},
};

/// Append the batch with these of its records, at least one, compressed as it was. Offsets, sequence and producer stay.
/// With a delete horizon that is the base of the timestamps; without, the first record's is.
pub(super) fn put_records(
    batch: &BatchView<'_>,
    records: &[Record<'_>],
    delete_horizon_ms: Option<i64>,
    compressor: &mut Compressor,
    out: &mut Vec<u8>,
) -> Result<BatchHeader, CompactionError> {
    let old = batch.header();
    let timestamp = |record: &Record<'_>| match old.timestamp_type() {
        TimestampType::LogAppendTime => old.max_timestamp(),
        TimestampType::CreateTime => old.base_timestamp().wrapping_add(record.timestamp_delta),
    };
    let first_timestamp = records.first().map_or(NO_TIMESTAMP, timestamp);
    let base_timestamp = delete_horizon_ms.unwrap_or(first_timestamp);
    let mut section = Vec::with_capacity(batch.body().len());
    for record in records {
        put_record(&mut section, record, timestamp(record).wrapping_sub(base_timestamp));
    }
    let mut header = *old;
    header.set_base_timestamp(base_timestamp);
    header.set_delete_horizon(delete_horizon_ms.is_some());
    header.set_max_timestamp(records.iter().map(timestamp).max().unwrap_or(NO_TIMESTAMP));
    // No more than there were, which is an i32.
    header.set_counts(records.len() as i32, old.last_offset_delta());
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_SIZE_BYTES]);
    // The codec was defined, or the records could not have been read.
    let codec = old.codec().unwrap_or(Codec::None);
    compressor.compress(codec, &Levels::default(), &section, out)?;
    header.set_size_bytes(out.len() - start);
    header.seal(&out[start + HEADER_SIZE_BYTES..]);
    out[start..start + HEADER_SIZE_BYTES].copy_from_slice(header.as_bytes());
    Ok(header)
}

fn put_record(out: &mut Vec<u8>, record: &Record<'_>, timestamp_delta: i64) {
    let size_bytes = 1
        + varlong_size_bytes(timestamp_delta)
        + varlong_size_bytes(i64::from(record.offset_delta))
        + record.payload().len();
    put_varint(out, size_bytes as i32);
    out.push(record.attributes as u8);
    put_varlong(out, timestamp_delta);
    put_varint(out, record.offset_delta);
    out.extend_from_slice(record.payload());
}

/// Append the batch without records: its header goes on telling the last offset and the producer's last sequence.
pub(super) fn put_empty(batch: &BatchView<'_>, out: &mut Vec<u8>) -> BatchHeader {
    let mut header = *batch.header();
    header.set_codec(Codec::None);
    header.set_delete_horizon(false);
    header.set_base_timestamp(header.max_timestamp());
    header.set_counts(0, header.last_offset_delta());
    header.set_size_bytes(HEADER_SIZE_BYTES);
    header.seal(&[]);
    out.extend_from_slice(header.as_bytes());
    header
}
