//! One directory of `log.dirs`: who may use it, what it says of its logs, and its clean stop.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    rc::Rc,
};

use jackdaw_core::uuid::Uuid;
use jackdaw_ring::{File, file};

use crate::{
    atomic_file::create_directory,
    checkpoint::{PartitionOffsets, read_offsets, write_offsets},
    clean_shutdown,
    config::LogConfig,
    error::{During, Result, StorageError},
    journal,
    layout::{self, PartitionDirName, PartitionDirState, partition_dir_name, partition_dir_name_in},
    log::{Log, unlink_paced},
    meta_properties::MetaProperties,
    recovery::{RecoveryInputs, RecoveryProgress, RecoveryReport},
    side_by_side::side_by_side,
};

/// A locked log directory. It stays locked until this is dropped.
pub struct LogDir {
    path: PathBuf,
    _lock: File,
    meta_properties: Option<MetaProperties>,
    clean_broker_epoch: Option<i64>,
    recovery_points: PartitionOffsets,
    log_start_offsets: PartitionOffsets,
    high_watermarks: PartitionOffsets,
    first_dirty_offsets: PartitionOffsets,
}

/// A partition's directory in a log directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionDir {
    pub name: PartitionDirName,
    pub path: PathBuf,
}

impl LogDir {
    /// Lock a log directory, made if it is not there, and read what it says of itself. The clean-shutdown marker
    /// is taken away: from here on a crash leaves an unclean directory. After a crash the segments get what only the
    /// commit journals have of them.
    ///
    /// # Errors
    /// `Locked` where another process works on it, `Layout` where a file in it is malformed.
    pub async fn open(path: &Path) -> Result<Self> {
        create_directory(path).await?;
        let lock = lock(path)?;
        let meta_properties = MetaProperties::read(path)?;
        if clean_shutdown::is_there(path)? {
            journal::discard(path).await?;
        }
        let clean_broker_epoch = clean_shutdown::take(path).await?;
        if clean_broker_epoch.is_none() {
            journal::replay(path).await?;
        }
        Ok(Self {
            _lock: lock,
            meta_properties,
            clean_broker_epoch,
            recovery_points: read_offsets(&path.join(layout::RECOVERY_POINTS))?,
            log_start_offsets: read_offsets(&path.join(layout::LOG_START_OFFSETS))?,
            high_watermarks: read_offsets(&path.join(layout::HIGH_WATERMARKS))?,
            first_dirty_offsets: read_offsets(&path.join(layout::CLEANER_OFFSETS))?,
            path: path.to_path_buf(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `None` where the directory was never formatted.
    pub fn meta_properties(&self) -> Option<&MetaProperties> {
        self.meta_properties.as_ref()
    }

    /// Format the directory, or format it anew.
    pub async fn set_meta_properties(&mut self, properties: MetaProperties) -> Result<()> {
        properties.write(&self.path).await?;
        self.meta_properties = Some(properties);
        Ok(())
    }

    /// Whether the last stop was clean.
    pub fn is_clean(&self) -> bool {
        self.clean_broker_epoch.is_some()
    }

    /// The broker epoch at the last clean stop (PreviousBrokerEpoch of the registration); -1 where not known.
    pub fn previous_broker_epoch(&self) -> i64 {
        self.clean_broker_epoch.unwrap_or(clean_shutdown::NO_BROKER_EPOCH)
    }

    /// Where the log of a partition is or would be.
    pub fn partition_path(&self, topic: &str, partition: i32) -> PathBuf {
        self.path.join(partition_dir_name(topic, partition))
    }

    /// The partitions' directories of any state, by name; not that of the metadata log.
    ///
    /// # Errors
    /// `Layout` where a directory is none of Kafka's: Kafka would not start with it either.
    pub fn partition_dirs(&self) -> Result<Vec<PartitionDir>> {
        let mut found = Vec::new();
        for entry in file::list_directory(&self.path).during("list", &self.path)? {
            let path = self.path.join(&entry.name);
            if !entry.is_dir {
                continue;
            }
            let name = PartitionDirName::parse(&entry.name)
                .map_err(|unknown| StorageError::layout(&self.path, unknown.to_string()))?;
            if let Some(name) = name.filter(|name| !name.is_metadata()) {
                found.push(PartitionDir { name, path });
            }
        }
        Ok(found)
    }

    /// What the checkpoints say of a partition, for opening its log.
    pub fn recovery_inputs(
        &self,
        topic: &str,
        partition: i32,
        producer_expiration_ms: i64,
    ) -> RecoveryInputs {
        let key = (topic.to_owned(), partition);
        RecoveryInputs {
            is_clean: self.is_clean(),
            recovery_point: self.recovery_points.get(&key).copied().unwrap_or(0),
            log_start_offset: self.log_start_offsets.get(&key).copied(),
            first_dirty_offset: self.first_dirty_offsets.get(&key).copied(),
            producer_expiration_ms,
        }
    }

    /// The checkpointed high watermark of a partition; the caller bounds it to what the log has.
    pub fn high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        self.high_watermarks.get(&(topic.to_owned(), partition)).copied()
    }

    /// Replace the recovery points of all partitions: after flushes from time to time, after each truncation
    /// below a recovery point, and at the stop.
    pub async fn write_recovery_points(&self, offsets: &PartitionOffsets) -> Result<()> {
        write_offsets(&self.path.join(layout::RECOVERY_POINTS), offsets).await
    }

    /// Replace the log start offsets: of those partitions whose log starts above their first segment's base.
    pub async fn write_log_start_offsets(&self, offsets: &PartitionOffsets) -> Result<()> {
        write_offsets(&self.path.join(layout::LOG_START_OFFSETS), offsets).await
    }

    /// Replace the high watermarks of all partitions.
    pub async fn write_high_watermarks(&self, offsets: &PartitionOffsets) -> Result<()> {
        write_offsets(&self.path.join(layout::HIGH_WATERMARKS), offsets).await
    }

    /// Replace the offsets up to which logs are compacted.
    pub async fn write_first_dirty_offsets(&self, offsets: &PartitionOffsets) -> Result<()> {
        write_offsets(&self.path.join(layout::CLEANER_OFFSETS), offsets).await
    }

    /// The last step of a clean stop, after all logs are closed and flushed and the high watermarks are written.
    /// The directory is unlocked.
    pub async fn close(
        self,
        recovery_points: &PartitionOffsets,
        log_start_offsets: &PartitionOffsets,
        broker_epoch: i64,
    ) -> Result<()> {
        self.write_recovery_points(recovery_points).await?;
        self.write_log_start_offsets(log_start_offsets).await?;
        clean_shutdown::write(&self.path, broker_epoch).await
    }

    /// [`retire_partition_dir`] of a partition in this directory.
    pub async fn retire(
        &self,
        topic: &str,
        partition: i32,
        state: PartitionDirState,
        unique: Uuid,
    ) -> Result<PathBuf> {
        retire_partition_dir(&self.path, topic, partition, state, unique).await
    }
}

/// Give a partition's directory the name of a deleted or stray one. Its new path; for a deleted one go on with
/// [`remove_partition_dir`]. For shards that know a log directory by its path alone.
pub async fn retire_partition_dir(
    log_dir: &Path,
    topic: &str,
    partition: i32,
    state: PartitionDirState,
    unique: Uuid,
) -> Result<PathBuf> {
    let from = log_dir.join(partition_dir_name(topic, partition));
    let to = log_dir.join(partition_dir_name_in(state, topic, partition, unique));
    file::rename(&from, &to).during("rename to", &to)?;
    file::sync_directory(log_dir).await.during("flush the directory", log_dir)?;
    Ok(to)
}

pub(crate) fn lock(path: &Path) -> Result<File> {
    let lock_path = path.join(layout::LOCK);
    let options = file::OpenOptions { write: true, create: true, ..Default::default() };
    let handle = File::open(&lock_path, options).during("open", &lock_path)?;
    match handle.lock() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(StorageError::Locked(path.to_path_buf())),
        locked => locked.during("lock", &lock_path).map(|()| handle),
    }
}

/// Remove a deleted partition's directory, one file after another, after `delay_ms`.
pub async fn remove_partition_dir(path: &Path, delay_ms: u64) -> Result<()> {
    let entries = file::list_directory(path).during("list", path)?;
    unlink_paced(entries.iter().map(|entry| path.join(&entry.name)).collect(), delay_ms).await?;
    file::remove_directory(path).during("remove", path)
}

/// A log to be opened.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    pub topic: String,
    pub partition: i32,
    pub path: PathBuf,
    pub config: LogConfig,
    pub inputs: RecoveryInputs,
}

/// A log that was to be opened, and what came of it.
pub type OpenedLog = (OpenRequest, Result<(Log, RecoveryReport)>);

/// Open logs of this shard, `parallel_count` at a time, so that their reads overlap.
pub async fn open_logs(
    requests: Vec<OpenRequest>,
    parallel_count: usize,
    now_ms: i64,
    progress: &Rc<RecoveryProgress>,
) -> Vec<OpenedLog> {
    let progress = Rc::clone(progress);
    let open = move |request: OpenRequest| {
        let progress = Rc::clone(&progress);
        async move {
            let config = request.config.clone();
            let opened = Log::open_watched(&request.path, config, request.inputs, now_ms, &progress).await;
            progress.done_count.update(|done| done + 1);
            (request, opened)
        }
    };
    side_by_side(requests, parallel_count, open).await
}

/// A log to be made.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    pub path: PathBuf,
    pub topic_id: Uuid,
    pub config: LogConfig,
}

/// Directories made before other tasks get their turn: each takes some 20 microseconds.
const DIRECTORIES_PER_TURN: usize = 32;

/// Make logs as [`Log::create`] does, `parallel_count` at a time, so that one commit of the file system's journal does
/// for the flushes of many. The names of their directories are flushed once, before anything is put into one of them.
pub async fn create_logs(
    requests: Vec<CreateRequest>,
    parallel_count: usize,
    now_ms: i64,
) -> Vec<(CreateRequest, Result<Log>)> {
    let mut made = Vec::with_capacity(requests.len());
    for (index, request) in requests.into_iter().enumerate() {
        // A directory that cannot be made cannot be made below either, for the one log alone.
        let is_made = file::create_directory_all(&request.path).is_ok();
        let parent = request.path.parent().filter(|_| is_made).map(Path::to_path_buf);
        made.push((request, parent));
        if index % DIRECTORIES_PER_TURN == DIRECTORIES_PER_TURN - 1 {
            jackdaw_ring::yield_now().await;
        }
    }
    let mut flushed: BTreeMap<PathBuf, std::io::Result<()>> = BTreeMap::new();
    for parent in made.iter().filter_map(|(_, parent)| parent.as_ref()) {
        if !flushed.contains_key(parent) {
            flushed.insert(parent.clone(), file::sync_directory(parent).await);
        }
    }
    let create = move |(request, parent): (CreateRequest, Option<PathBuf>)| {
        let flushed = parent.and_then(|parent| Some(flush_of_names(flushed.get(&parent)?, &parent)));
        async move {
            let CreateRequest { path, topic_id, config } = &request;
            let created = match flushed {
                Some(Ok(())) => Log::create_in(path, *topic_id, config.clone(), now_ms).await,
                Some(Err(error)) => Err(error),
                None => Log::create(path, *topic_id, config.clone(), now_ms).await,
            };
            (request, created)
        }
    };
    side_by_side(made, parallel_count, create).await
}

/// One flush's result, for each log whose name it was to flush: it is not tried again.
fn flush_of_names(flushed: &std::io::Result<()>, parent: &Path) -> Result<()> {
    let Err(error) = flushed else { return Ok(()) };
    let source = error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error);
    Err(StorageError::Io { action: "flush the directory", path: parent.to_path_buf(), source })
}

#[cfg(test)]
mod tests;
