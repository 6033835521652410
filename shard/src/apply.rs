//! Taking a view over: logs of partitions that came are opened, of those that went are removed; and the end of all.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use jackdaw_core::uuid::Uuid;
use jackdaw_ring::{file, spawn, unix_ms};
use jackdaw_storage::{
    Log, RecoveryInputs, StorageError,
    layout::{PartitionDirState, partition_dir_name, partition_dir_name_in},
};

use crate::{
    log_dirs::{Checkpoints, random_uuid, remove_directory},
    message::{PartitionCheckpoint, PartitionKey},
    partition::{Partition, PartitionPlace},
    placement::Place,
    shard::Shard,
    view::{TopicView, View},
};

/// Make this shard's partitions those of the view, then show it to the handlers.
pub(crate) async fn apply(shard: &Rc<Shard>, view: Arc<View>) {
    remove_gone(shard, &view);
    let own = shard.rpc.own();
    let mut checkpoints: Option<Vec<Checkpoints>> = None;
    for (key, place) in view.placement.iter().filter(|(_, place)| place.shard == own) {
        let Some(topic) = view.topic_by_id(key.topic_id) else { continue };
        if let Some(partition) = shard.partition(key) {
            partition.update(topic);
            continue;
        }
        if checkpoints.is_none() {
            checkpoints = read_checkpoints(shard);
        }
        let Some(checkpoints) = checkpoints.as_deref() else { return };
        match open(shard, topic, key, place, checkpoints).await {
            Ok(partition) => {
                shard.partitions.borrow_mut().insert(key, partition);
            }
            Err(error) => {
                // The others serve; clients of this one are told KAFKA_STORAGE_ERROR by its absence.
                tracing::error!(topic = %topic.name, partition = key.partition, "partition is offline: {error}");
            }
        }
    }
    shard.set_view(view);
}

fn read_checkpoints(shard: &Shard) -> Option<Vec<Checkpoints>> {
    let read: Result<Vec<_>, StorageError> =
        shard.identity.log_dirs.iter().map(|dir| Checkpoints::read(&dir.path)).collect();
    match read {
        Ok(checkpoints) => Some(checkpoints),
        Err(error) => {
            shard.fatal.disk("cannot read a checkpoint", &error);
            None
        }
    }
}

async fn open(
    shard: &Rc<Shard>,
    topic: &TopicView,
    key: PartitionKey,
    place: Place,
    checkpoints: &[Checkpoints],
) -> Result<Rc<Partition>, StorageError> {
    let log_dir = &shard.identity.log_dirs[place.log_dir];
    let dir = log_dir.path.join(partition_dir_name(&topic.name, key.partition));
    let config = topic.settings.log.clone();
    let exists = file::metadata(&dir)
        .map_err(|source| StorageError::Io { action: "look up", path: dir.clone(), source })?
        .is_some();
    let mut log = if exists {
        let name = (topic.name.to_string(), key.partition);
        let known = &checkpoints[place.log_dir];
        let inputs = RecoveryInputs {
            is_clean: log_dir.is_clean,
            recovery_point: known.recovery_points.get(&name).copied().unwrap_or(0),
            log_start_offset: known.log_start_offsets.get(&name).copied(),
            producer_expiration_ms: shard.limits.producer_id_expiration_ms,
        };
        let (log, report) = Log::open(&dir, config, inputs, unix_ms()).await?;
        if report.truncated_bytes > 0 {
            tracing::warn!(topic = %topic.name, partition = key.partition, bytes = report.truncated_bytes,
                reason = report.truncated_because.as_deref().unwrap_or("torn"), "cut the log's unflushed end");
        }
        log
    } else {
        Log::create(&dir, key.topic_id, config, unix_ms()).await?
    };
    if let Some(state) = topic.partition(key.partition) {
        log.begin_leader_epoch(state.leader_epoch);
    }
    let place = PartitionPlace { node_id: shard.identity.node_id, log_dir: place.log_dir };
    Ok(Rc::new(Partition::new(topic, key, place, log, Rc::clone(&shard.wakeups), shard.fatal.clone())))
}

fn remove_gone(shard: &Rc<Shard>, view: &View) {
    let own = shard.rpc.own();
    let gone: Vec<Rc<Partition>> = {
        let mut partitions = shard.partitions.borrow_mut();
        let keys: Vec<PartitionKey> =
            partitions.keys().copied().filter(|key| view.owner(*key) != Some(own)).collect();
        keys.into_iter().filter_map(|key| partitions.remove(&key)).collect()
    };
    for partition in gone {
        partition.wake_all();
        let base = &shard.identity.log_dirs[partition.log_dir].path;
        if let Err(error) = delete(base, &partition) {
            shard
                .fatal
                .disk(&format!("cannot delete {}-{}", partition.topic, partition.key.partition), &error);
        }
    }
}

/// Rename the directory out of the way now; remove its files after `file.delete.delay.ms`, so that readers finish.
fn delete(base: &Path, partition: &Rc<Partition>) -> Result<(), StorageError> {
    let (topic, number) = (&partition.topic, partition.key.partition);
    let from = base.join(partition_dir_name(topic, number));
    let unique: Uuid = random_uuid();
    let to: PathBuf = base.join(partition_dir_name_in(PartitionDirState::Deleted, topic, number, unique));
    file::rename(&from, &to).map_err(|source| StorageError::Io { action: "rename", path: from, source })?;
    let delay = std::time::Duration::from_millis(partition.log.borrow().config().file_delete_delay_ms);
    let base = base.to_path_buf();
    let partition = Rc::clone(partition);
    spawn(async move {
        // Until then the log's open files serve those who still read.
        if let Err(error) = file::sync_directory(&base).await {
            tracing::warn!(dir = %base.display(), %error, "cannot flush a deleted partition's name");
        }
        jackdaw_ring::sleep(delay).await;
        drop(partition);
        if let Err(error) = remove_directory(&to).await {
            tracing::warn!(%error, "a deleted partition stays until the next start");
        }
    });
    Ok(())
}

/// What the checkpoint files say of this shard's partitions.
pub(crate) fn checkpoints(shard: &Shard) -> Vec<PartitionCheckpoint> {
    shard.partitions.borrow().values().map(|partition| partition.checkpoint()).collect()
}

/// Close all logs the clean way.
pub(crate) async fn close_all(shard: &Shard) -> Vec<PartitionCheckpoint> {
    let partitions: Vec<_> = std::mem::take(&mut *shard.partitions.borrow_mut()).into_values().collect();
    let mut closed = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let flush = partition.log.borrow_mut().close();
        let flushed = match flush {
            Ok(flush) => flush.run().await,
            Err(error) => Err(error),
        };
        match flushed {
            Ok(flushed) => {
                partition.log.borrow_mut().flushed(flushed);
                closed.push(partition.checkpoint());
            }
            Err(error) => shard
                .fatal
                .disk(&format!("cannot close {}-{}", partition.topic, partition.key.partition), &error),
        }
    }
    closed
}
