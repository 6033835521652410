//! What a log has to make durable besides its active file, in order: rolled segments, snapshots, epochs, names.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    path::{Path, PathBuf},
    rc::Rc,
    task::{Poll, Waker},
};

use jackdaw_ring::{File, file};

use crate::{
    atomic_file::replace_file,
    error::{During, Result, StorageError},
    open_files::SegmentFile,
};

/// One thing to make durable.
#[derive(Clone)]
enum Item {
    Segment(SegmentFile, PathBuf),
    File(File, PathBuf),
    Directory(Rc<Path>),
    Replace(PathBuf, Rc<str>),
}

/// A queue that whoever needs its front done works off, one item at a time; the others wait for that.
pub(crate) struct SyncQueue {
    dir: Rc<Path>,
    items: RefCell<VecDeque<Item>>,
    added_count: Cell<u64>,
    done_count: Cell<u64>,
    is_running: Cell<bool>,
    has_failed: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl SyncQueue {
    pub(crate) fn new(dir: Rc<Path>) -> Rc<Self> {
        Rc::new(Self {
            dir,
            items: RefCell::default(),
            added_count: Cell::new(0),
            done_count: Cell::new(0),
            is_running: Cell::new(false),
            has_failed: Cell::new(false),
            waiting: RefCell::default(),
        })
    }

    /// A file of a segment, with what was written to it so far.
    pub(crate) fn segment_file(&self, file: SegmentFile, path: PathBuf) {
        self.push(Item::Segment(file, path));
    }

    pub(crate) fn file(&self, file: File, path: PathBuf) {
        self.push(Item::File(file, path));
    }

    /// The names in the log's own directory.
    pub(crate) fn directory(&self) {
        self.push(Item::Directory(Rc::clone(&self.dir)));
    }

    /// Replace a small file in the log's directory.
    pub(crate) fn replace(&self, path: PathBuf, content: &str) {
        self.push(Item::Replace(path, content.into()));
    }

    fn push(&self, item: Item) {
        self.items.borrow_mut().push_back(item);
        self.added_count.set(self.added_count.get() + 1);
    }

    /// Items that were ever added: what a flush that begins now has to wait for.
    pub(crate) fn ticket(&self) -> u64 {
        self.added_count.get()
    }

    /// Note that something of this log could not be made durable; it stays so.
    pub(crate) fn fail(&self) {
        self.has_failed.set(true);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    /// Wait until the first `ticket` items ever added are durable.
    pub(crate) async fn reach(&self, ticket: u64) -> Result<()> {
        while self.done_count.get() < ticket {
            if self.has_failed() {
                return Err(StorageError::Failed(self.dir.to_path_buf()));
            }
            if self.is_running.get() { self.wait().await } else { self.run_front().await? }
        }
        Ok(())
    }

    async fn run_front(&self) -> Result<()> {
        let front = self.items.borrow().front().cloned();
        let Some(item) = front else { return Ok(()) };
        let _running = Running::begin(self);
        let result = match &item {
            Item::Segment(file, path) => file.sync().await.during("flush", path),
            Item::File(file, path) => file.sync_data().await.during("flush", path),
            Item::Directory(path) => file::sync_directory(path).await.during("flush the directory", path),
            Item::Replace(path, content) => replace_file(path, content.as_bytes()).await,
        };
        if result.is_err() {
            self.fail();
            return result;
        }
        self.items.borrow_mut().pop_front();
        self.done_count.set(self.done_count.get() + 1);
        Ok(())
    }

    async fn wait(&self) {
        let mut registered = false;
        poll_fn(|context| {
            if registered || !self.is_running.get() {
                return Poll::Ready(());
            }
            registered = true;
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Marks the front as being worked on, also when the future that does so is dropped.
struct Running<'a>(&'a SyncQueue);

impl<'a> Running<'a> {
    fn begin(queue: &'a SyncQueue) -> Self {
        queue.is_running.set(true);
        Self(queue)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.is_running.set(false);
        for waker in self.0.waiting.take() {
            waker.wake();
        }
    }
}
