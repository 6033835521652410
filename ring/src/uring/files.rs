//! The file system calls.

use std::{
    io::{self, IoSlice},
    os::fd::{BorrowedFd, IntoRawFd, OwnedFd},
    path::Path,
};

use rustix::fs::{FlockOperation, Mode, OFlags, Timespec, Timestamps};

use crate::driver::{Descriptor, DirectoryEntry, Metadata, OpenOptions, Space};

pub(crate) fn borrow(descriptor: Descriptor) -> BorrowedFd<'static> {
    // SAFETY: descriptors are owned by live `File`, `Socket` and `Listener` values, which pass them in.
    #[allow(unsafe_code)]
    unsafe {
        BorrowedFd::borrow_raw(descriptor.0)
    }
}

pub(crate) fn open(path: &Path, options: OpenOptions) -> io::Result<Descriptor> {
    let mut flags = OFlags::CLOEXEC | if options.write { OFlags::RDWR } else { OFlags::RDONLY };
    flags.set(OFlags::CREATE, options.create || options.create_new);
    flags.set(OFlags::EXCL, options.create_new);
    flags.set(OFlags::TRUNC, options.truncate);
    let fd = rustix::fs::open(path, flags, Mode::from_raw_mode(0o644))?;
    Ok(Descriptor(fd.into_raw_fd()))
}

pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::CLOEXEC | OFlags::RDONLY | OFlags::DIRECTORY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

pub(crate) fn size(file: Descriptor) -> io::Result<u64> {
    Ok(u64::try_from(rustix::fs::fstat(borrow(file))?.st_size).unwrap_or(0))
}

pub(crate) fn set_size(file: Descriptor, size_bytes: u64) -> io::Result<()> {
    Ok(rustix::fs::ftruncate(borrow(file), size_bytes)?)
}

pub(crate) fn set_modified(file: Descriptor, modified_ms: i64) -> io::Result<()> {
    let modified = Timespec {
        tv_sec: modified_ms.div_euclid(1000),
        // Below a thousand million.
        tv_nsec: (modified_ms.rem_euclid(1000) * 1_000_000) as _,
    };
    let accessed = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    let times = Timestamps { last_access: accessed, last_modification: modified };
    Ok(rustix::fs::futimens(borrow(file), &times)?)
}

pub(crate) fn write_at(file: Descriptor, buffers: &[IoSlice<'_>], position: u64) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::pwritev(borrow(file), buffers, position))?)
}

pub(crate) fn read_at(file: Descriptor, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::pread(borrow(file), &mut *buffer, position))?)
}

/// POSIX record lock, as Java's `FileChannel.tryLock` takes it, so that Apache Kafka sees ours and we see its.
pub(crate) fn lock(file: Descriptor) -> io::Result<()> {
    match rustix::fs::fcntl_lock(borrow(file), FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::ACCESS) => Err(io::ErrorKind::WouldBlock.into()),
        result => Ok(result?),
    }
}

#[repr(C)]
struct CacheRange {
    offset: u64,
    length: u64,
}

#[repr(C)]
#[derive(Default)]
struct CacheState {
    cached_pages: u64,
    dirty_pages: u64,
    writeback_pages: u64,
    evicted_pages: u64,
    recently_evicted_pages: u64,
}

/// The number of `cachestat(2)` (Linux 6.5) on every architecture.
const CACHESTAT: libc::c_long = 451;
const PAGE_BYTES: u64 = 4096;

/// Where the kernel cannot tell, the answer is yes: the reader then takes the inline path as it always did.
pub(crate) fn is_cached(file: Descriptor, position: u64, length: usize) -> bool {
    let range = CacheRange { offset: position, length: length as u64 };
    let mut state = CacheState::default();
    // SAFETY: both structures have the kernel's layout and outlive the call.
    #[allow(unsafe_code)]
    let result = unsafe { libc::syscall(CACHESTAT, file.0, &raw const range, &raw mut state, 0) };
    if result != 0 || length == 0 {
        return true;
    }
    let pages = (position + length as u64 - 1) / PAGE_BYTES - position / PAGE_BYTES + 1;
    state.cached_pages >= pages
}

pub(crate) fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    let found = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    let modified = found.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(Some(Metadata {
        size_bytes: found.len(),
        is_dir: found.is_dir(),
        modified_ms: i64::try_from(modified.as_millis()).unwrap_or(i64::MAX),
    }))
}

/// As `df` shows it: without what is kept for the administrator.
pub(crate) fn space(path: &Path) -> io::Result<Space> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Space { total_bytes: found.f_blocks * found.f_frsize, usable_bytes: found.f_bavail * found.f_frsize })
}

pub(crate) fn list_directory(path: &Path) -> io::Result<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        // Names that are not UTF-8 are nobody's we know.
        if let Ok(name) = entry.file_name().into_string() {
            entries.push(DirectoryEntry { name, is_dir: entry.file_type()?.is_dir() });
        }
    }
    Ok(entries)
}
