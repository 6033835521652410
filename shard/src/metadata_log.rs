//! What `__cluster_metadata-0` holds at start: the newest snapshot, the log after it, the quorum's state, and what the
//! directory was formatted with.

use std::path::Path;

use jackdaw_core::{
    config::BrokerConfig,
    controller::default_bootstrap_records,
    limits::METADATA_SNAPSHOT_SIZE_MAX_BYTES,
    metadata::{Loader, Snapshot, read_snapshot},
    protocol::records::MetadataRecord,
    records::{BatchView, Batches, Frame},
};
use jackdaw_raft::{EpochStart, LogBounds, OffsetAndEpoch, QuorumState};
use jackdaw_ring::{file, unix_ms};
use jackdaw_storage::{Log, LogConfig, MetadataDir, SnapshotId};

use crate::{
    format::BOOTSTRAP,
    limits::{METADATA_READ_BYTES, SNAPSHOT_HEADER_BYTES},
    metadata_snapshots::KeptSnapshot,
    node::NodeError,
};

/// The name of the bootstrap records up to Kafka 4.3; in the log directory itself.
const BOOTSTRAP_FILE: &str = "bootstrap.checkpoint";

/// The metadata as it was found.
pub(crate) struct FoundMetadata {
    pub(crate) dir: MetadataDir,
    pub(crate) log: Log,
    /// All of the log. With one voter everything in its log is committed.
    pub(crate) loader: Loader,
    pub(crate) quorum_state: Option<QuorumState>,
    /// Oldest first, with that of offset 0 if it is there.
    pub(crate) snapshots: Vec<KeptSnapshot>,
    /// What a controller that finds no records writes first.
    pub(crate) bootstrap: Vec<MetadataRecord>,
    /// Bytes of the log that are in no snapshot.
    pub(crate) bytes_since_snapshot: u64,
    /// Of the newest batch; 0 where there is none.
    pub(crate) last_timestamp_ms: i64,
}

impl FoundMetadata {
    /// Open the log, or make a new one, and read it.
    ///
    /// # Errors
    /// Damage, or records that this release does not know.
    pub(crate) async fn read(config: &BrokerConfig, was_clean: bool) -> Result<Self, NodeError> {
        let log_dir = Path::new(&config.metadata_log.dir);
        let dir = MetadataDir::new(log_dir);
        dir.check(was_clean).await.map_err(|error| NodeError::Metadata(error.to_string()))?;
        let log = open_log(&dir, config).await?;
        let mut found = Self {
            snapshots: kept_snapshots(&dir).await?,
            bootstrap: read_bootstrap(log_dir, &dir).await?,
            quorum_state: read_quorum_state(&dir)?,
            loader: Loader::new(),
            bytes_since_snapshot: 0,
            last_timestamp_ms: 0,
            dir,
            log,
        };
        found.load_snapshot().await?;
        found.replay_log().await?;
        Ok(found)
    }

    /// What the quorum's voter must know of the log.
    pub(crate) fn bounds(&self) -> LogBounds {
        let epochs = self.log.leader_epochs().entries().iter();
        LogBounds {
            start_offset: self.log.log_start_offset(),
            end_offset: self.log.log_end_offset(),
            epochs: epochs
                .map(|start| EpochStart { epoch: start.epoch, start_offset: start.start_offset })
                .collect(),
            snapshot: self.newest_snapshot().map(offset_and_epoch),
        }
    }

    fn newest_snapshot(&self) -> Option<SnapshotId> {
        self.snapshots.last().map(|kept| kept.id).filter(|id| id.end_offset > 0)
    }

    async fn load_snapshot(&mut self) -> Result<(), NodeError> {
        let Some(id) = self.newest_snapshot() else { return Ok(()) };
        let snapshot = load(&self.dir, id).await?;
        self.loader.load_snapshot(id.end_offset, id.epoch, &snapshot.records).map_err(|error| {
            NodeError::Metadata(format!("the snapshot at offset {} cannot be used: {error}", id.end_offset))
        })?;
        self.last_timestamp_ms = snapshot.last_contained_log_timestamp_ms;
        Ok(())
    }

    /// Apply every record that is in no snapshot.
    async fn replay_log(&mut self) -> Result<(), NodeError> {
        let mut offset = self.loader.image().offset + 1;
        let end = self.log.log_end_offset();
        while let Some(read) = self.log.read(offset, METADATA_READ_BYTES, end, true)? {
            let data = read.file.read(read.position, read.length).await.map_err(|error| NodeError::Io {
                what: format!("cannot read {}", self.dir.path().display()),
                error,
            })?;
            let first = offset;
            for batch in Batches::new(&data) {
                let damaged = |error: &dyn std::fmt::Display| {
                    NodeError::Metadata(format!(
                        "{}, after offset {offset}: {error}",
                        self.dir.path().display()
                    ))
                };
                let batch = batch.map_err(|error| damaged(&error))?;
                if batch.header().last_offset() < offset {
                    continue;
                }
                self.loader.replay_batch(&batch).map_err(|error| damaged(&error))?;
                self.bytes_since_snapshot += batch.bytes().len() as u64;
                self.last_timestamp_ms = batch.header().max_timestamp();
                offset = batch.header().last_offset() + 1;
            }
            if offset == first {
                break;
            }
        }
        if offset < end {
            return Err(NodeError::Metadata(format!(
                "{} ends at offset {offset}, before its end at {end}; restore it from a backup",
                self.dir.path().display()
            )));
        }
        Ok(())
    }
}

pub(crate) fn offset_and_epoch(id: SnapshotId) -> OffsetAndEpoch {
    OffsetAndEpoch { offset: id.end_offset, epoch: id.epoch }
}

/// The log, with all of it on stable storage: the voter counts on what it is told.
async fn open_log(dir: &MetadataDir, config: &BrokerConfig) -> Result<Log, NodeError> {
    let metadata = &config.metadata_log;
    let log_config = LogConfig {
        segment_bytes: metadata.segment_bytes.unsigned_abs(),
        segment_ms: metadata.segment_ms,
        delete_old_segments: false,
        ..LogConfig::default()
    };
    let (mut log, report) = dir.open_log(log_config, unix_ms()).await?;
    if report.truncated_bytes > 0 {
        tracing::warn!(
            bytes = report.truncated_bytes,
            reason = report.truncated_because.as_deref().unwrap_or("torn"),
            "cut the metadata log's unflushed end"
        );
    }
    let flushed = log.begin_flush()?.run().await?;
    log.flushed(flushed);
    Ok(log)
}

fn read_quorum_state(dir: &MetadataDir) -> Result<Option<QuorumState>, NodeError> {
    let Some(text) = dir.read_quorum_state()? else { return Ok(None) };
    QuorumState::from_json(text.as_bytes()).map(Some).map_err(|error| {
        NodeError::Metadata(format!("{}/quorum-state is damaged: {error}", dir.path().display()))
    })
}

/// What retention must know of each snapshot. A header's own time stands for that of the last record in the snapshot:
/// they differ by what passes between a record and its snapshot.
async fn kept_snapshots(dir: &MetadataDir) -> Result<Vec<KeptSnapshot>, NodeError> {
    let mut kept = Vec::new();
    for id in dir.snapshots()? {
        let (file, size_bytes) = dir.open_snapshot(id)?;
        let length = size_bytes.min(SNAPSHOT_HEADER_BYTES) as usize;
        let head = file.read(0, length).await.map_err(|error| NodeError::Io {
            what: format!("cannot read a snapshot in {}", dir.path().display()),
            error,
        })?;
        let timestamp_ms = match BatchView::parse(&head) {
            Frame::Complete(batch) => batch.header().max_timestamp(),
            _ => 0,
        };
        kept.push(KeptSnapshot { id, size_bytes, timestamp_ms });
    }
    Ok(kept)
}

async fn load(dir: &MetadataDir, id: SnapshotId) -> Result<Snapshot, NodeError> {
    let bytes = dir.read_snapshot(id).await?;
    read_snapshot(&bytes).map_err(|error| {
        NodeError::Metadata(format!(
            "the snapshot at offset {} in {} cannot be read: {error}",
            id.end_offset,
            dir.path().display()
        ))
    })
}

/// What the directory was formatted with, by this release or by any of Kafka's.
async fn read_bootstrap(log_dir: &Path, dir: &MetadataDir) -> Result<Vec<MetadataRecord>, NodeError> {
    if dir.snapshots()?.contains(&BOOTSTRAP) {
        let records = load(dir, BOOTSTRAP).await?.records;
        // Up to 4.3 this one holds the voters alone and the records stand in the file of their own.
        if !records.is_empty() {
            return Ok(records);
        }
    }
    let path = log_dir.join(BOOTSTRAP_FILE);
    let io = |error| NodeError::Io { what: format!("cannot read {}", path.display()), error };
    if file::metadata(&path).map_err(io)?.is_none() {
        return Ok(default_bootstrap_records());
    }
    let bytes = file::read_all(&path, METADATA_SNAPSHOT_SIZE_MAX_BYTES).map_err(io)?;
    let snapshot = read_snapshot(&bytes)
        .map_err(|error| NodeError::Metadata(format!("{} cannot be read: {error}", path.display())))?;
    Ok(snapshot.records)
}
