//! `__cluster_metadata-0` on disk: opened and read at start, appended to and flushed by the controller's host.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use bytes::Bytes;
use jackdaw_core::{
    metadata::{Loader, VersionedRecord},
    protocol::{
        Message,
        records::{
            MetadataRecord,
            control::{LeaderChangeMessage, LeaderChangeMessageVoter},
        },
    },
    records::{
        BatchView, Batches, Codec, Records, ValidatedBatch,
        builder::{BatchBuilder, NewRecord},
        compression::Decompressor,
        control::{ControlType, build_control_batch},
    },
    uuid::Uuid,
};
use jackdaw_raft::{EpochStart, LogBounds, QuorumState, ReplicaKey};
use jackdaw_ring::{file, unix_ms};
use jackdaw_storage::{Log, LogConfig, RecoveryInputs, StorageError, layout, replace_file};

use crate::{limits::METADATA_READ_BYTES, node::NodeError};

const QUORUM_STATE: &str = "quorum-state";

/// The metadata log's directory and log.
pub(crate) struct MetadataLog {
    dir: PathBuf,
    pub(crate) log: Log,
}

impl MetadataLog {
    /// Open the log, or make a new one. All of it is checked: nothing in it may be lost silently (D10).
    pub(crate) async fn open(log_dir: &Path, config: LogConfig) -> Result<Self, NodeError> {
        let dir = log_dir.join(layout::partition_dir_name(layout::METADATA_TOPIC, 0));
        let exists = file::metadata(&dir.join(layout::PARTITION_METADATA))
            .map_err(|error| NodeError::Io { what: format!("cannot look up {}", dir.display()), error })?
            .is_some();
        let log = if exists {
            let (log, report) = Log::open(&dir, config, RecoveryInputs::unknown(), unix_ms()).await?;
            if report.truncated_bytes > 0 {
                tracing::warn!(bytes = report.truncated_bytes, "cut the metadata log's unflushed end");
            }
            log
        } else {
            Log::create(&dir, Uuid::METADATA_TOPIC, config, unix_ms()).await?
        };
        Ok(Self { dir, log })
    }

    pub(crate) fn bounds(&self) -> LogBounds {
        let epochs = self.log.leader_epochs().entries().iter();
        LogBounds {
            start_offset: self.log.log_start_offset(),
            end_offset: self.log.log_end_offset(),
            epochs: epochs
                .map(|start| EpochStart { epoch: start.epoch, start_offset: start.start_offset })
                .collect(),
            snapshot: None,
        }
    }

    pub(crate) fn read_quorum_state(&self) -> Result<Option<QuorumState>, NodeError> {
        let path = self.dir.join(QUORUM_STATE);
        let io = |error| NodeError::Io { what: format!("cannot read {}", path.display()), error };
        if file::metadata(&path).map_err(io)?.is_none() {
            return Ok(None);
        }
        let text = file::read_all(&path, METADATA_READ_BYTES).map_err(io)?;
        QuorumState::from_json(&text)
            .map(Some)
            .map_err(|error| NodeError::Metadata(format!("{} is damaged: {error}", path.display())))
    }

    /// The file that [`QuorumState`]s are written to.
    pub(crate) fn quorum_state_path(&self) -> PathBuf {
        self.dir.join(QUORUM_STATE)
    }

    /// Apply every record of the log.
    pub(crate) async fn replay(&self, loader: &mut Loader) -> Result<(), NodeError> {
        let mut offset = self.log.log_start_offset();
        let end = self.log.log_end_offset();
        let mut decompressor = Decompressor::default();
        while let Some(read) = self.log.read(offset, METADATA_READ_BYTES, end, true)? {
            let data = read.file.read(read.position, read.length).await.map_err(|error| NodeError::Io {
                what: format!("cannot read {}", self.dir.display()),
                error,
            })?;
            for batch in Batches::new(&data) {
                let Ok(batch) = batch else {
                    return Err(NodeError::Metadata(format!(
                        "a batch at or after offset {offset} is damaged"
                    )));
                };
                replay_batch(loader, &batch, &mut decompressor)?;
                offset = batch.header().last_offset() + 1;
            }
        }
        Ok(())
    }
}

/// Make a vote, or the knowledge of a leader, durable.
pub(crate) async fn write_quorum_state(path: Rc<Path>, state: QuorumState) -> Result<(), StorageError> {
    replace_file(&path, state.to_json().as_bytes()).await
}

fn replay_batch(
    loader: &mut Loader,
    batch: &BatchView<'_>,
    decompressor: &mut Decompressor,
) -> Result<(), NodeError> {
    let header = batch.header();
    let damaged = |what: &dyn std::fmt::Display| {
        NodeError::Metadata(format!("the batch at offset {}: {what}", header.base_offset()))
    };
    if header.is_control() {
        loader.skip(header.last_offset(), header.partition_leader_epoch());
        return Ok(());
    }
    let codec: Codec = header.codec().ok_or_else(|| damaged(&"unknown compression"))?;
    let section =
        decompressor.decompress(codec, batch.body(), METADATA_READ_BYTES).map_err(|error| damaged(&error))?;
    for record in Records::new(section, header.records_count()) {
        let record = record.map_err(|error| damaged(&error))?;
        let value = Bytes::copy_from_slice(record.value.unwrap_or_default());
        let (decoded, _) = MetadataRecord::decode_framed(&value).map_err(|error| damaged(&error))?;
        let offset = header.base_offset() + i64::from(record.offset_delta);
        loader.replay(offset, header.partition_leader_epoch(), &decoded).map_err(|error| damaged(&error))?;
    }
    Ok(())
}

/// The records of one operation as one batch.
pub(crate) fn batch_of(records: &[VersionedRecord], now_ms: i64) -> Result<ValidatedBatch, NodeError> {
    let mut builder = BatchBuilder::new();
    for record in records {
        let value = record
            .encode_framed()
            .map_err(|error| NodeError::Metadata(format!("cannot encode {:?}: {error}", record.record)))?;
        builder.append(&NewRecord { timestamp_ms: now_ms, value: Some(&value), ..NewRecord::default() });
    }
    Ok(builder.build_uncompressed())
}

/// The first batch of an epoch. A static quorum's carries no directory ids (version 0).
pub(crate) fn leader_change_batch(
    leader_id: i32,
    is_static: bool,
    voters: &[ReplicaKey],
    granting: &[ReplicaKey],
    now_ms: i64,
) -> Result<ValidatedBatch, NodeError> {
    let version = i16::from(!is_static);
    let voter = |key: &ReplicaKey| LeaderChangeMessageVoter {
        voter_id: key.id,
        voter_directory_id: if is_static { Uuid::ZERO } else { key.directory_id },
    };
    let message = LeaderChangeMessage {
        version,
        leader_id,
        voters: voters.iter().map(voter).collect(),
        granting_voters: granting.iter().map(voter).collect(),
    };
    let value = message.to_bytes(version).map_err(|error| NodeError::Metadata(error.to_string()))?;
    Ok(build_control_batch(&[(ControlType::LeaderChange, &value)], now_ms))
}
