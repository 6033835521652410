//! Group commit: the partitions of a shard that must be durable before they answer, a round of them at a time.
//!
//! A round goes into the commit journal of its log directory with one flush. What does not go there (much of it, a new
//! segment, a compacted topic, no journal) is flushed partition by partition, one flush of each at a time.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    rc::{Rc, Weak},
};

use jackdaw_ring::{channel::Notify, now, spawn};
use jackdaw_storage::{
    Journalled, StorageError,
    journal::{FlushedBlock, Journal, JournalFlush},
    side_by_side,
};

use crate::{
    limits::SEGMENTS_RELEASED_AT_ONCE,
    metrics::{RequestCounters, Stage},
    node::{Fatal, StopReason},
    partition::{DirectoryUse, Partition},
};

/// The commits of one shard in one log directory.
pub(crate) struct Commits {
    dir: PathBuf,
    /// Its place in `log.dirs`.
    log_dir: usize,
    shard: usize,
    /// 0: no journal.
    journal_bytes: u64,
    fatal: Fatal,
    requests: Rc<RequestCounters>,
    /// Partitions that want a flush, and are not in a round.
    waiting: RefCell<Vec<DirectoryUse>>,
    is_running: Cell<bool>,
    /// A round failed: nobody is answered any more.
    has_failed: Cell<bool>,
    journal: RefCell<State>,
    /// Partitions with entries in the half that is written to.
    touched: RefCell<Vec<Weak<Partition>>>,
    /// Counts the halves that were begun; the first is 1.
    half: Cell<u64>,
    /// Nothing in this half or those before it is needed.
    released_half: Cell<u64>,
    /// No round runs any more, or the journal is made.
    idle: Notify,
}

enum State {
    /// Nobody needed one yet.
    Absent,
    BeingMade,
    Ready(Journal),
    /// It could not be made, or the node stops.
    Refused,
}

/// What became of a round's partitions.
#[derive(Default)]
struct Round {
    journalled: Vec<(DirectoryUse, Journalled)>,
    /// To be flushed each by itself.
    others: Vec<DirectoryUse>,
}

impl Commits {
    pub(crate) fn new(
        (log_dir, dir): (usize, &Path),
        shard: usize,
        journal_bytes: u64,
        fatal: Fatal,
        requests: &Rc<RequestCounters>,
    ) -> Rc<Self> {
        Rc::new(Self {
            dir: dir.to_path_buf(),
            log_dir,
            shard,
            journal_bytes,
            fatal,
            requests: Rc::clone(requests),
            waiting: RefCell::default(),
            is_running: Cell::new(false),
            has_failed: Cell::new(false),
            journal: RefCell::new(State::Absent),
            touched: RefCell::default(),
            half: Cell::new(1),
            released_half: Cell::new(0),
            idle: Notify::default(),
        })
    }

    pub(crate) fn log_dir(&self) -> usize {
        self.log_dir
    }

    /// Have a partition flushed as far as it wants. The caller adds it once, until it is told.
    pub(crate) fn add(self: &Rc<Self>, partition: DirectoryUse) {
        if !self.has_failed.get() {
            self.waiting.borrow_mut().push(partition);
            self.start();
        }
    }

    fn start(self: &Rc<Self>) {
        if !self.is_running.replace(true) {
            // Those that are ready to run in this turn add theirs before it runs.
            spawn(Rc::clone(self).run());
        }
    }

    async fn run(self: Rc<Self>) {
        while !self.waiting.borrow().is_empty() || self.has_news() {
            if let Err(error) = self.round().await {
                // Nobody is answered: what was written may be lost.
                self.has_failed.set(true);
                self.waiting.take();
                self.fatal.directory(self.log_dir, "cannot write the commit journal", &error);
                self.idle.notify_all();
                return;
            }
        }
        self.is_running.set(false);
        self.idle.notify_all();
    }

    async fn round(self: &Rc<Self>) -> Result<(), StorageError> {
        let begun = now();
        self.make_room();
        let (round, flush) = self.begin_round()?;
        for partition in round.others {
            spawn(partition.flush());
        }
        let Some(flush) = flush else { return Ok(()) };
        self.flushed(flush.run().await?);
        let done = now();
        for (partition, journalled) in round.journalled {
            self.requests.record(Stage::Flush, begun, done);
            if partition.on_journalled(journalled) {
                self.waiting.borrow_mut().push(partition);
            }
        }
        Ok(())
    }

    /// Write all that waits and that the journal takes.
    fn begin_round(&self) -> Result<(Round, Option<JournalFlush>), StorageError> {
        let waiting = self.waiting.take();
        let mut round = Round::default();
        let State::Ready(journal) = &mut *self.journal.borrow_mut() else {
            round.others = waiting;
            return Ok((round, None));
        };
        match journal.block() {
            None => round.others = waiting,
            Some(block) => {
                for partition in waiting {
                    match partition.journal_into(block)? {
                        Some(journalled) => round.journalled.push((partition, journalled)),
                        None => round.others.push(partition),
                    }
                }
            }
        }
        for (partition, _) in &round.journalled {
            if partition.enter_half(self.half.get()) {
                self.touched.borrow_mut().push(Rc::downgrade(partition));
            }
        }
        let flush = if !round.journalled.is_empty() {
            Some(journal.write()?)
        } else if journal.has_news() {
            Some(journal.write_empty()?)
        } else {
            None
        };
        Ok((round, flush))
    }

    fn has_news(&self) -> bool {
        matches!(&*self.journal.borrow(), State::Ready(journal) if journal.has_news())
    }

    fn flushed(&self, flushed: FlushedBlock) {
        if let State::Ready(journal) = &mut *self.journal.borrow_mut() {
            journal.flushed(flushed);
            if !journal.is_other_in_use() {
                self.released_half.set(self.half.get() - 1);
            }
        }
    }

    /// Have a journal made at first need, and leave a half that is full.
    fn make_room(self: &Rc<Self>) {
        let mut state = self.journal.borrow_mut();
        let has_switched = match &mut *state {
            State::Absent if self.journal_bytes > 0 && self.is_journal_of_use() => {
                *state = State::BeingMade;
                spawn(Rc::clone(self).make());
                false
            }
            State::Ready(journal) => journal.is_half_full() && journal.switch(),
            _ => false,
        };
        drop(state);
        if has_switched {
            self.begin_release();
        }
    }

    fn is_journal_of_use(&self) -> bool {
        self.waiting.borrow().iter().any(|partition| partition.log.borrow().may_be_journalled())
    }

    async fn make(self: Rc<Self>) {
        let made = Journal::create(&self.dir, self.shard, self.journal_bytes).await;
        *self.journal.borrow_mut() = match made {
            Ok(journal) => State::Ready(journal),
            Err(error) => {
                tracing::warn!(%error, "works without a commit journal: each partition is flushed by itself");
                State::Refused
            }
        };
        self.idle.notify_all();
    }

    /// Flush the segments of all partitions in the half that was left.
    fn begin_release(self: &Rc<Self>) {
        self.half.update(|half| half + 1);
        let left = self.touched.take();
        let partitions: Vec<_> =
            left.iter().filter_map(Weak::upgrade).map(|left| left.use_directory()).collect();
        let commits = Rc::clone(self);
        spawn(async move {
            let flush = |partition: DirectoryUse| async move { partition.flush_segments().await };
            if side_by_side(partitions, SEGMENTS_RELEASED_AT_ONCE, flush).await.contains(&false) {
                // The directory fails, or the node stops.
                return;
            }
            if let State::Ready(journal) = &mut *commits.journal.borrow_mut() {
                journal.release();
            }
            commits.start();
        });
    }

    /// Whether a crash now would have the journal's records of this partition written into its segments. If so that is
    /// ended before long: compaction waits for it.
    pub(crate) fn holds(self: &Rc<Self>, partition: &Partition) -> bool {
        let is_held = partition.last_half() > self.released_half.get();
        if is_held
            && let State::Ready(journal) = &mut *self.journal.borrow_mut()
            && journal.switch()
        {
            self.begin_release();
        }
        is_held
    }

    /// All logs are closed: end with no journal, unless something failed, which the next start finds as it is.
    pub(crate) async fn close(&self) -> Result<(), StorageError> {
        loop {
            let is_left =
                self.fatal.dirs().is_failed(self.log_dir) || self.fatal.reason() != StopReason::Asked;
            if is_left || self.has_failed.get() {
                return Ok(());
            }
            if !self.is_running.get() && !matches!(*self.journal.borrow(), State::BeingMade) {
                break;
            }
            self.idle.notified().await;
        }
        match self.journal.replace(State::Refused) {
            State::Ready(journal) => journal.remove().await,
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
