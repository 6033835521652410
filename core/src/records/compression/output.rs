//! The buffer that decompression fills: it grows with what was really produced, never with what a header claims.

use super::DecompressError;
use crate::limits;

/// Decompressed bytes of one batch. The memory is kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Initialised memory; `len` bytes of it are this batch's.
    buffer: Vec<u8>,
    len: usize,
    limit_bytes: usize,
}

impl Output {
    /// Forgets the last batch, and its memory where that was unusually large.
    pub(super) fn reset(&mut self, limit_bytes: usize) {
        if self.buffer.len() > limits::DECOMPRESSION_RETAINED_BYTES {
            self.buffer = Vec::new();
        }
        self.len = 0;
        self.limit_bytes = limit_bytes;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// At least `at_least_bytes` of space to write into. The caller vouches that this number does not come
    /// from a claim alone.
    pub(super) fn spare(&mut self, at_least_bytes: usize) -> &mut [u8] {
        let needed = self.len + at_least_bytes;
        if self.buffer.len() < needed {
            let doubled = (self.buffer.len() * 2).min(self.limit_bytes);
            self.buffer.resize(needed.max(doubled), 0);
        }
        &mut self.buffer[self.len..]
    }

    /// Counts `written` bytes of the spare space as output.
    pub(super) fn advance(&mut self, written: usize) -> Result<(), DecompressError> {
        self.len += written;
        assert!(self.len <= self.buffer.len(), "a codec wrote past the space it was given");
        self.check_limit(0)
    }

    /// Refuses where `more_bytes` would pass the limit.
    pub(super) fn check_limit(&self, more_bytes: usize) -> Result<(), DecompressError> {
        if self.len.saturating_add(more_bytes) > self.limit_bytes {
            return Err(DecompressError::TooLarge { limit_bytes: self.limit_bytes });
        }
        Ok(())
    }
}
