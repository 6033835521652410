//! One block of a commit journal: what one write of it makes durable, with a checksum over all of it.
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 7 | `JACKDAW1` |
//! | 8 to 11 | CRC-32C of all that follows |
//! | 12 to 15 | bytes of the entries |
//! | 16 to 23 | the run: a random number of the journal's making |
//! | 24 to 31 | the block's sequence number |
//! | 32 to 39 | the least sequence number that recovery still needs |
//! | 40 on | entries: topic id, partition, size of the bytes, base offset of the segment, position in it, the bytes |
//!
//! Numbers are big-endian. A block begins at a multiple of `ALIGN_BYTES`, so that writing one never touches another.

use jackdaw_core::{records::crc::crc32c, uuid::Uuid};

/// A multiple of the largest sector and page that are in use.
pub(crate) const ALIGN_BYTES: usize = 4096;
pub(crate) const HEADER_BYTES: usize = 40;
const ENTRY_HEADER_BYTES: usize = 36;
const CRC_START: usize = 12;
const MAGIC: [u8; 8] = *b"JACKDAW1";

/// Where the bytes of an entry stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryHeader {
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
    pub(crate) size_bytes: u32,
    pub(crate) segment_base_offset: i64,
    pub(crate) position: u32,
}

/// The numbers in a block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) run: u64,
    pub(crate) sequence: u64,
    pub(crate) needed_from: u64,
}

/// A block that is being filled.
pub struct Block {
    bytes: Vec<u8>,
    limit_bytes: usize,
}

impl Block {
    /// An empty block that takes at most `limit_bytes`, all memory it will ever need.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(limit_bytes);
        bytes.resize(HEADER_BYTES, 0);
        Self { bytes, limit_bytes }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
    }

    /// Add an entry: the room for its bytes, or `None` where the block is full.
    pub(crate) fn entry(&mut self, header: &EntryHeader) -> Option<&mut [u8]> {
        let start = self.bytes.len() + ENTRY_HEADER_BYTES;
        let end = start + header.size_bytes as usize;
        if end > self.limit_bytes {
            return None;
        }
        self.bytes.extend_from_slice(&header.topic_id.0);
        self.bytes.extend_from_slice(&header.partition.to_be_bytes());
        self.bytes.extend_from_slice(&header.size_bytes.to_be_bytes());
        self.bytes.extend_from_slice(&header.segment_base_offset.to_be_bytes());
        self.bytes.extend_from_slice(&header.position.to_be_bytes());
        self.bytes.resize(end, 0);
        Some(&mut self.bytes[start..])
    }

    /// The whole block, up to the next one's begin.
    pub(crate) fn finish(&mut self, header: &BlockHeader) -> &[u8] {
        let size_bytes = (self.bytes.len() - HEADER_BYTES) as u32;
        self.bytes[..8].copy_from_slice(&MAGIC);
        self.bytes[12..16].copy_from_slice(&size_bytes.to_be_bytes());
        self.bytes[16..24].copy_from_slice(&header.run.to_be_bytes());
        self.bytes[24..32].copy_from_slice(&header.sequence.to_be_bytes());
        self.bytes[32..40].copy_from_slice(&header.needed_from.to_be_bytes());
        let crc = crc32c(&self.bytes[CRC_START..]);
        self.bytes[8..CRC_START].copy_from_slice(&crc.to_be_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN_BYTES), 0);
        &self.bytes
    }
}

/// A whole block as it was found.
pub(crate) struct FoundBlock<'a> {
    pub(crate) header: BlockHeader,
    entries: &'a [u8],
}

impl<'a> FoundBlock<'a> {
    /// The block at the front of `bytes`, if there is a whole one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Fields(bytes);
        if reader.take::<8>()? != MAGIC {
            return None;
        }
        let crc = u32::from_be_bytes(reader.take()?);
        let size_bytes = u32::from_be_bytes(reader.take()?) as usize;
        let header = BlockHeader {
            run: u64::from_be_bytes(reader.take()?),
            sequence: u64::from_be_bytes(reader.take()?),
            needed_from: u64::from_be_bytes(reader.take()?),
        };
        let entries = reader.0.get(..size_bytes)?;
        let is_whole = crc32c(&bytes[CRC_START..HEADER_BYTES + size_bytes]) == crc;
        is_whole.then_some(Self { header, entries })
    }

    /// What it takes of the file.
    pub(crate) fn size_bytes(&self) -> usize {
        (HEADER_BYTES + self.entries.len()).next_multiple_of(ALIGN_BYTES)
    }

    pub(crate) fn entries(&self) -> Entries<'a> {
        Entries(Fields(self.entries))
    }
}

/// The entries of a block, in the order in which they were added.
pub(crate) struct Entries<'a>(Fields<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = (EntryHeader, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let fields = &mut self.0;
        let header = EntryHeader {
            topic_id: Uuid(fields.take()?),
            partition: i32::from_be_bytes(fields.take()?),
            size_bytes: u32::from_be_bytes(fields.take()?),
            segment_base_offset: i64::from_be_bytes(fields.take()?),
            position: u32::from_be_bytes(fields.take()?),
        };
        let (bytes, rest) = fields.0.split_at_checked(header.size_bytes as usize)?;
        fields.0 = rest;
        Some((header, bytes))
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}
