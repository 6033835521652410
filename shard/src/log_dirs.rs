//! The node's log directories as a set: whose they are, which partitions they hold, their checkpoints, the clean stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use jackdaw_core::{config::BrokerConfig, metadata::Image, uuid::Uuid};
use jackdaw_ring::{random_u64, sleep, spawn};
use jackdaw_storage::{
    LogDir, MetaProperties, MetadataDir, RecoveryInputs, StorageError,
    checkpoint::PartitionOffsets,
    layout::{METADATA_TOPIC, PartitionDirName, PartitionDirState, partition_dir_name},
    log_dir::{PartitionDir, remove_partition_dir},
    partition_metadata,
};

use crate::{
    dir_failures::{DirFailures, Failed, is_of_the_disk},
    format::format_dir,
    message::{PartitionCheckpoint, PartitionKey},
    node::{Fatal, NodeError},
};

/// A killed process keeps its lock until the kernel has ended its ring's work: a restart waits for that.
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// All directories of a node, locked for as long as this lives.
pub(crate) struct LogDirs {
    cluster_id: String,
    /// In the order of `log.dirs`; those that failed at start are not open.
    dirs: Vec<Slot>,
    /// `metadata.log.dir` where it is none of `log.dirs`; held for its lock.
    _metadata: Option<LogDir>,
    previous_broker_epoch: i64,
    was_clean: bool,
}

/// One of `log.dirs`.
struct Slot {
    path: PathBuf,
    dir: Option<LogDir>,
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
    /// One that cannot be read or written is left out where the node can do without it.
    pub(crate) async fn open(config: &BrokerConfig, failures: &DirFailures) -> Result<Self, NodeError> {
        let paths = paths(config);
        let mut properties = Vec::with_capacity(paths.len());
        for (index, path) in paths.iter().enumerate() {
            match MetaProperties::read(path) {
                Ok(found) => properties.push((path.clone(), found)),
                Err(error) => leave_out(failures, index, path, error.into())?,
            }
        }
        let readable: Vec<PathBuf> = properties.iter().map(|(path, _)| path.clone()).collect();
        check_metadata_dir(config, &readable)?;
        // Before they are opened: a mistake in the configuration must not cost a clean directory its mark.
        let known = known_cluster_id(config.node.id, &properties)?;
        let cluster_id = known.unwrap_or_else(|| random_uuid().to_string());
        let mut dirs = Vec::with_capacity(paths.len());
        for (index, path) in paths.into_iter().enumerate() {
            let mut dir = None;
            if !failures.is_failed(index) {
                match open_formatted(&path, config, &cluster_id).await {
                    Ok(opened) => dir = Some(opened),
                    Err(error) => leave_out(failures, index, &path, error)?,
                }
            }
            dirs.push(Slot { path, dir });
        }
        check_directory_ids(dirs.iter().filter_map(|slot| slot.dir.as_ref()))?;
        let metadata = if dirs.len() > config.log.dirs.len() { dirs.pop() } else { None };
        let mut found = Self {
            cluster_id,
            dirs,
            _metadata: metadata.and_then(|slot| slot.dir),
            previous_broker_epoch: -1,
            was_clean: false,
        };
        found.previous_broker_epoch = previous_broker_epoch(found.open_dirs());
        let was_clean = found.open_dirs().all(LogDir::is_clean);
        found.was_clean = was_clean;
        Ok(found)
    }

    fn open_dirs(&self) -> impl Iterator<Item = &LogDir> {
        self.dirs.iter().filter_map(|slot| slot.dir.as_ref())
    }

    /// Whether the last stop was clean.
    pub(crate) fn was_clean(&self) -> bool {
        self.was_clean
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.dirs.iter().map(|slot| slot.path.as_path())
    }

    pub(crate) fn directory_ids(&self) -> Vec<Uuid> {
        let properties = self.open_dirs().filter_map(LogDir::meta_properties);
        properties.filter_map(|properties| properties.directory_id).collect()
    }

    /// The broker epoch of the last stop, if all directories were stopped cleanly under the same one; -1 otherwise.
    pub(crate) fn previous_broker_epoch(&self) -> i64 {
        self.previous_broker_epoch
    }

    /// The partitions that have files here and are this node's according to the metadata. Directories of others
    /// are renamed to strays and left for the operator; half-deleted ones are removed.
    pub(crate) async fn partitions(
        &mut self,
        config: &BrokerConfig,
        image: &Image,
        failures: &DirFailures,
    ) -> Result<BTreeMap<PartitionKey, ExistingPartition>, NodeError> {
        let mut found = BTreeMap::new();
        for (index, slot) in self.dirs.iter_mut().enumerate() {
            let Some(dir) = &slot.dir else { continue };
            let partitions = match partitions_in(dir, config, image).await {
                Ok(partitions) => partitions,
                Err(error) => {
                    leave_out(failures, index, &slot.path, error)?;
                    slot.dir = None;
                    continue;
                }
            };
            for (key, name, inputs) in partitions {
                if found.insert(key, ExistingPartition { log_dir: index, inputs }).is_some() {
                    let both =
                        format!("{}-{} stands in two of log.dirs; keep one", name.topic, name.partition);
                    return Err(NodeError::Configuration(both));
                }
            }
        }
        Ok(found)
    }

    /// Replace the checkpoint files of all directories that serve.
    ///
    /// # Errors
    /// Of a directory that the node cannot do without; another goes offline.
    pub(crate) async fn write_checkpoints(
        &self,
        partitions: &[PartitionCheckpoint],
        fatal: &Fatal,
    ) -> Result<(), StorageError> {
        for (index, slot) in self.dirs.iter().enumerate() {
            let Some(dir) = slot.dir.as_ref().filter(|_| !fatal.dirs().is_failed(index)) else { continue };
            let lines = Lines::of(index, partitions);
            if let Err(error) = lines.write(dir).await
                && !fatal.directory(index, "cannot write a checkpoint", &error)
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The last act of a clean stop: the checkpoints, then the marks, then the locks are given up.
    pub(crate) async fn close(
        self,
        partitions: &[PartitionCheckpoint],
        broker_epoch: i64,
        failures: &DirFailures,
    ) -> Result<(), StorageError> {
        for (index, slot) in self.dirs.into_iter().enumerate() {
            // One that failed stays as it is: the next start checks its logs.
            let Some(dir) = slot.dir.filter(|_| !failures.is_failed(index)) else { continue };
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

    async fn write(&self, dir: &LogDir) -> Result<(), StorageError> {
        dir.write_recovery_points(&self.recovery_points).await?;
        dir.write_log_start_offsets(&self.log_start_offsets).await?;
        dir.write_high_watermarks(&self.high_watermarks).await?;
        dir.write_first_dirty_offsets(&self.first_dirty_offsets).await
    }
}

/// Lock a directory, and format it if it belongs to nobody.
async fn open_formatted(path: &Path, config: &BrokerConfig, cluster_id: &str) -> Result<LogDir, NodeError> {
    let mut dir = open_when_free(path).await?;
    let has_id = dir.meta_properties().is_some_and(|properties| properties.directory_id.is_some());
    if !has_id {
        format_dir(&mut dir, config, cluster_id, is_metadata_dir(config, path)).await?;
    }
    Ok(dir)
}

/// The node starts without a directory that the system does not let it use, if it can; as Kafka does.
fn leave_out(failures: &DirFailures, index: usize, path: &Path, error: NodeError) -> Result<(), NodeError> {
    let refused = matches!(&error, NodeError::Storage(error) if is_of_the_disk(error));
    if !refused || failures.fail(index) == Failed::Vital {
        return Err(with_advice(path, error));
    }
    tracing::error!(
        dir = %path.display(),
        "log directory is offline: {error}. Its partitions are offline until the next start, the others serve; check the disk"
    );
    Ok(())
}

/// What to do, where the system's own words leave that open.
fn with_advice(path: &Path, error: NodeError) -> NodeError {
    let NodeError::Storage(StorageError::Io { source, .. }) = &error else { return error };
    let path = path.display();
    match source.kind() {
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => NodeError::Configuration(format!(
            "{path} is a file; log.dirs and metadata.log.dir name directories"
        )),
        ErrorKind::ReadOnlyFilesystem => {
            advised(error, "look for the reason in dmesg, and mount it writable")
        }
        ErrorKind::PermissionDenied => advised(error, "give the directory to the user that runs the broker"),
        _ => error,
    }
}

fn advised(error: NodeError, advice: &str) -> NodeError {
    match error {
        NodeError::Storage(StorageError::Io { action, path, source }) => {
            NodeError::Io { what: format!("cannot {action} {}; {advice}", path.display()), error: source }
        }
        other => other,
    }
}

/// The partitions of one directory that are this node's.
async fn partitions_in(
    dir: &LogDir,
    config: &BrokerConfig,
    image: &Image,
) -> Result<Vec<(PartitionKey, PartitionDirName, RecoveryInputs)>, NodeError> {
    let producer_expiration_ms = i64::from(config.log.producer_id_expiration_ms);
    let mut found = Vec::new();
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
        let name = partition.name;
        let inputs = dir.recovery_inputs(&name.topic, name.partition, producer_expiration_ms);
        found.push((key, name, inputs));
    }
    Ok(found)
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
fn check_directory_ids<'a>(dirs: impl Iterator<Item = &'a LogDir>) -> Result<(), NodeError> {
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

fn previous_broker_epoch<'a>(dirs: impl Iterator<Item = &'a LogDir>) -> i64 {
    let mut epochs = dirs.map(LogDir::previous_broker_epoch);
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
