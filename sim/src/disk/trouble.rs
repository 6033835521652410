//! Operations that fail because a test wants them to, and what the process made of it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::Inode;
use crate::{
    faults::{DiskError, DiskOperation},
    marks::reach,
};

/// What failed in this run of the process, and what will.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    next: Option<DiskError>,
    /// Operations that failed.
    pub(super) error_count: u64,
    /// Files whose flush failed: what a later flush of them says is worth nothing.
    unflushable: BTreeSet<Inode>,
    unflushable_directories: BTreeSet<PathBuf>,
    /// Flushes that failed, those of directories included.
    pub(super) failed_flush_count: u64,
    /// Flushes of such files that were asked for all the same.
    pub(super) flushes_tried_again: u64,
}

impl Trouble {
    /// The process has ended: what has not failed yet will not.
    pub(super) fn disarm(&mut self) {
        self.next = None;
    }

    /// The next process begins with a disk that has not failed it.
    pub(super) fn begin(&mut self) {
        *self = Self { next: self.next, ..Self::default() };
    }

    pub(super) fn arm(&mut self, error: DiskError) {
        self.next = Some(error);
    }

    /// Count an operation that is about to happen; true if it is to fail.
    pub(super) fn strikes(&mut self, operation: DiskOperation) -> bool {
        let Some(next) = self.next.as_mut().filter(|next| next.operation == operation) else { return false };
        if next.after > 0 {
            next.after -= 1;
            return false;
        }
        next.times -= 1;
        if next.times == 0 {
            self.next = None;
        }
        true
    }

    /// An operation on this file failed.
    pub(super) fn note(&mut self, operation: DiskOperation, path: &str) {
        self.error_count += 1;
        let is_flush = matches!(operation, DiskOperation::Sync | DiskOperation::SyncDirectory);
        self.failed_flush_count += u64::from(is_flush);
        reach(mark_of(operation, path));
    }

    pub(super) fn note_failed_flush(&mut self, inode: Inode) {
        self.unflushable.insert(inode);
    }

    pub(super) fn note_failed_flush_of_directory(&mut self, path: &Path) {
        self.unflushable_directories.insert(path.to_path_buf());
    }

    /// Whether the flush of one of these failed.
    pub(super) fn is_unflushable(&self, inode: Inode) -> bool {
        self.unflushable.contains(&inode)
    }

    pub(super) fn unflushable_directories(&self) -> impl Iterator<Item = &Path> {
        self.unflushable_directories.iter().map(PathBuf::as_path)
    }

    /// A flush of this file is asked for.
    pub(super) fn note_flush(&mut self, inode: Inode) {
        self.flushes_tried_again += u64::from(self.is_unflushable(inode));
    }
}

fn mark_of(operation: DiskOperation, path: &str) -> &'static str {
    let is_metadata = path.contains("__cluster_metadata");
    let is_segment = path.ends_with(".log");
    match operation {
        DiskOperation::Sync if is_metadata => "disk: EIO on fsync of the metadata log",
        DiskOperation::Sync if is_segment => "disk: EIO on fsync of a segment",
        DiskOperation::Sync => "disk: EIO on fsync of another file",
        DiskOperation::SyncDirectory => "disk: EIO on fsync of a directory",
        DiskOperation::Write if is_metadata => "disk: EIO on write to the metadata log",
        DiskOperation::Write if is_segment => "disk: EIO on write to a segment",
        DiskOperation::Write => "disk: EIO on write to another file",
        DiskOperation::Read if is_metadata => "disk: EIO on read of the metadata log",
        DiskOperation::Read if is_segment => "disk: EIO on read of a segment",
        DiskOperation::Read => "disk: EIO on read of another file",
        DiskOperation::Names => "disk: EIO on a change of names",
    }
}
