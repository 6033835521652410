//! What can go wrong with a log on disk, in words for the operator.

use std::{
    io,
    path::{Path, PathBuf},
};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused. After a failed write or flush the node stops or takes the directory offline.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file does not hold what was flushed to it.
    #[error("{} is damaged at byte {position}: {reason}. {advice}", .path.display())]
    Corrupt { path: PathBuf, position: u64, reason: String, advice: &'static str },
    /// The directory is not laid out as Kafka's.
    #[error("{}: {reason}", .path.display())]
    Layout { path: PathBuf, reason: String },
    /// Another process works on this directory.
    #[error("{} is locked: another broker runs on this directory; stop it or choose another log.dirs", .0.display())]
    Locked(PathBuf),
    /// A read below the log's start or above its end.
    #[error("offset {offset} is outside the log, which goes from {log_start_offset} to {log_end_offset}")]
    OffsetOutOfRange { offset: i64, log_start_offset: i64, log_end_offset: i64 },
    /// One append must fit one segment.
    #[error("an append of {size_bytes} bytes does not fit a segment of {segment_bytes} bytes")]
    AppendTooLarge { size_bytes: usize, segment_bytes: u32 },
    /// A batch with offsets of its own that does not follow the log's end.
    #[error("a batch with first offset {first_offset} cannot follow log end offset {log_end_offset}")]
    UnexpectedOffset { first_offset: i64, log_end_offset: i64 },
    /// Replicated bytes that are no batch; nothing of that append was written.
    #[error("the bytes to append are no batch at byte {position}: {reason}")]
    InvalidBatch { position: usize, reason: jackdaw_core::records::CorruptBatch },
    /// An earlier write to this log failed, so what it holds is not known: it takes no more.
    #[error("the log in {} takes no appends: an earlier write to it failed or it is closed", .0.display())]
    Failed(PathBuf),
}

/// A result of this crate.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// Names what was being done to which file.
pub(crate) trait During<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T>;

    /// The same where making the path would cost the hot path an allocation.
    fn during_at(self, action: &'static str, path: impl FnOnce() -> PathBuf) -> Result<T>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T> {
        self.during_at(action, || path.to_path_buf())
    }

    fn during_at(self, action: &'static str, path: impl FnOnce() -> PathBuf) -> Result<T> {
        self.map_err(|source| StorageError::Io { action, path: path(), source })
    }
}

impl StorageError {
    /// What was to be flushed is on the disk or not: flushing again would say nothing about it.
    pub fn is_failed_flush(&self) -> bool {
        matches!(self, Self::Io { action, .. } if action.starts_with("flush"))
    }

    /// Whether no descriptor was left to open a file. Where nothing was written yet, another try may help.
    pub fn is_out_of_descriptors(&self) -> bool {
        matches!(self, Self::Io { source, .. } if jackdaw_ring::file::is_out_of_descriptors(source))
    }

    pub(crate) fn layout(path: &Path, reason: impl Into<String>) -> Self {
        Self::Layout { path: path.to_path_buf(), reason: reason.into() }
    }
}
