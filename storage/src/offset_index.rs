//! `.index`: from offsets to positions in the segment, an entry every few kilobytes.

use std::path::{Path, PathBuf};

use jackdaw_ring::File;

use crate::{error::Result, index_file::IndexFile, open_files::SegmentFile};

/// Bytes of an entry: relative offset, position.
pub(crate) const ENTRY_SIZE_BYTES: usize = 8;

/// The offset of a batch's last record, and where the batch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetPosition {
    pub offset: i64,
    pub position: u32,
}

/// One segment's offset index.
pub(crate) struct OffsetIndex {
    base_offset: i64,
    file: IndexFile<ENTRY_SIZE_BYTES>,
}

impl OffsetIndex {
    pub(crate) fn create(path: PathBuf, base_offset: i64) -> Result<Self> {
        Ok(Self { base_offset, file: IndexFile::create(path)? })
    }

    /// An existing index, or `None` where it cannot be one: no whole entries, or a last entry that is zero, which
    /// is the padding of a mapped index after a crash.
    pub(crate) fn open(path: PathBuf, size_bytes: u64, base_offset: i64) -> Result<Option<Self>> {
        let Some(file) = IndexFile::open(path, size_bytes)? else { return Ok(None) };
        let index = Self { base_offset, file };
        let is_padding = index.last().is_some_and(|last| last.position == 0 || last.offset < base_offset);
        Ok((!is_padding).then_some(index))
    }

    /// Add an entry for the batch that ends with `offset` and begins at `position`.
    pub(crate) fn append(&mut self, offset: i64, position: u32) -> Result<()> {
        debug_assert!(self.last().is_none_or(|last| last.offset < offset && last.position < position));
        let relative = (offset - self.base_offset) as u32;
        let mut entry = [0; ENTRY_SIZE_BYTES];
        entry[..4].copy_from_slice(&relative.to_be_bytes());
        entry[4..].copy_from_slice(&position.to_be_bytes());
        self.file.push(entry)
    }

    /// The largest entry not above `offset`, or the segment's begin.
    pub(crate) fn lookup(&self, offset: i64) -> Result<OffsetPosition> {
        if self.last().is_some_and(|last| last.offset <= offset) {
            return Ok(self.last().unwrap_or(self.begin()));
        }
        let after = self.file.partition_point(|entry| self.decode(entry).offset <= offset)?;
        match after.checked_sub(1) {
            Some(index) => Ok(self.decode(&self.file.entry(index)?)),
            None => Ok(self.begin()),
        }
    }

    pub(crate) fn last(&self) -> Option<OffsetPosition> {
        self.file.last().map(|entry| self.decode(entry))
    }

    pub(crate) fn is_full(&self, index_size_max_bytes: u32) -> bool {
        self.file.count() >= index_size_max_bytes / ENTRY_SIZE_BYTES as u32
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

    fn begin(&self) -> OffsetPosition {
        OffsetPosition { offset: self.base_offset, position: 0 }
    }

    fn decode(&self, entry: &[u8; ENTRY_SIZE_BYTES]) -> OffsetPosition {
        decode(self.base_offset, entry)
    }
}

pub(crate) fn decode(base_offset: i64, entry: &[u8; ENTRY_SIZE_BYTES]) -> OffsetPosition {
    let [a, b, c, d, e, f, g, h] = *entry;
    OffsetPosition {
        offset: base_offset + i64::from(i32::from_be_bytes([a, b, c, d])),
        position: u32::from_be_bytes([e, f, g, h]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::in_dir;

    #[test]
    fn finds_the_entry_before() {
        in_dir(|dir| async move {
            let path = dir.join("0.index");
            let mut index = OffsetIndex::create(path.clone(), 100).unwrap();
            assert_eq!(index.lookup(150).unwrap(), OffsetPosition { offset: 100, position: 0 });
            for entry in 1..1000u32 {
                index.append(100 + i64::from(entry) * 10, entry * 4096).unwrap();
            }
            for (offset, entry) in [(100, 0), (109, 0), (110, 1), (119, 1), (10_090, 999), (99_999, 999)] {
                let found = index.lookup(offset).unwrap();
                assert_eq!(found, OffsetPosition { offset: 100 + entry * 10, position: entry as u32 * 4096 });
            }
            index.truncate_to(120).unwrap();
            assert_eq!(index.last(), Some(OffsetPosition { offset: 110, position: 4096 }));
            assert!(index.is_full(8) && !index.is_full(16));
        });
    }

    #[test]
    fn padding_is_no_index() {
        in_dir(|dir| async move {
            let path = dir.join("0.index");
            let mut index = OffsetIndex::create(path.clone(), 0).unwrap();
            index.append(5, 100).unwrap();
            index.write_tail().unwrap();
            index.file().unwrap().set_size(80).unwrap();
            drop(index);
            assert!(OffsetIndex::open(path.clone(), 80, 0).unwrap().is_none());
            assert!(OffsetIndex::open(path, 8, 0).unwrap().is_some());
        });
    }
}
