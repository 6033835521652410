//! LZ4 frames of independent blocks, as Kafka's Java client reads them: it refuses dependent blocks,
//! dictionaries and reserved bits, so we do too, else a consumer could not read what was stored here.

use super::{Codec, CompressError, DecompressError, output::Output};

const FRAME_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Version 01, independent blocks, nothing else.
const WRITTEN_FLAGS: u8 = 0x60;
/// Blocks of at most 64 KiB.
const WRITTEN_BLOCK_DESCRIPTOR: u8 = 0x40;
const WRITTEN_BLOCK_SIZE_BYTES: usize = 64 * 1024;
/// The top bit of a block's size: its bytes are stored as they are.
const STORED_BIT: u32 = 0x8000_0000;
const CHECKSUM_SIZE_BYTES: usize = 4;
/// No block can grow more: a byte of match length stands for 255 bytes.
const EXPANSION_MAX: usize = 255;

/// The parts of a frame's descriptor that matter for its blocks.
struct Frame {
    block_size_max_bytes: usize,
    has_block_checksums: bool,
    has_content_checksum: bool,
}

pub(super) fn decompress(body: &[u8], output: &mut Output) -> Result<(), DecompressError> {
    let mut rest = body;
    let frame = read_frame_header(&mut rest)?;
    loop {
        let size = u32::from_le_bytes(take_array(&mut rest, "a block's size is cut")?);
        if size == 0 {
            break;
        }
        decompress_block(&frame, size, &mut rest, output)?;
    }
    if frame.has_content_checksum {
        // Java reads it and does not compare it.
        take(&mut rest, CHECKSUM_SIZE_BYTES, "the content checksum is cut")?;
    }
    Ok(())
}

fn read_frame_header(rest: &mut &[u8]) -> Result<Frame, DecompressError> {
    if take_array(rest, "the frame is cut in its header")? != FRAME_MAGIC {
        return Err(malformed("not a frame: the magic number differs"));
    }
    let descriptor = *rest;
    let [flags, block_descriptor] = take_array(rest, "the frame is cut in its header")?;
    if flags >> 6 != 1 {
        return Err(malformed("the frame's version is not 1"));
    }
    if flags & 0x20 == 0 {
        return Err(malformed("its blocks depend on each other, which Kafka's clients do not read"));
    }
    if flags & 0x03 != 0 || block_descriptor & 0x8f != 0 || block_descriptor >> 4 < 4 {
        return Err(malformed("the frame uses reserved bits, a dictionary or an undefined block size"));
    }
    if flags & 0x08 != 0 {
        take(rest, 8, "the content size is cut")?;
    }
    let descriptor = &descriptor[..descriptor.len() - rest.len()];
    let [checksum] = take_array(rest, "the frame is cut in its header")?;
    if checksum != descriptor_checksum(descriptor) {
        return Err(malformed("the header checksum differs"));
    }
    Ok(Frame {
        block_size_max_bytes: 1 << (8 + 2 * (block_descriptor >> 4)),
        has_block_checksums: flags & 0x10 != 0,
        has_content_checksum: flags & 0x04 != 0,
    })
}

fn decompress_block(
    frame: &Frame,
    size: u32,
    rest: &mut &[u8],
    output: &mut Output,
) -> Result<(), DecompressError> {
    let size_bytes = (size & !STORED_BIT) as usize;
    if size_bytes > frame.block_size_max_bytes {
        return Err(malformed("a block is larger than its frame allows"));
    }
    let block = take(rest, size_bytes, "a block is cut short")?;
    if frame.has_block_checksums {
        let checksum = u32::from_le_bytes(take_array(rest, "a block's checksum is cut")?);
        if checksum != xxh32(block) {
            return Err(malformed("a block's checksum differs"));
        }
    }
    if size & STORED_BIT != 0 {
        output.check_limit(size_bytes)?;
        output.spare(size_bytes)[..size_bytes].copy_from_slice(block);
        return output.advance(size_bytes);
    }
    let space = frame.block_size_max_bytes.min(size_bytes * EXPANSION_MAX);
    let written = lz4_flex::block::decompress_into(block, &mut output.spare(space)[..space])
        .map_err(|_| malformed("a block cannot be decompressed"))?;
    output.advance(written)
}

fn take<'a>(
    rest: &mut &'a [u8],
    size_bytes: usize,
    reason: &'static str,
) -> Result<&'a [u8], DecompressError> {
    let (taken, after) = rest.split_at_checked(size_bytes).ok_or(malformed(reason))?;
    *rest = after;
    Ok(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8], reason: &'static str) -> Result<[u8; N], DecompressError> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(malformed(reason))?;
    *rest = after;
    Ok(*taken)
}

fn descriptor_checksum(descriptor: &[u8]) -> u8 {
    (xxh32(descriptor) >> 8) as u8
}

fn xxh32(bytes: &[u8]) -> u32 {
    twox_hash::XxHash32::oneshot(0, bytes)
}

fn malformed(reason: &'static str) -> DecompressError {
    DecompressError::malformed(Codec::Lz4, reason)
}

pub(super) fn compress(records: &[u8], out: &mut Vec<u8>) -> Result<(), CompressError> {
    let descriptor = [WRITTEN_FLAGS, WRITTEN_BLOCK_DESCRIPTOR];
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&descriptor);
    out.push(descriptor_checksum(&descriptor));
    for block in records.chunks(WRITTEN_BLOCK_SIZE_BYTES) {
        compress_block(block, out)?;
    }
    out.extend_from_slice(&0u32.to_le_bytes());
    Ok(())
}

fn compress_block(block: &[u8], out: &mut Vec<u8>) -> Result<(), CompressError> {
    let size_position = out.len();
    let start = size_position + 4;
    out.resize(start + lz4_flex::block::get_maximum_output_size(block.len()), 0);
    let size_bytes = lz4_flex::block::compress_into(block, &mut out[start..])
        .map_err(|_| CompressError { codec: Codec::Lz4, reason: "the encoder refused a block" })?;
    let size = if size_bytes < block.len() {
        out.truncate(start + size_bytes);
        size_bytes as u32
    } else {
        out.truncate(start);
        out.extend_from_slice(block);
        block.len() as u32 | STORED_BIT
    };
    out[size_position..start].copy_from_slice(&size.to_le_bytes());
    Ok(())
}
