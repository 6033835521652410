//! `.timeindex`: from timestamps to offsets in the segment.

use std::path::{Path, PathBuf};

use jackdaw_core::records::batch_header::NO_TIMESTAMP;
use jackdaw_ring::File;

use crate::{error::Result, index_file::IndexFile, open_files::SegmentFile};

/// Bytes of an entry: timestamp, relative offset.
pub(crate) const ENTRY_SIZE_BYTES: usize = 12;

/// The largest timestamp up to a batch, and that batch's last offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampOffset {
    pub timestamp: i64,
    pub offset: i64,
}

/// One segment's time index.
pub(crate) struct TimeIndex {
    base_offset: i64,
    file: IndexFile<ENTRY_SIZE_BYTES>,
}

impl TimeIndex {
    pub(crate) fn create(path: PathBuf, base_offset: i64) -> Result<Self> {
        Ok(Self { base_offset, file: IndexFile::create(path)? })
    }

    /// An existing index, or `None` where it cannot be one: no whole entries, or padding at its end.
    pub(crate) fn open(path: PathBuf, size_bytes: u64, base_offset: i64) -> Result<Option<Self>> {
        let Some(file) = IndexFile::open(path, size_bytes)? else { return Ok(None) };
        let index = Self { base_offset, file };
        let last = index.last();
        // Timestamps strictly increase from the first entry on, so only a single entry can have timestamp 0.
        let is_padding = index.file.count() > 1 && last.timestamp == 0;
        Ok((!is_padding && last.offset >= base_offset).then_some(index))
    }

    /// Add an entry unless the timestamp is no larger than the last one.
    pub(crate) fn maybe_append(&mut self, entry: TimestampOffset) -> Result<()> {
        let last = self.last();
        if entry.timestamp <= last.timestamp || entry.offset < last.offset {
            return Ok(());
        }
        let relative = (entry.offset - self.base_offset) as u32;
        let mut bytes = [0; ENTRY_SIZE_BYTES];
        bytes[..8].copy_from_slice(&entry.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&relative.to_be_bytes());
        self.file.push(bytes)
    }

    /// The largest entry whose timestamp is not above `timestamp`, or the segment's begin.
    pub(crate) fn lookup(&self, timestamp: i64) -> Result<TimestampOffset> {
        let after = self.file.partition_point(|entry| self.decode(entry).timestamp <= timestamp)?;
        match after.checked_sub(1) {
            Some(index) => Ok(self.decode(&self.file.entry(index)?)),
            None => Ok(self.begin()),
        }
    }

    /// The last entry: the segment's largest timestamp, once it is closed.
    pub(crate) fn last(&self) -> TimestampOffset {
        self.file.last().map_or(self.begin(), |entry| self.decode(entry))
    }

    /// One slot stays free for the last entry, which is written when the segment is closed.
    pub(crate) fn is_full(&self, index_size_max_bytes: u32) -> bool {
        self.file.count() + 1 >= index_size_max_bytes / ENTRY_SIZE_BYTES as u32
    }

    /// Drop the entries at or above `offset`.
    pub(crate) fn truncate_to(&mut self, offset: i64) -> Result<()> {
        let base_offset = self.base_offset;
        let keep = self.file.partition_point(|entry| decode(base_offset, entry).offset < offset)?;
        self.file.truncate(keep)
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        u64::from(self.file.count()) * ENTRY_SIZE_BYTES as u64
    }

    /// The file has another name now.
    pub(crate) fn set_path(&mut self, path: PathBuf) {
        self.file.set_path(path);
    }

    pub(crate) fn write_tail(&mut self) -> Result<()> {
        self.file.write_tail()
    }

    pub(crate) fn file(&self) -> Result<File> {
        self.file.file()
    }

    /// The file for who makes it durable.
    pub(crate) fn segment_file(&self) -> SegmentFile {
        self.file.segment_file()
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    fn begin(&self) -> TimestampOffset {
        TimestampOffset { timestamp: NO_TIMESTAMP, offset: self.base_offset }
    }

    fn decode(&self, entry: &[u8; ENTRY_SIZE_BYTES]) -> TimestampOffset {
        decode(self.base_offset, entry)
    }
}

pub(crate) fn decode(base_offset: i64, entry: &[u8; ENTRY_SIZE_BYTES]) -> TimestampOffset {
    let [t0, t1, t2, t3, t4, t5, t6, t7, a, b, c, d] = *entry;
    TimestampOffset {
        timestamp: i64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
        offset: base_offset + i64::from(i32::from_be_bytes([a, b, c, d])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::in_dir;

    #[test]
    fn keeps_only_what_grows() {
        in_dir(|dir| async move {
            let path = dir.join("0.timeindex");
            let mut index = TimeIndex::create(path.clone(), 50).unwrap();
            assert_eq!(index.last(), TimestampOffset { timestamp: -1, offset: 50 });
            for (timestamp, offset) in [(-1, 51), (10, 55), (10, 60), (9, 61), (20, 70)] {
                index.maybe_append(TimestampOffset { timestamp, offset }).unwrap();
            }
            for (timestamp, expected) in
                [(9, (-1, 50)), (10, (10, 55)), (19, (10, 55)), (20, (20, 70)), (21, (20, 70))]
            {
                let found = index.lookup(timestamp).unwrap();
                assert_eq!((found.timestamp, found.offset), expected, "{timestamp}");
            }
            index.write_tail().unwrap();
            let mut reopened = TimeIndex::open(path.clone(), 24, 50).unwrap().unwrap();
            reopened.truncate_to(70).unwrap();
            assert_eq!(reopened.last(), TimestampOffset { timestamp: 10, offset: 55 });
            assert!(TimeIndex::open(path.clone(), 13, 50).unwrap().is_none());
            reopened.file().unwrap().set_size(36).unwrap();
            assert!(TimeIndex::open(path, 36, 50).unwrap().is_none());
        });
    }
}
