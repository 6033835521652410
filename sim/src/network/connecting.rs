//! Listening, connecting, accepting.

use std::{collections::VecDeque, io, net::SocketAddr};

use jackdaw_ring::driver::Payload;

use super::{
    Listener, Network, NetworkEvent, Output, StreamId, Waiting, address_of, host_of,
    stream::{Connection, End},
};
use crate::{disk::error, host::OperationId};

/// Connections that may wait to be accepted.
const BACKLOG: usize = 128;
/// A client's attempts over a cut link, one a second, before it gives up.
const TRIES: u32 = 5;
const RETRY_NS: u64 = 1_000_000_000;

impl Network {
    pub(crate) fn listen(&mut self, host: usize, address: SocketAddr) -> io::Result<(u64, SocketAddr)> {
        let mut address = address;
        if address.port() == 0 {
            address.set_port(self.new_port());
        }
        let taken = |listener: &Listener| listener.host == host && listener.address.port() == address.port();
        if self.listeners.values().any(taken) {
            return Err(error(libc::EADDRINUSE));
        }
        let id = self.new_id();
        let listener =
            Listener { host, address, handles: 1, backlog: VecDeque::new(), accepting: Vec::new() };
        self.listeners.insert(id, listener);
        Ok((id, address))
    }

    pub(crate) fn duplicate_listener(&mut self, id: u64) {
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.handles += 1;
        }
    }

    pub(crate) fn close_listener(&mut self, now_ns: u64, id: u64) {
        let Some(listener) = self.listeners.get_mut(&id) else { return };
        listener.handles -= 1;
        if listener.handles > 0 {
            return;
        }
        let Some(listener) = self.listeners.remove(&id) else { return };
        for stream in listener.backlog {
            self.reset_peer(now_ns, stream);
        }
        for operation in listener.accepting {
            self.complete(operation, Err(error(libc::EINVAL)), Payload::None, false);
        }
    }

    /// Shutting a listener down ends its accepts.
    pub(crate) fn shutdown_listener(&mut self, id: u64) {
        let accepting = self.listeners.get_mut(&id).map(|listener| std::mem::take(&mut listener.accepting));
        for operation in accepting.into_iter().flatten() {
            self.complete(operation, Err(error(libc::EINVAL)), Payload::None, false);
        }
    }

    pub(crate) fn accept_many(&mut self, operation: OperationId, id: u64) {
        let Some(listener) = self.listeners.get_mut(&id) else {
            self.complete(operation, Err(error(libc::EINVAL)), Payload::None, false);
            return;
        };
        listener.accepting.push(operation);
        self.waiting.insert(operation, Waiting::Accept(id));
        self.serve_accepts(id);
    }

    pub(crate) fn connect(&mut self, now_ns: u64, operation: OperationId, address: SocketAddr) {
        self.waiting.insert(operation, Waiting::Connect);
        let from = operation.host;
        let at_ns = now_ns + self.latency_ns(from, host_of(address, from).unwrap_or(usize::MAX));
        self.schedule(at_ns, NetworkEvent::Knock { operation, from, address, tries: 1 });
    }

    pub(super) fn on_knock(
        &mut self,
        now_ns: u64,
        operation: OperationId,
        from: usize,
        address: SocketAddr,
        tries: u32,
    ) {
        if !self.waiting.contains_key(&operation) {
            return;
        }
        let Some(to) = host_of(address, from) else {
            self.schedule(now_ns, NetworkEvent::Answer { operation, result: Err(libc::ENETUNREACH) });
            return;
        };
        if self.is_cut(from, to) || self.down.contains(&to) {
            if tries >= TRIES {
                self.schedule(now_ns, NetworkEvent::Answer { operation, result: Err(libc::ETIMEDOUT) });
            } else {
                let event = NetworkEvent::Knock { operation, from, address, tries: tries + 1 };
                self.schedule(now_ns + RETRY_NS, event);
            }
            return;
        }
        let result = self.establish(from, to, address);
        let at_ns = now_ns + self.latency_ns(to, from);
        self.schedule(at_ns, NetworkEvent::Answer { operation, result });
    }

    fn establish(&mut self, from: usize, to: usize, address: SocketAddr) -> Result<StreamId, i32> {
        let found = self
            .listeners
            .iter()
            .find(|(_, listener)| listener.host == to && listener.address.port() == address.port());
        let Some((id, listener)) = found else { return Err(libc::ECONNREFUSED) };
        let id = *id;
        if listener.backlog.len() >= BACKLOG {
            return Err(libc::ECONNREFUSED);
        }
        let client_port = self.new_port();
        let client_ip = if address.ip().is_loopback() { address.ip() } else { address_of(from).into() };
        let client = SocketAddr::new(client_ip, client_port);
        let connection = self.new_id();
        self.connections
            .insert(connection, Connection { ends: [End::new(from, client), End::new(to, address)] });
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.backlog.push_back(StreamId { connection, end: 1 });
        }
        self.serve_accepts(id);
        Ok(StreamId { connection, end: 0 })
    }

    fn serve_accepts(&mut self, id: u64) {
        loop {
            let random = self.random.next_u64();
            let Some(listener) = self.listeners.get_mut(&id) else { return };
            if listener.accepting.is_empty() {
                return;
            }
            let Some(stream) = listener.backlog.pop_front() else { return };
            // Any of the cores that wait may get it.
            let index = (random % listener.accepting.len() as u64) as usize;
            let operation = listener.accepting[index];
            let more = !(random >> 32).is_multiple_of(16);
            if !more {
                listener.accepting.remove(index);
                self.waiting.remove(&operation);
            }
            let Some(connection) = self.connections.get(&stream.connection) else { continue };
            let peer = connection.ends[0].address;
            self.outputs.push(Output::Attach { operation, stream, peer, more });
        }
    }

    /// No descriptor was left for an accepted stream: it waits for the next accept.
    pub(crate) fn put_back(&mut self, operation: OperationId, stream: StreamId) {
        self.waiting.remove(&operation);
        for listener in self.listeners.values_mut() {
            let host = self.connections.get(&stream.connection).map(|found| &found.ends[stream.end]);
            listener.accepting.retain(|waiting| *waiting != operation);
            if host
                .is_some_and(|end| end.host == listener.host && end.address.port() == listener.address.port())
            {
                listener.backlog.push_front(stream);
                return;
            }
        }
    }

    pub(super) fn on_answer(&mut self, now_ns: u64, operation: OperationId, result: Result<StreamId, i32>) {
        let waits = self.waiting.remove(&operation).is_some();
        match result {
            Err(code) if waits => self.complete(operation, Err(error(code)), Payload::None, false),
            Err(_) => {}
            Ok(stream) if waits => {
                let peer = self.connections.get(&stream.connection).map(|found| found.ends[1].address);
                match peer {
                    Some(peer) => self.outputs.push(Output::Attach { operation, stream, peer, more: false }),
                    None => self.complete(operation, Err(error(libc::ECONNRESET)), Payload::None, false),
                }
            }
            // Cancelled, or its host went: nobody takes the connection.
            Ok(stream) => self.reset_peer(now_ns, stream),
        }
    }
}
