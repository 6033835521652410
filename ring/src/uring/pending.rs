//! Operations that the kernel has: their memory, and what they hand back.

use std::{
    ffi::CString,
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, OwnedFd},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use bytes::{Bytes, BytesMut};
use io_uring::{opcode, squeue, types};

use super::{files, sockets};
use crate::driver::{Descriptor, Operation, Payload, Token};

/// Buffers in one `sendmsg`; the kernel's limit is 1,024.
const SEND_SLICES: usize = 64;

/// An operation's slot: the executor's own slab index, which is unique among live operations.
pub(crate) fn key(token: Token) -> usize {
    (token.0 & u64::from(u32::MAX)) as usize
}

/// What an operation in flight keeps alive. Vectors and boxes do not move their contents when this moves.
pub(crate) enum Pending {
    AcceptMany {
        listener: Descriptor,
    },
    ReceiveMany {
        socket: Descriptor,
        /// Asked to end: not to be started again when buffers return.
        cancelled: bool,
    },
    ReceiveInto {
        socket: Descriptor,
        buffer: BytesMut,
        length: usize,
    },
    Send(Box<Sending>),
    Connect(Box<Connecting>),
    Writable {
        socket: Descriptor,
    },
    PeerEnded {
        socket: Descriptor,
    },
    Read {
        file: Descriptor,
        buffer: BytesMut,
        position: u64,
        length: usize,
    },
    Write {
        file: Descriptor,
        bytes: Bytes,
        position: u64,
    },
    Sync {
        file: Descriptor,
        data_only: bool,
    },
    SyncDirectory {
        directory: OwnedFd,
    },
    Unlink {
        path: CString,
    },
    /// Failed before it reached the kernel; a no-op brings the error.
    Failed(Option<io::Error>),
}

pub(crate) struct Sending {
    socket: Descriptor,
    buffers: Vec<Bytes>,
    slices: [libc::iovec; SEND_SLICES],
    header: libc::msghdr,
    flags: u32,
}

pub(crate) struct Connecting {
    socket: OwnedFd,
    address: SocketAddr,
    raw: sockets::RawAddress,
}

impl Pending {
    /// Take an operation's memory over; fails where preparing it needs a system call that fails.
    pub(crate) fn begin(operation: Operation) -> io::Result<Self> {
        Ok(match operation {
            Operation::AcceptMany { listener } => Self::AcceptMany { listener },
            Operation::Connect { address } => {
                let socket = sockets::stream_socket(address)?;
                Self::Connect(Box::new(Connecting {
                    socket,
                    address,
                    raw: sockets::RawAddress::new(address),
                }))
            }
            Operation::ReceiveMany { socket } => Self::ReceiveMany { socket, cancelled: false },
            Operation::ReceiveInto { socket, buffer, length } => Self::ReceiveInto { socket, buffer, length },
            Operation::Send { socket, buffers, more } => Self::Send(Sending::new(socket, buffers, more)),
            Operation::Writable { socket } => Self::Writable { socket },
            Operation::PeerEnded { socket } => Self::PeerEnded { socket },
            Operation::Read { file, mut buffer, position, length } => {
                buffer.reserve(length);
                Self::Read { file, buffer, position, length }
            }
            Operation::Write { file, bytes, position } => Self::Write { file, bytes, position },
            Operation::Sync { file, data_only } => Self::Sync { file, data_only },
            Operation::SyncDirectory { path } => {
                Self::SyncDirectory { directory: files::open_directory(&path)? }
            }
            Operation::Unlink { path } => Self::Unlink { path: c_path(&path)? },
        })
    }

    /// The submission entry; it names memory inside `self`, which must stay in its slot until the completion.
    pub(crate) fn entry(&mut self) -> squeue::Entry {
        match self {
            Self::AcceptMany { listener } => opcode::AcceptMulti::new(types::Fd(listener.0))
                .flags(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
                .build(),
            Self::ReceiveMany { .. } | Self::Failed(_) => opcode::Nop::new().build(),
            Self::ReceiveInto { socket, buffer, length } => {
                let spare = buffer.spare_capacity_mut();
                let length = u32::try_from((*length).min(spare.len())).unwrap_or(u32::MAX);
                opcode::Recv::new(types::Fd(socket.0), spare.as_mut_ptr().cast(), length)
                    .flags(libc::MSG_WAITALL)
                    .build()
            }
            Self::Send(sending) => sending.entry(),
            Self::Connect(connecting) => opcode::Connect::new(
                types::Fd(connecting.socket.as_raw_fd()),
                connecting.raw.as_ptr(),
                connecting.raw.length(),
            )
            .build(),
            Self::Writable { socket } => {
                opcode::PollAdd::new(types::Fd(socket.0), libc::POLLOUT as u32).build()
            }
            Self::PeerEnded { socket } => {
                opcode::PollAdd::new(types::Fd(socket.0), libc::POLLRDHUP as u32).build()
            }
            Self::Read { file, buffer, position, length } => {
                let spare = buffer.spare_capacity_mut();
                let length = u32::try_from((*length).min(spare.len())).unwrap_or(u32::MAX);
                opcode::Read::new(types::Fd(file.0), spare.as_mut_ptr().cast(), length)
                    .offset(*position)
                    .build()
            }
            Self::Write { file, bytes, position } => {
                let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                opcode::Write::new(types::Fd(file.0), bytes.as_ptr(), length).offset(*position).build()
            }
            Self::Sync { file, data_only } => fsync(file.0, *data_only),
            Self::SyncDirectory { directory } => fsync(directory.as_raw_fd(), false),
            Self::Unlink { path } => opcode::UnlinkAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr()).build(),
        }
    }

    /// The last completion came: hand back what the caller gets.
    pub(crate) fn finish(self, result: &io::Result<usize>, payload: Payload) -> Payload {
        match self {
            Self::ReceiveInto { buffer, .. } | Self::Read { buffer, .. } => {
                Payload::Buffer(filled(buffer, result))
            }
            Self::Send(sending) => Payload::Buffers(sending.buffers),
            Self::Connect(connecting) if result.is_ok() => {
                sockets::set_no_delay(connecting.socket.as_raw_fd());
                Payload::Accepted(sockets::into_descriptor(connecting.socket), connecting.address)
            }
            _ => payload,
        }
    }
}

fn fsync(file: i32, data_only: bool) -> squeue::Entry {
    let flags = if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
    opcode::Fsync::new(types::Fd(file)).flags(flags).build()
}

fn filled(mut buffer: BytesMut, result: &io::Result<usize>) -> BytesMut {
    if let Ok(count) = result {
        assert!(*count <= buffer.capacity() - buffer.len(), "the kernel wrote past a buffer");
        let length = buffer.len() + count;
        // SAFETY: the kernel initialised `count` bytes of the spare capacity, from its start.
        #[allow(unsafe_code)]
        unsafe {
            buffer.set_len(length);
        }
    }
    buffer
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl Sending {
    fn new(socket: Descriptor, buffers: Vec<Bytes>, more: bool) -> Box<Self> {
        let none = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
        // SAFETY: msghdr is plain data for which all zeros is a valid value.
        #[allow(unsafe_code)]
        let header = unsafe { std::mem::zeroed() };
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL | if more { libc::MSG_MORE } else { 0 };
        Box::new(Self { socket, buffers, slices: [none; SEND_SLICES], header, flags: flags as u32 })
    }

    fn entry(&mut self) -> squeue::Entry {
        let fd = types::Fd(self.socket.0);
        if let [buffer] = self.buffers.as_slice() {
            let length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
            return opcode::Send::new(fd, buffer.as_ptr(), length).flags(self.flags as i32).build();
        }
        let count = self.buffers.len().min(SEND_SLICES);
        for (slice, buffer) in self.slices.iter_mut().zip(&self.buffers) {
            *slice = libc::iovec { iov_base: buffer.as_ptr().cast_mut().cast(), iov_len: buffer.len() };
        }
        self.header.msg_iov = self.slices.as_mut_ptr();
        self.header.msg_iovlen = count as _;
        opcode::SendMsg::new(fd, &raw const self.header).flags(self.flags).build()
    }
}
