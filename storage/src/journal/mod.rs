//! The commit journal of one shard and log directory: what partitions must have durable before they answer, in one file
//! and with one flush, while their segments follow in the page cache.
//!
//! The file begins with a block that stays as it is and says which number the others have. Its halves take turns. When
//! one is full the other is begun, and the segments of all partitions that stand in the full one are flushed; then it is
//! free. Recovery writes into the segments what these lack (`replay`), before anything else looks at them. A clean stop
//! flushes all segments and removes the file.
//!
//! Invariants: a block is written when the one before it is durable; the bytes of an entry follow in their segment on
//! what is durable without it; a segment that an entry names changes by appends alone, or goes, for as long as the entry
//! is needed; and a half is written over only when a durable block says that nothing in it is needed.

mod block;
mod replay;

use std::{io::IoSlice, path::Path, rc::Rc};

use bytes::Bytes;
use jackdaw_ring::{File, file, random_u64};

pub use self::block::Block;
use self::block::{ALIGN_BYTES, BlockHeader};
pub(crate) use self::{
    block::EntryHeader,
    replay::{discard, replay},
};
use crate::{
    atomic_file::sync_parent,
    error::{During, Result},
    layout,
};

/// Of zeros written at a time when a file is made.
const ZEROS_BYTES: usize = 1 << 20;
/// A block holds no more: a write of a fraction of a millisecond.
const BLOCK_MAX_BYTES: u64 = 512 << 10;
/// The smallest half: of three small blocks, and one that says that the other half is free.
const HALF_MIN_BYTES: u64 = 16 << 10;

/// The journal of one shard in one log directory.
pub struct Journal {
    file: File,
    path: Rc<Path>,
    half_bytes: u64,
    /// The half that is written to.
    current: u64,
    /// Where in it the next block goes.
    position: u64,
    /// The other half may be needed.
    is_other_in_use: bool,
    run: u64,
    next_sequence: u64,
    /// Blocks from here on are needed.
    needed_from: u64,
    /// Of the first block in the current half.
    half_first_sequence: u64,
    block: Block,
    block_max_bytes: u64,
}

/// The flush that makes the written block durable; then it is handed to [`Journal::flushed`].
#[must_use = "nothing is durable before `run`"]
pub struct JournalFlush {
    file: File,
    path: Rc<Path>,
    needed_from: u64,
}

/// A flush that has succeeded.
#[derive(Clone, Copy, Debug)]
pub struct FlushedBlock {
    needed_from: u64,
}

impl JournalFlush {
    /// Wait until all written blocks are durable.
    ///
    /// # Errors
    /// As of [`crate::Flush::run`]: the node stops.
    pub async fn run(self) -> Result<FlushedBlock> {
        self.file.sync_data().await.during("flush", &self.path)?;
        Ok(FlushedBlock { needed_from: self.needed_from })
    }
}

impl Journal {
    /// Make the file, of about `size_bytes`, filled with zeros: a flush of what was written before is cheap, for the
    /// file system has no new blocks and no new length to note.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn create(dir: &Path, shard: usize, size_bytes: u64) -> Result<Self> {
        let half_bytes = (size_bytes / 2).max(HALF_MIN_BYTES).next_multiple_of(ALIGN_BYTES as u64);
        let path = dir.join(format!("{}{shard}", layout::JOURNAL_PREFIX));
        let block_max_bytes = BLOCK_MAX_BYTES.min((half_bytes / 4).next_multiple_of(ALIGN_BYTES as u64));
        let mut block = Block::new(block_max_bytes as usize);
        let run = random_u64();
        let first = block.finish(&BlockHeader { run, sequence: 0, needed_from: 0 }).to_vec();
        let file = match create_file(&path, first, 2 * half_bytes).await {
            Ok(file) => file,
            Err(error) => {
                // It holds nothing, but room that may be short.
                _ = file::remove_file(&path);
                return Err(error);
            }
        };
        sync_parent(&path).await?;
        Ok(Self {
            file,
            path: path.into(),
            half_bytes,
            current: 0,
            position: 0,
            is_other_in_use: false,
            run,
            next_sequence: 1,
            needed_from: 1,
            half_first_sequence: 1,
            block,
            block_max_bytes,
        })
    }

    /// An empty block to be filled and given to [`Journal::write`]; `None` where the current half has no room for a
    /// full one. There is always room to say that the other half is free.
    pub fn block(&mut self) -> Option<&mut Block> {
        if self.is_half_full() {
            return None;
        }
        self.block.clear();
        Some(&mut self.block)
    }

    /// The current half has no room for a full block.
    pub fn is_half_full(&self) -> bool {
        self.position + self.block_max_bytes + ALIGN_BYTES as u64 > self.half_bytes
    }

    /// The other half may be needed by recovery.
    pub fn is_other_in_use(&self) -> bool {
        self.is_other_in_use
    }

    /// Write the block that was filled; only when the one before is durable.
    ///
    /// # Errors
    /// Those of the write.
    pub fn write(&mut self) -> Result<JournalFlush> {
        let header =
            BlockHeader { run: self.run, sequence: self.next_sequence, needed_from: self.needed_from };
        let bytes = self.block.finish(&header);
        assert!(self.position + bytes.len() as u64 <= self.half_bytes, "a block fits its half");
        let position = ALIGN_BYTES as u64 + self.current * self.half_bytes + self.position;
        self.file.write_all_at(&mut [IoSlice::new(bytes)], position).during("write to", &self.path)?;
        self.position += bytes.len() as u64;
        self.next_sequence += 1;
        Ok(JournalFlush { file: self.file.clone(), path: self.path.clone(), needed_from: self.needed_from })
    }

    /// The last block is durable.
    pub fn flushed(&mut self, flushed: FlushedBlock) {
        if flushed.needed_from == self.half_first_sequence {
            self.is_other_in_use = false;
        }
    }

    /// Go on in the other half; false while that may be needed, or where this one is empty. When the segments of all
    /// partitions in the half that was left are flushed, it is released.
    pub fn switch(&mut self) -> bool {
        if self.is_other_in_use || self.position == 0 {
            return false;
        }
        self.current = 1 - self.current;
        self.position = 0;
        self.is_other_in_use = true;
        self.half_first_sequence = self.next_sequence;
        true
    }

    /// Nothing in the half that was left is needed. It is free when a block that says so is durable.
    pub fn release(&mut self) {
        self.needed_from = self.half_first_sequence;
    }

    /// Whether a block has to be written even if it has no entries: the other half waits for it.
    pub fn has_news(&self) -> bool {
        self.is_other_in_use && self.needed_from == self.half_first_sequence
    }

    /// Write a block without entries, as [`Journal::write`].
    ///
    /// # Errors
    /// Those of the write.
    pub fn write_empty(&mut self) -> Result<JournalFlush> {
        self.block.clear();
        self.write()
    }

    /// Remove the file, durably: all segments are flushed.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn remove(self) -> Result<()> {
        file::remove_file(&self.path).during("remove", &self.path)?;
        sync_parent(&self.path).await
    }
}

async fn create_file(path: &Path, first: Vec<u8>, size_bytes: u64) -> Result<File> {
    let options = file::OpenOptions { write: true, create: true, truncate: true, ..Default::default() };
    let file = File::open(path, options).during("create", path)?;
    let zeros = Bytes::from(vec![0; ZEROS_BYTES]);
    let mut position = first.len() as u64;
    file.write_all(0, Bytes::from(first)).await.during("write to", path)?;
    let end = position + size_bytes;
    while position < end {
        let count = (end - position).min(ZEROS_BYTES as u64);
        file.write_all(position, zeros.slice(..count as usize)).await.during("write to", path)?;
        position += count;
    }
    file.sync_data().await.during("flush", path)?;
    Ok(file)
}

#[cfg(test)]
mod tests;
