//! Files of segments that are open only while they are in use: a partition that nobody writes or reads needs no descriptor.
//!
//! Each core has a bound on them. Past it those are closed that were not used for longest. A file with writes that no
//! flush has covered is flushed first: the kernel tells a failed write-back only to who has the file open.

use std::{
    cell::{Cell, RefCell},
    io,
    path::Path,
    rc::{Rc, Weak},
};

use jackdaw_core::limits::{SEGMENT_FILES_OPEN_MAX, SEGMENT_FILES_OPEN_MIN};
use jackdaw_ring::{File, channel::Notify, file, local, spawn};

use crate::side_by_side;

/// Files that are flushed at a time before they are closed: enough for a disk's queue.
const FLUSHED_AT_ONCE: usize = 16;

/// A file that is opened at need. Clones are the same file.
#[derive(Clone)]
pub(crate) struct SegmentFile(Rc<Entry>);

struct Entry {
    open_files: Rc<OpenFiles>,
    file: RefCell<Option<File>>,
    /// The tick of the last use.
    used: Cell<u64>,
}

/// The open files of a core's segments.
pub struct OpenFiles {
    max_count: Cell<usize>,
    open_count: Cell<usize>,
    /// Files were closed to make room for others.
    closed_count: Cell<u64>,
    tick: Cell<u64>,
    /// Those that were opened; some may be closed again, or gone.
    entries: RefCell<Vec<Weak<Entry>>>,
    /// At this count room is made again. Above the bound where some could not be closed.
    next_at: Cell<usize>,
    is_flushing: Cell<bool>,
    flushed: Notify,
}

impl Default for OpenFiles {
    fn default() -> Self {
        Self {
            max_count: Cell::new(SEGMENT_FILES_OPEN_MAX),
            open_count: Cell::new(0),
            closed_count: Cell::new(0),
            tick: Cell::new(0),
            entries: RefCell::default(),
            next_at: Cell::new(SEGMENT_FILES_OPEN_MAX + 1),
            is_flushing: Cell::new(false),
            flushed: Notify::default(),
        }
    }
}

impl OpenFiles {
    /// Those of the running core.
    pub fn own() -> Rc<Self> {
        local()
    }

    /// Keep so many open, within the bounds of the house.
    pub fn set_max(&self, count: usize) {
        let count = count.clamp(SEGMENT_FILES_OPEN_MIN, SEGMENT_FILES_OPEN_MAX);
        self.max_count.set(count);
        self.next_at.set(count + 1);
    }

    /// How many are open.
    pub fn open_count(&self) -> usize {
        self.open_count.get()
    }

    /// How many were closed, since the start, to make room for others.
    pub fn closed_count(&self) -> u64 {
        self.closed_count.get()
    }

    fn next_tick(&self) -> u64 {
        self.tick.set(self.tick.get() + 1);
        self.tick.get()
    }

    fn list(self: &Rc<Self>, entry: &Rc<Entry>) {
        let mut entries = self.entries.borrow_mut();
        entries.push(Rc::downgrade(entry));
        if entries.len() > 2 * self.open_count.get() + 64 {
            entries.retain(|entry| entry.upgrade().is_some_and(|entry| entry.file.borrow().is_some()));
        }
    }

    /// Bring the number of open files to three quarters of `count` if it is at `next_at`.
    fn keep_within(self: &Rc<Self>) {
        if self.open_count.get() >= self.next_at.get() {
            self.make_room(self.max_count.get() / 4 * 3);
        }
    }

    /// Close files until there are `target_count`, the least used first; those with writes are flushed before.
    fn make_room(self: &Rc<Self>, target_count: usize) {
        let mut candidates: Vec<Rc<Entry>> = self.entries.borrow().iter().filter_map(Weak::upgrade).collect();
        candidates.retain(|entry| entry.is_idle());
        candidates.sort_unstable_by_key(|entry| entry.used.get());
        candidates.dedup_by(|one, other| Rc::ptr_eq(one, other));
        let mut unsynced = Vec::new();
        let mut excess = self.open_count.get().saturating_sub(target_count);
        for entry in candidates {
            if excess == 0 {
                break;
            }
            if entry.close_if_synced() {
                self.closed_count.set(self.closed_count.get() + 1);
                excess -= 1;
            } else {
                unsynced.push(entry);
            }
        }
        let max_count = self.max_count.get();
        self.next_at.set((self.open_count.get() + max_count / 16 + 1).max(max_count + 1));
        unsynced.truncate(excess);
        self.flush_and_close(unsynced);
    }

    fn flush_and_close(self: &Rc<Self>, entries: Vec<Rc<Entry>>) {
        if entries.is_empty() || self.is_flushing.replace(true) {
            return;
        }
        let open_files = Rc::clone(self);
        spawn(async move {
            side_by_side(entries, FLUSHED_AT_ONCE, flush_and_close_one).await;
            open_files.is_flushing.set(false);
            open_files.next_at.set(open_files.max_count.get() + 1);
            open_files.flushed.notify_all();
        });
    }

    /// Wait until there is room for more, or nothing that could be closed.
    pub(crate) async fn have_room(self: &Rc<Self>) {
        while self.open_count.get() > self.max_count.get() {
            let before_count = self.open_count.get();
            self.make_room(self.max_count.get() / 4 * 3);
            if self.is_flushing.get() {
                self.flushed.notified().await;
            }
            if self.open_count.get() >= before_count {
                return;
            }
        }
    }
}

async fn flush_and_close_one(entry: Rc<Entry>) {
    let Some(file) = entry.opened() else { return };
    if let Err(error) = file.sync_data().await {
        // The file stays open, and its log hears of it at its next flush.
        tracing::error!(%error, "cannot flush a segment's file that is to be closed");
        return;
    }
    drop(file);
    if entry.is_idle() && entry.close_if_synced() {
        let open_files = &entry.open_files;
        open_files.closed_count.set(open_files.closed_count.get() + 1);
    }
}

impl Entry {
    fn opened(&self) -> Option<File> {
        self.file.borrow().clone()
    }

    fn is_idle(&self) -> bool {
        self.file.borrow().as_ref().is_some_and(|file| !file.is_shared())
    }

    fn close_if_synced(&self) -> bool {
        let is_synced = self.file.borrow().as_ref().is_some_and(|file| !file.has_unsynced());
        if is_synced {
            self.close();
        }
        is_synced
    }

    fn close(&self) {
        let closed = self.file.borrow_mut().take();
        if closed.is_some() {
            self.open_files.open_count.set(self.open_files.open_count.get() - 1);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.close();
    }
}

impl SegmentFile {
    /// A file that is there, or will be when it is first used.
    pub(crate) fn new() -> Self {
        let (file, used) = (RefCell::new(None), Cell::new(0));
        Self(Rc::new(Entry { open_files: OpenFiles::own(), file, used }))
    }

    /// Make a new, empty file; an old one of this name is emptied.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let created = Self::new();
        let options = file::OpenOptions { write: true, create: true, truncate: true, ..Default::default() };
        created.open_with(path, options)?;
        Ok(created)
    }

    /// The open file; it is opened if it is not.
    #[inline]
    pub(crate) fn get(&self, path: impl FnOnce() -> std::path::PathBuf) -> io::Result<File> {
        self.0.used.set(self.0.open_files.next_tick());
        if let Some(file) = self.0.opened() {
            return Ok(file);
        }
        self.open_with(&path(), file::OpenOptions { write: true, ..Default::default() })
    }

    fn open_with(&self, path: &Path, options: file::OpenOptions) -> io::Result<File> {
        let open_files = &self.0.open_files;
        open_files.keep_within();
        let opened = File::open(path, options).or_else(|error| {
            if !file::is_out_of_descriptors(&error) {
                return Err(error);
            }
            // Connections or another process have taken them: half of ours may go.
            open_files.make_room(open_files.open_count() / 2);
            File::open(path, options)
        })?;
        self.0.used.set(open_files.next_tick());
        *self.0.file.borrow_mut() = Some(opened.clone());
        open_files.open_count.set(open_files.open_count.get() + 1);
        open_files.list(&self.0);
        Ok(opened)
    }

    /// Close it unless it holds what no flush has covered, or others use it. The next use opens it again.
    pub(crate) fn close_if_idle(&self) {
        if self.0.is_idle() {
            self.0.close_if_synced();
        }
    }

    /// Make durable what was written. A file that was closed had nothing that was not.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        match self.0.opened() {
            Some(file) => file.sync_data().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
