//! Snapshots of the metadata: when one is due, taking it from committed state, and which older ones go.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use jackdaw_core::{
    config::MetadataLogConfig,
    metadata::{Image, SnapshotFrame, snapshot_batches},
    records::ValidatedBatch,
};
use jackdaw_ring::unix_ms;
use jackdaw_storage::{MetadataDir, SnapshotId};

use crate::node::NodeError;

/// A snapshot on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeptSnapshot {
    pub(crate) id: SnapshotId,
    pub(crate) size_bytes: u64,
    /// Of the last record that is in it.
    pub(crate) timestamp_ms: i64,
}

/// The limits that the configuration sets; `None` for no limit.
#[derive(Clone, Copy, Debug)]
struct Limits {
    record_bytes: u64,
    interval_ms: Option<u64>,
    retention_bytes: Option<u64>,
    retention_ms: Option<i64>,
}

/// The snapshots of this node's metadata log.
pub(crate) struct Snapshots {
    dir: MetadataDir,
    limits: Limits,
    /// Oldest first.
    kept: RefCell<Vec<KeptSnapshot>>,
    bytes_since: Cell<u64>,
    /// When the last one was taken, or the node started.
    taken_at_ms: Cell<u64>,
    is_taking: Cell<bool>,
}

impl Snapshots {
    pub(crate) fn new(
        config: &MetadataLogConfig,
        dir: MetadataDir,
        kept: Vec<KeptSnapshot>,
        bytes_since: u64,
        now_ms: u64,
    ) -> Rc<Self> {
        let limits = Limits {
            record_bytes: config.max_record_bytes_between_snapshots.unsigned_abs(),
            interval_ms: u64::try_from(config.max_snapshot_interval_ms).ok().filter(|interval| *interval > 0),
            retention_bytes: u64::try_from(config.max_retention_bytes).ok(),
            retention_ms: Some(config.max_retention_ms).filter(|kept| *kept >= 0),
        };
        Rc::new(Self {
            dir,
            limits,
            kept: RefCell::new(kept),
            bytes_since: Cell::new(bytes_since),
            taken_at_ms: Cell::new(now_ms),
            is_taking: Cell::new(false),
        })
    }

    /// Take note of a committed batch.
    pub(crate) fn committed(&self, size_bytes: u64) {
        self.bytes_since.set(self.bytes_since.get() + size_bytes);
    }

    /// Whether one is to be taken now; the caller then calls [`Snapshots::take`].
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        let bytes = self.bytes_since.get();
        let age_ms = now_ms.saturating_sub(self.taken_at_ms.get());
        let is_time = self.limits.interval_ms.is_some_and(|interval| age_ms >= interval);
        !self.is_taking.get() && bytes > 0 && (bytes >= self.limits.record_bytes || is_time)
    }

    /// Write a snapshot of this committed state, which ends with a batch.
    pub(crate) async fn take(
        &self,
        image: Arc<Image>,
        timestamp_ms: i64,
        now_ms: u64,
    ) -> Result<SnapshotId, NodeError> {
        self.is_taking.set(true);
        self.bytes_since.set(0);
        self.taken_at_ms.set(now_ms);
        let taken = self.write(&image, timestamp_ms).await;
        self.is_taking.set(false);
        let kept = taken?;
        self.kept.borrow_mut().push(kept);
        Ok(kept.id)
    }

    async fn write(&self, image: &Image, timestamp_ms: i64) -> Result<KeptSnapshot, NodeError> {
        let id = SnapshotId { end_offset: image.offset + 1, epoch: image.epoch };
        let frame = SnapshotFrame {
            epoch: id.epoch,
            last_contained_log_timestamp_ms: timestamp_ms,
            voters: None,
            now_ms: unix_ms(),
        };
        let batches = snapshot_batches(&image.to_records(), &frame)
            .map_err(|error| NodeError::Metadata(format!("cannot encode a snapshot: {error}")))?;
        let content: Vec<u8> = batches.iter().flat_map(ValidatedBatch::to_vec).collect();
        self.dir.write_snapshot(id, &content).await?;
        Ok(KeptSnapshot { id, size_bytes: content.len() as u64, timestamp_ms })
    }

    /// The oldest snapshot to keep, where older ones are past their time; the log may begin at its end.
    pub(crate) fn oldest_kept(&self, log_size_bytes: u64, now_ms: i64) -> Option<SnapshotId> {
        let kept = self.kept.borrow();
        match expired_count(&kept, log_size_bytes, self.limits, now_ms) {
            0 => None,
            count => Some(kept[count].id),
        }
    }

    /// Remove the snapshots before this one.
    pub(crate) async fn delete_below(&self, oldest_kept: SnapshotId) -> Result<(), NodeError> {
        self.kept.borrow_mut().retain(|kept| kept.id >= oldest_kept);
        self.dir.delete_snapshots_below(oldest_kept).await?;
        Ok(())
    }
}

/// How many of the oldest snapshots are past their time or too much; never the newest.
fn expired_count(kept: &[KeptSnapshot], log_size_bytes: u64, limits: Limits, now_ms: i64) -> usize {
    let mut total_bytes = log_size_bytes + kept.iter().map(|snapshot| snapshot.size_bytes).sum::<u64>();
    let candidates = &kept[..kept.len().saturating_sub(1)];
    let mut count = 0;
    for snapshot in candidates {
        let age_ms = now_ms.saturating_sub(snapshot.timestamp_ms);
        let is_old = limits.retention_ms.is_some_and(|retention_ms| age_ms > retention_ms);
        let is_too_much = limits.retention_bytes.is_some_and(|bytes| total_bytes > bytes);
        if !(is_old || is_too_much) {
            break;
        }
        total_bytes -= snapshot.size_bytes;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { record_bytes: 100, interval_ms: Some(1000), retention_bytes: None, retention_ms: None };

    fn snapshots(limits: Limits) -> Snapshots {
        Snapshots {
            dir: MetadataDir::new(std::path::Path::new("/none")),
            limits,
            kept: RefCell::default(),
            bytes_since: Cell::new(0),
            taken_at_ms: Cell::new(0),
            is_taking: Cell::new(false),
        }
    }

    #[test]
    fn one_is_due_by_size_or_by_time_but_not_for_nothing() {
        let by_both = snapshots(LIMITS);
        assert!(!by_both.is_due(5000), "nothing was written");
        by_both.committed(1);
        assert!(!by_both.is_due(999));
        assert!(by_both.is_due(1000));
        by_both.committed(99);
        assert!(by_both.is_due(0));
        by_both.is_taking.set(true);
        assert!(!by_both.is_due(0), "one is being taken");
        let by_size = snapshots(Limits { interval_ms: None, ..LIMITS });
        by_size.committed(99);
        assert!(!by_size.is_due(u64::MAX));
    }

    #[test]
    fn old_ones_go_but_never_the_newest() {
        let kept: Vec<_> = [(0, 0), (10, 100), (20, 200)]
            .map(|(end_offset, timestamp_ms)| KeptSnapshot {
                id: SnapshotId { end_offset, epoch: 1 },
                size_bytes: 50,
                timestamp_ms,
            })
            .into();
        let by_time = |retention_ms| Limits { retention_ms: Some(retention_ms), ..LIMITS };
        let by_size = |bytes| Limits { retention_bytes: Some(bytes), ..LIMITS };
        for (limits, now_ms, count) in [
            (LIMITS, i64::MAX, 0),
            (by_time(100), 100, 0),
            (by_time(100), 101, 1),
            (by_time(100), 1000, 2),
            (by_size(160), 0, 0),
            (by_size(159), 0, 1),
            (by_size(0), 0, 2),
        ] {
            assert_eq!(expired_count(&kept, 10, limits, now_ms), count, "{limits:?} at {now_ms}");
        }
        assert_eq!(expired_count(&[], 1000, by_size(0), 0), 0);
    }
}
