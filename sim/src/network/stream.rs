//! Established connections: bytes from one end to the other.

use std::{collections::VecDeque, io, net::SocketAddr};

use bytes::{Buf, Bytes, BytesMut};
use jackdaw_ring::driver::Payload;

use super::{Network, NetworkEvent, StreamId};
use crate::{disk::error, host::OperationId, marks::reach};

/// A chunk in a receiver's pooled buffer is at most this long.
const POOLED_CHUNK_BYTES: u64 = 16 * 1024;

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) ends: [End; 2],
}

/// A receive that waits: into pooled buffers, or `into` one of the caller's.
#[derive(Debug)]
pub(super) struct Receive {
    pub(super) operation: OperationId,
    pub(super) into: Option<BytesMut>,
    /// Bytes for the caller's buffer, of which `filled` are there.
    pub(super) wanted: usize,
    pub(super) filled: usize,
}

/// A send that waits for room: `within` bytes of `buffers[buffer]`, `done` of all, are in the socket.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) operation: OperationId,
    pub(super) buffers: Vec<Bytes>,
    pub(super) buffer: usize,
    pub(super) within: usize,
    pub(super) done: usize,
}

/// One end's view. What it sends lies in its `outgoing` until the link takes it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) host: usize,
    pub(super) address: SocketAddr,
    handles: u32,
    outgoing: BytesMut,
    incoming: BytesMut,
    /// Bytes that the link carries towards this end.
    in_flight: usize,
    last_arrival_ns: u64,
    /// Nothing more is sent from here, nothing more is taken here.
    shut: bool,
    /// The end of the stream went out after `outgoing`.
    end_sent: bool,
    end_received: bool,
    failed: Option<i32>,
    pub(super) receives: VecDeque<Receive>,
    pub(super) sends: VecDeque<Sending>,
    pub(super) writables: Vec<OperationId>,
    /// They wait for the end of what the peer sends.
    pub(super) watches_of_end: Vec<OperationId>,
}

impl End {
    pub(super) fn new(host: usize, address: SocketAddr) -> Self {
        Self {
            host,
            address,
            handles: 0,
            outgoing: BytesMut::new(),
            incoming: BytesMut::new(),
            in_flight: 0,
            last_arrival_ns: 0,
            shut: false,
            end_sent: false,
            end_received: false,
            failed: None,
            receives: VecDeque::new(),
            sends: VecDeque::new(),
            writables: Vec::new(),
            watches_of_end: Vec::new(),
        }
    }

    /// Take a cancelled operation out; says what it completes with.
    pub(super) fn take_out(&mut self, operation: OperationId) -> (io::Result<usize>, Payload) {
        if let Some(index) = self.receives.iter().position(|receive| receive.operation == operation)
            && let Some(receive) = self.receives.remove(index)
        {
            return match receive.into {
                Some(buffer) => (partial(receive.filled), Payload::Buffer(buffer)),
                None => (partial(0), Payload::None),
            };
        }
        if let Some(index) = self.sends.iter().position(|sending| sending.operation == operation)
            && let Some(sending) = self.sends.remove(index)
        {
            return (partial(sending.done), Payload::Buffers(sending.buffers));
        }
        self.writables.retain(|waiting| *waiting != operation);
        self.watches_of_end.retain(|waiting| *waiting != operation);
        (partial(0), Payload::None)
    }

    /// Drop all that waits; says what it was.
    pub(super) fn abandon(&mut self) -> Vec<OperationId> {
        self.shut = true;
        self.end_sent = true;
        self.handles = 0;
        self.outgoing.clear();
        let receives = self.receives.drain(..).map(|receive| receive.operation);
        let sends = self.sends.drain(..).map(|sending| sending.operation);
        let polls = self.writables.drain(..).chain(self.watches_of_end.drain(..));
        receives.chain(sends).chain(polls).collect()
    }

    fn is_gone(&self) -> bool {
        self.handles == 0 && self.shut
    }
}

/// The result of an operation that was cancelled after `done` bytes.
fn partial(done: usize) -> io::Result<usize> {
    if done > 0 { Ok(done) } else { Err(error(libc::ECANCELED)) }
}

impl Network {
    pub(crate) fn attach(&mut self, stream: StreamId) {
        if let Some(end) = self.end_mut(stream) {
            end.handles += 1;
        }
    }

    /// Do what has become possible at one end, and at the other for it.
    pub(super) fn progress(&mut self, now_ns: u64, stream: StreamId) {
        self.push_out(now_ns, stream);
        self.tell_end(stream);
        self.serve_receives(stream);
        self.push_out(now_ns, stream.other());
    }

    /// Tell those who wait for it that the peer has ended its stream, received or not.
    fn tell_end(&mut self, stream: StreamId) {
        let Some(end) = self.end_mut(stream) else { return };
        if end.shut || end.end_received || end.failed.is_some() {
            for operation in std::mem::take(&mut end.watches_of_end) {
                self.complete(operation, Ok(0), Payload::None, false);
            }
        }
    }

    /// Fill an end's socket from its waiting sends and empty it onto the link, until neither moves.
    pub(super) fn push_out(&mut self, now_ns: u64, from: StreamId) {
        self.serve_sends(from);
        while self.pump(now_ns, from) > 0 {
            self.serve_sends(from);
        }
    }

    /// Move bytes from an end onto the link, as far as the other end has room; says how many.
    fn pump(&mut self, now_ns: u64, from: StreamId) -> usize {
        let window = self.faults.receive_window_bytes;
        let mut moved = 0;
        loop {
            let Some(connection) = self.connections.get(&from.connection) else { return 0 };
            let (sender, receiver) = (&connection.ends[from.end], &connection.ends[1 - from.end]);
            let (left, right) = (sender.host, receiver.host);
            let room = window.saturating_sub(receiver.in_flight + receiver.incoming.len());
            let count = room.min(sender.outgoing.len());
            if sender.failed.is_some() || self.is_cut(left, right) {
                return moved;
            }
            if count == 0 {
                if !sender.outgoing.is_empty() {
                    reach("network: a sender waits for its reader");
                } else if sender.shut && !sender.end_sent && sender.sends.is_empty() {
                    self.send_segment(now_ns, from, 0);
                }
                return moved;
            }
            if self.random.one_in(self.faults.reset_one_in) {
                self.reset_both(now_ns, from);
                return moved;
            }
            let count = self.random.scaled(1, count as u64) as usize;
            self.send_segment(now_ns, from, count);
            moved += count;
        }
    }

    fn send_segment(&mut self, now_ns: u64, from: StreamId, count: usize) {
        let to = from.other();
        let late = if self.random.one_in(self.faults.late_one_in) { self.faults.late_ns } else { 0 };
        let Some(connection) = self.connections.get(&from.connection) else { return };
        let (left, right) = (connection.ends[from.end].host, connection.ends[to.end].host);
        let latency = self.latency_ns(left, right) + late;
        let Some(connection) = self.connections.get_mut(&from.connection) else { return };
        let sender = &mut connection.ends[from.end];
        let bytes = sender.outgoing.split_to(count).freeze();
        sender.end_sent |= count == 0;
        let receiver = &mut connection.ends[to.end];
        receiver.in_flight += count;
        // A stream arrives in order.
        let at_ns = (now_ns + latency).max(receiver.last_arrival_ns + 1);
        receiver.last_arrival_ns = at_ns;
        self.schedule(at_ns, NetworkEvent::Segment { to, bytes });
    }

    pub(super) fn on_segment(&mut self, now_ns: u64, to: StreamId, bytes: Bytes) {
        let host = self.end_mut(to).map(|end| end.host);
        let is_down = host.is_some_and(|host| self.down.contains(&host));
        let Some(end) = self.end_mut(to) else { return };
        end.in_flight -= bytes.len();
        if is_down {
            return;
        }
        if bytes.is_empty() {
            end.end_received = true;
        } else if end.is_gone() {
            // Nobody will ever read this: the kernel says so to the sender.
            self.reset_peer(now_ns, to);
            return;
        } else if !end.shut && end.failed.is_none() {
            end.incoming.extend_from_slice(&bytes);
        }
        self.progress(now_ns, to);
        self.remove_if_over(to.connection);
    }

    fn serve_sends(&mut self, stream: StreamId) {
        let limit = self.faults.send_buffer_bytes;
        loop {
            let short = self.random.one_in(self.faults.short_send_one_in);
            let Some(end) = self.end_mut(stream) else { return };
            let refused = if end.shut { Some(libc::EPIPE) } else { end.failed };
            let room = limit.saturating_sub(end.outgoing.len());
            if refused.is_some() || room > 0 {
                for operation in std::mem::take(&mut end.writables) {
                    self.complete(operation, Ok(4), Payload::None, false);
                }
            }
            let Some(end) = self.end_mut(stream) else { return };
            let Some(sending) = end.sends.front_mut() else { return };
            if let Some(code) = refused {
                let result = if sending.done > 0 { Ok(sending.done) } else { Err(error(code)) };
                self.finish_send(stream, result);
                continue;
            }
            if room == 0 {
                return;
            }
            let over = fill(&mut end.outgoing, sending, room);
            let done = sending.done;
            if over || short {
                self.finish_send(stream, Ok(done));
            }
        }
    }

    fn finish_send(&mut self, stream: StreamId, result: io::Result<usize>) {
        let sending = self.end_mut(stream).and_then(|end| end.sends.pop_front());
        if let Some(sending) = sending {
            self.complete(sending.operation, result, Payload::Buffers(sending.buffers), false);
        }
    }

    /// Put file bytes straight into the socket.
    pub(crate) fn send_now(&mut self, now_ns: u64, stream: StreamId, bytes: &[u8]) -> io::Result<usize> {
        let limit = self.faults.send_buffer_bytes;
        let short = self.random.one_in(self.faults.short_send_one_in);
        let part = self.random.next_u64();
        let end = self.end_mut(stream).ok_or_else(|| error(libc::ENOTCONN))?;
        if let Some(code) = end.failed {
            return Err(error(code));
        }
        if end.shut {
            return Err(error(libc::EPIPE));
        }
        // Behind a send that waits there is no room either.
        let room = if end.sends.is_empty() { limit.saturating_sub(end.outgoing.len()) } else { 0 };
        let mut count = room.min(bytes.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if short && count > 1 {
            count = 1 + (part % (count as u64 - 1)) as usize;
        }
        end.outgoing.extend_from_slice(&bytes[..count]);
        self.push_out(now_ns, stream);
        Ok(count)
    }

    fn serve_receives(&mut self, stream: StreamId) {
        loop {
            let starved = self.random.one_in(self.faults.no_buffers_one_in);
            let ends = self.random.one_in(self.faults.multishot_end_one_in);
            let length = self.random.scaled(1, POOLED_CHUNK_BYTES) as usize;
            let Some(end) = self.end_mut(stream) else { return };
            let Some(receive) = end.receives.front_mut() else { return };
            let operation = receive.operation;
            if end.incoming.is_empty() {
                if !(end.shut || end.end_received || end.failed.is_some()) {
                    return;
                }
                // An error is told once; after it the stream is at its end.
                let code = if end.shut { None } else { end.failed.take_if(|_| receive.filled == 0) };
                // A connection that was reset carries nothing more, either way.
                end.end_received |= code.is_some();
                end.shut |= code.is_some();
                let result = code.map_or(Ok(receive.filled), |code| Err(error(code)));
                self.finish_receive(stream, result);
            } else if let Some(buffer) = &mut receive.into {
                let count = (receive.wanted - receive.filled).min(end.incoming.len());
                buffer.extend_from_slice(&end.incoming[..count]);
                end.incoming.advance(count);
                receive.filled += count;
                // Short where the kernel would be interrupted.
                if receive.filled == receive.wanted || ends {
                    let filled = receive.filled;
                    self.finish_receive(stream, Ok(filled));
                }
            } else if starved {
                self.finish_receive(stream, Err(error(libc::ENOBUFS)));
            } else {
                let first = length.min(end.incoming.len());
                let mut chunks = vec![Bytes::copy_from_slice(&end.incoming.split_to(first))];
                if !end.incoming.is_empty() && length.is_multiple_of(2) {
                    let second = length.min(end.incoming.len());
                    chunks.push(Bytes::copy_from_slice(&end.incoming.split_to(second)));
                }
                let count = chunks.iter().map(Bytes::len).sum();
                if ends {
                    end.receives.pop_front();
                }
                self.complete(operation, Ok(count), Payload::Chunks(chunks), !ends);
            }
        }
    }

    fn finish_receive(&mut self, stream: StreamId, result: io::Result<usize>) {
        let receive = self.end_mut(stream).and_then(|end| end.receives.pop_front());
        if let Some(receive) = receive {
            let payload = receive.into.map_or(Payload::None, Payload::Buffer);
            self.complete(receive.operation, result, payload, false);
        }
    }

    /// No more bytes either way; what was sent still arrives.
    pub(crate) fn shutdown(&mut self, now_ns: u64, stream: StreamId) {
        if let Some(end) = self.end_mut(stream) {
            end.shut = true;
        }
        self.progress(now_ns, stream);
    }

    /// A descriptor is closed; with the last one the end is gone.
    pub(crate) fn close(&mut self, now_ns: u64, stream: StreamId) {
        let Some(end) = self.end_mut(stream) else { return };
        end.handles = end.handles.saturating_sub(1);
        if end.handles > 0 {
            return;
        }
        end.shut = true;
        if !end.incoming.is_empty() {
            self.reset_peer(now_ns, stream);
            return;
        }
        self.progress(now_ns, stream);
        self.remove_if_over(stream.connection);
    }

    /// This end is gone with bytes unread or was never taken: the peer gets a reset.
    pub(super) fn reset_peer(&mut self, now_ns: u64, stream: StreamId) {
        self.abandon(stream);
        let to = stream.other();
        let hosts =
            self.connections.get(&stream.connection).map(|found| (found.ends[0].host, found.ends[1].host));
        let Some((left, right)) = hosts else { return };
        let latency = self.latency_ns(left, right);
        self.schedule(now_ns + latency, NetworkEvent::Reset { to, code: libc::ECONNRESET });
    }

    fn reset_both(&mut self, now_ns: u64, stream: StreamId) {
        for to in [stream, stream.other()] {
            let at_ns = now_ns + self.random.scaled(1_000, 1_000_000);
            self.schedule(at_ns, NetworkEvent::Reset { to, code: libc::ECONNRESET });
        }
    }

    pub(super) fn on_reset(&mut self, to: StreamId, code: i32) {
        let loses = self.random.one_in(2);
        let Some(end) = self.end_mut(to) else { return };
        end.failed.get_or_insert(code);
        end.outgoing.clear();
        end.end_sent = true;
        if !end.incoming.is_empty() || end.in_flight > 0 {
            reach("network: a connection is lost with bytes under way");
        }
        if loses {
            end.incoming.clear();
        }
        self.serve_sends(to);
        self.tell_end(to);
        self.serve_receives(to);
        self.remove_if_over(to.connection);
    }

    fn remove_if_over(&mut self, connection: u64) {
        let over = |end: &End| end.is_gone() && end.outgoing.is_empty() && end.end_sent && end.in_flight == 0;
        if self.connections.get(&connection).is_some_and(|found| found.ends.iter().all(over)) {
            self.connections.remove(&connection);
        }
    }
}

/// Copy what fits of a send into the socket; true when all of it is there.
fn fill(outgoing: &mut BytesMut, sending: &mut Sending, mut room: usize) -> bool {
    while let Some(buffer) = sending.buffers.get(sending.buffer) {
        let left = &buffer[sending.within..];
        let count = left.len().min(room);
        outgoing.extend_from_slice(&left[..count]);
        sending.within += count;
        sending.done += count;
        room -= count;
        if sending.within < buffer.len() {
            return false;
        }
        sending.buffer += 1;
        sending.within = 0;
    }
    true
}
