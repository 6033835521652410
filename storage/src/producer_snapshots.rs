//! `.snapshot` files: what producers had written below an offset.

use std::{path::Path, rc::Rc};

use jackdaw_core::{limits, producer_state::Producers};
use jackdaw_ring::file;

use crate::{
    atomic_file,
    error::{During, Result},
    layout::FileKind,
    sync_queue::SyncQueue,
};

/// The snapshots of a log, by the offset they stand before, ascending.
pub(crate) struct ProducerSnapshots {
    dir: Rc<Path>,
    offsets: Vec<i64>,
}

impl ProducerSnapshots {
    pub(crate) fn new(dir: Rc<Path>, mut offsets: Vec<i64>) -> Self {
        offsets.sort_unstable();
        Self { dir, offsets }
    }

    /// Write the state as it is now and have it made durable.
    pub(crate) fn write(&mut self, producers: &Producers, queue: &SyncQueue) -> Result<()> {
        let offset = producers.end_offset();
        let path = FileKind::ProducerSnapshot.path(&self.dir, offset);
        let handle = atomic_file::create(&path, &producers.encode_snapshot())?;
        queue.file(handle, path);
        if let Err(index) = self.offsets.binary_search(&offset) {
            self.offsets.insert(index, offset);
        }
        Ok(())
    }

    /// The newest valid state at or below `end_offset` and not below the log's start; damaged ones are removed.
    pub(crate) fn load(
        &mut self,
        log_start_offset: i64,
        end_offset: i64,
        now_ms: i64,
        expiration_ms: i64,
    ) -> Result<Option<Producers>> {
        loop {
            let below = self.offsets.partition_point(|offset| *offset <= end_offset);
            let Some(offset) = self.offsets[..below].last().copied().filter(|o| *o >= log_start_offset)
            else {
                return Ok(None);
            };
            let path = FileKind::ProducerSnapshot.path(&self.dir, offset);
            let content = atomic_file::read(&path, limits::PRODUCER_SNAPSHOT_SIZE_MAX_BYTES)?;
            match Producers::from_snapshot(&content.unwrap_or_default(), offset, now_ms, expiration_ms) {
                Ok(producers) => return Ok(Some(producers)),
                Err(reason) => {
                    tracing::warn!(path = %path.display(), %reason, "removing a damaged producer snapshot");
                    self.remove(offset)?;
                }
            }
        }
    }

    /// Remove those that `gone` names.
    pub(crate) fn remove_where(&mut self, gone: impl Fn(i64) -> bool) -> Result<()> {
        let offsets: Vec<i64> = self.offsets.iter().copied().filter(|offset| gone(*offset)).collect();
        offsets.into_iter().try_for_each(|offset| self.remove(offset))
    }

    fn remove(&mut self, offset: i64) -> Result<()> {
        let path = FileKind::ProducerSnapshot.path(&self.dir, offset);
        if file::metadata(&path).during("look up", &path)?.is_some() {
            file::remove_file(&path).during("remove", &path)?;
        }
        self.offsets.retain(|known| *known != offset);
        Ok(())
    }

    pub(crate) fn offsets(&self) -> &[i64] {
        &self.offsets
    }
}
