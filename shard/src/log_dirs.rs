//! The node's `log.dirs` at start and stop: locks, identity, which partitions they hold, checkpoints, clean stop.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use jackdaw_core::{config::BrokerConfig, uuid::Uuid};
use jackdaw_ring::{
    File,
    file::{self, OpenOptions},
    random_u64, sleep,
};
use jackdaw_storage::{
    StorageError,
    checkpoint::{self, PartitionOffsets},
    clean_shutdown,
    layout::{self, PartitionDirName, PartitionDirState},
    meta_properties::MetaProperties,
    partition_metadata,
};

use crate::{
    message::{PartitionCheckpoint, PartitionKey},
    node::NodeError,
};

/// A killed process keeps its lock until the kernel has ended its ring's work: a restart waits for that.
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// All directories of a node, locked for as long as this lives.
pub(crate) struct LogDirs {
    pub(crate) cluster_id: String,
    pub(crate) dirs: Vec<LogDir>,
}

pub(crate) struct LogDir {
    pub(crate) path: PathBuf,
    pub(crate) id: Uuid,
    /// What the last clean stop left; `None` after any other stop.
    pub(crate) clean_broker_epoch: Option<i64>,
    _lock: File,
}

/// What the checkpoint files of one directory say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoints {
    pub(crate) recovery_points: PartitionOffsets,
    pub(crate) log_start_offsets: PartitionOffsets,
    pub(crate) high_watermarks: PartitionOffsets,
}

impl LogDirs {
    /// Lock the directories and read who they belong to; empty ones are formatted.
    pub(crate) async fn open(config: &BrokerConfig) -> Result<Self, NodeError> {
        let mut found = Vec::new();
        for dir in &config.log.dirs {
            let path = PathBuf::from(dir);
            let lock = lock(&path).await?;
            let properties = MetaProperties::read(&path)?;
            found.push((path, lock, properties));
        }
        let cluster_id = cluster_id(config, &found)?;
        let mut dirs = Vec::new();
        for (path, lock, properties) in found {
            let id = match properties.and_then(|properties| properties.directory_id) {
                Some(id) => id,
                None => format(&path, &cluster_id, config.node.id).await?,
            };
            let clean_broker_epoch = clean_shutdown::take(&path).await?;
            dirs.push(LogDir { path, id, clean_broker_epoch, _lock: lock });
        }
        Ok(Self { cluster_id, dirs })
    }

    /// The broker epoch of the last stop, if all directories were stopped cleanly under the same one; -1 otherwise.
    pub(crate) fn previous_broker_epoch(&self) -> i64 {
        let mut epochs = self.dirs.iter().map(|dir| dir.clean_broker_epoch);
        match epochs.next() {
            Some(Some(first)) if epochs.all(|epoch| epoch == Some(first)) => first,
            _ => clean_shutdown::NO_BROKER_EPOCH,
        }
    }

    /// The partitions that have files here, with the directory's place in `log.dirs`.
    pub(crate) async fn partitions(&self) -> Result<BTreeMap<PartitionKey, usize>, NodeError> {
        let mut partitions = BTreeMap::new();
        for (index, dir) in self.dirs.iter().enumerate() {
            for entry in list(&dir.path)?.into_iter().filter(|entry| entry.is_dir) {
                let name = PartitionDirName::parse(&entry.name).map_err(|unknown| {
                    NodeError::Configuration(format!(
                        "{} has a directory {:?} that is no partition's; move it elsewhere",
                        dir.path.display(),
                        unknown.0
                    ))
                })?;
                let Some(name) = name.filter(|name| !name.is_metadata()) else { continue };
                let path = dir.path.join(&entry.name);
                match name.state {
                    PartitionDirState::Current => {
                        if let Some(topic_id) = partition_metadata::read(&path)? {
                            let key = PartitionKey { topic_id, partition: name.partition };
                            if partitions.insert(key, index).is_some() {
                                return Err(NodeError::Configuration(format!(
                                    "{} stands in two of log.dirs; keep one",
                                    entry.name
                                )));
                            }
                        }
                    }
                    PartitionDirState::Deleted => remove_directory(&path).await?,
                    _ => {}
                }
            }
        }
        Ok(partitions)
    }

    /// Replace the checkpoint files of all directories.
    pub(crate) async fn write_checkpoints(
        &self,
        partitions: &[PartitionCheckpoint],
    ) -> Result<(), StorageError> {
        for (index, dir) in self.dirs.iter().enumerate() {
            let mut all = Checkpoints::default();
            for partition in partitions.iter().filter(|partition| partition.log_dir == index) {
                let name = || (partition.topic.to_string(), partition.partition);
                all.recovery_points.insert(name(), partition.recovery_point);
                all.high_watermarks.insert(name(), partition.high_watermark);
                if let Some(offset) = partition.log_start_offset {
                    all.log_start_offsets.insert(name(), offset);
                }
            }
            checkpoint::write_offsets(&dir.path.join(layout::RECOVERY_POINTS), &all.recovery_points).await?;
            checkpoint::write_offsets(&dir.path.join(layout::LOG_START_OFFSETS), &all.log_start_offsets)
                .await?;
            checkpoint::write_offsets(&dir.path.join(layout::HIGH_WATERMARKS), &all.high_watermarks).await?;
        }
        Ok(())
    }

    /// The last act of a clean stop.
    pub(crate) async fn mark_clean(&self, broker_epoch: i64) -> Result<(), StorageError> {
        for dir in &self.dirs {
            clean_shutdown::write(&dir.path, broker_epoch).await?;
        }
        Ok(())
    }
}

impl Checkpoints {
    pub(crate) fn read(dir: &Path) -> Result<Self, StorageError> {
        Ok(Self {
            recovery_points: checkpoint::read_offsets(&dir.join(layout::RECOVERY_POINTS))?,
            log_start_offsets: checkpoint::read_offsets(&dir.join(layout::LOG_START_OFFSETS))?,
            high_watermarks: checkpoint::read_offsets(&dir.join(layout::HIGH_WATERMARKS))?,
        })
    }
}

async fn lock(path: &Path) -> Result<File, NodeError> {
    let io = |what: &str, error| NodeError::Io { what: format!("cannot {what} {}", path.display()), error };
    file::create_directory_all(path).map_err(|error| io("create", error))?;
    let options = OpenOptions { write: true, create: true, ..OpenOptions::default() };
    let lock =
        File::open(&path.join(layout::LOCK), options).map_err(|error| io("open the lock in", error))?;
    for attempt in 1.. {
        match lock.lock() {
            Ok(()) => break,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && attempt < LOCK_ATTEMPTS => {
                if attempt == 1 {
                    tracing::info!(dir = %path.display(), "waiting for the lock of a process that is ending");
                }
                sleep(LOCK_PAUSE).await;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return Err(StorageError::Locked(path.to_path_buf()).into());
            }
            Err(error) => return Err(io("lock", error)),
        }
    }
    Ok(lock)
}

type Found = (PathBuf, File, Option<MetaProperties>);

/// All directories that say so belong to one cluster and to this node; none says so on a first start.
fn cluster_id(config: &BrokerConfig, found: &[Found]) -> Result<String, NodeError> {
    let mut cluster_id: Option<&str> = None;
    for (path, _, properties) in found {
        let Some(properties) = properties else { continue };
        if properties.node_id != config.node.id {
            return Err(NodeError::Configuration(format!(
                "{} belongs to node {}, but node.id is {}; set node.id or choose another log.dirs",
                path.display(),
                properties.node_id,
                config.node.id
            )));
        }
        match cluster_id {
            Some(known) if known != properties.cluster_id => {
                return Err(NodeError::Configuration(format!(
                    "{} belongs to cluster {}, another of log.dirs to cluster {known}",
                    path.display(),
                    properties.cluster_id
                )));
            }
            _ => cluster_id = Some(&properties.cluster_id),
        }
    }
    Ok(cluster_id.map_or_else(|| random_uuid().to_string(), str::to_owned))
}

/// Write `meta.properties` with a fresh directory id.
pub(crate) async fn format(path: &Path, cluster_id: &str, node_id: i32) -> Result<Uuid, NodeError> {
    let id = random_uuid();
    let properties = MetaProperties { cluster_id: cluster_id.to_owned(), node_id, directory_id: Some(id) };
    properties.write(path).await?;
    Ok(id)
}

/// A fresh id as Kafka makes them.
pub(crate) fn random_uuid() -> Uuid {
    loop {
        let bits = (u128::from(random_u64()) << 64) | u128::from(random_u64());
        if let Some(id) = Uuid::from_random(bits.to_be_bytes()) {
            return id;
        }
    }
}

fn list(path: &Path) -> Result<Vec<file::DirectoryEntry>, NodeError> {
    file::list_directory(path)
        .map_err(|error| NodeError::Io { what: format!("cannot list {}", path.display()), error })
}

/// Remove a partition's directory and the files in it.
pub(crate) async fn remove_directory(path: &Path) -> Result<(), NodeError> {
    let io = |error| NodeError::Io { what: format!("cannot remove {}", path.display()), error };
    for entry in list(path)? {
        file::unlink(&path.join(entry.name)).await.map_err(io)?;
    }
    file::remove_directory(path).map_err(io)
}
