//! What may go wrong on a host and its links, and how often. All of it is off or mild until a test turns it up.

/// Rates are "once in so many times"; 0 is never.
#[derive(Clone, Debug)]
pub struct DiskFaults {
    /// A write that takes fewer bytes than asked.
    pub short_write_one_in: u64,
    /// A read that returns fewer bytes than asked.
    pub short_read_one_in: u64,
    /// A flush that takes as long as `slow_sync_ns`.
    pub slow_sync_one_in: u64,
    pub slow_sync_ns: u64,
    /// A read or a flush through the ring that takes as long as `stall_ns`.
    pub stall_one_in: u64,
    pub stall_ns: u64,
    /// At a power cut changes to directories are lost from the last one back, as the journals of ext4 and XFS have
    /// it; else any of them, as POSIX allows.
    pub names_in_order: bool,
    /// Bytes that the disk holds; a write beyond fails with `ENOSPC`.
    pub capacity_bytes: u64,
}

impl Default for DiskFaults {
    fn default() -> Self {
        Self {
            short_write_one_in: 16,
            short_read_one_in: 16,
            slow_sync_one_in: 50,
            slow_sync_ns: 80_000_000,
            stall_one_in: 0,
            stall_ns: 0,
            names_in_order: true,
            capacity_bytes: u64::MAX,
        }
    }
}

/// A kind of operation on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOperation {
    Read,
    Write,
    Sync,
    SyncDirectory,
    /// Making, renaming and removing files and directories.
    Names,
}

/// Operations that fail with `EIO`, in one run of a process. What a failed flush should have written is there or not
/// after a power cut; until then it can be read, as the kernel calls the pages clean.
#[derive(Clone, Copy, Debug)]
pub struct DiskError {
    pub operation: DiskOperation,
    /// So many of its kind succeed before.
    pub after: u64,
    /// So many fail, at least one.
    pub times: u64,
}

/// How links behave. Rates as in [`DiskFaults`].
#[derive(Clone, Debug)]
pub struct NetworkFaults {
    /// A send that takes fewer bytes than asked although more would fit.
    pub short_send_one_in: u64,
    /// A pooled receive that ends for want of buffers.
    pub no_buffers_one_in: u64,
    /// A pooled receive that delivers and ends, as the kernel's multishot may at any time.
    pub multishot_end_one_in: u64,
    /// A segment that is late by `late_ns`.
    pub late_one_in: u64,
    pub late_ns: u64,
    /// A segment instead of which the connection is reset.
    pub reset_one_in: u64,
    /// Bytes that a socket takes before a sender must wait.
    pub send_buffer_bytes: usize,
    /// Bytes on their way to, or waiting at, a receiver.
    pub receive_window_bytes: usize,
}

impl Default for NetworkFaults {
    fn default() -> Self {
        Self {
            short_send_one_in: 8,
            no_buffers_one_in: 64,
            multishot_end_one_in: 16,
            late_one_in: 100,
            late_ns: 30_000_000,
            reset_one_in: 0,
            send_buffer_bytes: 64 * 1024,
            receive_window_bytes: 64 * 1024,
        }
    }
}
