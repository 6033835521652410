//! One host's disk: what the page cache shows, and what a power cut leaves of it.

mod contents;
mod names;
mod power_cut;
mod rot;
mod trouble;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, IoSlice},
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use jackdaw_ring::driver::{DirectoryEntry, Metadata, OpenOptions};

pub use self::rot::Rot;
use self::{contents::Contents, names::Names, trouble::Trouble};
use crate::{
    faults::{DiskError, DiskFaults, DiskOperation},
    marks::reach,
    prng::Random,
};

/// Names a file or directory, whatever it is called at the moment.
pub(crate) type Inode = u64;

/// What an asynchronous operation does to the disk when its time has come.
#[derive(Debug)]
pub(crate) enum DiskWork {
    Read {
        inode: Inode,
        buffer: BytesMut,
        position: u64,
        length: usize,
    },
    Write {
        inode: Inode,
        bytes: Bytes,
        position: u64,
        now_ms: i64,
    },
    /// `mark` is how far the file's changes went when the flush was asked for.
    Sync {
        inode: Inode,
        mark: u64,
    },
    SyncDirectory {
        path: PathBuf,
        mark: u64,
    },
    Unlink {
        path: PathBuf,
    },
}

/// One file's state.
#[derive(Clone, Debug, Default)]
struct File {
    contents: Contents,
    modified_ms: i64,
    /// Descriptors that have it open.
    opened: u32,
    /// The incarnation of the process that locked it.
    locked_by: Option<u64>,
}

/// A disk. Directories are absolute or relative paths as the caller spells them; the top level always exists.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    names: Names,
    files: BTreeMap<Inode, File>,
    next_inode: Inode,
    random: Random,
    pub(crate) faults: DiskFaults,
    used_bytes: u64,
    pub(crate) flushed_at_once_bytes: u64,
    /// Changes left until the image of the disk is frozen, as if the power or the process went there.
    freeze_after: Option<u64>,
    trouble: Trouble,
    /// The longest of the operations that stall goes on until then.
    pub(crate) stalled_until_ns: u64,
}

pub(crate) fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl Disk {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            names: Names::default(),
            files: BTreeMap::new(),
            next_inode: names::ROOT + 1,
            random,
            faults: DiskFaults::default(),
            used_bytes: 0,
            flushed_at_once_bytes: 0,
            freeze_after: None,
            trouble: Trouble::default(),
            stalled_until_ns: 0,
        }
    }

    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Freeze after so many further changes; see [`Disk::changes`].
    pub(crate) fn freeze_after(&mut self, changes: u64) {
        self.freeze_after = Some(changes);
    }

    /// Count a change that is about to happen; true if the disk's image before it is to be kept.
    pub(crate) fn count_change(&mut self) -> bool {
        match &mut self.freeze_after {
            Some(0) => {
                self.freeze_after = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Let operations fail, until the process ends.
    pub(crate) fn arm(&mut self, error: DiskError) {
        self.trouble.arm(error);
    }

    /// A process begins.
    pub(crate) fn on_process_started(&mut self) {
        self.trouble.begin();
    }

    /// Let so many more bytes fit.
    pub(crate) fn leave_room(&mut self, bytes: u64) {
        self.faults.capacity_bytes = self.used_bytes + bytes;
    }

    /// Operations that failed in this run of the process.
    pub(crate) fn error_count(&self) -> u64 {
        self.trouble.error_count
    }

    /// Files and directories in use whose flush failed in this run of the process.
    pub(crate) fn unflushable(&self) -> Vec<String> {
        let is_live = |path: &str| !path.contains("-delete");
        let files = self.names.paths().into_iter();
        let files = files.filter(|(inode, path)| self.trouble.is_unflushable(*inode) && is_live(path));
        let directories = self.trouble.unflushable_directories();
        let directories = directories.filter(|path| self.names.find(path).is_some());
        let directories = directories.map(|path| path.display().to_string());
        files.map(|(_, path)| path).chain(directories.filter(|path| is_live(path))).collect()
    }

    pub(crate) fn failed_flush_count(&self) -> u64 {
        self.trouble.failed_flush_count
    }

    /// Flushes of files whose flush had failed before.
    pub(crate) fn flushes_tried_again(&self) -> u64 {
        self.trouble.flushes_tried_again
    }

    fn fail_on(&mut self, operation: DiskOperation, inode: Inode) -> io::Result<()> {
        if !self.trouble.strikes(operation) {
            return Ok(());
        }
        let path = self.names.paths().into_iter().find(|(other, _)| *other == inode).map(|(_, path)| path);
        self.trouble.note(operation, path.as_deref().unwrap_or_default());
        Err(error(libc::EIO))
    }

    fn fail_at(&mut self, operation: DiskOperation, path: &Path) -> io::Result<()> {
        if !self.trouble.strikes(operation) {
            return Ok(());
        }
        self.trouble.note(operation, &path.to_string_lossy());
        Err(error(libc::EIO))
    }

    pub(crate) fn open(&mut self, path: &Path, options: OpenOptions, now_ms: i64) -> io::Result<Inode> {
        let inode = match self.names.find(path) {
            Some(inode) if self.names.is_directory(inode) => return Err(error(libc::EISDIR)),
            Some(_) if options.create_new => return Err(error(libc::EEXIST)),
            Some(inode) => inode,
            None if options.create || options.create_new => {
                self.fail_at(DiskOperation::Names, path)?;
                self.reserve(1)?;
                let inode = self.new_inode();
                self.names.link(path, inode)?;
                self.files.insert(inode, File { modified_ms: now_ms, ..File::default() });
                inode
            }
            None => return Err(error(libc::ENOENT)),
        };
        self.file_mut(inode)?.opened += 1;
        if options.truncate {
            self.set_size(inode, 0, now_ms)?;
        }
        Ok(inode)
    }

    fn new_inode(&mut self) -> Inode {
        let inode = self.next_inode;
        self.next_inode += 1;
        inode
    }

    fn file(&self, inode: Inode) -> io::Result<&File> {
        self.files.get(&inode).ok_or_else(|| error(libc::EBADF))
    }

    fn file_mut(&mut self, inode: Inode) -> io::Result<&mut File> {
        self.files.get_mut(&inode).ok_or_else(|| error(libc::EBADF))
    }

    pub(crate) fn close(&mut self, inode: Inode, incarnation: u64) {
        if let Some(file) = self.files.get_mut(&inode) {
            file.opened = file.opened.saturating_sub(1);
            // As POSIX has it: closing any descriptor of the file gives the process's lock up.
            if file.locked_by == Some(incarnation) {
                file.locked_by = None;
            }
        }
        self.forget_unreachable();
    }

    pub(crate) fn lock(&mut self, inode: Inode, incarnation: u64) -> io::Result<()> {
        let file = self.file_mut(inode)?;
        match file.locked_by {
            Some(other) if other != incarnation => Err(io::ErrorKind::WouldBlock.into()),
            _ => {
                file.locked_by = Some(incarnation);
                Ok(())
            }
        }
    }

    pub(crate) fn size(&self, inode: Inode) -> io::Result<u64> {
        Ok(self.file(inode)?.contents.cached.len() as u64)
    }

    pub(crate) fn set_size(&mut self, inode: Inode, size_bytes: u64, now_ms: i64) -> io::Result<()> {
        let before = self.size(inode)?;
        self.reserve(size_bytes.saturating_sub(before))?;
        let file = self.file_mut(inode)?;
        file.contents.set_size(size_bytes);
        file.modified_ms = now_ms;
        self.used_bytes = self.used_bytes - before + size_bytes;
        Ok(())
    }

    /// Lost by nobody: what a power cut does to times is of no account here.
    pub(crate) fn set_modified(&mut self, inode: Inode, modified_ms: i64) -> io::Result<()> {
        self.file_mut(inode)?.modified_ms = modified_ms;
        Ok(())
    }

    fn reserve(&mut self, growth_bytes: u64) -> io::Result<()> {
        if growth_bytes > 0 && self.used_bytes.saturating_add(growth_bytes) > self.faults.capacity_bytes {
            self.trouble.error_count += 1;
            reach("disk: ENOSPC");
            return Err(error(libc::ENOSPC));
        }
        Ok(())
    }

    /// Write into the page cache; short when the seed says so.
    pub(crate) fn write_at(
        &mut self,
        inode: Inode,
        buffers: &[IoSlice<'_>],
        position: u64,
        now_ms: i64,
    ) -> io::Result<usize> {
        let mut data: Vec<u8> = buffers.iter().flat_map(|buffer| buffer.iter().copied()).collect();
        if data.len() > 1 && self.random.one_in(self.faults.short_write_one_in) {
            data.truncate(self.random.between(1, data.len() as u64 - 1) as usize);
        }
        self.fail_on(DiskOperation::Write, inode)?;
        let before = self.size(inode)?;
        let growth = (position + data.len() as u64).saturating_sub(before);
        self.reserve(growth)?;
        let file = self.file_mut(inode)?;
        let count = data.len();
        file.contents.write(position, data);
        file.modified_ms = now_ms;
        self.used_bytes += growth;
        Ok(count)
    }

    pub(crate) fn read_at(&mut self, inode: Inode, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let short = self.random.one_in(self.faults.short_read_one_in);
        let random = self.random.next_u64();
        self.fail_on(DiskOperation::Read, inode)?;
        let cached = &self.file(inode)?.contents.cached;
        let start = usize::try_from(position).unwrap_or(usize::MAX).min(cached.len());
        let mut count = buffer.len().min(cached.len() - start);
        if short && count > 1 {
            count = 1 + (random % (count as u64 - 1)) as usize;
        }
        buffer[..count].copy_from_slice(&cached[start..start + count]);
        Ok(count)
    }

    /// How far the file's changes go now; a flush that begins now covers those.
    pub(crate) fn sync_mark(&mut self, inode: Inode) -> io::Result<u64> {
        self.trouble.note_flush(inode);
        Ok(self.file(inode)?.contents.mark())
    }

    /// A flush ends: what it covers is durable, or it fails and some of it may never be.
    pub(crate) fn finish_sync(&mut self, inode: Inode, mark: u64) -> io::Result<usize> {
        // Drawn where nothing fails, too: what follows in a seed stays as it was.
        self.random.next_u64();
        let mut random = self.random.clone();
        self.random.next_u64();
        if let Err(failure) = self.fail_on(DiskOperation::Sync, inode) {
            self.trouble.note_failed_flush(inode);
            self.file_mut(inode)?.contents.lose_some(mark, &mut random);
            return Err(failure);
        }
        let file = self.file_mut(inode)?;
        let flushed_bytes = file.contents.make_durable(mark);
        self.flushed_at_once_bytes = self.flushed_at_once_bytes.max(flushed_bytes);
        Ok(0)
    }

    pub(crate) fn names_mark(&self) -> u64 {
        self.names.mark()
    }

    pub(crate) fn finish_sync_directory(&mut self, path: &Path, mark: u64) -> io::Result<usize> {
        if let Err(failure) = self.fail_at(DiskOperation::SyncDirectory, path) {
            self.trouble.note_failed_flush_of_directory(path);
            return Err(failure);
        }
        self.names.make_durable(path, mark)?;
        self.forget_unreachable();
        Ok(0)
    }

    pub(crate) fn metadata(&self, path: &Path) -> Option<Metadata> {
        let inode = self.names.find(path)?;
        let (size_bytes, modified_ms) = self
            .files
            .get(&inode)
            .map_or((0, 0), |file| (file.contents.cached.len() as u64, file.modified_ms));
        Some(Metadata { size_bytes, is_dir: self.names.is_directory(inode), modified_ms })
    }

    pub(crate) fn list_directory(&mut self, path: &Path) -> io::Result<Vec<DirectoryEntry>> {
        let mut entries = self.names.list(path)?;
        // A real directory has no order.
        for index in (1..entries.len()).rev() {
            let other = self.random.index(index + 1);
            entries.swap(index, other);
        }
        Ok(entries)
    }

    pub(crate) fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        if self.names.find(path).is_some() {
            return Err(error(libc::EEXIST));
        }
        self.fail_at(DiskOperation::Names, path)?;
        self.reserve(1)?;
        let inode = self.new_inode();
        self.names.link_directory(path, inode)
    }

    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.fail_at(DiskOperation::Names, to)?;
        self.names.rename(from, to)?;
        self.forget_unreachable();
        Ok(())
    }

    pub(crate) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.fail_at(DiskOperation::Names, path)?;
        self.names.unlink(path)?;
        self.forget_unreachable();
        Ok(())
    }

    pub(crate) fn remove_directory(&mut self, path: &Path) -> io::Result<()> {
        self.names.remove_directory(path)
    }

    /// Drop files that no name, no lasting name and no descriptor leads to.
    fn forget_unreachable(&mut self) {
        let named: BTreeSet<Inode> = self.names.referenced();
        let mut freed = 0;
        self.files.retain(|inode, file| {
            let kept = file.opened > 0 || named.contains(inode);
            if !kept {
                freed += file.contents.cached.len() as u64;
            }
            kept
        });
        self.used_bytes -= freed;
    }

    /// The process is gone, the page cache is not.
    pub(crate) fn on_process_gone(&mut self) {
        self.freeze_after = None;
        self.trouble.disarm();
        for file in self.files.values_mut() {
            file.opened = 0;
            file.locked_by = None;
        }
        self.forget_unreachable();
    }

    /// The power went: keep what was durable and, of the rest, what the seed says. Says what that was.
    pub(crate) fn on_power_cut(&mut self) -> Vec<String> {
        let paths: BTreeMap<Inode, String> = self.names.paths().into_iter().collect();
        let mut lost = vec![power_cut::names(&mut self.names, self.faults.names_in_order, &mut self.random)];
        for (inode, file) in &mut self.files {
            let what = power_cut::contents(&mut file.contents, &mut self.random);
            let path = paths.get(inode).map_or("(no name)", String::as_str);
            lost.extend(what.map(|what| format!("{path} (inode {inode}): {what}")));
        }
        self.used_bytes = self.files.values().map(|file| file.contents.cached.len() as u64).sum();
        self.on_process_gone();
        lost
    }

    /// All files by path, with their sizes.
    pub(crate) fn files(&self) -> Vec<(String, u64)> {
        let paths = self.names.paths().into_iter();
        paths
            .filter_map(|(inode, path)| Some((path, self.files.get(&inode)?.contents.cached.len() as u64)))
            .collect()
    }

    /// A file's bytes as the page cache shows them, for checks from outside.
    pub(crate) fn contents_of(&self, path: &Path) -> Option<Vec<u8>> {
        let inode = self.names.find(path)?;
        self.files.get(&inode).map(|file| file.contents.cached.clone())
    }
}
