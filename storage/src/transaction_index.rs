//! `.txnindex`: the aborted transactions whose markers stand in the segment.

use std::{
    io::IoSlice,
    path::{Path, PathBuf},
};

use jackdaw_core::limits;
use jackdaw_ring::{File, file};

use crate::{
    atomic_file,
    error::{During, Result},
};

pub(crate) const ENTRY_SIZE_BYTES: usize = 34;
const VERSION: i16 = 0;

/// A transaction that was aborted: what a consumer that reads committed records has to leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
    /// The abort marker's offset.
    pub last_offset: i64,
    /// As it was when the marker was appended.
    pub last_stable_offset: i64,
}

impl AbortedTransaction {
    fn encode(&self) -> [u8; ENTRY_SIZE_BYTES] {
        let mut entry = [0; ENTRY_SIZE_BYTES];
        entry[..2].copy_from_slice(&VERSION.to_be_bytes());
        let fields = [self.producer_id, self.first_offset, self.last_offset, self.last_stable_offset];
        for (slot, field) in entry[2..].chunks_exact_mut(8).zip(fields) {
            slot.copy_from_slice(&field.to_be_bytes());
        }
        entry
    }

    pub(crate) fn decode(entry: &[u8; ENTRY_SIZE_BYTES]) -> Option<Self> {
        let field = |index: usize| {
            entry[2 + index * 8..].first_chunk().map_or(0, |bytes: &[u8; 8]| i64::from_be_bytes(*bytes))
        };
        (entry[..2] == VERSION.to_be_bytes()).then(|| Self {
            producer_id: field(0),
            first_offset: field(1),
            last_offset: field(2),
            last_stable_offset: field(3),
        })
    }
}

/// One segment's index of aborted transactions, held in memory; the file is made with its first entry.
pub(crate) struct TransactionIndex {
    path: PathBuf,
    file: Option<File>,
    entries: Vec<AbortedTransaction>,
}

impl TransactionIndex {
    /// The index of a new segment; the file of an older one is removed.
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        if file::metadata(&path).during("look up", &path)?.is_some() {
            file::remove_file(&path).during("remove", &path)?;
        }
        Ok(Self { path, file: None, entries: Vec::new() })
    }

    /// The index of an existing segment, or `None` where the file does not fit it.
    pub(crate) fn open(path: PathBuf, base_offset: i64) -> Result<Option<Self>> {
        let Some(content) = atomic_file::read(&path, limits::TRANSACTION_INDEX_SIZE_MAX_BYTES)? else {
            return Ok(Some(Self { path, file: None, entries: Vec::new() }));
        };
        let (chunks, rest) = content.as_chunks::<ENTRY_SIZE_BYTES>();
        let entries: Option<Vec<_>> = chunks.iter().map(AbortedTransaction::decode).collect();
        let fits = |entries: &Vec<AbortedTransaction>| {
            entries.iter().all(|e| e.last_offset >= base_offset && e.first_offset < e.last_offset)
                && entries.is_sorted_by_key(|entry| entry.last_offset)
        };
        let entries = entries.filter(|entries| rest.is_empty() && fits(entries));
        Ok(entries.map(|entries| Self { path, file: None, entries }))
    }

    pub(crate) fn append(&mut self, aborted: AbortedTransaction) -> Result<()> {
        let position = (self.entries.len() * ENTRY_SIZE_BYTES) as u64;
        let entry = aborted.encode();
        let written = self.open_file()?.write_all_at(&mut [IoSlice::new(&entry)], position);
        written.during("write", &self.path)?;
        self.entries.push(aborted);
        Ok(())
    }

    /// Drop the transactions that ended at or above `offset`.
    pub(crate) fn truncate_to(&mut self, offset: i64) -> Result<()> {
        let keep = self.entries.partition_point(|entry| entry.last_offset < offset);
        if keep == self.entries.len() {
            return Ok(());
        }
        self.entries.truncate(keep);
        let size_bytes = (keep * ENTRY_SIZE_BYTES) as u64;
        self.open_file()?.set_size(size_bytes).during("cut", &self.path)
    }

    pub(crate) fn entries(&self) -> &[AbortedTransaction] {
        &self.entries
    }

    /// The file, where it has been written to since it was opened.
    pub(crate) fn written_file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file has another name now.
    pub(crate) fn set_path(&mut self, path: PathBuf) {
        self.path = path;
    }

    fn open_file(&mut self) -> Result<&File> {
        let options = file::OpenOptions { write: true, create: true, ..Default::default() };
        match &mut self.file {
            Some(file) => Ok(file),
            empty => Ok(empty.insert(File::open(&self.path, options).during("open", &self.path)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::in_dir;

    #[test]
    fn what_was_written_is_read() {
        in_dir(|dir| async move {
            let path = dir.join("0.txnindex");
            let mut index = TransactionIndex::create(path.clone()).unwrap();
            assert!(file::metadata(&path).unwrap().is_none(), "made with the first entry");
            let aborted = |last_offset| AbortedTransaction {
                producer_id: 7,
                first_offset: last_offset - 3,
                last_offset,
                last_stable_offset: last_offset + 1,
            };
            index.append(aborted(13)).unwrap();
            index.append(aborted(20)).unwrap();
            let reopened = TransactionIndex::open(path.clone(), 13).unwrap().unwrap();
            assert_eq!(reopened.entries(), [aborted(13), aborted(20)]);
            assert!(TransactionIndex::open(path.clone(), 14).unwrap().is_none());
            index.truncate_to(20).unwrap();
            assert_eq!(TransactionIndex::open(path, 0).unwrap().unwrap().entries(), [aborted(13)]);
        });
    }
}
