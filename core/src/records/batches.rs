//! Walking the record batches in a run of bytes: a segment, fetched data, a produce request.

use super::{
    batch_header::{
        BATCH_LENGTH_MIN, BatchHeader, CRC_START_POSITION, HEADER_SIZE_BYTES, LOG_OVERHEAD_BYTES, MAGIC_V2,
    },
    compression::Codec,
    crc,
};

/// Bytes needed to tell a batch's size and magic.
pub const PREFIX_SIZE_BYTES: usize = 17;
/// The smallest batch length that any magic can have: a message of magic 0 without key and value.
const LEGACY_LENGTH_MIN: i32 = 14;

/// Why bytes are not a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorruptBatch {
    #[error("batch length {0} is below the minimum")]
    Length(i32),
    #[error("magic {0} is not known")]
    Magic(i8),
    #[error("magic {0} is the message format of Kafka before 0.11, which is not read here")]
    LegacyMagic(i8),
    #[error("stored CRC {stored:#010x} differs from the computed {computed:#010x}")]
    Crc { stored: u32, computed: u32 },
    #[error("compression codec {0} is not defined")]
    Codec(u8),
    #[error("last offset delta {last_offset_delta} and record count {records_count} do not fit together")]
    Counts { last_offset_delta: i32, records_count: i32 },
    #[error("base offset {0} with last offset delta {1} is not a range of offsets")]
    Offsets(i64, i32),
}

/// What stands at the front of a run of bytes.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// A whole batch; its CRC is not checked.
    Complete(BatchView<'a>),
    /// The batch goes on past the bytes at hand: it has `size_bytes`, or at least that many where the size
    /// itself is cut. Empty input is short, too.
    Short { size_bytes: usize },
    /// Not a batch, whatever follows.
    Corrupt(CorruptBatch),
}

/// A whole batch of magic 2 in borrowed bytes.
#[derive(Clone, Copy, Debug)]
pub struct BatchView<'a> {
    header: &'a BatchHeader,
    bytes: &'a [u8],
}

impl<'a> BatchView<'a> {
    /// Reads the frame at the front of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Frame<'a> {
        let (length, magic) = match peek(bytes) {
            Ok(prefix) => prefix,
            Err(size_bytes) => return Frame::Short { size_bytes },
        };
        if let Err(corrupt) = check_prefix(length, magic) {
            return Frame::Corrupt(corrupt);
        }
        let size_bytes = length as usize + LOG_OVERHEAD_BYTES;
        match (bytes.get(..size_bytes), BatchHeader::ref_from_prefix(bytes)) {
            (Some(bytes), Some(header)) => Frame::Complete(Self { header, bytes }),
            _ => Frame::Short { size_bytes },
        }
    }

    pub fn header(&self) -> &'a BatchHeader {
        self.header
    }

    /// The whole batch.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What follows the header: records, or one compressed block of them.
    pub fn body(&self) -> &'a [u8] {
        &self.bytes[HEADER_SIZE_BYTES..]
    }

    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the CRC fits the bytes.
    pub fn check_crc(&self) -> Result<(), CorruptBatch> {
        let (stored, computed) = (self.header.crc(), crc::crc32c(&self.bytes[CRC_START_POSITION..]));
        if stored == computed { Ok(()) } else { Err(CorruptBatch::Crc { stored, computed }) }
    }

    /// What recovery and replication ask of a stored batch: fields that fit together and the CRC. The records
    /// themselves were validated when the leader took them in.
    pub fn check(&self) -> Result<(), CorruptBatch> {
        check_header(self.header)?;
        self.check_crc()
    }
}

/// What can be told of a stored batch from its header alone. Compaction leaves fewer records than offsets,
/// none at all included.
pub fn check_header(header: &BatchHeader) -> Result<(), CorruptBatch> {
    check_prefix(header.batch_length(), header.magic())?;
    let codec = (header.attributes() & 7) as u8;
    if Codec::from_id(codec).is_none() {
        return Err(CorruptBatch::Codec(codec));
    }
    let (last_offset_delta, records_count) = (header.last_offset_delta(), header.records_count());
    if last_offset_delta < 0
        || records_count < 0
        || i64::from(records_count) > i64::from(last_offset_delta) + 1
    {
        return Err(CorruptBatch::Counts { last_offset_delta, records_count });
    }
    let base_offset = header.base_offset();
    if base_offset < 0 || base_offset.checked_add(i64::from(last_offset_delta) + 1).is_none() {
        return Err(CorruptBatch::Offsets(base_offset, last_offset_delta));
    }
    Ok(())
}

/// Batch length and magic, or the number of bytes at least needed.
fn peek(bytes: &[u8]) -> Result<(i32, i8), usize> {
    match bytes.first_chunk::<PREFIX_SIZE_BYTES>() {
        Some(p) => Ok((i32::from_be_bytes([p[8], p[9], p[10], p[11]]), p[16] as i8)),
        None => Err(PREFIX_SIZE_BYTES),
    }
}

fn check_prefix(length: i32, magic: i8) -> Result<(), CorruptBatch> {
    if length < LEGACY_LENGTH_MIN {
        return Err(CorruptBatch::Length(length));
    }
    match magic {
        0 | 1 => Err(CorruptBatch::LegacyMagic(magic)),
        MAGIC_V2 if length < BATCH_LENGTH_MIN => Err(CorruptBatch::Length(length)),
        MAGIC_V2 => Ok(()),
        _ => Err(CorruptBatch::Magic(magic)),
    }
}

/// The batches of a run of bytes, in order. Ends at a short tail; after an error it ends, too.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    bytes: &'a [u8],
    position: usize,
    is_corrupt: bool,
}

impl<'a> Batches<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, is_corrupt: false }
    }

    /// Where the next batch begins: after the end of iteration, the bytes that whole batches cover.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The bytes that no batch has covered so far: the short tail, after the end of iteration.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<BatchView<'a>, CorruptBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_corrupt {
            return None;
        }
        match BatchView::parse(self.rest()) {
            Frame::Complete(batch) => {
                self.position += batch.size_bytes();
                Some(Ok(batch))
            }
            Frame::Short { .. } => None,
            Frame::Corrupt(corrupt) => {
                self.is_corrupt = true;
                Some(Err(corrupt))
            }
        }
    }
}

#[cfg(test)]
mod tests;
