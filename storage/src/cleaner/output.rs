//! The segment that one group of segments is written to, until it is complete and flushed.

use bytes::Bytes;
use jackdaw_ring::unix_ms;

use super::round::{Stop, Work};
use crate::{
    error::{During, Result, StorageError},
    layout::FileState,
    segment::Segment,
};

/// What may wait for a flush: one of a whole segment at its end would hold up the journal's.
const UNFLUSHED_BYTES_MAX: u64 = 16 << 20;

/// A segment that is being written.
pub(super) struct Output {
    pub(super) segment: Segment,
    pub(super) index_interval_bytes: u32,
    /// Batches that are noted and not yet in the file.
    pub(super) waiting: Vec<u8>,
    written_bytes: u64,
    unflushed_bytes: u64,
}

impl Output {
    pub(super) fn create(work: &Work<'_>, base_offset: i64) -> Result<Self> {
        let index_interval_bytes = work.log.borrow().config.index_interval_bytes;
        let segment = Segment::create_in(FileState::Cleaned, &work.dir, base_offset, unix_ms())?;
        Ok(Self { segment, index_interval_bytes, waiting: Vec::new(), written_bytes: 0, unflushed_bytes: 0 })
    }

    /// Write what waits, if that is so much. Through the ring: where memory is full of what other writers left, the kernel
    /// lets a writer wait.
    pub(super) async fn write_if(&mut self, at_least_bytes: usize) -> Result<()> {
        if self.waiting.len() < at_least_bytes.max(1) {
            return Ok(());
        }
        let path = self.segment.path();
        let end = self.written_bytes + self.waiting.len() as u64;
        if end > i32::MAX as u64 {
            return Err(StorageError::layout(&path, "compaction would make this segment larger than 2 GiB"));
        }
        let file = self.segment.file()?;
        let bytes = Bytes::from(std::mem::take(&mut self.waiting));
        self.unflushed_bytes += bytes.len() as u64;
        file.write_all(self.written_bytes, bytes).await.during("write", &path)?;
        self.written_bytes = end;
        if self.unflushed_bytes >= UNFLUSHED_BYTES_MAX {
            self.unflushed_bytes = 0;
            file.sync_data().await.during("flush", &path)?;
        }
        Ok(())
    }

    pub(super) async fn finish(mut self, modified_ms: i64) -> Result<Segment, Stop> {
        self.write_if(0).await?;
        let mut segment = self.segment;
        segment.finish_indexes()?;
        let path = segment.path();
        segment.file()?.set_modified(modified_ms).during("set the time of", &path)?;
        segment.touch(modified_ms);
        let mut files = vec![
            (segment.file()?, path),
            (segment.offset_index.file()?, segment.offset_index.path().to_path_buf()),
            (segment.time_index.file()?, segment.time_index.path().to_path_buf()),
        ];
        if let Some(file) = segment.transaction_index.written_file() {
            files.push((file.clone(), segment.transaction_index.path().to_path_buf()));
        }
        for (file, path) in files {
            file.sync_data().await.during("flush", &path)?;
        }
        Ok(segment)
    }
}
