//! The `.snapshot` file: producers as they were at an offset, byte for byte as Kafka writes it.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    big_endian::{I16, I32, I64, U32},
};

use crate::records::crc;

const VERSION: i16 = 1;
/// The CRC covers what follows it.
const CRC_START_POSITION: usize = 6;

/// What Kafka has before the entries.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Prefix {
    version: I16,
    crc: U32,
    entries_count: I32,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct StoredEntry {
    producer_id: I64,
    producer_epoch: I16,
    last_sequence: I32,
    last_offset: I64,
    offset_delta: I32,
    timestamp_ms: I64,
    coordinator_epoch: I32,
    transaction_first_offset: I64,
}

const _: () = assert!(size_of::<Prefix>() == 10 && size_of::<StoredEntry>() == 46);

/// One producer in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotEntry {
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// -1 where no batch of the epoch is known.
    pub last_sequence: i32,
    /// -1 where no batch of the epoch is known.
    pub last_offset: i64,
    /// Last offset minus first offset of the last batch.
    pub offset_delta: i32,
    pub timestamp_ms: i64,
    /// -1 where no marker is known.
    pub coordinator_epoch: i32,
    pub transaction_first_offset: Option<i64>,
}

/// A snapshot that must not be used: delete it, take the one before, and replay more of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorruptSnapshot {
    #[error("the producer snapshot has {0} bytes, fewer than its first fields")]
    Short(usize),
    #[error("the producer snapshot has version {0}; only 1 is known")]
    Version(i16),
    #[error("the producer snapshot's CRC {stored:#010x} differs from the computed {computed:#010x}")]
    Crc { stored: u32, computed: u32 },
    #[error("the producer snapshot names {entries_count} producers, but {present_bytes} bytes follow")]
    Count { entries_count: i32, present_bytes: usize },
}

/// The producers in a snapshot file.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Vec<SnapshotEntry>, CorruptSnapshot> {
    let (prefix, rest) = Prefix::ref_from_prefix(bytes).map_err(|_| CorruptSnapshot::Short(bytes.len()))?;
    if prefix.version.get() != VERSION {
        return Err(CorruptSnapshot::Version(prefix.version.get()));
    }
    let (stored, computed) = (prefix.crc.get(), crc::crc32c(&bytes[CRC_START_POSITION..]));
    if stored != computed {
        return Err(CorruptSnapshot::Crc { stored, computed });
    }
    let entries_count = prefix.entries_count.get();
    let count = CorruptSnapshot::Count { entries_count, present_bytes: rest.len() };
    let entries = <[StoredEntry]>::ref_from_bytes(rest).map_err(|_| count)?;
    if usize::try_from(entries_count) != Ok(entries.len()) {
        return Err(count);
    }
    Ok(entries.iter().map(SnapshotEntry::from).collect())
}

pub(super) fn encode_snapshot(entries: impl Iterator<Item = SnapshotEntry>) -> Vec<u8> {
    let mut out = vec![0; size_of::<Prefix>()];
    let mut entries_count = 0;
    for entry in entries {
        out.extend_from_slice(StoredEntry::from(&entry).as_bytes());
        entries_count += 1;
    }
    let mut prefix =
        Prefix { version: VERSION.into(), crc: 0.into(), entries_count: I32::new(entries_count) };
    out[..size_of::<Prefix>()].copy_from_slice(prefix.as_bytes());
    prefix.crc = crc::crc32c(&out[CRC_START_POSITION..]).into();
    out[..size_of::<Prefix>()].copy_from_slice(prefix.as_bytes());
    out
}

impl From<&StoredEntry> for SnapshotEntry {
    fn from(stored: &StoredEntry) -> Self {
        Self {
            producer_id: stored.producer_id.get(),
            producer_epoch: stored.producer_epoch.get(),
            last_sequence: stored.last_sequence.get(),
            last_offset: stored.last_offset.get(),
            offset_delta: stored.offset_delta.get(),
            timestamp_ms: stored.timestamp_ms.get(),
            coordinator_epoch: stored.coordinator_epoch.get(),
            transaction_first_offset: Some(stored.transaction_first_offset.get())
                .filter(|offset| *offset >= 0),
        }
    }
}

impl From<&SnapshotEntry> for StoredEntry {
    fn from(entry: &SnapshotEntry) -> Self {
        Self {
            producer_id: entry.producer_id.into(),
            producer_epoch: entry.producer_epoch.into(),
            last_sequence: entry.last_sequence.into(),
            last_offset: entry.last_offset.into(),
            offset_delta: entry.offset_delta.into(),
            timestamp_ms: entry.timestamp_ms.into(),
            coordinator_epoch: entry.coordinator_epoch.into(),
            transaction_first_offset: entry.transaction_first_offset.unwrap_or(-1).into(),
        }
    }
}
