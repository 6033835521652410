//! The one walk over a batch's records: what they must have, and what the header must say about them.

use super::{RecordError, RecordErrorReason, ValidationConfig, ValidationError};
use crate::{
    limits,
    records::{BatchHeader, Record, Records, TimestampType, batch_header::NO_TIMESTAMP},
};

/// What the records of a batch add up to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// The largest timestamp in ms, -1 where there is none. Unused for LogAppendTime.
    pub(super) max_timestamp: i64,
    pub(super) offset_delta_of_max_timestamp: i32,
    /// Whether the offset deltas are 0, 1, 2, …
    pub(super) is_sequential: bool,
    /// Bytes that the records take in their section.
    pub(super) size_bytes: usize,
}

/// The rules that hold for each record, worked out once a batch.
pub(super) struct RecordRules {
    needs_key: bool,
    checks_timestamps: bool,
    timestamp_min_ms: i64,
    timestamp_max_ms: i64,
    base_timestamp: i64,
}

impl RecordRules {
    pub(super) fn new(header: &BatchHeader, config: &ValidationConfig, now_ms: i64) -> Self {
        Self {
            needs_key: config.is_compacted,
            checks_timestamps: config.timestamp_type == TimestampType::CreateTime,
            timestamp_min_ms: match config.timestamp_before_max_ms {
                i64::MAX => i64::MIN,
                before_max_ms => now_ms.saturating_sub(before_max_ms),
            },
            timestamp_max_ms: now_ms.saturating_add(config.timestamp_after_max_ms),
            base_timestamp: header.base_timestamp(),
        }
    }

    /// The record's timestamp, and what is wrong with the record.
    #[inline]
    fn check(&self, record: &Record<'_>) -> (i64, Option<RecordErrorReason>) {
        let timestamp_ms = self.base_timestamp.wrapping_add(record.timestamp_delta);
        let fault = if self.needs_key && record.key.is_none() {
            Some(RecordErrorReason::NoKey)
        } else if !self.checks_timestamps || timestamp_ms == NO_TIMESTAMP {
            None
        } else if timestamp_ms < self.timestamp_min_ms {
            Some(RecordErrorReason::TooOld { timestamp_ms })
        } else if timestamp_ms > self.timestamp_max_ms {
            Some(RecordErrorReason::TooNew { timestamp_ms })
        } else {
            None
        };
        (timestamp_ms, fault)
    }
}

/// Walks over the records that `section`, uncompressed, must hold.
pub(super) fn walk(
    section: &[u8],
    header: &BatchHeader,
    rules: &RecordRules,
) -> Result<Walk, ValidationError> {
    let mut records = Records::new(section, header.records_count());
    let mut walk = Walk {
        max_timestamp: NO_TIMESTAMP,
        offset_delta_of_max_timestamp: 0,
        is_sequential: true,
        size_bytes: 0,
    };
    let mut faults = Vec::new();
    for (batch_index, record) in (0i32..).zip(records.by_ref()) {
        let record = record?;
        let (timestamp_ms, fault) = rules.check(&record);
        if let Some(reason) = fault
            && faults.len() < limits::RECORD_ERRORS_MAX
        {
            faults.push(RecordError { batch_index, reason });
        }
        if timestamp_ms > walk.max_timestamp {
            walk.max_timestamp = timestamp_ms;
            walk.offset_delta_of_max_timestamp = batch_index;
        }
        walk.is_sequential &= record.offset_delta == batch_index;
    }
    walk.size_bytes = records.position();
    if !rules.checks_timestamps {
        // All records have the broker's timestamp.
        walk.offset_delta_of_max_timestamp = 0;
    }
    if faults.is_empty() { Ok(walk) } else { Err(ValidationError::Records(faults)) }
}
