//! One connection's requests and answers: dispatched in order, answered in order, worked on side by side.

use std::{future::Future, net::SocketAddr, pin::Pin};

use bytes::Bytes;
use jackdaw_ring::{FileLease, Instant};

use crate::budget::Permit;

/// A part of an answer.
#[derive(Clone, Debug)]
pub enum Piece {
    Bytes(Bytes),
    /// A range of a file, sent from the page cache.
    File {
        file: FileLease,
        position: u64,
        size_bytes: usize,
    },
}

/// A whole answer frame, its length included.
#[derive(Debug)]
pub enum Response {
    Bytes(Bytes),
    Pieces {
        pieces: Vec<Piece>,
        /// What the pieces take of the core's memory budget; given back when they have been sent.
        memory: Option<Permit>,
    },
}

impl Response {
    /// What it takes in memory.
    pub(crate) fn size_bytes(&self) -> usize {
        let in_memory = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::File { .. } => 0,
        };
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Pieces { pieces, .. } => pieces.iter().map(in_memory).sum(),
        }
    }
}

/// How a request ends.
#[derive(Debug)]
pub enum Answer {
    Send(Response),
    /// The request wants no answer (produce with acks 0).
    Nothing,
    /// Close the connection; the text says why.
    Close(String),
}

/// When a request passed its stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// Its first bytes were there.
    pub arriving: Instant,
    /// The whole of it was there.
    pub received: Instant,
    /// It had its memory, and was taken up.
    pub begun: Instant,
    /// It had its place in the order.
    pub dispatched: Instant,
    /// Its answer was there.
    pub ready: Instant,
    /// Its answer was sent, or needed not to be.
    pub sent: Instant,
}

/// A request that has been dispatched: its effects have their place in the order.
pub enum Dispatched {
    Done(Answer),
    /// The answer comes later; meanwhile the next request is read.
    Later(Pin<Box<dyn Future<Output = Answer>>>),
}

impl Dispatched {
    /// An answer that comes later.
    pub fn later(answer: impl Future<Output = Answer> + 'static) -> Self {
        Self::Later(Box::pin(answer))
    }

    /// Close the connection.
    pub fn close(reason: impl Into<String>) -> Self {
        Self::Done(Answer::Close(reason.into()))
    }
}

/// What requests mean.
pub trait Service: 'static {
    /// What the service keeps of one connection.
    type Session: 'static;

    /// A connection begins.
    fn open(&self, peer: SocketAddr) -> Self::Session;

    /// The memory in bytes that this request takes besides its frame until it is answered. It is taken from the budget
    /// before the request is dispatched.
    fn memory_bytes(&self, _frame: &Bytes) -> usize {
        0
    }

    /// What [`Service::answered`] is to know this request by.
    fn label(&self, _frame: &Bytes) -> u32 {
        0
    }

    /// Until when nothing is to be read from this connection: its client was told to wait (KIP-219).
    fn muted_until(&self, _session: &Self::Session) -> Option<Instant> {
        None
    }

    /// A request has been answered.
    fn answered(&self, _label: u32, _times: &Times) {}

    /// Take one request. Called again for the same connection only after this future is done (D7).
    fn dispatch(&self, session: &mut Self::Session, frame: Bytes) -> impl Future<Output = Dispatched>;
}
