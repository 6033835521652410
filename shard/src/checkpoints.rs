//! Writing the checkpoint files: what every shard says of its partitions, gathered and written by one at a time.

use std::{cell::Cell, rc::Rc, time::Duration};

use jackdaw_ring::{channel::Notify, sleep};
use jackdaw_storage::StorageError;

use crate::{
    apply,
    log_dirs::LogDirs,
    message::{Call, PartitionCheckpoint, Reply},
    shard::Shard,
};

/// The first shard's hold on the checkpoint files.
pub(crate) struct Checkpoints {
    dirs: LogDirs,
    is_writing: Cell<bool>,
    written: Notify,
    /// What the files say; `None` before the first write: whatever the last run left.
    last: Cell<Option<Vec<PartitionCheckpoint>>>,
    has_written: Cell<bool>,
}

impl Checkpoints {
    pub(crate) fn new(dirs: LogDirs) -> Rc<Self> {
        Rc::new(Self {
            dirs,
            is_writing: Cell::new(false),
            written: Notify::default(),
            last: Cell::default(),
            has_written: Cell::new(false),
        })
    }

    pub(crate) fn dirs(&self) -> &LogDirs {
        &self.dirs
    }

    /// Gather and write. Lines of partitions that are gone by now are gone from the files when this is done.
    pub(crate) async fn write(&self, shard: &Rc<Shard>) -> Result<(), StorageError> {
        while self.is_writing.get() {
            self.written.notified().await;
        }
        let _turn = Turn::begin(self);
        let mut lines = apply::checkpoints(shard);
        for other in 1..shard.rpc.shards() {
            if let Reply::Checkpoints(others) = shard.rpc.call(other, Call::Checkpoints).await {
                lines.extend(others);
            }
        }
        let last = self.last.take();
        if last.as_ref() != Some(&lines) {
            self.dirs.write_checkpoints(&lines, &shard.fatal).await?;
        }
        self.last.set(Some(lines));
        self.has_written.set(true);
        Ok(())
    }

    /// Whether the files are of this life: until then they may have lines of partitions that went before it.
    pub(crate) fn has_written(&self) -> bool {
        self.has_written.get()
    }

    /// Write at each interval, until a file cannot be written.
    pub(crate) async fn write_regularly(&self, shard: &Rc<Shard>, interval_ms: i64) {
        let interval = Duration::from_millis(u64::try_from(interval_ms).unwrap_or(5000));
        loop {
            sleep(interval).await;
            if let Err(error) = self.write(shard).await {
                shard.fatal.disk("cannot write a checkpoint", &error);
                return;
            }
        }
    }

    /// The directories, for the clean stop: when nobody writes any more.
    pub(crate) async fn into_dirs(self: Rc<Self>) -> Option<LogDirs> {
        while self.is_writing.get() {
            self.written.notified().await;
        }
        Rc::into_inner(self).map(|checkpoints| checkpoints.dirs)
    }
}

/// Marks the files as being written, also when the writer is dropped.
struct Turn<'a>(&'a Checkpoints);

impl<'a> Turn<'a> {
    fn begin(checkpoints: &'a Checkpoints) -> Self {
        checkpoints.is_writing.set(true);
        Self(checkpoints)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.is_writing.set(false);
        self.0.written.notify_all();
    }
}
