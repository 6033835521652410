//! The directory of `__cluster_metadata-0`: the metadata log, its snapshots and the quorum's state.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use bytes::Bytes;
use jackdaw_core::{limits, uuid::Uuid};
use jackdaw_ring::{File, file};

use crate::{
    atomic_file::{self, replace_file},
    config::LogConfig,
    error::{During, Result, StorageError},
    layout,
    log::Log,
    metadata_damage, partition_metadata,
    recovery::{RecoveryInputs, RecoveryReport},
};

const SNAPSHOT_SUFFIX: &str = ".checkpoint";
const PART_SUFFIX: &str = ".checkpoint.part";
const DELETED_SUFFIX: &str = ".checkpoint.deleted";
pub(crate) const QUORUM_STATE: &str = "quorum-state";
const QUORUM_STATE_TEMPORARY: &str = "quorum-state.tmp";

/// What a snapshot reflects: all records below `end_offset`, the last of which has `epoch`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl SnapshotId {
    fn file_name(self) -> String {
        format!("{:020}-{:010}{SNAPSHOT_SUFFIX}", self.end_offset, self.epoch)
    }

    fn parse(name: &str) -> Option<Self> {
        let (end_offset, epoch) = name.strip_suffix(SNAPSHOT_SUFFIX)?.split_once('-')?;
        let id = Self { end_offset: end_offset.parse().ok()?, epoch: epoch.parse().ok()? };
        (id.file_name() == name).then_some(id)
    }
}

/// The metadata log's directory. Cheap to clone, so that waiting for it borrows nothing.
#[derive(Clone, Debug)]
pub struct MetadataDir {
    path: Rc<Path>,
}

impl MetadataDir {
    /// The one in this log directory (`metadata.log.dir`).
    pub fn new(log_dir: &Path) -> Self {
        Self { path: log_dir.join(layout::partition_dir_name(layout::METADATA_TOPIC, 0)).into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a metadata log.
    pub fn exists(&self) -> Result<bool> {
        Ok(file::metadata(&self.path).during("look up", &self.path)?.is_some())
    }

    /// Look for damage that is no torn end; before `open_log`, which would cut it off.
    ///
    /// # Errors
    /// `Corrupt` with the place of the damage.
    pub async fn check(&self, was_clean: bool) -> Result<()> {
        if self.exists()? { metadata_damage::check(&self.path, was_clean).await } else { Ok(()) }
    }

    /// Open the metadata log, made if it is not there. Every batch is checked, whatever the last stop was; what
    /// follows the first bad one is cut off. Where the newest snapshot is ahead of the log, the log is dropped and
    /// begins at the snapshot's end.
    ///
    /// # Errors
    /// `Layout` where the log begins above 0 and no snapshot covers what went before.
    pub async fn open_log(&self, config: LogConfig, now_ms: i64) -> Result<(Log, RecoveryReport)> {
        let (mut log, report) = if self.exists()? && self.has_log()? {
            self.remove_leftovers()?;
            Log::open(&self.path, config, RecoveryInputs::unknown(), now_ms).await?
        } else {
            let log = Log::create(&self.path, Uuid::METADATA_TOPIC, config, now_ms).await?;
            (log, RecoveryReport::default())
        };
        let newest = self.snapshots()?.last().copied();
        if let Some(newest) = newest {
            let last_epoch = log.leader_epochs().latest().map_or(0, |latest| latest.epoch);
            if newest.end_offset > log.log_end_offset() || newest.epoch > last_epoch {
                log.truncate_fully_and_start_at(newest.end_offset, now_ms)?;
                log.begin_leader_epoch(newest.epoch);
            }
        }
        let log_start_offset = log.log_start_offset();
        if log_start_offset > 0 && newest.is_none_or(|newest| newest.end_offset < log_start_offset) {
            let reason = format!(
                "the metadata log begins at offset {log_start_offset}, but no snapshot covers what was before; \
                 restore the snapshot from a backup, or remove the directory to fetch all of it from the quorum"
            );
            return Err(StorageError::layout(&self.path, reason));
        }
        Ok((log, report))
    }

    /// Whether a log was made here to its end: a crash before leaves an empty segment without `partition.metadata`.
    fn has_log(&self) -> Result<bool> {
        let entries = file::list_directory(&self.path).during("list", &self.path)?;
        let has_id = partition_metadata::read(&self.path)?.is_some();
        for entry in entries.iter().filter(|entry| entry.name.ends_with(".log")) {
            let path = self.path.join(&entry.name);
            let size_bytes =
                file::metadata(&path).during("look up", &path)?.map_or(0, |found| found.size_bytes);
            if has_id || size_bytes > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Half-written snapshots, deleted ones, and a quorum state that was not put in place.
    fn remove_leftovers(&self) -> Result<()> {
        for entry in file::list_directory(&self.path).during("list", &self.path)? {
            let name = &entry.name;
            if name.ends_with(PART_SUFFIX) || name.ends_with(DELETED_SUFFIX) || name == QUORUM_STATE_TEMPORARY
            {
                let path = self.path.join(name);
                file::remove_file(&path).during("remove", &path)?;
            }
        }
        Ok(())
    }

    /// The snapshots that are there, oldest first.
    pub fn snapshots(&self) -> Result<Vec<SnapshotId>> {
        let entries = file::list_directory(&self.path).during("list", &self.path)?;
        let mut found: Vec<_> = entries.iter().filter_map(|entry| SnapshotId::parse(&entry.name)).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// The bytes of a snapshot, through the ring.
    pub async fn read_snapshot(&self, id: SnapshotId) -> Result<Bytes> {
        let path = self.snapshot_path(id);
        let handle = File::open(&path, file::OpenOptions::default()).during("open", &path)?;
        let size_bytes = handle.size().during("look up", &path)?;
        let within_limit =
            usize::try_from(size_bytes).ok().filter(|size| *size <= limits::METADATA_SNAPSHOT_SIZE_MAX_BYTES);
        let Some(length) = within_limit else {
            let limit = limits::METADATA_SNAPSHOT_SIZE_MAX_BYTES;
            return Err(StorageError::layout(&path, format!("{size_bytes} bytes; at most {limit} are read")));
        };
        handle.read(0, length).await.during("read", &path).map(Into::into)
    }

    /// An open snapshot file and its size, to send parts of it to a follower.
    pub fn open_snapshot(&self, id: SnapshotId) -> Result<(File, u64)> {
        let path = self.snapshot_path(id);
        let handle = File::open(&path, file::OpenOptions::default()).during("open", &path)?;
        let size_bytes = handle.size().during("look up", &path)?;
        Ok((handle, size_bytes))
    }

    /// Write a snapshot; it is there, whole and durable, or not at all.
    pub async fn write_snapshot(&self, id: SnapshotId, content: &[u8]) -> Result<()> {
        let path = self.snapshot_path(id);
        let part = layout::with_suffix(&path, ".part");
        let handle = atomic_file::create(&part, content)?;
        handle.sync_data().await.during("flush", &part)?;
        drop(handle);
        file::rename(&part, &path).during("rename to", &path)?;
        file::sync_directory(&self.path).await.during("flush the directory", &self.path)
    }

    /// Remove the snapshots below `oldest_kept`; the newest one stays in any case.
    pub async fn delete_snapshots_below(&self, oldest_kept: SnapshotId) -> Result<usize> {
        let mut old = self.snapshots()?;
        old.pop();
        old.retain(|id| *id < oldest_kept);
        for id in &old {
            let path = self.snapshot_path(*id);
            file::unlink(&path).await.during("remove", &path)?;
        }
        Ok(old.len())
    }

    /// The quorum's state as JSON text, or `None` where there is none yet.
    pub fn read_quorum_state(&self) -> Result<Option<String>> {
        atomic_file::read_text(&self.path.join(QUORUM_STATE), limits::META_PROPERTIES_SIZE_MAX_BYTES)
    }

    /// Replace the quorum's state. It is durable when this returns: only then a vote may be answered.
    pub async fn write_quorum_state(&self, json: &str) -> Result<()> {
        replace_file(&self.path.join(QUORUM_STATE), json.as_bytes()).await
    }

    pub(crate) fn snapshot_path(&self, id: SnapshotId) -> PathBuf {
        self.path.join(id.file_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::{batch, in_dir, names, overwrite};

    const OLD: SnapshotId = SnapshotId { end_offset: 10, epoch: 1 };
    const NEW: SnapshotId = SnapshotId { end_offset: 50, epoch: 2 };

    #[test]
    fn the_log_and_its_files() {
        in_dir(|dir| async move {
            let metadata = MetadataDir::new(&dir);
            let (mut log, _) = metadata.open_log(LogConfig::default(), 0).await.unwrap();
            assert_eq!(log.topic_id(), Uuid::METADATA_TOPIC);
            assert_eq!(metadata.read_quorum_state().unwrap(), None);
            metadata.write_quorum_state("{\"leaderEpoch\":1}").await.unwrap();
            for epoch in [1, 1, 2] {
                let mut batch = batch(20, 5, 0);
                batch.assign(log.log_end_offset(), epoch);
                log.append_as_follower(&batch.to_vec(), epoch, 0).unwrap();
            }
            let flush = log.begin_flush().unwrap();
            log.flushed(flush.run().await.unwrap());
            assert_eq!(log.recovery_point(), 60);
            metadata.write_snapshot(OLD, b"old").await.unwrap();
            metadata.write_snapshot(NEW, b"new").await.unwrap();
            overwrite(&metadata.path().join("00000000000000000060-0000000002.checkpoint.part"), b"half");
            overwrite(&metadata.path().join("quorum-state.tmp"), b"half");
            drop(log);

            let (log, report) = metadata.open_log(LogConfig::default(), 0).await.unwrap();
            assert_eq!((log.log_end_offset(), report.checked_segment_count), (60, 1));
            assert_eq!(log.leader_epochs().entries().len(), 2);
            assert_eq!(metadata.snapshots().unwrap(), [OLD, NEW]);
            assert_eq!(metadata.read_snapshot(NEW).await.unwrap(), "new");
            assert_eq!(metadata.read_quorum_state().unwrap().unwrap(), "{\"leaderEpoch\":1}");
            let left = names(metadata.path());
            assert!(left.iter().all(|name| !name.ends_with(".part") && !name.ends_with(".tmp")), "{left:?}");
            assert_eq!(metadata.delete_snapshots_below(NEW).await.unwrap(), 1);
            let beyond = SnapshotId { end_offset: 99, epoch: 9 };
            assert_eq!(metadata.delete_snapshots_below(beyond).await.unwrap(), 0, "the newest stays");
        });
    }

    #[test]
    fn a_snapshot_ahead_of_the_log_replaces_it() {
        in_dir(|dir| async move {
            let metadata = MetadataDir::new(&dir);
            let (mut log, _) = metadata.open_log(LogConfig::default(), 0).await.unwrap();
            log.append(&mut [batch(20, 5, 0)], 1, 0).unwrap();
            drop(log);
            metadata.write_snapshot(NEW, b"new").await.unwrap();
            let (log, _) = metadata.open_log(LogConfig::default(), 0).await.unwrap();
            assert_eq!((log.log_start_offset(), log.log_end_offset()), (50, 50));
            assert_eq!(log.end_offset_for_epoch(2), Some((2, 50)));
            drop(log);
            file::remove_file(&metadata.snapshot_path(NEW)).unwrap();
            let refused = metadata.open_log(LogConfig::default(), 0).await.err().unwrap().to_string();
            assert!(refused.contains("no snapshot covers"), "{refused}");
        });
    }

    #[test]
    fn names_of_snapshots() {
        let name = "00000000000000000050-0000000002.checkpoint";
        assert_eq!(SnapshotId::parse(name), Some(NEW));
        assert_eq!(NEW.file_name(), name);
        for other in ["50-2.checkpoint", "leader-epoch-checkpoint", "bootstrap.checkpoint"] {
            assert_eq!(SnapshotId::parse(other), None, "{other}");
        }
    }
}
