//! One segment: a `.log` file of batches and its indexes.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    rc::Rc,
};

use jackdaw_core::records::{
    BatchHeader, HEADER_SIZE_BYTES, batch_header::NO_TIMESTAMP, batches::check_header,
};
use jackdaw_ring::{File, file};

use crate::{
    config::LogConfig,
    error::{During, Result, StorageError},
    layout::{FileKind, FileName, FileState},
    offset_index::{OffsetIndex, OffsetPosition},
    open_files::SegmentFile,
    recent_batches::BatchLocation,
    sync_queue::SyncQueue,
    time_index::{TimeIndex, TimestampOffset},
    transaction_index::TransactionIndex,
};

/// A segment of a log.
pub(crate) struct Segment {
    dir: Rc<Path>,
    base_offset: i64,
    /// What the files are called: a compacted segment comes into use before they have their last names.
    state: FileState,
    file: SegmentFile,
    /// Kept open while the names of the files change.
    pinned: Vec<File>,
    size_bytes: u32,
    pub(crate) offset_index: OffsetIndex,
    pub(crate) time_index: TimeIndex,
    pub(crate) transaction_index: TransactionIndex,
    bytes_since_index_entry: u32,
    /// The largest timestamp, and the last offset of the batch that has it.
    largest_timestamp: TimestampOffset,
    /// The first batch's largest timestamp, read at need.
    first_timestamp: Cell<Option<i64>>,
    /// Wall clock when the segment was made or opened.
    created_ms: i64,
    /// Wall clock of the last write.
    modified_ms: i64,
}

/// A segment as it was found, and whether its indexes were usable; they are empty where not.
pub(crate) struct OpenedSegment {
    pub(crate) segment: Segment,
    pub(crate) has_position_indexes: bool,
    pub(crate) has_transaction_index: bool,
}

impl OpenedSegment {
    /// A new segment, which has all it needs.
    pub(crate) fn new(segment: Segment) -> Self {
        Self { segment, has_position_indexes: true, has_transaction_index: true }
    }
}

impl Segment {
    /// A new, empty segment; files of this name are emptied.
    pub(crate) fn create(dir: &Rc<Path>, base_offset: i64, now_ms: i64) -> Result<Self> {
        Self::create_in(FileState::Live, dir, base_offset, now_ms)
    }

    /// The same with the names of `state`.
    pub(crate) fn create_in(state: FileState, dir: &Rc<Path>, base_offset: i64, now_ms: i64) -> Result<Self> {
        let path_of = |kind: FileKind| FileName { offset: base_offset, kind, state }.path(dir);
        let path = path_of(FileKind::Log);
        let file = SegmentFile::create(&path).during("create", &path)?;
        Ok(Self {
            dir: Rc::clone(dir),
            base_offset,
            state,
            file,
            pinned: Vec::new(),
            size_bytes: 0,
            offset_index: OffsetIndex::create(path_of(FileKind::OffsetIndex), base_offset)?,
            time_index: TimeIndex::create(path_of(FileKind::TimeIndex), base_offset)?,
            transaction_index: TransactionIndex::create(path_of(FileKind::TransactionIndex))?,
            bytes_since_index_entry: 0,
            largest_timestamp: no_timestamp(base_offset),
            first_timestamp: Cell::new(None),
            created_ms: now_ms,
            modified_ms: now_ms,
        })
    }

    /// An existing segment. Indexes that are missing or cannot be right are made anew, empty.
    pub(crate) fn open(dir: &Rc<Path>, base_offset: i64, now_ms: i64) -> Result<OpenedSegment> {
        let path = FileKind::Log.path(dir, base_offset);
        let found = file::metadata(&path).during("look up", &path)?;
        let found = found.ok_or_else(|| StorageError::layout(&path, "the file is gone"))?;
        let size_bytes = u32::try_from(found.size_bytes).ok().filter(|size| *size <= i32::MAX as u32);
        let size_bytes = size_bytes.ok_or_else(|| {
            StorageError::layout(&path, "more than 2 GiB; no segment is that large, so it is none")
        })?;
        let index_path = |kind: FileKind| kind.path(dir, base_offset);
        let offset_index = open_offset_index(index_path(FileKind::OffsetIndex), base_offset, size_bytes)?;
        let time_index = open_time_index(index_path(FileKind::TimeIndex), base_offset)?;
        // A closed segment has a last entry, or retention and searches would not know its largest timestamp.
        let time_index = time_index.filter(|index| size_bytes == 0 || index.last().timestamp > NO_TIMESTAMP);
        let transaction_path = index_path(FileKind::TransactionIndex);
        let transaction_index = TransactionIndex::open(transaction_path.clone(), base_offset)?;
        let has_position_indexes = offset_index.is_some() && time_index.is_some();
        let has_transaction_index = transaction_index.is_some();
        let offset_index = match offset_index {
            Some(index) => index,
            None => OffsetIndex::create(index_path(FileKind::OffsetIndex), base_offset)?,
        };
        let time_index = match time_index {
            Some(index) => index,
            None => TimeIndex::create(index_path(FileKind::TimeIndex), base_offset)?,
        };
        let transaction_index = match transaction_index {
            Some(index) => index,
            None => TransactionIndex::create(transaction_path)?,
        };
        let segment = Self {
            dir: Rc::clone(dir),
            base_offset,
            state: FileState::Live,
            file: SegmentFile::new(),
            pinned: Vec::new(),
            size_bytes,
            offset_index,
            largest_timestamp: time_index.last(),
            time_index,
            transaction_index,
            bytes_since_index_entry: 0,
            first_timestamp: Cell::new(None),
            created_ms: now_ms,
            modified_ms: found.modified_ms,
        };
        Ok(OpenedSegment { segment, has_position_indexes, has_transaction_index })
    }

    pub(crate) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    pub(crate) fn size_bytes(&self) -> u32 {
        self.size_bytes
    }

    pub(crate) fn path(&self) -> PathBuf {
        FileName { offset: self.base_offset, kind: FileKind::Log, state: self.state }.path(&self.dir)
    }

    /// What the files are called.
    pub(crate) fn state(&self) -> FileState {
        self.state
    }

    /// Keep the files open whose names are about to change: between two steps a file has one name already while
    /// [`Segment::path`] still says another.
    pub(crate) fn pin(&mut self) -> Result<()> {
        self.pinned = vec![self.file()?, self.offset_index.file()?, self.time_index.file()?];
        Ok(())
    }

    /// Follow a change of the files' names. All but the index of transactions are pinned, so it changes no reads.
    pub(crate) fn set_state(&mut self, state: FileState) {
        if state == FileState::Live {
            self.pinned.clear();
        }
        self.state = state;
        let path_of = |kind: FileKind| FileName { offset: self.base_offset, kind, state }.path(&self.dir);
        self.offset_index.set_path(path_of(FileKind::OffsetIndex));
        self.time_index.set_path(path_of(FileKind::TimeIndex));
        self.transaction_index.set_path(path_of(FileKind::TransactionIndex));
    }

    /// The open `.log` file.
    #[inline]
    pub(crate) fn file(&self) -> Result<File> {
        self.file.get(|| self.path()).during_at("open", || self.path())
    }

    /// The largest timestamp in the segment and the last offset of its batch; timestamp -1 where there is none.
    pub(crate) fn largest_timestamp(&self) -> TimestampOffset {
        self.largest_timestamp
    }

    /// What retention by time goes by: the largest timestamp, or when the file was last written.
    pub(crate) fn retention_timestamp(&self) -> i64 {
        match self.largest_timestamp.timestamp {
            NO_TIMESTAMP => self.modified_ms,
            timestamp => timestamp,
        }
    }

    /// Whether a batch with this last offset can be told apart in 31 bits.
    pub(crate) fn can_hold(&self, last_offset: i64) -> bool {
        last_offset - self.base_offset <= i64::from(i32::MAX)
    }

    /// Wall clock of the last write.
    pub(crate) fn modified_ms(&self) -> i64 {
        self.modified_ms
    }

    /// The first batch's largest timestamp; -1 where there is none. Reads a header the first time.
    pub(crate) fn first_timestamp(&self) -> Result<i64> {
        if self.size_bytes == 0 {
            return Ok(NO_TIMESTAMP);
        }
        if let Some(timestamp) = self.first_timestamp.get() {
            return Ok(timestamp);
        }
        let timestamp = self.header_at(0)?.map_or(NO_TIMESTAMP, |header| header.max_timestamp());
        self.first_timestamp.set(Some(timestamp));
        Ok(timestamp)
    }

    /// How long records have been coming in, by their own clock where they have timestamps.
    pub(crate) fn age_ms(&self, incoming_max_timestamp: i64, now_ms: i64) -> Result<i64> {
        let first_timestamp = self.first_timestamp()?;
        let began_ms = if first_timestamp >= 0 { first_timestamp } else { self.created_ms };
        let until_ms =
            if first_timestamp >= 0 && incoming_max_timestamp >= 0 { incoming_max_timestamp } else { now_ms };
        Ok(until_ms.saturating_sub(began_ms))
    }

    /// Take note of a batch that now stands at the segment's end.
    #[inline]
    pub(crate) fn note_batch(&mut self, header: &BatchHeader, interval_bytes: u32) -> Result<BatchLocation> {
        let (last_offset, max_timestamp) = (header.last_offset(), header.max_timestamp());
        if max_timestamp > self.largest_timestamp.timestamp {
            self.largest_timestamp = TimestampOffset { timestamp: max_timestamp, offset: last_offset };
        }
        if self.size_bytes == 0 {
            self.first_timestamp.set(Some(max_timestamp));
        }
        if self.bytes_since_index_entry > interval_bytes {
            self.offset_index.append(last_offset, self.size_bytes)?;
            self.time_index.maybe_append(self.largest_timestamp)?;
            self.bytes_since_index_entry = 0;
        }
        let size_bytes = header.size_bytes() as u32;
        let location = BatchLocation {
            base_offset: header.base_offset(),
            last_offset,
            position: self.size_bytes,
            size_bytes,
        };
        self.size_bytes += size_bytes;
        self.bytes_since_index_entry += size_bytes;
        Ok(location)
    }

    pub(crate) fn is_index_full(&self, config: &LogConfig) -> bool {
        self.offset_index.is_full(config.segment_index_bytes)
            || self.time_index.is_full(config.segment_index_bytes)
    }

    /// The header at `position`, or `None` at the segment's end or where there is no batch.
    pub(crate) fn header_at(&self, position: u32) -> Result<Option<BatchHeader>> {
        if u64::from(position) + HEADER_SIZE_BYTES as u64 > u64::from(self.size_bytes) {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_SIZE_BYTES];
        let count =
            self.file()?.read_at(&mut bytes, u64::from(position)).during_at("read", || self.path())?;
        let header = BatchHeader::ref_from_prefix(&bytes[..count]).copied();
        Ok(header.filter(|header| {
            let end = u64::from(position) + header.size_bytes() as u64;
            check_header(header).is_ok() && end <= u64::from(self.size_bytes)
        }))
    }

    /// The batch with `offset`, or the first one after it; `None` where the segment ends before.
    pub(crate) fn find_batch(&self, offset: i64) -> Result<Option<BatchLocation>> {
        let entry = self.offset_index.lookup(offset)?;
        let mut position = entry.position;
        while position < self.size_bytes {
            let header = self.header_at(position)?.ok_or_else(|| self.damaged(position))?;
            if position == entry.position && position > 0 && header.last_offset() != entry.offset {
                return Err(self.misleading_index(entry));
            }
            let size_bytes = header.size_bytes() as u32;
            if header.last_offset() >= offset {
                return Ok(Some(BatchLocation {
                    base_offset: header.base_offset(),
                    last_offset: header.last_offset(),
                    position,
                    size_bytes,
                }));
            }
            position += size_bytes;
        }
        Ok(None)
    }

    /// The file does not hold a batch where one was written.
    pub(crate) fn damaged(&self, position: u32) -> StorageError {
        StorageError::Corrupt {
            path: self.path(),
            position: u64::from(position),
            reason: "no batch stands here, though one was written".to_owned(),
            advice: DAMAGE_ADVICE,
        }
    }

    /// The index names a batch that is not there.
    fn misleading_index(&self, entry: OffsetPosition) -> StorageError {
        StorageError::Corrupt {
            path: self.offset_index.path().to_path_buf(),
            position: 0,
            reason: format!(
                "it says that a batch ends with offset {} at byte {} of the segment, where another begins",
                entry.offset, entry.position
            ),
            advice: INDEX_ADVICE,
        }
    }

    /// Drop all from `position` on; the batches that stay are below `offset`.
    pub(crate) fn truncate(&mut self, position: u32, offset: i64) -> Result<()> {
        let path = self.path();
        self.file()?.set_size(u64::from(position)).during("cut", &path)?;
        self.size_bytes = position;
        self.offset_index.truncate_to(offset)?;
        self.time_index.truncate_to(offset)?;
        self.transaction_index.truncate_to(offset)?;
        self.largest_timestamp = self.time_index.last();
        self.bytes_since_index_entry = 0;
        if position == 0 {
            self.first_timestamp.set(None);
        }
        Ok(())
    }

    /// Empty the indexes, so that noting every batch again fills them.
    pub(crate) fn begin_rebuild(&mut self) -> Result<()> {
        self.offset_index.truncate_to(i64::MIN)?;
        self.time_index.truncate_to(i64::MIN)?;
        self.size_bytes = 0;
        self.bytes_since_index_entry = 0;
        self.largest_timestamp = no_timestamp(self.base_offset);
        self.first_timestamp.set(None);
        Ok(())
    }

    /// Empty the index of aborted transactions.
    pub(crate) fn clear_transaction_index(&mut self) -> Result<()> {
        self.transaction_index.truncate_to(i64::MIN)
    }

    /// Write the last time index entry and what waits in memory: the files are then as Kafka leaves them.
    pub(crate) fn finish_indexes(&mut self) -> Result<()> {
        self.time_index.maybe_append(self.largest_timestamp)?;
        self.offset_index.write_tail()?;
        self.time_index.write_tail()
    }

    /// Finish the indexes and have all files made durable.
    pub(crate) fn become_inactive(&mut self, queue: &SyncQueue) -> Result<()> {
        self.finish_indexes()?;
        queue.segment_file(self.file.clone(), self.path());
        queue.segment_file(self.offset_index.segment_file(), self.offset_index.path().to_path_buf());
        queue.segment_file(self.time_index.segment_file(), self.time_index.path().to_path_buf());
        if let Some(file) = self.transaction_index.written_file() {
            queue.file(file.clone(), self.transaction_index.path().to_path_buf());
        }
        Ok(())
    }

    /// Note the wall clock of a write.
    #[inline]
    pub(crate) fn touch(&mut self, now_ms: i64) {
        self.modified_ms = now_ms;
    }
}

/// What to do about flushed data that is not there any more.
pub(crate) const DAMAGE_ADVICE: &str = "This lies in data that had been flushed, so a disk or another program changed it. \
     Restore the partition's directory from a replica or a backup; or, to give up all records from here on, delete the \
     partition's line in recovery-point-offset-checkpoint and .kafka_cleanshutdown, then start again";

/// What to do about an index that leads nowhere.
const INDEX_ADVICE: &str = "An index holds nothing that the segment does not: stop the broker, remove the index, and the next start \
     makes it anew; `jackdaw storage check` looks for more";

fn no_timestamp(base_offset: i64) -> TimestampOffset {
    TimestampOffset { timestamp: NO_TIMESTAMP, offset: base_offset }
}

fn open_offset_index(path: PathBuf, base_offset: i64, log_size_bytes: u32) -> Result<Option<OffsetIndex>> {
    let Some(found) = file::metadata(&path).during("look up", &path)? else { return Ok(None) };
    let index = OffsetIndex::open(path, found.size_bytes, base_offset)?;
    Ok(index.filter(|index| index.last().is_none_or(|last| last.position < log_size_bytes)))
}

fn open_time_index(path: PathBuf, base_offset: i64) -> Result<Option<TimeIndex>> {
    let Some(found) = file::metadata(&path).during("look up", &path)? else { return Ok(None) };
    TimeIndex::open(path, found.size_bytes, base_offset)
}
