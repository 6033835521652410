//! Reading: from an offset to a range of bytes in one segment, never a copy.

use jackdaw_ring::File;

use super::Log;
use crate::{
    error::{During, Result, StorageError},
    recent_batches::BatchLocation,
};

/// Looked at before a search reads headers: the distance between index entries and a header.
const SEARCH_WINDOW_BYTES: usize = 8192;

/// A range of bytes in one segment that begins with a whole batch.
#[derive(Clone)]
pub struct Read {
    pub file: File,
    pub position: u64,
    /// May end inside a batch other than the first; readers drop such a tail.
    pub length: usize,
    /// The base offset of the first batch: above the offset asked for where compaction took the record there.
    pub first_offset: i64,
    /// A newer segment follows: what it holds comes with the next read only, and no append adds to this one.
    pub is_older_segment: bool,
}

/// A part of a file that a read would have to wait for.
#[derive(Clone)]
pub struct ColdRange {
    file: File,
    position: u64,
    length: usize,
    path: std::path::PathBuf,
}

impl ColdRange {
    /// Bring it into the page cache, through the ring.
    pub async fn load(self) -> Result<()> {
        self.file.read(self.position, self.length).await.during("read", &self.path).map(drop)
    }
}

impl Log {
    /// The batches from the one with `offset` on, below `upper_offset` (high watermark, last stable offset or log
    /// end, by who asks). `None` where there is nothing to read yet, or where the first batch does not fit
    /// `max_bytes` and `min_one_batch` is not set.
    ///
    /// Reads a few headers inline where the place is not remembered: see [`Log::cold_range`].
    ///
    /// # Errors
    /// `OffsetOutOfRange` below the log's start and above its end.
    pub fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        upper_offset: i64,
        min_one_batch: bool,
    ) -> Result<Option<Read>> {
        let (log_start_offset, log_end_offset) = (self.log_start_offset, self.log_end_offset);
        if offset < log_start_offset || offset > log_end_offset {
            return Err(StorageError::OffsetOutOfRange { offset, log_start_offset, log_end_offset });
        }
        if offset >= upper_offset {
            return Ok(None);
        }
        let mut index = self.segment_index(offset);
        while index < self.segments.len() {
            if let Some(first) = self.find_batch(index, offset)? {
                return self.read_from(index, first, max_bytes, upper_offset, min_one_batch);
            }
            // The segment ends before: compaction or a leader's gap.
            index += 1;
        }
        Ok(None)
    }

    fn read_from(
        &self,
        index: usize,
        first: BatchLocation,
        max_bytes: usize,
        upper_offset: i64,
        min_one_batch: bool,
    ) -> Result<Option<Read>> {
        let start = u64::from(first.position);
        let end = self.end_position(index, upper_offset)?;
        if first.last_offset >= upper_offset || end <= start {
            return Ok(None);
        }
        let first_size = first.size_bytes as usize;
        if max_bytes < first_size && !min_one_batch {
            return Ok(None);
        }
        let limit = start + max_bytes.max(first_size) as u64;
        let end = if limit < end { self.border_before(index, limit, start + first_size as u64) } else { end };
        let file = self.segments[index].file()?;
        let length = (end - start) as usize;
        let is_older_segment = index + 1 < self.segments.len();
        Ok(Some(Read { file, position: start, length, first_offset: first.base_offset, is_older_segment }))
    }

    /// Where the part of the segment that a reader may see ends.
    fn end_position(&self, index: usize, upper_offset: i64) -> Result<u64> {
        let segment = &self.segments[index];
        let size = u64::from(segment.size_bytes());
        let next_base = self.segments.get(index + 1).map_or(self.log_end_offset, |next| next.base_offset());
        if upper_offset >= next_base {
            return Ok(size);
        }
        Ok(self.find_batch(index, upper_offset)?.map_or(size, |batch| u64::from(batch.position)))
    }

    /// A border of batches at or before `limit` where that is known for nothing, else `limit`.
    fn border_before(&self, index: usize, limit: u64, at_least: u64) -> u64 {
        if index + 1 < self.segments.len() {
            return limit;
        }
        self.recent.border_before(limit).filter(|border| *border >= at_least).unwrap_or(limit)
    }

    pub(super) fn find_batch(&self, index: usize, offset: i64) -> Result<Option<BatchLocation>> {
        if index + 1 == self.segments.len()
            && let Some(location) = self.recent.find(offset)
        {
            return Ok(Some(location));
        }
        self.segments[index].find_batch(offset)
    }

    /// What [`Log::read`] at `offset` would have to wait for, if it is not in the page cache: load that first.
    pub fn cold_range(&self, offset: i64) -> Result<Option<ColdRange>> {
        let index = self.segment_index(offset);
        if index + 1 == self.segments.len()
            && (offset >= self.log_end_offset || self.recent.find(offset).is_some())
        {
            return Ok(None);
        }
        let segment = &self.segments[index];
        let position = segment.offset_index.lookup(offset)?.position;
        let length = SEARCH_WINDOW_BYTES.min((segment.size_bytes().saturating_sub(position)) as usize);
        let file = segment.file()?;
        let is_cached = length == 0 || file.is_cached(u64::from(position), length);
        Ok((!is_cached).then(|| ColdRange {
            file: file.clone(),
            position: u64::from(position),
            length,
            path: segment.path(),
        }))
    }
}
