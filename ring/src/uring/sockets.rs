//! The socket system calls.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
};

use rustix::{
    event::EventfdFlags,
    net::{AddressFamily, SocketFlags, SocketType, sockopt},
};

use super::files::borrow;
use crate::driver::{Descriptor, Payload, SocketBuffers};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

pub(crate) fn into_descriptor(fd: OwnedFd) -> Descriptor {
    Descriptor(fd.into_raw_fd())
}

pub(crate) fn event_fd() -> io::Result<OwnedFd> {
    Ok(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library keys its hashers from the kernel's generator.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

pub(crate) fn stream_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, SocketType::STREAM, flags, None)?)
}

pub(crate) fn listen(address: SocketAddr, buffers: SocketBuffers) -> io::Result<(Descriptor, SocketAddr)> {
    let socket = stream_socket(address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Connections take these over; set later, a receive buffer would come too late for the window's scale.
    if let Some(bytes) = buffers.send_bytes {
        sockopt::set_socket_send_buffer_size(&socket, bytes)?;
    }
    if let Some(bytes) = buffers.receive_bytes {
        sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    let bound = SocketAddr::try_from(rustix::net::getsockname(&socket)?)
        .map_err(|_| io::Error::other("the bound address is not an internet address"))?;
    Ok((into_descriptor(socket), bound))
}

pub(crate) fn duplicate(descriptor: Descriptor) -> io::Result<Descriptor> {
    Ok(into_descriptor(borrow(descriptor).try_clone_to_owned()?))
}

pub(crate) fn shutdown(socket: Descriptor) {
    // Fails when the peer is already gone, which is what is wanted.
    let _ = rustix::net::shutdown(borrow(socket), rustix::net::Shutdown::Both);
}

pub(crate) fn set_no_delay(socket: RawFd) {
    // Only latency is at stake, and the socket may already be dead.
    let _ = sockopt::set_tcp_nodelay(borrow(Descriptor(socket)), true);
}

/// An accepted socket: its peer, and no delay for small answers.
pub(crate) fn accepted(result: &io::Result<usize>) -> Payload {
    let Some(fd) = result.as_ref().ok().and_then(|fd| i32::try_from(*fd).ok()) else { return Payload::None };
    // SAFETY: the kernel just made this descriptor for us.
    #[allow(unsafe_code)]
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    set_no_delay(socket.as_raw_fd());
    let peer = rustix::net::getpeername(&socket)
        .ok()
        .flatten()
        .and_then(|peer| SocketAddr::try_from(peer).ok())
        .unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
    Payload::Accepted(into_descriptor(socket), peer)
}

pub(crate) fn send_file(
    socket: Descriptor,
    file: Descriptor,
    position: u64,
    length: usize,
) -> io::Result<usize> {
    let mut position = position;
    Ok(rustix::fs::sendfile(borrow(socket), borrow(file), Some(&mut position), length)?)
}

/// A socket address as the kernel reads it.
pub(crate) struct RawAddress {
    storage: libc::sockaddr_storage,
    length: u32,
}

impl RawAddress {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // SAFETY: sockaddr_storage is plain data for which all zeros is valid, and large and aligned enough for
        // both address types written below.
        #[allow(unsafe_code)]
        unsafe {
            let mut storage: libc::sockaddr_storage = std::mem::zeroed();
            let length = match address {
                SocketAddr::V4(v4) => {
                    let raw = (&raw mut storage).cast::<libc::sockaddr_in>();
                    (*raw).sin_family = libc::AF_INET as u16;
                    (*raw).sin_port = v4.port().to_be();
                    (*raw).sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                    size_of::<libc::sockaddr_in>()
                }
                SocketAddr::V6(v6) => {
                    let raw = (&raw mut storage).cast::<libc::sockaddr_in6>();
                    (*raw).sin6_family = libc::AF_INET6 as u16;
                    (*raw).sin6_port = v6.port().to_be();
                    (*raw).sin6_addr.s6_addr = v6.ip().octets();
                    (*raw).sin6_scope_id = v6.scope_id();
                    size_of::<libc::sockaddr_in6>()
                }
            };
            Self { storage, length: length as u32 }
        }
    }

    pub(crate) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(crate) fn length(&self) -> u32 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_inherit_the_buffers_of_their_listener() {
        let buffers = SocketBuffers { send_bytes: Some(65_536), receive_bytes: Some(32_768) };
        let (listener, address) = listen(SocketAddr::from(([127, 0, 0, 1], 0)), buffers).unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let accepted = rustix::net::accept(borrow(listener)).unwrap();
        // The kernel doubles what is asked for, for its own bookkeeping: socket(7).
        assert_eq!(sockopt::socket_send_buffer_size(&accepted).unwrap(), 2 * 65_536);
        assert_eq!(sockopt::socket_recv_buffer_size(&accepted).unwrap(), 2 * 32_768);
        drop(client);
        // SAFETY: nothing else closes the descriptor that `listen` made.
        #[allow(unsafe_code)]
        drop(unsafe { OwnedFd::from_raw_fd(listener.0) });
    }
}
