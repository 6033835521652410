//! Snappy: written in the framing of xerial's snappy-java, read in that framing, in concatenations of it, and
//! as one raw block, which is what librdkafka, franz-go and sarama send.

use super::{Codec, CompressError, DecompressError, output::Output};

/// Magic, then version 1 and compatible version 1.
const XERIAL_HEADER: [u8; 16] = *b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
const XERIAL_MAGIC_SIZE_BYTES: usize = 8;
/// Input of one written block.
const BLOCK_SIZE_BYTES: usize = 32 * 1024;
/// No block can grow more: its densest element, three bytes, copies 64.
const EXPANSION_MAX: usize = 22;

pub(super) fn decompress(
    decoder: &mut snap::raw::Decoder,
    body: &[u8],
    output: &mut Output,
) -> Result<(), DecompressError> {
    if !begins_stream(body) {
        return decompress_block(decoder, body, output);
    }
    let mut rest = body;
    while !rest.is_empty() {
        if begins_stream(rest) {
            rest = &rest[XERIAL_HEADER.len()..];
            continue;
        }
        let (size, after) = rest.split_first_chunk::<4>().ok_or(malformed("a block's length is cut"))?;
        let size = usize::try_from(i32::from_be_bytes(*size))
            .map_err(|_| malformed("a block's length is negative"))?;
        let (block, after) = after.split_at_checked(size).ok_or(malformed("a block is cut short"))?;
        decompress_block(decoder, block, output)?;
        rest = after;
    }
    Ok(())
}

/// The versions behind the magic are not looked at, as in Java.
fn begins_stream(bytes: &[u8]) -> bool {
    bytes.len() >= XERIAL_HEADER.len()
        && bytes[..XERIAL_MAGIC_SIZE_BYTES] == XERIAL_HEADER[..XERIAL_MAGIC_SIZE_BYTES]
}

fn decompress_block(
    decoder: &mut snap::raw::Decoder,
    block: &[u8],
    output: &mut Output,
) -> Result<(), DecompressError> {
    let size = snap::raw::decompress_len(block).map_err(|_| malformed("a block has no length"))?;
    if size > block.len().saturating_mul(EXPANSION_MAX) {
        return Err(malformed("a block claims more than it can hold"));
    }
    output.check_limit(size)?;
    let written = decoder
        .decompress(block, &mut output.spare(size)[..size])
        .map_err(|_| malformed("a block cannot be decompressed"))?;
    output.advance(written)
}

fn malformed(reason: &'static str) -> DecompressError {
    DecompressError::malformed(Codec::Snappy, reason)
}

pub(super) fn compress(
    encoder: &mut snap::raw::Encoder,
    records: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CompressError> {
    out.extend_from_slice(&XERIAL_HEADER);
    for block in records.chunks(BLOCK_SIZE_BYTES) {
        let length_position = out.len();
        let start = length_position + 4;
        out.resize(start + snap::raw::max_compress_len(block.len()), 0);
        let size = encoder
            .compress(block, &mut out[start..])
            .map_err(|_| CompressError { codec: Codec::Snappy, reason: "the encoder refused a block" })?;
        out.truncate(start + size);
        out[length_position..start].copy_from_slice(&(size as i32).to_be_bytes());
    }
    Ok(())
}
