//! Frames out of the bytes that a socket receives.

use std::io::{Error, ErrorKind};

use bytes::{Buf, Bytes, BytesMut};
use jackdaw_ring::Socket;

/// No answer is near this: a full fetch is half of it.
const LARGEST_FRAME_BYTES: usize = 128 << 20;
const SIZE_BYTES: usize = 4;

/// What was received of frames that are not whole yet.
#[derive(Default)]
pub struct Frames {
    received: BytesMut,
}

impl Frames {
    /// The next frame, without its size, by way of the ring's own buffers: for small frames, many at a time.
    ///
    /// # Errors
    /// The connection's end; a frame that is too large.
    pub async fn next(&mut self, socket: &Socket) -> Result<Bytes, Error> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            match socket.receive().await? {
                Some(bytes) => self.received.extend_from_slice(&bytes),
                None => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// A frame that is here already.
    ///
    /// # Errors
    /// A frame that is too large.
    pub fn take(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(size) = self.received.first_chunk::<SIZE_BYTES>() else { return Ok(None) };
        let size = checked(*size)?;
        if self.received.len() < SIZE_BYTES + size {
            return Ok(None);
        }
        self.received.advance(SIZE_BYTES);
        Ok(Some(self.received.split_to(size).freeze()))
    }
}

/// The next frame, without its size, received straight into `buffer`, which keeps its memory from frame to frame.
/// For large frames; not on a socket that [`Frames`] reads.
///
/// # Errors
/// The connection's end; a frame that is too large.
pub async fn next_into(socket: &Socket, mut buffer: BytesMut) -> Result<BytesMut, Error> {
    buffer.clear();
    buffer.reserve(SIZE_BYTES);
    buffer = socket.receive_into(buffer, SIZE_BYTES).await?;
    let Some(size) = buffer.first_chunk::<SIZE_BYTES>() else {
        return Err(ErrorKind::UnexpectedEof.into());
    };
    let size = checked(*size)?;
    buffer.clear();
    buffer.reserve(size);
    buffer = socket.receive_into(buffer, size).await?;
    if buffer.len() < size {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(buffer)
}

fn checked(size: [u8; SIZE_BYTES]) -> Result<usize, Error> {
    let size = usize::try_from(i32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if size > LARGEST_FRAME_BYTES {
        return Err(Error::other(format!("a frame claims {size} bytes")));
    }
    Ok(size)
}
