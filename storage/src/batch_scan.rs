//! Reading all batches of a segment in order, through the ring: for recovery and for searches by timestamp.

use std::path::PathBuf;

use bytes::{Buf, BytesMut};
use jackdaw_core::records::{BatchView, CorruptBatch, Frame};
use jackdaw_ring::File;

use crate::error::{During, Result};

/// Read at once unless told otherwise.
const CHUNK_SIZE_BYTES: usize = 1 << 20;

/// Why a segment's batches end before the segment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBatch {
    #[error("{0}")]
    Corrupt(CorruptBatch),
    #[error("a batch of {size_bytes} bytes has only {present_bytes}")]
    Torn { size_bytes: u64, present_bytes: u64 },
    #[error("a batch from offset {first_offset} on where {expected} or more is next")]
    Offset { first_offset: i64, expected: i64 },
}

/// What stands at the scan's position.
pub(crate) enum Scanned<'a> {
    Batch { position: u64, batch: BatchView<'a> },
    Bad { position: u64, reason: BadBatch },
    End,
}

/// A scan of the batches between two positions of a file.
pub(crate) struct BatchScan {
    file: File,
    path: PathBuf,
    /// The bytes at `position`.
    buffer: BytesMut,
    position: u64,
    end: u64,
    /// Bytes of the batch handed out last.
    taken_bytes: usize,
    /// Read at once.
    chunk_bytes: usize,
}

impl BatchScan {
    pub(crate) fn new(file: File, path: PathBuf, position: u64, end: u64) -> Self {
        Self::in_chunks(file, path, position, end, CHUNK_SIZE_BYTES)
    }

    /// A scan that reads `chunk_bytes` at once, or one batch where that is larger.
    pub(crate) fn in_chunks(file: File, path: PathBuf, position: u64, end: u64, chunk_bytes: usize) -> Self {
        Self { file, path, buffer: BytesMut::new(), position, end, taken_bytes: 0, chunk_bytes }
    }

    /// The next batch. Its CRC is not checked.
    pub(crate) async fn next(&mut self) -> Result<Scanned<'_>> {
        self.buffer.advance(self.taken_bytes);
        self.position += self.taken_bytes as u64;
        self.taken_bytes = 0;
        let position = self.position;
        if self.end <= position {
            return Ok(Scanned::End);
        }
        let size_bytes = loop {
            let present_bytes = self.end.saturating_sub(position);
            match BatchView::parse(&self.buffer) {
                Frame::Complete(batch) => break batch.size_bytes(),
                Frame::Corrupt(reason) => {
                    return Ok(Scanned::Bad { position, reason: BadBatch::Corrupt(reason) });
                }
                Frame::Short { size_bytes } => {
                    let size_bytes = size_bytes as u64;
                    if size_bytes > present_bytes || self.buffer.len() as u64 >= present_bytes {
                        let reason = BadBatch::Torn { size_bytes, present_bytes };
                        return Ok(Scanned::Bad { position, reason });
                    }
                    self.fill(size_bytes as usize, present_bytes as usize).await?;
                }
            }
        };
        self.taken_bytes = size_bytes;
        match BatchView::parse(&self.buffer) {
            Frame::Complete(batch) => Ok(Scanned::Batch { position, batch }),
            _ => Ok(Scanned::End),
        }
    }

    /// The batch that [`BatchScan::next`] has just handed out.
    pub(crate) fn current(&self) -> Option<(u64, BatchView<'_>)> {
        match BatchView::parse(&self.buffer) {
            Frame::Complete(batch) if self.taken_bytes > 0 => Some((self.position, batch)),
            _ => None,
        }
    }

    /// Have at least `needed_bytes` at hand. What was there of them is read again: a page cache gives it for less than moving
    /// what is read behind it would cost.
    async fn fill(&mut self, needed_bytes: usize, present_bytes: usize) -> Result<()> {
        let had_bytes = self.buffer.len();
        let wanted = needed_bytes.max(self.chunk_bytes).min(present_bytes);
        self.buffer = self.file.read(self.position, wanted).await.during("read", &self.path)?;
        if self.buffer.len() <= had_bytes {
            // The file became shorter than it was.
            self.end = self.position + self.buffer.len() as u64;
        }
        Ok(())
    }
}
