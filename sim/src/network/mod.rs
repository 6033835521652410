//! The network between hosts: byte streams with latency, bounded buffers, resets and cut links.
//!
//! A state machine: what it is told comes with the time, and what follows from it goes out as [`Output`]s.

mod connecting;
mod stream;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use bytes::{Bytes, BytesMut};
use jackdaw_ring::driver::Payload;

use self::stream::{Connection, End, Receive, Sending};
use crate::{disk::error, faults::NetworkFaults, host::OperationId, prng::Random};

/// One end of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId {
    pub(crate) connection: u64,
    pub(crate) end: usize,
}

impl StreamId {
    fn other(self) -> Self {
        Self { connection: self.connection, end: 1 - self.end }
    }
}

/// What arrives somewhere.
#[derive(Debug)]
pub(crate) enum NetworkEvent {
    /// A connection attempt at its target; `tries` counts those that a cut link swallowed.
    Knock { operation: OperationId, from: usize, address: SocketAddr, tries: u32 },
    /// The answer to one, back at the client: a stream or an errno.
    Answer { operation: OperationId, result: Result<StreamId, i32> },
    /// Bytes, or with none the end of the stream.
    Segment { to: StreamId, bytes: Bytes },
    /// The connection is gone.
    Reset { to: StreamId, code: i32 },
}

/// What the network wants done.
#[derive(Debug)]
pub(crate) enum Output {
    Complete {
        operation: OperationId,
        result: io::Result<usize>,
        payload: Payload,
        more: bool,
    },
    /// Give this stream a descriptor and complete with it.
    Attach {
        operation: OperationId,
        stream: StreamId,
        peer: SocketAddr,
        more: bool,
    },
    At {
        at_ns: u64,
        event: NetworkEvent,
    },
}

/// Where a waiting operation waits.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    Accept(u64),
    Connect,
    Stream(StreamId),
}

#[derive(Debug)]
struct Listener {
    host: usize,
    address: SocketAddr,
    handles: u32,
    backlog: VecDeque<StreamId>,
    accepting: Vec<OperationId>,
}

/// All links, listeners and connections.
pub(crate) struct Network {
    listeners: BTreeMap<u64, Listener>,
    connections: BTreeMap<u64, Connection>,
    waiting: BTreeMap<OperationId, Waiting>,
    next_id: u64,
    next_port: u16,
    /// Pairs of hosts, the lower first, between which nothing passes.
    cut: BTreeSet<(usize, usize)>,
    down: BTreeSet<usize>,
    random: Random,
    pub(crate) faults: NetworkFaults,
    pub(crate) outputs: Vec<Output>,
}

/// The address of a host's interface.
pub(crate) fn address_of(host: usize) -> Ipv4Addr {
    let number = host as u32 + 1;
    Ipv4Addr::from(0x0a00_0000 + number)
}

/// Which host an address means, seen from `from`.
fn host_of(address: SocketAddr, from: usize) -> Option<usize> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() || ip.is_unspecified() => Some(from),
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => Some(from),
        IpAddr::V4(ip) => u32::from(ip).checked_sub(0x0a00_0001).map(|number| number as usize),
        IpAddr::V6(_) => None,
    }
}

fn pair(left: usize, right: usize) -> (usize, usize) {
    (left.min(right), left.max(right))
}

impl Network {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_id: 1,
            next_port: 32_768,
            cut: BTreeSet::new(),
            down: BTreeSet::new(),
            random,
            faults: NetworkFaults::default(),
            outputs: Vec::new(),
        }
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn new_port(&mut self) -> u16 {
        self.next_port = if self.next_port == u16::MAX { 32_768 } else { self.next_port + 1 };
        self.next_port
    }

    fn latency_ns(&mut self, from: usize, to: usize) -> u64 {
        if from == to { self.random.scaled(2_000, 60_000) } else { self.random.scaled(20_000, 2_000_000) }
    }

    fn is_cut(&self, left: usize, right: usize) -> bool {
        left != right && self.cut.contains(&pair(left, right))
    }

    fn complete(&mut self, operation: OperationId, result: io::Result<usize>, payload: Payload, more: bool) {
        if !more {
            self.waiting.remove(&operation);
        }
        self.outputs.push(Output::Complete { operation, result, payload, more });
    }

    fn schedule(&mut self, at_ns: u64, event: NetworkEvent) {
        self.outputs.push(Output::At { at_ns, event });
    }

    /// End an operation early; what it already delivered stays delivered.
    pub(crate) fn cancel(&mut self, operation: OperationId) -> bool {
        let Some(waiting) = self.waiting.remove(&operation) else { return false };
        match waiting {
            Waiting::Connect => {}
            Waiting::Accept(listener) => {
                if let Some(listener) = self.listeners.get_mut(&listener) {
                    listener.accepting.retain(|waiting| *waiting != operation);
                }
            }
            Waiting::Stream(stream) => {
                if let Some(end) = self.end_mut(stream) {
                    let (result, payload) = end.take_out(operation);
                    self.complete(operation, result, payload, false);
                    return true;
                }
            }
        }
        self.complete(operation, Err(error(libc::ECANCELED)), Payload::None, false);
        true
    }

    pub(crate) fn on_event(&mut self, now_ns: u64, event: NetworkEvent) {
        match event {
            NetworkEvent::Knock { operation, from, address, tries } => {
                self.on_knock(now_ns, operation, from, address, tries);
            }
            NetworkEvent::Answer { operation, result } => self.on_answer(now_ns, operation, result),
            NetworkEvent::Segment { to, bytes } => self.on_segment(now_ns, to, bytes),
            NetworkEvent::Reset { to, code } => self.on_reset(to, code),
        }
    }

    /// Cut or mend the link between two hosts.
    pub(crate) fn set_cut(&mut self, now_ns: u64, left: usize, right: usize, cut: bool) {
        if cut {
            self.cut.insert(pair(left, right));
            return;
        }
        self.cut.remove(&pair(left, right));
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        for connection in ids {
            for end in 0..2 {
                self.push_out(now_ns, StreamId { connection, end });
            }
        }
    }

    /// Reset one connection, which the seed chooses, between two hosts; says whether there was one.
    pub(crate) fn reset_any(&mut self, now_ns: u64, left: usize, right: usize) -> bool {
        let between = |connection: &Connection| {
            pair(connection.ends[0].host, connection.ends[1].host) == pair(left, right)
        };
        let candidates: Vec<u64> =
            self.connections.iter().filter(|(_, found)| between(found)).map(|(id, _)| *id).collect();
        if candidates.is_empty() {
            return false;
        }
        let connection = *self.random.pick(&candidates);
        for end in 0..2 {
            let at_ns = now_ns + self.random.scaled(1_000, 1_000_000);
            self.schedule(
                at_ns,
                NetworkEvent::Reset { to: StreamId { connection, end }, code: libc::ECONNRESET },
            );
        }
        true
    }

    /// A host went without a word: its peers notice later. `Some` code: how they will see it.
    pub(crate) fn on_power_cut(&mut self, now_ns: u64, host: usize) {
        self.down.insert(host);
        self.listeners.retain(|_, listener| listener.host != host);
        let ids: Vec<u64> = self.connections.keys().copied().collect();
        for connection in ids {
            for end in 0..2 {
                let stream = StreamId { connection, end };
                if self.end_mut(stream).is_some_and(|found| found.host == host) {
                    self.abandon(stream);
                    let at_ns = now_ns + self.random.scaled(1_000_000, 3_000_000_000);
                    self.schedule(at_ns, NetworkEvent::Reset { to: stream.other(), code: libc::ECONNRESET });
                }
            }
        }
    }

    pub(crate) fn on_power_up(&mut self, host: usize) {
        self.down.remove(&host);
    }

    fn end_mut(&mut self, stream: StreamId) -> Option<&mut End> {
        self.connections.get_mut(&stream.connection).map(|connection| &mut connection.ends[stream.end])
    }

    /// Forget what waits here: its process is gone.
    fn abandon(&mut self, stream: StreamId) {
        let Some(end) = self.end_mut(stream) else { return };
        let operations = end.abandon();
        for operation in operations {
            self.waiting.remove(&operation);
        }
    }

    /// The process behind these operations is gone.
    pub(crate) fn forget(&mut self, host: usize, incarnation: u64) {
        let gone: Vec<OperationId> = self
            .waiting
            .keys()
            .filter(|operation| operation.host == host && operation.incarnation == incarnation)
            .copied()
            .collect();
        for operation in gone {
            // The completion goes nowhere: its core is dead.
            self.cancel(operation);
        }
    }
}

pub(crate) enum StreamOperation {
    ReceiveMany,
    ReceiveInto(BytesMut, usize),
    Send(Vec<Bytes>),
    Writable,
    PeerEnded,
}

impl Network {
    /// Start an operation on a stream.
    pub(crate) fn submit(
        &mut self,
        now_ns: u64,
        operation: OperationId,
        stream: StreamId,
        wanted: StreamOperation,
    ) {
        self.waiting.insert(operation, Waiting::Stream(stream));
        let Some(end) = self.end_mut(stream) else {
            self.complete(operation, Err(error(libc::ENOTCONN)), Payload::None, false);
            return;
        };
        match wanted {
            StreamOperation::ReceiveMany => {
                end.receives.push_back(Receive { operation, into: None, wanted: 0, filled: 0 })
            }
            StreamOperation::ReceiveInto(buffer, wanted) => {
                end.receives.push_back(Receive { operation, into: Some(buffer), wanted, filled: 0 });
            }
            StreamOperation::Send(buffers) => {
                end.sends.push_back(Sending { operation, buffers, buffer: 0, within: 0, done: 0 });
            }
            StreamOperation::Writable => end.writables.push(operation),
            StreamOperation::PeerEnded => end.watches_of_end.push(operation),
        }
        self.progress(now_ns, stream);
    }
}
