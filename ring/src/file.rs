//! Files and directories.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io::{self, IoSlice},
    path::Path,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};

pub use crate::driver::{DirectoryEntry, Metadata, OpenOptions, Space};
use crate::{
    driver::{Descriptor, Driver, Operation, Payload},
    executor,
    operation::once,
};

/// An open file. Cheap to clone within its core; closed when the last clone goes.
#[derive(Clone)]
pub struct File {
    inner: Rc<Inner>,
}

struct Inner {
    driver: Rc<dyn Driver>,
    descriptor: Descriptor,
    sync: SyncState,
    /// Counts the leases: the descriptor stays open while another core sends from it.
    guard: Arc<()>,
}

/// The right to send from an open file, also from another core. The file's core closes it when all are back.
#[derive(Clone, Debug)]
pub struct FileLease {
    pub(crate) descriptor: Descriptor,
    _guard: Arc<()>,
}

/// One flush in flight a file: whoever asks while one runs waits for the next, which covers all who wait.
#[derive(Default)]
struct SyncState {
    running: Cell<bool>,
    /// Counts finished flushes.
    finished: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
    /// A failed flush stays failed: the kernel has dropped the pages, so a later success would promise nothing.
    failed: Cell<Option<i32>>,
    /// Something was written since the last flush began.
    is_unsynced: Cell<bool>,
}

impl File {
    pub fn open(path: &Path, options: OpenOptions) -> io::Result<Self> {
        let driver = executor::with(|core| Rc::clone(&core.driver));
        let descriptor = driver.open(path, options)?;
        Ok(Self {
            inner: Rc::new(Inner { driver, descriptor, sync: SyncState::default(), guard: Arc::default() }),
        })
    }

    /// A lease for a sender.
    pub fn lease(&self) -> FileLease {
        FileLease { descriptor: self.inner.descriptor, _guard: Arc::clone(&self.inner.guard) }
    }

    pub fn size(&self) -> io::Result<u64> {
        self.inner.driver.size(self.inner.descriptor)
    }

    pub fn set_size(&self, size_bytes: u64) -> io::Result<()> {
        self.mark_unsynced();
        self.inner.driver.set_size(self.inner.descriptor, size_bytes)
    }

    /// Set when the file was last written, in milliseconds since 1970.
    pub fn set_modified(&self, modified_ms: i64) -> io::Result<()> {
        self.inner.driver.set_modified(self.inner.descriptor, modified_ms)
    }

    /// Write all of `buffers` at `position`, inline, into the page cache.
    pub fn write_all_at(&self, buffers: &mut [IoSlice<'_>], mut position: u64) -> io::Result<()> {
        self.mark_unsynced();
        let mut buffers = buffers;
        IoSlice::advance_slices(&mut buffers, 0);
        while !buffers.is_empty() {
            let count = self.inner.driver.write_at(self.inner.descriptor, buffers, position)?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            position += count as u64;
            IoSlice::advance_slices(&mut buffers, count);
        }
        Ok(())
    }

    /// Read inline what is surely cached or needed at start. May read short only at the end of the file.
    pub fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.inner.driver.read_at(
                self.inner.descriptor,
                &mut buffer[done..],
                position + done as u64,
            )? {
                0 => break,
                count => done += count,
            }
        }
        Ok(done)
    }

    /// Read through the ring, without holding the core's thread. May read short only at the end of the file.
    pub async fn read(&self, position: u64, length: usize) -> io::Result<BytesMut> {
        read(self.inner.descriptor, position, length).await
    }

    /// Write all of `bytes` at `position` through the ring, without holding the core's thread.
    ///
    /// # Errors
    /// Those of the write; a part may be written then.
    pub async fn write_all(&self, position: u64, bytes: Bytes) -> io::Result<()> {
        self.mark_unsynced();
        let file = self.clone();
        // A task of its own: were the file closed because nobody waits any more, its number could be another's.
        executor::spawn(async move {
            let written = write(&file, position, bytes).await;
            // A flush that began meanwhile may have missed it.
            file.mark_unsynced();
            written
        })
        .await
    }

    /// Make all data written so far durable; one flush at a time, shared by all who wait for it.
    ///
    /// # Errors
    /// The flush's own; and after one failed flush, always: see [`File::sync_failed`].
    pub async fn sync_data(&self) -> io::Result<()> {
        let sync = &self.inner.sync;
        // A flush that already runs may have missed our writes: wait for one that starts later.
        let needed = sync.finished.get() + 1 + u64::from(sync.running.get());
        loop {
            if let Some(code) = sync.failed.get() {
                return Err(io::Error::from_raw_os_error(code));
            }
            if sync.finished.get() >= needed {
                return Ok(());
            }
            if !sync.running.get() {
                self.begin_flush();
            }
            self.wait_for_flush().await;
        }
    }

    /// Begin a flush in a task of its own: the kernel tells a failure once, so somebody must be there to hear it
    /// even when all who waited have gone.
    fn begin_flush(&self) {
        let file = self.clone();
        file.inner.sync.running.set(true);
        file.inner.sync.is_unsynced.set(false);
        executor::spawn(async move {
            let (result, _) = once(Operation::Sync { file: file.inner.descriptor, data_only: true }).await;
            let sync = &file.inner.sync;
            match result {
                Ok(_) => sync.finished.set(sync.finished.get() + 1),
                Err(error) => {
                    sync.is_unsynced.set(true);
                    sync.failed.set(Some(error.raw_os_error().unwrap_or(libc::EIO)));
                }
            }
            sync.running.set(false);
            for waker in sync.waiting.take() {
                waker.wake();
            }
        });
    }

    async fn wait_for_flush(&self) {
        let mut registered = false;
        poll_fn(|context| {
            if registered || !self.inner.sync.running.get() {
                return Poll::Ready(());
            }
            registered = true;
            self.inner.sync.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The error of a flush that failed, if one did.
    pub fn sync_failed(&self) -> Option<io::Error> {
        self.inner.sync.failed.get().map(io::Error::from_raw_os_error)
    }

    /// Treat the content as written just now: nobody knows whether it is durable.
    pub fn mark_unsynced(&self) {
        self.inner.sync.is_unsynced.set(true);
    }

    /// Whether something may be there that no flush of this file has covered. To close it then would lose the error of
    /// a failed write-back.
    pub fn has_unsynced(&self) -> bool {
        self.inner.sync.is_unsynced.get()
    }

    /// Whether others than the caller hold the file: clones, or leases on other cores.
    pub fn is_shared(&self) -> bool {
        Rc::strong_count(&self.inner) > 1 || Arc::strong_count(&self.inner.guard) > 1
    }

    /// Whether the page cache holds this whole range.
    pub fn is_cached(&self, position: u64, length: usize) -> bool {
        self.inner.driver.is_cached(self.inner.descriptor, position, length)
    }

    /// Lock against other processes until closed; `WouldBlock` if another has it.
    pub fn lock(&self) -> io::Result<()> {
        self.inner.driver.lock(self.inner.descriptor)
    }
}

impl FileLease {
    /// As [`File::read`], through this core's ring.
    pub async fn read(&self, position: u64, length: usize) -> io::Result<BytesMut> {
        read(self.descriptor, position, length).await
    }
}

async fn write(file: &File, mut position: u64, mut bytes: Bytes) -> io::Result<()> {
    while !bytes.is_empty() {
        let operation = Operation::Write { file: file.inner.descriptor, bytes: bytes.clone(), position };
        let count = once(operation).await.0?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes.advance(count);
        position += count as u64;
    }
    Ok(())
}

async fn read(file: Descriptor, mut position: u64, length: usize) -> io::Result<BytesMut> {
    let mut buffer = BytesMut::with_capacity(length);
    while buffer.len() < length {
        let wanted = length - buffer.len();
        let (result, payload) = once(Operation::Read { file, buffer, position, length: wanted }).await;
        let count = result?;
        let Payload::Buffer(returned) = payload else {
            return Err(io::Error::other("the driver kept a read buffer"));
        };
        buffer = returned;
        if count == 0 {
            break;
        }
        position += count as u64;
    }
    Ok(buffer)
}

impl Drop for Inner {
    fn drop(&mut self) {
        if Arc::strong_count(&self.guard) == 1 {
            self.driver.close(self.descriptor);
        } else if let Some(core) = executor::try_core() {
            core.close_later(self.descriptor, Arc::clone(&self.guard));
        }
        // Outside an executor the process is ending: the descriptor ends with it.
    }
}

/// Whether no descriptor was left, for this process or for the machine: not an error of what was to be opened.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

fn driver() -> Rc<dyn Driver> {
    executor::with(|core| Rc::clone(&core.driver))
}

/// What `path` names, or `None` if nothing.
pub fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    driver().metadata(path)
}

/// The entries of a directory, by name.
pub fn list_directory(path: &Path) -> io::Result<Vec<DirectoryEntry>> {
    let mut entries = driver().list_directory(path)?;
    entries.sort();
    Ok(entries)
}

/// How large the file system of this path is, and what is left of it.
pub fn space(path: &Path) -> io::Result<Space> {
    driver().space(path)
}

/// Create a directory and those above it that are missing.
pub fn create_directory_all(path: &Path) -> io::Result<()> {
    let driver = driver();
    if path.as_os_str().is_empty() || driver.metadata(path)?.is_some_and(|found| found.is_dir) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_directory_all(parent)?;
    }
    driver.create_directory(path)
}

pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    driver().rename(from, to)
}

/// Remove a small file, inline.
pub fn remove_file(path: &Path) -> io::Result<()> {
    driver().remove_file(path)
}

pub fn remove_directory(path: &Path) -> io::Result<()> {
    driver().remove_directory(path)
}

/// Remove a file of any size without holding the core's thread.
pub async fn unlink(path: &Path) -> io::Result<()> {
    once(Operation::Unlink { path: path.to_path_buf() }).await.0.map(drop)
}

/// Make a directory's entries durable.
pub async fn sync_directory(path: &Path) -> io::Result<()> {
    once(Operation::SyncDirectory { path: path.to_path_buf() }).await.0.map(drop)
}

/// Read a whole small file.
pub fn read_all(path: &Path, limit_bytes: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path, OpenOptions::default())?;
    let size = usize::try_from(file.size()?).unwrap_or(usize::MAX);
    if size > limit_bytes {
        return Err(io::Error::other(format!(
            "{} has {size} bytes, more than {limit_bytes}",
            path.display()
        )));
    }
    let mut content = vec![0; size];
    let count = file.read_at(&mut content, 0)?;
    content.truncate(count);
    Ok(content)
}
