//! Making appends durable, and the end of a log's use.

use std::rc::Rc;

use jackdaw_ring::File;

use super::{DurablePoint, Log};
use crate::{
    error::{During, Result},
    layout,
    sync_queue::SyncQueue,
};

/// A flush of what was appended until it began. Owns all it needs, so appends go on while it runs.
#[must_use = "nothing is durable before `run`"]
pub struct Flush {
    active: File,
    queue: Rc<SyncQueue>,
    ticket: u64,
    flushed: Flushed,
    path: std::path::PathBuf,
}

/// A flush that has succeeded; hand it to [`Log::flushed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flushed {
    up_to_offset: i64,
    /// No transaction was open below when the flush began.
    stable_offset: i64,
    end: DurablePoint,
    truncation_count: u64,
}

impl Flush {
    /// Everything below will be durable.
    pub fn up_to_offset(&self) -> i64 {
        self.flushed.up_to_offset
    }

    /// Wait until it is durable. Flushes of one log share the calls that they can.
    ///
    /// # Errors
    /// The caller stops the node or takes the directory offline: the kernel may have dropped what it could not
    /// write, so no later success says anything. The log refuses appends from here on.
    pub async fn run(self) -> Result<Flushed> {
        self.queue.reach(self.ticket).await?;
        let synced = self.active.sync_data().await.during("flush", &self.path);
        if synced.is_err() {
            self.queue.fail();
        }
        synced.map(|()| self.flushed)
    }
}

impl Log {
    /// Begin to make durable what is appended so far. Flushes may overlap.
    ///
    /// # Errors
    /// Those of opening the active file.
    pub fn begin_flush(&mut self) -> Result<Flush> {
        if self.epochs.take_dirty() {
            self.queue.replace(self.dir.join(layout::LEADER_EPOCHS), &self.epochs.to_text());
        }
        Ok(Flush {
            active: self.active().file()?,
            queue: Rc::clone(&self.queue),
            ticket: self.queue.ticket(),
            flushed: Flushed {
                up_to_offset: self.log_end_offset,
                stable_offset: self.stable_offset(),
                end: self.end_point(),
                truncation_count: self.truncation_count,
            },
            path: self.active().path(),
        })
    }

    /// No transaction is open below.
    pub(crate) fn stable_offset(&self) -> i64 {
        self.producers.first_unstable_offset().unwrap_or(self.log_end_offset)
    }

    /// Move the recovery point on after a flush.
    pub fn flushed(&mut self, flushed: Flushed) {
        if flushed.truncation_count == self.truncation_count {
            self.advance_durable_point(flushed.end);
            self.recovery_point = self.recovery_point.max(flushed.up_to_offset);
            self.durable_stable_offset = self.durable_stable_offset.max(flushed.stable_offset);
        }
    }

    /// End the use of this log the clean way: the last time index entry, a producer snapshot at the end, and all
    /// of it durable when the returned flush has run. The log takes no appends any more.
    pub fn close(&mut self) -> Result<Flush> {
        self.writing(|log| {
            let queue = Rc::clone(&log.queue);
            log.active_mut().become_inactive(&queue)?;
            log.producers.advance_to(log.log_end_offset);
            log.snapshots.write(&log.producers, &queue)?;
            log.drop_superseded_snapshots()?;
            queue.directory();
            Ok(())
        })?;
        self.is_closed = true;
        self.begin_flush()
    }
}
