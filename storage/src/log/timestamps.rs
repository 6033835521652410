//! From timestamps to offsets (ListOffsets): by index, then through the records.

use std::path::PathBuf;

use jackdaw_core::{
    limits::DECOMPRESSED_BATCH_BYTES_MAX,
    records::{BatchView, Records, TimestampType, batch_header::NO_TIMESTAMP, compression::Decompressor},
};
use jackdaw_ring::File;

use super::Log;
use crate::{
    batch_scan::{BatchScan, Scanned},
    error::{Result, StorageError},
    segment::DAMAGE_ADVICE,
};

/// A record that a search by timestamp found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FoundOffset {
    pub offset: i64,
    pub timestamp: i64,
    /// -1 where it is not known.
    pub leader_epoch: i32,
}

/// A search that owns all it needs: it runs while the log goes on.
pub struct TimestampSearch {
    parts: Vec<Part>,
    timestamp: i64,
    from_offset: i64,
}

/// A piece of a segment to look through.
struct Part {
    file: File,
    path: PathBuf,
    position: u64,
    end: u64,
}

impl Log {
    /// A search for the first record, at or above the log's start, whose timestamp is `timestamp` or later.
    pub fn search_timestamp(&self, timestamp: i64) -> Result<TimestampSearch> {
        let mut parts = Vec::new();
        for segment in &self.segments {
            // Whether it really has such a record shows only in the records, so later segments stay in line.
            if segment.largest_timestamp().timestamp < timestamp || segment.size_bytes() == 0 {
                continue;
            }
            let entry = segment.time_index.lookup(timestamp)?;
            let from_offset = entry.offset.max(self.log_start_offset);
            let position = segment.offset_index.lookup(from_offset)?.position;
            parts.push(Part {
                file: segment.file()?,
                path: segment.path(),
                position: u64::from(position),
                end: u64::from(segment.size_bytes()),
            });
        }
        Ok(TimestampSearch { parts, timestamp, from_offset: self.log_start_offset })
    }

    /// A search for the first record that has the log's largest timestamp.
    pub fn search_max_timestamp(&self) -> Result<TimestampSearch> {
        let largest = self.segments.iter().map(|segment| segment.largest_timestamp().timestamp).max();
        match largest {
            Some(timestamp) if timestamp > NO_TIMESTAMP => self.search_timestamp(timestamp),
            _ => Ok(TimestampSearch { parts: Vec::new(), timestamp: 0, from_offset: self.log_start_offset }),
        }
    }
}

impl TimestampSearch {
    /// Look for it. Reads through the ring; decompresses at most the batches that can hold it.
    ///
    /// # Errors
    /// `Corrupt` where a batch cannot be read.
    pub async fn run(self) -> Result<Option<FoundOffset>> {
        let mut decompressor = Decompressor::default();
        for part in self.parts {
            let path = part.path.clone();
            let mut scan = BatchScan::new(part.file, part.path, part.position, part.end);
            loop {
                match scan.next().await? {
                    Scanned::End => break,
                    Scanned::Bad { position, reason } => {
                        return Err(unreadable(path, position, reason.to_string()));
                    }
                    Scanned::Batch { position, batch } => {
                        let header = batch.header();
                        if header.max_timestamp() < self.timestamp || header.last_offset() < self.from_offset
                        {
                            continue;
                        }
                        let found = search_batch(&batch, self.timestamp, self.from_offset, &mut decompressor);
                        match found {
                            Ok(Some(found)) => return Ok(Some(found)),
                            Ok(None) => {}
                            Err(reason) => return Err(unreadable(path, position, reason)),
                        }
                    }
                }
            }
        }
        Ok(None)
    }
}

fn search_batch(
    batch: &BatchView<'_>,
    timestamp: i64,
    from_offset: i64,
    decompressor: &mut Decompressor,
) -> Result<Option<FoundOffset>, String> {
    let header = batch.header();
    let codec = header.codec().ok_or("the compression codec is not defined")?;
    let section = decompressor
        .decompress(codec, batch.body(), DECOMPRESSED_BATCH_BYTES_MAX)
        .map_err(|e| e.to_string())?;
    for record in Records::new(section, header.records_count()) {
        let record = record.map_err(|error| error.to_string())?;
        let record_timestamp = match header.timestamp_type() {
            TimestampType::LogAppendTime => header.max_timestamp(),
            TimestampType::CreateTime => header.base_timestamp().wrapping_add(record.timestamp_delta),
        };
        let offset = header.base_offset().wrapping_add(i64::from(record.offset_delta));
        if record_timestamp >= timestamp && offset >= from_offset {
            let leader_epoch = header.partition_leader_epoch();
            return Ok(Some(FoundOffset { offset, timestamp: record_timestamp, leader_epoch }));
        }
    }
    Ok(None)
}

fn unreadable(path: PathBuf, position: u64, reason: String) -> StorageError {
    StorageError::Corrupt { path, position, reason, advice: DAMAGE_ADVICE }
}
