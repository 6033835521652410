//! Loading: every record of a partition of `__consumer_offsets` is replayed before its groups are served.

use jackdaw_core::{
    group::{Coordinator, GroupLogError, TooManyPending, replay_group_batch, replay_group_markers},
    records::{BatchView, Batches, CorruptBatch, compression::Decompressor},
};
use jackdaw_storage::StorageError;

use crate::{limits::GROUP_LOAD_BYTES, partition::Partition};

/// Why a partition cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("cannot read it: {0}")]
    Io(#[from] std::io::Error),
    #[error("a batch after offset {offset} is damaged: {error}")]
    Corrupt { offset: i64, error: CorruptBatch },
    #[error("the batch at offset {offset}: {error}")]
    Record { offset: i64, error: BatchError },
    #[error("the log ends inside a batch at offset {offset}")]
    Short { offset: i64 },
}

/// Why a batch cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    #[error(transparent)]
    Log(#[from] GroupLogError),
    #[error(transparent)]
    Pending(TooManyPending),
}

/// Replay the log up to its end; how many records that were.
pub(super) async fn load(partition: &Partition, coordinator: &mut Coordinator) -> Result<usize, LoadError> {
    let mut decompressor = Decompressor::default();
    let mut offset = partition.log.borrow().log_start_offset();
    let mut count = 0;
    loop {
        if let Some(place) = partition.cold_place(offset) {
            place.load().await?;
        }
        let range = {
            let log = partition.log.borrow();
            // Retention may have moved on.
            offset = offset.max(log.log_start_offset());
            log.read(offset, GROUP_LOAD_BYTES, log.log_end_offset(), true)?
        };
        let Some(range) = range else { return Ok(count) };
        let bytes = range.file.read(range.position, range.length).await?;
        let before = offset;
        for batch in Batches::new(&bytes) {
            let batch = batch.map_err(|error| LoadError::Corrupt { offset, error })?;
            let base_offset = batch.header().base_offset();
            offset = batch.header().last_offset() + 1;
            let unknown = replay(&batch, &mut decompressor, coordinator, &mut count)
                .map_err(|error| LoadError::Record { offset: base_offset, error })?;
            if unknown > 0 {
                tracing::warn!(topic = %partition.topic, partition = partition.key.partition, base_offset, unknown,
                    "records of a type that this release does not know are skipped");
            }
        }
        if offset == before {
            return Err(LoadError::Short { offset });
        }
        jackdaw_ring::yield_now().await;
    }
}

/// How many records of the batch are of an unknown type.
fn replay(
    batch: &BatchView<'_>,
    decompressor: &mut Decompressor,
    coordinator: &mut Coordinator,
    count: &mut usize,
) -> Result<usize, BatchError> {
    let (header, producer_id) = (batch.header(), batch.header().producer_id());
    if header.is_control() {
        replay_group_markers(batch, |is_commit| coordinator.replay_marker(producer_id, is_commit))?;
        return Ok(0);
    }
    let mut pending = Ok(());
    let unknown = replay_group_batch(batch, decompressor, |record| {
        *count += 1;
        match header.is_transactional() {
            true => pending = pending.and(coordinator.replay_transactional(producer_id, &record)),
            false => coordinator.replay(&record),
        }
    })?;
    pending.map(|()| unknown).map_err(BatchError::Pending)
}
