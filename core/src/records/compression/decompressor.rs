//! Decompression of one batch's records into memory that is used again for the next.

use super::{Codec, gzip, lz4, output::Output, snappy, zstd};

/// Why records could not be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    #[error("the records take more than {limit_bytes} bytes when decompressed")]
    TooLarge { limit_bytes: usize },
    #[error("the {codec} data is malformed: {reason}")]
    Malformed { codec: Codec, reason: &'static str },
}

impl DecompressError {
    pub(super) fn malformed(codec: Codec, reason: &'static str) -> Self {
        Self::Malformed { codec, reason }
    }
}

/// Decompresses batches one after the other; one per shard.
#[derive(Default)]
pub struct Decompressor {
    pub(super) output: Output,
    snappy: snap::raw::Decoder,
    zstd: zstd::Context,
}

impl Decompressor {
    /// The records of a batch whose body is `body`. Stops with an error as soon as they pass `limit_bytes`.
    pub fn decompress<'a>(
        &'a mut self,
        codec: Codec,
        body: &'a [u8],
        limit_bytes: usize,
    ) -> Result<&'a [u8], DecompressError> {
        self.output.reset(limit_bytes);
        if codec != Codec::None && body.is_empty() {
            return Err(DecompressError::malformed(codec, "there is none"));
        }
        match codec {
            Codec::None => {
                self.output.check_limit(body.len())?;
                return Ok(body);
            }
            Codec::Gzip => gzip::decompress(body, &mut self.output)?,
            Codec::Snappy => snappy::decompress(&mut self.snappy, body, &mut self.output)?,
            Codec::Lz4 => lz4::decompress(body, &mut self.output)?,
            Codec::Zstd => self.zstd.decompress(body, &mut self.output)?,
        }
        Ok(self.output.bytes())
    }
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}
