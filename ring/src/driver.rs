//! The seam between the executor and the world: what a driver is asked, and what it answers.
//!
//! Two kinds of request. *Inline* calls answer at once and are for what is never slow (an append into the page
//! cache) or happens only at start, stop, roll and topic changes (opening, renaming). *Operations* are submitted
//! with a token and complete later; a driver owns their buffers until then, whatever the caller does meanwhile.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};

use crate::{clock::Instant, process::ProcessUsage, signal::CoreSignal};

/// The kernel's buffers of a listener's connections; `None` leaves a size to the kernel, which then changes it as it sees
/// fit. The kernel caps both.
#[derive(Clone, Copy, Default, Debug)]
pub struct SocketBuffers {
    pub send_bytes: Option<usize>,
    pub receive_bytes: Option<usize>,
}

/// A file, socket or listener of this driver. Plain data: the owning types close it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Descriptor(pub i32);

/// Names one submitted operation; chosen by the executor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token(pub u64);

/// An asynchronous operation together with the memory it needs.
#[derive(Debug)]
pub enum Operation {
    /// Accept connections until cancelled; each completes with [`Payload::Accepted`].
    AcceptMany { listener: Descriptor },
    /// Connect a new socket; completes with [`Payload::Accepted`].
    Connect { address: SocketAddr },
    /// Receive into the driver's own pooled buffers until cancelled, closed, or out of buffers;
    /// completes with [`Payload::Chunks`]; no chunks and a result of 0 is the peer's end of stream.
    ReceiveMany { socket: Descriptor },
    /// Receive `length` bytes onto the end of `buffer`, whose spare capacity has room for them; short at the
    /// end of the stream, or where the driver was interrupted.
    ReceiveInto { socket: Descriptor, buffer: BytesMut, length: usize },
    /// Send these buffers in order. May complete short. `more` announces that more follows at once.
    Send { socket: Descriptor, buffers: Vec<Bytes>, more: bool },
    /// Wait until the socket takes more bytes.
    Writable { socket: Descriptor },
    /// Wait until the peer has ended its stream or the connection is no more, whatever is still to be received.
    PeerEnded { socket: Descriptor },
    /// Read up to `length` bytes at `position` onto the end of `buffer`.
    Read { file: Descriptor, buffer: BytesMut, position: u64, length: usize },
    /// Write these bytes at `position`. May complete short.
    Write { file: Descriptor, bytes: Bytes, position: u64 },
    /// Make the file's data durable (and with `data_only` false all its metadata).
    Sync { file: Descriptor, data_only: bool },
    /// Make a directory's entries durable.
    SyncDirectory { path: PathBuf },
    /// Remove a file's name; slow for large files, so never inline.
    Unlink { path: PathBuf },
}

/// What an operation hands back besides its result.
#[derive(Debug, Default)]
pub enum Payload {
    #[default]
    None,
    Accepted(Descriptor, SocketAddr),
    Chunks(Vec<Bytes>),
    Buffer(BytesMut),
    Buffers(Vec<Bytes>),
}

/// One completion. `more` says that the same token completes again.
#[derive(Debug)]
pub struct Completion {
    pub token: Token,
    pub result: io::Result<usize>,
    pub payload: Payload,
    pub more: bool,
}

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OpenOptions {
    pub write: bool,
    pub create: bool,
    pub create_new: bool,
    pub truncate: bool,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub size_bytes: u64,
    pub is_dir: bool,
    pub modified_ms: i64,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectoryEntry {
    pub name: String,
    pub is_dir: bool,
}

/// The size of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub total_bytes: u64,
    /// What is left to this process.
    pub usable_bytes: u64,
}

/// The world as one core sees it.
pub trait Driver {
    fn now(&self) -> Instant;

    /// Wall clock, milliseconds since 1970. May jump.
    fn unix_ms(&self) -> i64;

    /// Unpredictable in production, from the seed in the simulator.
    fn random_u64(&self) -> u64;

    /// Which of `ready` runnable tasks runs next. Production is first come, first served.
    fn pick_task(&self, ready: usize) -> usize {
        let _ = ready;
        0
    }

    /// How many descriptors the process may have open, if there is a limit.
    fn descriptor_limit(&self) -> Option<usize> {
        None
    }

    fn submit(&self, token: Token, operation: Operation);

    /// Ask that the operation end soon; it still completes, with `ECANCELED` or its real result.
    fn cancel(&self, token: Token);

    /// Collect completions without sleeping.
    fn poll(&self, completions: &mut Vec<Completion>);

    /// Sleep until a completion, a notification, or the deadline. The one place where a core sleeps.
    fn wait(&self, deadline: Option<Instant>, completions: &mut Vec<Completion>);

    /// Wake the core behind `peer`, which was seen sleeping.
    fn notify(&self, peer: &Arc<CoreSignal>);

    /// This core's own signal, for peers.
    fn signal(&self) -> Arc<CoreSignal>;

    fn listen(&self, address: SocketAddr, buffers: SocketBuffers) -> io::Result<(Descriptor, SocketAddr)>;
    /// Another descriptor of the same socket, for another core.
    fn duplicate(&self, descriptor: Descriptor) -> io::Result<Descriptor>;
    fn shutdown(&self, socket: Descriptor);
    fn close(&self, descriptor: Descriptor);
    /// Send file bytes from the page cache, without waiting. `WouldBlock` when the socket is full.
    fn send_file(
        &self,
        socket: Descriptor,
        file: Descriptor,
        position: u64,
        length: usize,
    ) -> io::Result<usize>;

    fn open(&self, path: &Path, options: OpenOptions) -> io::Result<Descriptor>;
    fn size(&self, file: Descriptor) -> io::Result<u64>;
    fn set_size(&self, file: Descriptor, size_bytes: u64) -> io::Result<()>;
    /// Set when the file was last written, in milliseconds since 1970.
    fn set_modified(&self, file: Descriptor, modified_ms: i64) -> io::Result<()>;
    /// Write into the page cache. May write short.
    fn write_at(&self, file: Descriptor, buffers: &[IoSlice<'_>], position: u64) -> io::Result<usize>;
    /// Read inline: for start-up and for small reads of what is surely cached (indexes, batch headers).
    fn read_at(&self, file: Descriptor, buffer: &mut [u8], position: u64) -> io::Result<usize>;
    /// Whether the page cache holds this whole range.
    fn is_cached(&self, file: Descriptor, position: u64, length: usize) -> bool;
    /// Take an exclusive lock on a file for as long as it stays open. `WouldBlock` if another process has it.
    fn lock(&self, file: Descriptor) -> io::Result<()>;

    fn metadata(&self, path: &Path) -> io::Result<Option<Metadata>>;
    /// How large the file system of this path is.
    fn space(&self, path: &Path) -> io::Result<Space> {
        let _ = path;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// What the process takes; `None` where nobody can tell.
    fn process_usage(&self) -> Option<ProcessUsage> {
        None
    }

    fn list_directory(&self, path: &Path) -> io::Result<Vec<DirectoryEntry>>;
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Remove an empty directory.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;
}
