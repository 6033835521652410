//! Compression of one batch's records.

use super::{Codec, gzip, lz4, snappy, zstd};

/// The codec's library refused; with valid levels and memory it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{codec} compression failed: {reason}")]
pub struct CompressError {
    pub codec: Codec,
    pub reason: &'static str,
}

/// Compression levels (`compression.gzip.level` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// 1 to 9; -1 is the library's default.
    pub gzip: i32,
    /// 1 to 17. Accepted but without effect: every level writes the fast format, which all readers take.
    pub lz4: i32,
    /// -131072 to 22.
    pub zstd: i32,
}

impl Default for Levels {
    fn default() -> Self {
        Self { gzip: -1, lz4: 9, zstd: 3 }
    }
}

/// Compresses batches one after the other; one per shard or client.
pub struct Compressor {
    snappy: snap::raw::Encoder,
    zstd: zstd::CompressionContext,
}

impl Compressor {
    /// Appends the compressed form of `records` to `out`.
    pub fn compress(
        &mut self,
        codec: Codec,
        levels: &Levels,
        records: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        match codec {
            Codec::None => out.extend_from_slice(records),
            Codec::Gzip => gzip::compress(records, levels.gzip, out)?,
            Codec::Snappy => snappy::compress(&mut self.snappy, records, out)?,
            Codec::Lz4 => lz4::compress(records, out)?,
            Codec::Zstd => self.zstd.compress(records, levels.zstd, out)?,
        }
        Ok(())
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self { snappy: snap::raw::Encoder::new(), zstd: zstd::CompressionContext::default() }
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}
