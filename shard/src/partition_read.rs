//! Reads of one partition: fetches and offset queries. A hot range is named, never copied; a cold one is read through
//! the ring.

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        fetch::{AbortedTransaction, DivergingEpoch},
        leader_hint::CurrentLeader,
    },
};
use jackdaw_storage::{ColdRange, Log, Read, StorageError};

use crate::{
    message::{FetchRead, Fetched, FetchedData, OffsetAnswer, OffsetQuery},
    partition::Partition,
};

/// ListOffsets' special timestamps (apis of Kafka 4.4).
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// A range that the page cache does not have.
pub(crate) struct ColdData(Read);

impl ColdData {
    /// Read it without holding the shard's thread.
    pub(crate) async fn read(&self) -> std::io::Result<FetchedData> {
        let data = self.0.file.read(self.0.position, self.0.length).await?;
        Ok(FetchedData::Memory(data.freeze()))
    }
}

/// Name a hot range in the answer; give a cold one back, of which the answer says the size.
fn hot_or_cold(fetched: &mut Fetched, range: Read) -> Option<ColdData> {
    if range.file.is_cached(range.position, range.length) {
        fetched.data = FetchedData::File {
            file: range.file.lease(),
            position: range.position,
            size_bytes: range.length,
        };
        return None;
    }
    fetched.data = FetchedData::Cold { size_bytes: range.length };
    Some(ColdData(range))
}

impl Partition {
    /// What a read at `offset` would have to wait for before it even knows its place.
    pub(crate) fn cold_place(&self, offset: i64) -> Option<ColdRange> {
        // An error is met again, and answered, by the read.
        self.log.borrow().cold_range(offset).ok().flatten()
    }

    /// Read for a fetch: at most `left_bytes`, but at least one batch if it is the first with data.
    pub(crate) fn read(
        &self,
        read: &FetchRead,
        read_committed: bool,
        left_bytes: usize,
        is_first: bool,
    ) -> (Fetched, Option<ColdData>) {
        if let Err(error) = self.check_leader(read.current_leader_epoch) {
            return (self.refused_read(read, error), None);
        }
        let log = self.log.borrow();
        let mut fetched = self.described(read, &log);
        match diverging_epoch(&log, read) {
            Ok(None) => {}
            Ok(Some(diverging)) => {
                fetched.diverging_epoch = Some(diverging);
                return (fetched, None);
            }
            Err(error) => return (self.refused_read(read, error), None),
        }
        let upper = if read_committed { fetched.last_stable_offset } else { fetched.high_watermark };
        let max_bytes = read.max_bytes.min(left_bytes);
        match log.read(read.offset, max_bytes, upper, is_first) {
            Ok(None) => {
                // There is something, and no room for it behind what others gave.
                fetched.ends_wait = !is_first && read.offset < upper;
                (fetched, None)
            }
            Ok(Some(range)) => {
                // As in Kafka: whoever reads an older segment is behind, and is not kept waiting at its end.
                fetched.ends_wait = range.is_older_segment;
                if read_committed {
                    fetched.aborted = Some(aborted(&log, read.offset, upper));
                }
                let cold = hot_or_cold(&mut fetched, range);
                (fetched, cold)
            }
            Err(StorageError::OffsetOutOfRange { .. }) => {
                (self.refused_read(read, ErrorCode::OffsetOutOfRange), None)
            }
            Err(error) => (self.refused_read(read, self.unreadable(&error)), None),
        }
    }

    /// What a client is told of a read that failed. Damage is Kafka's CORRUPT_MESSAGE: asking again does not help, and
    /// clients say so to whoever runs them. The log has a line for each place, not for each client that tries again.
    fn unreadable(&self, error: &StorageError) -> ErrorCode {
        let StorageError::Corrupt { path, position, .. } = error else {
            tracing::error!(topic = %self.topic, partition = self.key.partition, %error, "cannot read");
            self.read_failed(error);
            return ErrorCode::KafkaStorageError;
        };
        let place = (path.clone(), *position);
        let mut told = self.told_damage.borrow_mut();
        if told.as_ref() != Some(&place) {
            tracing::error!(topic = %self.topic, partition = self.key.partition, "a read met damage: {error}");
            *told = Some(place);
        }
        ErrorCode::CorruptMessage
    }

    fn described(&self, read: &FetchRead, log: &Log) -> Fetched {
        Fetched {
            high_watermark: self.high_watermark(),
            last_stable_offset: self.last_stable_offset(),
            log_start_offset: log.log_start_offset(),
            ..Fetched::failed(read.index, ErrorCode::None)
        }
    }

    fn refused_read(&self, read: &FetchRead, error: ErrorCode) -> Fetched {
        let mut fetched = Fetched::failed(read.index, error);
        if matches!(error, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
            let state = self.state.borrow();
            fetched.current_leader =
                Some(CurrentLeader { leader_id: state.leader, leader_epoch: state.leader_epoch });
        }
        fetched
    }

    /// Answer one partition of ListOffsets.
    pub(crate) async fn list_offset(&self, query: &OffsetQuery) -> OffsetAnswer {
        if let Err(error) = self.check_leader(query.current_leader_epoch) {
            return OffsetAnswer::failed(query.index, error);
        }
        let upper = if query.read_committed { self.last_stable_offset() } else { self.high_watermark() };
        let at = |offset: i64, timestamp: i64, leader_epoch: i32| OffsetAnswer {
            offset,
            timestamp,
            leader_epoch,
            ..OffsetAnswer::failed(query.index, ErrorCode::None)
        };
        let search = {
            let log = self.log.borrow();
            match query.timestamp {
                LATEST => {
                    return at(
                        upper,
                        -1,
                        log.leader_epoch_at(upper).unwrap_or(self.state.borrow().leader_epoch),
                    );
                }
                EARLIEST | EARLIEST_LOCAL => {
                    let offset = log.log_start_offset();
                    return at(offset, -1, log.leader_epoch_at(offset).unwrap_or(-1));
                }
                // Nothing is in remote storage, and nothing waits to go there.
                LATEST_TIERED | EARLIEST_PENDING_UPLOAD => return at(-1, -1, -1),
                MAX_TIMESTAMP => log.search_max_timestamp(),
                timestamp if timestamp < 0 => {
                    return OffsetAnswer::failed(query.index, ErrorCode::UnsupportedVersion);
                }
                timestamp => log.search_timestamp(timestamp),
            }
        };
        let found = match search {
            Ok(search) => search.run().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(found)) if found.offset < upper => at(found.offset, found.timestamp, found.leader_epoch),
            Ok(_) => at(-1, -1, -1),
            Err(error) => OffsetAnswer::failed(query.index, self.unreadable(&error)),
        }
    }
}

fn aborted(log: &Log, offset: i64, end_offset: i64) -> Vec<AbortedTransaction> {
    let aborted = log.aborted_transactions(offset, end_offset);
    let aborted = aborted.into_iter().map(|transaction| AbortedTransaction {
        producer_id: transaction.producer_id,
        first_offset: transaction.first_offset,
    });
    aborted.collect()
}

/// Where the reader's history parts from ours: it says the epoch of what it has read last (KIP-595).
///
/// # Errors
/// OFFSET_OUT_OF_RANGE where nothing here is as new as that epoch.
fn diverging_epoch(log: &Log, read: &FetchRead) -> Result<Option<DivergingEpoch>, ErrorCode> {
    if read.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let end = log.end_offset_for_epoch(read.last_fetched_epoch);
    let (epoch, end_offset) = end.ok_or(ErrorCode::OffsetOutOfRange)?;
    let parts = epoch < read.last_fetched_epoch || end_offset < read.offset;
    Ok(parts.then_some(DivergingEpoch { epoch, end_offset }))
}
