//! One partition's log: its segments, where it begins and ends, and what goes with them.
//!
//! Single-threaded: the shard that owns the partition keeps it in a `RefCell` and never holds a borrow across an
//! await. Everything that waits for a disk is an owned future or plan that the log hands out.
//!
//! Invariants: there is always an active segment, the last one; segments are ascending and do not overlap;
//! `log_start_offset <= log_end_offset`; after a failed write the log takes no more.

mod append;
mod durable;
mod flush;
mod read;
mod retention;
mod roll;
mod timestamps;
mod truncate;

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use jackdaw_core::{producer_state::Producers, uuid::Uuid};
use jackdaw_ring::file;

pub use self::{
    append::AppendInfo,
    durable::Journalled,
    flush::{Flush, Flushed},
    read::{ColdRange, Read},
    retention::unlink_paced,
    timestamps::{FoundOffset, TimestampSearch},
};
pub(crate) use self::{durable::DurablePoint, truncate::load_producers};
use crate::{
    atomic_file::create_directory,
    config::LogConfig,
    error::{During, Result, StorageError},
    leader_epochs::LeaderEpochs,
    partition_metadata,
    producer_snapshots::ProducerSnapshots,
    recent_batches::RecentBatches,
    segment::Segment,
    sync_queue::SyncQueue,
    transaction_index::AbortedTransaction,
};

/// The log of one partition.
pub struct Log {
    pub(crate) dir: Rc<Path>,
    pub(crate) topic_id: Uuid,
    pub(crate) config: LogConfig,
    pub(crate) segments: Vec<Segment>,
    pub(crate) log_start_offset: i64,
    pub(crate) log_end_offset: i64,
    pub(crate) recovery_point: i64,
    /// Compacted up to here; `None` where it never was.
    pub(crate) first_dirty_offset: Option<i64>,
    /// Everything below is durable, and so are the markers of all transactions that begin below.
    pub(crate) durable_stable_offset: i64,
    /// `None` after a start, before the first flush.
    pub(crate) durable_point: Option<DurablePoint>,
    pub(crate) epochs: LeaderEpochs,
    pub(crate) producers: Producers,
    pub(crate) producer_expiration_ms: i64,
    pub(crate) snapshots: ProducerSnapshots,
    pub(crate) recent: RecentBatches,
    pub(crate) queue: Rc<SyncQueue>,
    /// Counts truncations: a flush that began before one says nothing about what is there after it.
    pub(crate) truncation_count: u64,
    pub(crate) roll_jitter_ms: i64,
    /// Removed by name, waiting to be unlinked.
    pub(crate) deleted_files: Vec<PathBuf>,
    /// Of all segments but the active one.
    pub(crate) inactive_size_bytes: u64,
    pub(crate) is_broken: bool,
    pub(crate) is_closed: bool,
}

impl Log {
    /// Make the directory of a new partition: `partition.metadata`, durable, and an empty segment at offset 0.
    /// A directory that is left of an earlier attempt is taken over if it has the same topic id and no records.
    pub async fn create(dir: &Path, topic_id: Uuid, config: LogConfig, now_ms: i64) -> Result<Self> {
        create_directory(dir).await?;
        Self::create_in(dir, topic_id, config, now_ms).await
    }

    /// The same in a directory whose name is durable.
    pub(crate) async fn create_in(
        dir: &Path,
        topic_id: Uuid,
        config: LogConfig,
        now_ms: i64,
    ) -> Result<Self> {
        let dir: Rc<Path> = dir.into();
        let found_id = partition_metadata::read(&dir)?;
        if let Some(found) = found_id.filter(|found| *found != topic_id) {
            let reason = format!("the directory belongs to topic id {found}, not {topic_id}");
            return Err(StorageError::layout(&dir, reason));
        }
        let log_path = crate::layout::FileKind::Log.path(&dir, 0);
        if file::metadata(&log_path).during("look up", &log_path)?.is_some_and(|found| found.size_bytes > 0) {
            return Err(StorageError::layout(&log_path, "records are here already: open the log instead"));
        }
        let segment = Segment::create(&dir, 0, now_ms)?;
        // Last, because its flush of the directory makes the segment's names durable, too.
        partition_metadata::write(&dir, topic_id).await?;
        let parts = Parts {
            epochs: LeaderEpochs::default(),
            producers: Producers::new(0),
            producer_expiration_ms: i64::MAX,
            snapshots: ProducerSnapshots::new(Rc::clone(&dir), Vec::new()),
            segments: vec![segment],
            log_start_offset: 0,
            log_end_offset: 0,
            recovery_point: 0,
            first_dirty_offset: None,
            topic_id,
        };
        Ok(Self::from_parts(dir, config, parts))
    }

    pub(crate) fn from_parts(dir: Rc<Path>, config: LogConfig, parts: Parts) -> Self {
        assert!(!parts.segments.is_empty(), "a log has an active segment");
        assert!(parts.log_start_offset <= parts.log_end_offset, "a log ends at or after its start");
        let inactive = &parts.segments[..parts.segments.len() - 1];
        let inactive_size_bytes = inactive.iter().map(|segment| u64::from(segment.size_bytes())).sum();
        Self {
            queue: SyncQueue::new(Rc::clone(&dir)),
            dir,
            topic_id: parts.topic_id,
            roll_jitter_ms: roll::draw_jitter_ms(&config),
            config,
            segments: parts.segments,
            log_start_offset: parts.log_start_offset,
            log_end_offset: parts.log_end_offset,
            recovery_point: parts.recovery_point,
            first_dirty_offset: parts.first_dirty_offset,
            durable_stable_offset: parts.log_start_offset,
            durable_point: None,
            epochs: parts.epochs,
            producers: parts.producers,
            producer_expiration_ms: parts.producer_expiration_ms,
            snapshots: parts.snapshots,
            recent: RecentBatches::default(),
            truncation_count: 0,
            deleted_files: Vec::new(),
            inactive_size_bytes,
            is_broken: false,
            is_closed: false,
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Follow new settings from the next append on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.roll_jitter_ms = roll::draw_jitter_ms(&config);
        self.config = config;
    }

    /// The first offset that can be read.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset
    }

    /// Everything below is durable.
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point
    }

    /// The log is compacted up to here, for `cleaner-offset-checkpoint`; `None` where it never was.
    pub fn first_dirty_offset(&self) -> Option<i64> {
        self.first_dirty_offset
    }

    /// Offsets that are not durable yet: `flush.messages` goes by this.
    pub fn unflushed_count(&self) -> i64 {
        self.log_end_offset - self.recovery_point
    }

    /// Bytes of all segments, indexes not counted.
    pub fn size_bytes(&self) -> u64 {
        self.inactive_size_bytes + u64::from(self.active().size_bytes())
    }

    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// The base offset of the active segment.
    pub fn active_base_offset(&self) -> i64 {
        self.active().base_offset()
    }

    /// The leader epochs of this log.
    pub fn leader_epochs(&self) -> &LeaderEpochs {
        &self.epochs
    }

    /// Note that a leader of `epoch` begins, here at the log's end, before it has appended anything.
    pub fn begin_leader_epoch(&mut self, epoch: i32) {
        self.epochs.assign(epoch, self.log_end_offset);
    }

    /// The largest epoch not above `epoch` and its end offset.
    pub fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        self.epochs.end_offset_for(epoch, self.log_end_offset)
    }

    /// The epoch under which the record at `offset` was written.
    pub fn leader_epoch_at(&self, offset: i64) -> Option<i32> {
        self.epochs.epoch_at(offset)
    }

    /// The idempotent producers: appends are noted by the log itself, checks are the caller's.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// For expiration and for the high watermark's progress.
    pub fn producers_mut(&mut self) -> &mut Producers {
        &mut self.producers
    }

    /// The aborted transactions that a read of `[offset, upper_offset)` has to know of, in marker order.
    pub fn aborted_transactions(&self, offset: i64, upper_offset: i64) -> Vec<AbortedTransaction> {
        let mut found = Vec::new();
        for segment in &self.segments[self.segment_index(offset)..] {
            for aborted in segment.transaction_index.entries() {
                if aborted.last_offset >= offset && aborted.first_offset < upper_offset {
                    found.push(*aborted);
                }
                if aborted.last_stable_offset >= upper_offset {
                    return found;
                }
            }
        }
        found
    }

    /// Whether an earlier failure keeps the log from taking appends.
    pub fn has_failed(&self) -> bool {
        self.is_broken || self.queue.has_failed()
    }

    pub(crate) fn active(&self) -> &Segment {
        &self.segments[self.segments.len() - 1]
    }

    pub(crate) fn active_mut(&mut self) -> &mut Segment {
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }

    /// The segment in which `offset` is, or would be.
    pub(crate) fn segment_index(&self, offset: i64) -> usize {
        let after = self.segments.partition_point(|segment| segment.base_offset() <= offset);
        after.saturating_sub(1)
    }

    /// Refuse to go on after a failure.
    pub(crate) fn check_usable(&self) -> Result<()> {
        if self.is_broken || self.is_closed || self.queue.has_failed() {
            return Err(StorageError::Failed(self.dir.to_path_buf()));
        }
        Ok(())
    }

    /// Run what writes; if it fails, what the log holds is not known any more.
    pub(crate) fn writing<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.check_usable()?;
        let result = write(self);
        self.is_broken |= result.is_err();
        result
    }
}

/// What a log is put together from.
pub(crate) struct Parts {
    pub(crate) topic_id: Uuid,
    pub(crate) segments: Vec<Segment>,
    pub(crate) log_start_offset: i64,
    pub(crate) log_end_offset: i64,
    pub(crate) recovery_point: i64,
    pub(crate) first_dirty_offset: Option<i64>,
    pub(crate) epochs: LeaderEpochs,
    pub(crate) producers: Producers,
    pub(crate) producer_expiration_ms: i64,
    pub(crate) snapshots: ProducerSnapshots,
}

#[cfg(test)]
mod tests;
