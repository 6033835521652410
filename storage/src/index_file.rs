//! A file of sorted entries of one size: what the offset and the time index have in common.
//!
//! Kafka maps the active index, filled up with zeros, and cuts it when the segment is rolled or closed. Here new
//! entries wait in memory and go to the file a block at a time, so the file never has more than its entries; what a
//! crash loses of them, recovery finds again in the log.

use std::{
    io::IoSlice,
    path::{Path, PathBuf},
};

use jackdaw_ring::File;

use crate::{
    error::{During, Result},
    open_files::SegmentFile,
};

/// Entries that wait for the file.
const TAIL_ENTRIES: usize = 128;
/// A search in the file ends with one read of this many entries.
const BLOCK_ENTRIES: u32 = 256;
const ENTRY_SIZE_MAX_BYTES: usize = 12;

/// Entries of `N` bytes.
pub(crate) struct IndexFile<const N: usize> {
    path: PathBuf,
    /// Most segments are never searched, and the active one's is written once in so many entries.
    file: SegmentFile,
    /// Entries in the file.
    written_count: u32,
    /// The entries after them.
    tail: Vec<[u8; N]>,
    last: Option<[u8; N]>,
}

impl<const N: usize> IndexFile<N> {
    /// A new, empty file; an old one of this name is emptied.
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        const { assert!(N <= ENTRY_SIZE_MAX_BYTES) };
        let file = SegmentFile::create(&path).during("create", &path)?;
        file.close_if_idle();
        Ok(Self { path, file, written_count: 0, tail: Vec::new(), last: None })
    }

    /// An existing file of `size_bytes`; `None` where that is no whole number of entries.
    pub(crate) fn open(path: PathBuf, size_bytes: u64) -> Result<Option<Self>> {
        let (count, rest) = (size_bytes / N as u64, size_bytes % N as u64);
        let Ok(written_count) = u32::try_from(count) else { return Ok(None) };
        if rest != 0 {
            return Ok(None);
        }
        let mut index = Self { path, file: SegmentFile::new(), written_count, tail: Vec::new(), last: None };
        if let Some(position) = written_count.checked_sub(1) {
            index.last = Some(index.entry(position)?);
            index.file.close_if_idle();
        }
        Ok(Some(index))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file has another name now.
    pub(crate) fn set_path(&mut self, path: PathBuf) {
        self.path = path;
    }

    pub(crate) fn count(&self) -> u32 {
        self.written_count + self.tail.len() as u32
    }

    pub(crate) fn last(&self) -> Option<&[u8; N]> {
        self.last.as_ref()
    }

    pub(crate) fn file(&self) -> Result<File> {
        self.file.get(|| self.path.clone()).during("open", &self.path)
    }

    /// The file for who makes it durable.
    pub(crate) fn segment_file(&self) -> SegmentFile {
        self.file.clone()
    }

    /// Add an entry. The caller keeps the order.
    pub(crate) fn push(&mut self, entry: [u8; N]) -> Result<()> {
        self.tail.push(entry);
        self.last = Some(entry);
        if self.tail.len() < TAIL_ENTRIES {
            return Ok(());
        }
        match self.write_tail() {
            // They wait on: an index holds nothing that the segment does not.
            Err(error) if error.is_out_of_descriptors() => Ok(()),
            written => written,
        }
    }

    /// Bring what waits in memory into the file.
    pub(crate) fn write_tail(&mut self) -> Result<()> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let position = u64::from(self.written_count) * N as u64;
        let written = self.file()?.write_all_at(&mut [IoSlice::new(self.tail.as_flattened())], position);
        written.during("write", &self.path)?;
        self.written_count += self.tail.len() as u32;
        self.tail.clear();
        Ok(())
    }

    /// The number of entries, from the first on, for which `holds` is true; it is true for a front part.
    pub(crate) fn partition_point(&self, holds: impl Fn(&[u8; N]) -> bool) -> Result<u32> {
        if self.tail.first().is_some_and(&holds) {
            return Ok(self.written_count + self.tail.partition_point(&holds) as u32);
        }
        let (mut low, mut high) = (0, self.written_count);
        while high - low > BLOCK_ENTRIES {
            let middle = low + (high - low) / 2;
            if holds(&self.entry(middle)?) { low = middle + 1 } else { high = middle }
        }
        let mut buffer = [0; BLOCK_ENTRIES as usize * ENTRY_SIZE_MAX_BYTES];
        let block = &mut buffer[..(high - low) as usize * N];
        self.read(low, block)?;
        let (entries, _) = block.as_chunks::<N>();
        Ok(low + entries.partition_point(holds) as u32)
    }

    /// The entry at `index`, which is below the count.
    pub(crate) fn entry(&self, index: u32) -> Result<[u8; N]> {
        if let Some(in_tail) = index.checked_sub(self.written_count) {
            return Ok(self.tail[in_tail as usize]);
        }
        let mut entry = [0; N];
        self.read(index, &mut entry)?;
        Ok(entry)
    }

    fn read(&self, index: u32, buffer: &mut [u8]) -> Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        let count = self.file()?.read_at(buffer, u64::from(index) * N as u64).during("read", &self.path)?;
        if count < buffer.len() {
            let cut = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(cut).during("read", &self.path);
        }
        Ok(())
    }

    /// Keep the first `count` entries.
    pub(crate) fn truncate(&mut self, count: u32) -> Result<()> {
        if count >= self.count() {
            return Ok(());
        }
        self.write_tail()?;
        let size_bytes = u64::from(count) * N as u64;
        self.file()?.set_size(size_bytes).during("cut", &self.path)?;
        self.written_count = count;
        self.last = match count.checked_sub(1) {
            Some(last) => Some(self.entry(last)?),
            None => None,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jackdaw_ring::file;

    use super::*;
    use crate::test_dir::in_dir;

    #[test]
    fn finds_entries_in_file_and_memory() {
        in_dir(|dir| async move {
            let path = dir.join("0.index");
            let mut index = IndexFile::<8>::create(path.clone()).unwrap();
            assert_eq!(index.partition_point(|_| true).unwrap(), 0);
            for value in 0..2000u64 {
                index.push((value * 2).to_be_bytes()).unwrap();
            }
            let check = |index: &IndexFile<8>| {
                for target in [0, 1, 2, 511, 2000, 3839, 3840, 3841, 3998, 3999, 5000] {
                    let found = index.partition_point(|entry| u64::from_be_bytes(*entry) <= target).unwrap();
                    assert_eq!(u64::from(found), (target / 2 + 1).min(2000), "{target}");
                }
            };
            check(&index);
            index.write_tail().unwrap();
            check(&index);
            assert_eq!(file::metadata(&path).unwrap().unwrap().size_bytes, 16_000);
            let mut reopened = IndexFile::<8>::open(path.clone(), 16_000).unwrap().unwrap();
            check(&reopened);
            reopened.truncate(3).unwrap();
            assert_eq!(reopened.last(), Some(&4u64.to_be_bytes()));
            reopened.truncate(0).unwrap();
            assert_eq!((reopened.last(), reopened.count()), (None, 0));
            assert!(IndexFile::<8>::open(path, 17).unwrap().is_none());
        });
    }
}
