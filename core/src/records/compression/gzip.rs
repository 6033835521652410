//! gzip (RFC 1952): one member written, concatenated members read.

use std::io::{Read, Write};

use super::{Codec, CompressError, DecompressError, output::Output};

/// Space for one call of the decoder.
const CHUNK_SIZE_BYTES: usize = 16 * 1024;

pub(super) fn decompress(body: &[u8], output: &mut Output) -> Result<(), DecompressError> {
    let mut decoder = flate2::bufread::MultiGzDecoder::new(body);
    loop {
        let read = decoder
            .read(output.spare(CHUNK_SIZE_BYTES))
            .map_err(|_| DecompressError::malformed(Codec::Gzip, "not a gzip stream, or cut short"))?;
        if read == 0 {
            return Ok(());
        }
        output.advance(read)?;
    }
}

pub(super) fn compress(records: &[u8], level: i32, out: &mut Vec<u8>) -> Result<(), CompressError> {
    let level = match level {
        1..=9 => flate2::Compression::new(level as u32),
        _ => flate2::Compression::default(),
    };
    let mut encoder = flate2::write::GzEncoder::new(out, level);
    let written = encoder.write_all(records).and_then(|()| encoder.finish().map(drop));
    written.map_err(|_| CompressError { codec: Codec::Gzip, reason: "the encoder stopped" })
}
