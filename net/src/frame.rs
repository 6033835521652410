//! Frames: a length of four bytes, big-endian, then that many bytes. Memory follows the bytes that arrived, not the
//! length that was claimed, but for a first part of large frames, which is counted in the budget.

use std::{cell::Cell, io, rc::Rc};

use bytes::{Buf, Bytes, BytesMut};
use jackdaw_ring::{Instant, Socket, now, timeout};

use crate::{
    budget::{Budget, Permit},
    ends::Ends,
    limits::{
        FIRST_ALLOCATION_BYTES, FRAME_PROGRESS_TIMEOUT, POOLED_FRAME_BYTES_MAX, PROGRESS_STEP_BYTES,
        PROVEN_BYTES_MAX,
    },
    refusals::Refusal,
};

const LENGTH_BYTES: usize = 4;

/// Why a connection's frames end other than at a frame's border.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("announced a request of {size_bytes} bytes; socket.request.max.bytes is {limit_bytes}")]
    Size { size_bytes: i32, limit_bytes: usize },
    #[error("closed the connection {missing_bytes} bytes before the end of a request")]
    Truncated { missing_bytes: usize },
    #[error("sent nothing for {} s in the middle of a request", FRAME_PROGRESS_TIMEOUT.as_secs())]
    Stalled,
    /// We closed the connection while its reader waited for memory.
    #[error("was to be closed")]
    Closing,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FrameError {
    /// What of it the peer has to answer for.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Size { .. } => Some(Refusal::RequestSize),
            Self::Truncated { .. } => Some(Refusal::Truncated),
            Self::Stalled => Some(Refusal::Stalled),
            Self::Closing | Self::Io(_) => None,
        }
    }
}

/// One request frame and the memory permit that it holds, if it has memory of its own.
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) permit: Option<Permit>,
    /// When its beginning was there, where the rest was not.
    pub(crate) arriving: Option<Instant>,
}

impl Frame {
    /// What of it lies in the core's receive buffers.
    pub(crate) fn borrowed_bytes(&self) -> usize {
        if self.permit.is_none() { self.bytes.len() } else { 0 }
    }

    /// Move it to memory of its own, for which the caller has a permit.
    pub(crate) fn own(&mut self) {
        if self.permit.is_none() {
            self.bytes = Bytes::copy_from_slice(&self.bytes);
        }
    }
}

/// Cuts one connection's byte stream into frames.
pub(crate) struct FrameReader {
    limit_bytes: usize,
    budget: Budget,
    /// Received and not yet cut.
    buffered: Bytes,
    /// The largest frame that this peer has sent whole, up to a bound: it gets that much at once from then on.
    proven_bytes: usize,
    /// When something was received last: a peer that is in the middle of a request is not idle.
    active: Rc<Cell<Instant>>,
}

impl FrameReader {
    pub(crate) fn new(limit_bytes: usize, budget: Budget, active: Rc<Cell<Instant>>) -> Self {
        Self { limit_bytes, budget, buffered: Bytes::new(), proven_bytes: 0, active }
    }

    /// Received and not yet cut into frames.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffered.len()
    }

    /// Move that to memory of its own, for which the caller has a permit.
    pub(crate) fn own_buffered(&mut self) {
        self.buffered = Bytes::copy_from_slice(&self.buffered);
    }

    /// The next frame; `None` where the peer ended the stream between two frames.
    pub(crate) async fn next(&mut self, socket: &Socket, ends: &Ends) -> Result<Option<Frame>, FrameError> {
        if self.buffered.is_empty() {
            match socket.receive().await? {
                Some(chunk) => self.buffered = chunk,
                None => return Ok(None),
            }
        }
        let size_bytes = self.length(socket).await?;
        if self.buffered.len() >= size_bytes {
            return Ok(Some(Frame {
                bytes: self.buffered.split_to(size_bytes),
                permit: None,
                arriving: None,
            }));
        }
        let arriving = Some(now());
        if size_bytes <= POOLED_FRAME_BYTES_MAX {
            let bytes = self.collect(socket, size_bytes).await?;
            // Taken when the frame is whole: a peer that only announces frames takes nothing from others.
            let mut permit = self.budget.permit();
            ends.while_open(socket, permit.grow(size_bytes)).await.ok_or(FrameError::Closing)?;
            return Ok(Some(Frame { bytes, permit: Some(permit), arriving }));
        }
        let frame = self.receive_large(socket, ends, size_bytes).await?;
        Ok(Some(Frame { arriving, ..frame }))
    }

    async fn length(&mut self, socket: &Socket) -> Result<usize, FrameError> {
        let length = if self.buffered.len() >= LENGTH_BYTES {
            self.buffered.get_i32()
        } else {
            self.collect(socket, LENGTH_BYTES).await?.get_i32()
        };
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.limit_bytes)
            .ok_or(FrameError::Size { size_bytes: length, limit_bytes: self.limit_bytes })
    }

    /// Put `size_bytes` together from several chunks.
    async fn collect(&mut self, socket: &Socket, size_bytes: usize) -> Result<Bytes, FrameError> {
        // Grows by doubling as chunks come.
        let mut frame = BytesMut::with_capacity(size_bytes.min(self.buffered.len()));
        loop {
            let count = self.buffered.len().min(size_bytes - frame.len());
            frame.extend_from_slice(&self.buffered.split_to(count));
            if frame.len() == size_bytes {
                return Ok(frame.freeze());
            }
            let received =
                timeout(FRAME_PROGRESS_TIMEOUT, socket.receive()).await.map_err(|_| FrameError::Stalled)?;
            match received? {
                Some(chunk) => {
                    self.buffered = chunk;
                    self.active.set(now());
                }
                None => return Err(FrameError::Truncated { missing_bytes: size_bytes - frame.len() }),
            }
        }
    }

    async fn receive_large(
        &mut self,
        socket: &Socket,
        ends: &Ends,
        size_bytes: usize,
    ) -> Result<Frame, FrameError> {
        let mut permit = self.budget.permit();
        let mut capacity = size_bytes.min(self.proven_bytes.max(FIRST_ALLOCATION_BYTES));
        ends.while_open(socket, permit.grow(capacity)).await.ok_or(FrameError::Closing)?;
        let mut frame = BytesMut::with_capacity(capacity);
        frame.extend_from_slice(&std::mem::take(&mut self.buffered));
        loop {
            frame = fill(socket, frame, capacity, &self.active).await?;
            if frame.len() < capacity {
                return Err(FrameError::Truncated { missing_bytes: size_bytes - frame.len() });
            }
            if capacity == size_bytes {
                self.proven_bytes = self.proven_bytes.max(size_bytes.min(PROVEN_BYTES_MAX));
                return Ok(Frame { bytes: frame.freeze(), permit: Some(permit), arriving: None });
            }
            let grown = size_bytes.min(capacity * 2);
            ends.while_open(socket, permit.grow(grown - capacity)).await.ok_or(FrameError::Closing)?;
            capacity = grown;
            let mut larger = BytesMut::with_capacity(capacity);
            larger.extend_from_slice(&frame);
            frame = larger;
        }
    }
}

/// Receive until `frame` has `size_bytes`, which is at most its capacity; short at the end of the stream. An
/// allocator may give more capacity than was asked for: what lies beyond belongs to the next frame.
async fn fill(
    socket: &Socket,
    frame: BytesMut,
    size_bytes: usize,
    active: &Cell<Instant>,
) -> Result<BytesMut, FrameError> {
    let mut frame = frame;
    while frame.len() < size_bytes {
        let step_end = size_bytes.min(frame.len() + PROGRESS_STEP_BYTES);
        let received = timeout(FRAME_PROGRESS_TIMEOUT, socket.receive_into(frame, step_end)).await;
        frame = received.map_err(|_| FrameError::Stalled)??;
        active.set(now());
        if frame.len() < step_end {
            break;
        }
    }
    Ok(frame)
}
