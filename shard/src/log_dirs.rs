//! The node's log directories as a set: whose they are, which partitions they hold, their checkpoints, the clean stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use jackdaw_core::{config::BrokerConfig, metadata::Image, uuid::Uuid};
use jackdaw_ring::{random_u64, sleep, spawn};
use jackdaw_storage::{
    LogDir, MetaProperties, MetadataDir, RecoveryInputs, StorageError,
    checkpoint::PartitionOffsets,
    layout::{METADATA_TOPIC, PartitionDirState, partition_dir_name},
    log_dir::{PartitionDir, remove_partition_dir},
    partition_metadata,
};

use crate::{
    format::format_dir,
    message::{PartitionCheckpoint, PartitionKey},
    node::NodeError,
};

/// A killed process keeps its lock until the kernel has ended its ring's work: a restart waits for that.
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// All directories of a node, locked for as long as this lives.
pub(crate) struct LogDirs {
    cluster_id: String,
    /// In the order of `log.dirs`.
    dirs: Vec<LogDir>,
    /// `metadata.log.dir` where it is none of `log.dirs`; held for its lock.
    _metadata: Option<LogDir>,
    previous_broker_epoch: i64,
    was_clean: bool,
}

/// A partition whose files were found at start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ExistingPartition {
    /// The place of its directory in `log.dirs`.
    pub(crate) log_dir: usize,
    pub(crate) inputs: RecoveryInputs,
}

impl LogDirs {
    /// Lock the directories and read who they belong to; those that belong to nobody are formatted.
    pub(crate) async fn open(config: &BrokerConfig) -> Result<Self, NodeError> {
        let paths = paths(config);
        check_metadata_dir(config, &paths)?;
        // Before they are opened: a mistake in the configuration must not cost a clean directory its mark.
        let known = known_cluster_id(config.node.id, &read_properties(&paths)?)?;
        let cluster_id = known.unwrap_or_else(|| random_uuid().to_string());
        let mut opened = Vec::with_capacity(paths.len());
        for path in &paths {
            opened.push(open_when_free(path).await?);
        }
        for (path, dir) in paths.iter().zip(&mut opened) {
            let has_id = dir.meta_properties().is_some_and(|properties| properties.directory_id.is_some());
            if !has_id {
                format_dir(dir, config, &cluster_id, is_metadata_dir(config, path)).await?;
            }
        }
        check_directory_ids(&opened)?;
        let metadata = if opened.len() > config.log.dirs.len() { opened.pop() } else { None };
        let previous_broker_epoch = previous_broker_epoch(&opened);
        let was_clean = opened.iter().all(LogDir::is_clean);
        Ok(Self { cluster_id, dirs: opened, _metadata: metadata, previous_broker_epoch, was_clean })
    }

    /// Whether the last stop was clean.
    pub(crate) fn was_clean(&self) -> bool {
        self.was_clean
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(LogDir::path)
    }

    pub(crate) fn directory_ids(&self) -> Vec<Uuid> {
        let properties = self.dirs.iter().filter_map(LogDir::meta_properties);
        properties.filter_map(|properties| properties.directory_id).collect()
    }

    /// The broker epoch of the last stop, if all directories were stopped cleanly under the same one; -1 otherwise.
    pub(crate) fn previous_broker_epoch(&self) -> i64 {
        self.previous_broker_epoch
    }

    /// The partitions that have files here and are this node's according to the metadata. Directories of others
    /// are renamed to strays and left for the operator; half-deleted ones are removed.
    pub(crate) async fn partitions(
        &self,
        config: &BrokerConfig,
        image: &Image,
    ) -> Result<BTreeMap<PartitionKey, ExistingPartition>, NodeError> {
        let producer_expiration_ms = i64::from(config.log.producer_id_expiration_ms);
        let mut found = BTreeMap::new();
        for (index, dir) in self.dirs.iter().enumerate() {
            for partition in dir.partition_dirs()? {
                match partition.name.state {
                    PartitionDirState::Current => {}
                    PartitionDirState::Deleted => {
                        remove_in_background(partition.path);
                        continue;
                    }
                    PartitionDirState::Future | PartitionDirState::Stray => continue,
                }
                if image.is_empty() {
                    return Err(NodeError::Configuration(format!(
                        "{} is there, but the metadata log is empty: it names no topic; restore {}/{} or move the \
                         partitions elsewhere",
                        partition.path.display(),
                        config.metadata_log.dir,
                        partition_dir_name(METADATA_TOPIC, 0),
                    )));
                }
                let Some(key) = assigned(&partition, image, config.node.id)? else {
                    retire_stray(dir, &partition).await?;
                    continue;
                };
                let name = &partition.name;
                let inputs = dir.recovery_inputs(&name.topic, name.partition, producer_expiration_ms);
                if found.insert(key, ExistingPartition { log_dir: index, inputs }).is_some() {
                    let both =
                        format!("{}-{} stands in two of log.dirs; keep one", name.topic, name.partition);
                    return Err(NodeError::Configuration(both));
                }
            }
        }
        Ok(found)
    }

    /// Replace the checkpoint files of all directories.
    pub(crate) async fn write_checkpoints(
        &self,
        partitions: &[PartitionCheckpoint],
    ) -> Result<(), StorageError> {
        for (index, dir) in self.dirs.iter().enumerate() {
            let lines = Lines::of(index, partitions);
            dir.write_recovery_points(&lines.recovery_points).await?;
            dir.write_log_start_offsets(&lines.log_start_offsets).await?;
            dir.write_high_watermarks(&lines.high_watermarks).await?;
            dir.write_first_dirty_offsets(&lines.first_dirty_offsets).await?;
        }
        Ok(())
    }

    /// The last act of a clean stop: the checkpoints, then the marks, then the locks are given up.
    pub(crate) async fn close(
        self,
        partitions: &[PartitionCheckpoint],
        broker_epoch: i64,
    ) -> Result<(), StorageError> {
        for (index, dir) in self.dirs.into_iter().enumerate() {
            let lines = Lines::of(index, partitions);
            dir.write_high_watermarks(&lines.high_watermarks).await?;
            dir.write_first_dirty_offsets(&lines.first_dirty_offsets).await?;
            if partitions.iter().any(|partition| partition.log_dir == index && partition.is_offline) {
                // Not clean: the next start checks its logs.
                dir.write_recovery_points(&lines.recovery_points).await?;
                dir.write_log_start_offsets(&lines.log_start_offsets).await?;
                continue;
            }
            dir.close(&lines.recovery_points, &lines.log_start_offsets, broker_epoch).await?;
        }
        Ok(())
    }
}

/// What the checkpoint files of one directory are to say.
#[derive(Default)]
struct Lines {
    recovery_points: PartitionOffsets,
    log_start_offsets: PartitionOffsets,
    high_watermarks: PartitionOffsets,
    first_dirty_offsets: PartitionOffsets,
}

impl Lines {
    fn of(log_dir: usize, partitions: &[PartitionCheckpoint]) -> Self {
        let mut lines = Self::default();
        for partition in partitions.iter().filter(|partition| partition.log_dir == log_dir) {
            let name = || (partition.topic.to_string(), partition.partition);
            lines.recovery_points.insert(name(), partition.recovery_point);
            lines.high_watermarks.insert(name(), partition.high_watermark);
            if let Some(offset) = partition.log_start_offset {
                lines.log_start_offsets.insert(name(), offset);
            }
            if let Some(offset) = partition.first_dirty_offset {
                lines.first_dirty_offsets.insert(name(), offset);
            }
        }
        lines
    }
}

/// `log.dirs`, and after them `metadata.log.dir` where it is another.
pub(crate) fn paths(config: &BrokerConfig) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = config.log.dirs.iter().map(PathBuf::from).collect();
    let metadata = PathBuf::from(&config.metadata_log.dir);
    if !paths.contains(&metadata) {
        paths.push(metadata);
    }
    paths
}

/// A metadata log in another of the directories is one that is looked for in the wrong place: without it every
/// partition would look like a stray.
fn check_metadata_dir(config: &BrokerConfig, paths: &[PathBuf]) -> Result<(), NodeError> {
    let configured = Path::new(&config.metadata_log.dir);
    if MetadataDir::new(configured).exists()? {
        return Ok(());
    }
    for path in paths {
        if MetadataDir::new(path).exists()? {
            return Err(NodeError::Configuration(format!(
                "the metadata log is in {0}, but metadata.log.dir is {1}; set metadata.log.dir={0}",
                path.display(),
                configured.display()
            )));
        }
    }
    Ok(())
}

pub(crate) fn is_metadata_dir(config: &BrokerConfig, path: &Path) -> bool {
    path == Path::new(&config.metadata_log.dir)
}

/// Lock a directory; wait a little where a process that is ending still holds it.
pub(crate) async fn open_when_free(path: &Path) -> Result<LogDir, StorageError> {
    for attempt in 1.. {
        match LogDir::open(path).await {
            Err(StorageError::Locked(_)) if attempt < LOCK_ATTEMPTS => {
                if attempt == 1 {
                    tracing::info!(dir = %path.display(), "another process has this directory; waiting a little, should it be ending");
                }
                sleep(LOCK_PAUSE).await;
            }
            result => return result,
        }
    }
    Err(StorageError::Locked(path.to_path_buf()))
}

/// Whose the directories say they are.
pub(crate) fn read_properties(
    paths: &[PathBuf],
) -> Result<Vec<(PathBuf, Option<MetaProperties>)>, StorageError> {
    paths.iter().map(|path| Ok((path.clone(), MetaProperties::read(path)?))).collect()
}

/// All directories that say so belong to one cluster and to this node; none says so on a first start.
pub(crate) fn known_cluster_id(
    node_id: i32,
    dirs: &[(PathBuf, Option<MetaProperties>)],
) -> Result<Option<String>, NodeError> {
    let mut cluster_id: Option<(&str, &Path)> = None;
    for (path, properties) in dirs {
        let Some(properties) = properties else { continue };
        if properties.node_id != node_id {
            return Err(NodeError::Configuration(format!(
                "{} belongs to node {}, but node.id is {node_id}; set node.id or choose another log.dirs",
                path.display(),
                properties.node_id,
            )));
        }
        match cluster_id {
            Some((known, other)) if known != properties.cluster_id => {
                return Err(NodeError::Configuration(format!(
                    "{} belongs to cluster {}, but {} to cluster {known}; all of log.dirs must belong to one",
                    path.display(),
                    properties.cluster_id,
                    other.display()
                )));
            }
            _ => cluster_id = Some((&properties.cluster_id, path)),
        }
    }
    Ok(cluster_id.map(|(known, _)| known.to_owned()))
}

/// Two directories with one id: one is a copy of the other, and nobody can say which is newer.
fn check_directory_ids(dirs: &[LogDir]) -> Result<(), NodeError> {
    let mut ids = BTreeSet::new();
    for dir in dirs {
        let id = dir.meta_properties().and_then(|properties| properties.directory_id);
        if let Some(id) = id
            && !ids.insert(id)
        {
            return Err(NodeError::Configuration(format!(
                "{} has the directory.id {id} of another of log.dirs: one is a copy; remove it from log.dirs",
                dir.path().display()
            )));
        }
    }
    Ok(())
}

fn previous_broker_epoch(dirs: &[LogDir]) -> i64 {
    let mut epochs = dirs.iter().map(LogDir::previous_broker_epoch);
    let first = epochs.next().unwrap_or(-1);
    if epochs.all(|epoch| epoch == first) { first } else { -1 }
}

/// The partition that a directory belongs to, if the metadata gives it to this node. A directory without a topic id
/// is nobody's: the id is durable before the first record.
fn assigned(
    partition: &PartitionDir,
    image: &Image,
    node_id: i32,
) -> Result<Option<PartitionKey>, StorageError> {
    let Some(topic_id) = partition_metadata::read(&partition.path)? else { return Ok(None) };
    let topic = image.topics.by_id(topic_id).filter(|topic| topic.name == partition.name.topic);
    let state = topic.and_then(|topic| topic.partition(partition.name.partition));
    let is_ours = state.is_some_and(|state| state.replicas.contains(&node_id));
    Ok(is_ours.then_some(PartitionKey { topic_id, partition: partition.name.partition }))
}

async fn retire_stray(dir: &LogDir, partition: &PartitionDir) -> Result<(), StorageError> {
    let (topic, number) = (&partition.name.topic, partition.name.partition);
    let to = dir.retire(topic, number, PartitionDirState::Stray, random_uuid()).await?;
    tracing::warn!(
        dir = %partition.path.display(), renamed_to = %to.display(),
        "a partition that is not this node's, according to the metadata; remove the directory if nobody misses it"
    );
    Ok(())
}

/// Remove a directory whose topic was deleted before the last stop.
fn remove_in_background(path: PathBuf) {
    spawn(async move {
        if let Err(error) = remove_partition_dir(&path, 0).await {
            tracing::warn!(%error, "a deleted partition stays until the next start");
        }
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(cluster_id: &str, node_id: i32) -> MetaProperties {
        MetaProperties { cluster_id: cluster_id.to_owned(), node_id, directory_id: None }
    }

    #[test]
    fn directories_belong_to_one_cluster_and_this_node() {
        let (ours, theirs, other) = (properties("a", 1), properties("b", 1), properties("a", 2));
        let judge = |dirs: &[Option<&MetaProperties>]| {
            let dirs: Vec<_> = dirs.iter().map(|found| (PathBuf::from("/d"), found.cloned())).collect();
            known_cluster_id(1, &dirs)
        };
        assert_eq!(judge(&[None, None]).unwrap(), None);
        assert_eq!(judge(&[None, Some(&ours), Some(&ours)]).unwrap().as_deref(), Some("a"));
        assert!(judge(&[Some(&ours), Some(&theirs)]).unwrap_err().to_string().contains("cluster b"));
        assert!(judge(&[Some(&other)]).unwrap_err().to_string().contains("belongs to node 2"));
    }
}
