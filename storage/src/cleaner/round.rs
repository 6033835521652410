//! One round over one log: collect the keys, write each group of segments anew, put it in place.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use jackdaw_core::{
    producer_state::Producers,
    records::{
        BatchView, CompactionError,
        compaction::{AbortedRange, BatchFilter, KeyPass, LastOfProducer, MapLimits, OffsetMap, Round},
        compression::{Compressor, Decompressor},
    },
};
use jackdaw_ring::{File, file, random_u64, unix_ms};

use super::{
    Cleanable, Pace,
    output::Output,
    segment_groups::{SizeLimits, Sizes, group},
    swap,
};
use crate::{
    batch_scan::{BatchScan, Scanned},
    error::{Result, StorageError},
    layout::{FileName, FileState},
    log::Log,
    segment::{DAMAGE_ADVICE, Segment},
    transaction_index::AbortedTransaction,
};

/// The least that is read at once: smaller pieces cost more calls than they spare memory.
const CHUNK_BYTES_MIN: usize = 64 << 10;

/// One shard's part of what the node's settings allow.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CleanerConfig {
    /// `log.cleaner.dedupe.buffer.size`.
    pub dedupe_buffer_bytes: usize,
    /// `log.cleaner.io.buffer.load.factor`.
    pub load_factor: f64,
    /// `log.cleaner.io.buffer.size`, half for reading and half for writing.
    pub io_buffer_bytes: usize,
    /// `log.cleaner.io.max.bytes.per.second`.
    pub bytes_per_second: f64,
}

/// What a round did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CleanStats {
    /// The log is compacted up to here.
    pub end_offset: i64,
    pub key_count: usize,
    pub segments_before: usize,
    pub segments_after: usize,
    pub bytes_before: u64,
    pub bytes_after: u64,
}

/// Why a log was not compacted.
#[derive(Debug)]
pub enum CleanFailure {
    /// The log is as it was and can be used; another round would fail the same way.
    Uncleanable(StorageError),
    /// The log is as it was and can be used. The operating system refused, for example for want of space: the next round
    /// may do better.
    Io(StorageError),
    /// Names could not be changed: what the directory holds is not known. The log takes no more appends.
    Disk(StorageError),
}

/// Why a step goes no further.
pub(super) enum Stop {
    /// The partition goes, the node stops, or the log was cut off meanwhile.
    Cancelled,
    /// Retention took segments of this round; those above can be compacted as well.
    SegmentsGone,
    Failed(CleanFailure),
}

impl From<StorageError> for CleanFailure {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io { .. } => Self::Io(error),
            _ => Self::Uncleanable(error),
        }
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}

/// Compacts logs, one at a time; one a shard.
pub struct Cleaner {
    config: CleanerConfig,
    decompressor: Decompressor,
    compressor: Compressor,
}

impl Cleaner {
    pub fn new(config: CleanerConfig) -> Self {
        Self { config, decompressor: Decompressor::default(), compressor: Compressor::default() }
    }

    /// From the next round on.
    pub fn set_config(&mut self, config: CleanerConfig) {
        self.config = config;
    }

    /// Compact what [`Log::cleanable`] found. Gives way to other tasks between pieces; appends and reads go on. `None`
    /// where `is_cancelled` said so, or where segments went meanwhile: the log is whole, and the next round does it.
    ///
    /// # Errors
    /// See [`CleanFailure`].
    pub async fn clean(
        &mut self,
        log: &RefCell<Log>,
        cleanable: &Cleanable,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<CleanStats>, CleanFailure> {
        let work = Work {
            log,
            is_cancelled,
            dir: Rc::clone(&log.borrow().dir),
            truncation_count: log.borrow().truncation_count,
            chunk_bytes: (self.config.io_buffer_bytes / 2).max(CHUNK_BYTES_MIN),
        };
        let mut pace = Pace::new(self.config.bytes_per_second);
        match Box::pin(self.run(&work, cleanable, &mut pace)).await {
            Ok(stats) => Ok(Some(stats)),
            Err(stop) => {
                // After a failed change of names those that are left tell recovery that a swap is not complete.
                if !matches!(stop, Stop::Failed(CleanFailure::Disk(_))) {
                    work.remove_cleaned().await;
                }
                match stop {
                    Stop::Cancelled | Stop::SegmentsGone => Ok(None),
                    // Files of a partition that goes may be gone at any time.
                    Stop::Failed(_) if is_cancelled() => Ok(None),
                    Stop::Failed(failure) => Err(failure),
                }
            }
        }
    }

    async fn run(
        &mut self,
        work: &Work<'_>,
        cleanable: &Cleanable,
        pace: &mut Pace,
    ) -> Result<CleanStats, Stop> {
        work.check()?;
        work.remove_cleaned().await;
        let map = self.collect_keys(work, cleanable, pace).await?;
        loop {
            match self.rewrite(work, cleanable, &map, pace).await {
                // All below them are gone, too: nothing is done twice.
                Err(Stop::SegmentsGone) => work.remove_cleaned().await,
                done => return done,
            }
        }
    }

    /// The second pass.
    async fn rewrite(
        &mut self,
        work: &Work<'_>,
        cleanable: &Cleanable,
        map: &OffsetMap,
        pace: &mut Pace,
    ) -> Result<CleanStats, Stop> {
        work.check()?;
        let sources = work.sources(0, map.end_offset().min(cleanable.end_offset));
        let Some(last) = sources.last() else { return Err(Stop::Cancelled) };
        let round = Round {
            now_ms: unix_ms(),
            delete_retention_ms: work.log.borrow().config.delete_retention_ms,
            end_offset: last.end_offset,
        };
        let aborted = work.aborted(sources[0].base_offset, last.end_offset);
        let producers = last_of_producers(&work.log.borrow().producers);
        let codecs = (&mut self.decompressor, &mut self.compressor);
        let mut filter = BatchFilter::new(map, &producers, round, ranges(&aborted), codecs);
        let mut stats = CleanStats {
            end_offset: map.end_offset(),
            key_count: map.key_count(),
            segments_before: sources.len(),
            ..CleanStats::default()
        };
        let mut rest = &sources[..];
        for count in group(&sources, work.size_limits()) {
            let (sources, later) = rest.split_at(count);
            rest = later;
            stats.bytes_before += sources.iter().map(|source| source.log_bytes).sum::<u64>();
            let segment = work.write(sources, &mut filter, &aborted, pace).await?;
            stats.bytes_after += u64::from(segment.size_bytes());
            stats.segments_after += 1;
            swap::swap_in(work, segment, sources).await?;
        }
        work.log.borrow_mut().first_dirty_offset = Some(map.end_offset());
        Ok(stats)
    }

    /// The first pass.
    async fn collect_keys(
        &mut self,
        work: &Work<'_>,
        cleanable: &Cleanable,
        pace: &mut Pace,
    ) -> Result<OffsetMap, Stop> {
        let limits =
            MapLimits { memory_bytes: self.config.dedupe_buffer_bytes, load_factor: self.config.load_factor };
        let Cleanable { first_dirty_offset, end_offset, .. } = *cleanable;
        let count = end_offset.abs_diff(first_dirty_offset);
        let mut map = OffsetMap::new(&limits, count, first_dirty_offset, [random_u64(), random_u64()]);
        let aborted = ranges(&work.aborted(first_dirty_offset, end_offset));
        let mut pass = KeyPass::new(&mut map, &mut self.decompressor, aborted);
        for source in work.sources(first_dirty_offset, end_offset) {
            let (mut scan, path) = match work.scan(&source, first_dirty_offset) {
                Err(Stop::SegmentsGone) => continue,
                found => found?,
            };
            while let Some((position, batch)) = next_batch(&mut scan, &path).await? {
                let read_bytes = batch.size_bytes() as u64;
                let is_dirty = batch.header().last_offset() >= first_dirty_offset;
                let goes_on =
                    !is_dirty || pass.add(&batch).map_err(|error| damaged(&path, position, &error))?;
                if !goes_on {
                    return Ok(map);
                }
                pace.spend(read_bytes).await;
                work.check()?;
            }
        }
        // A gap may lie behind the last batch.
        map.advance_to(end_offset);
        Ok(map)
    }
}

/// What all steps of a round need.
pub(super) struct Work<'a> {
    pub(super) log: &'a RefCell<Log>,
    pub(super) dir: Rc<Path>,
    is_cancelled: &'a dyn Fn() -> bool,
    /// The log's when the round began.
    truncation_count: u64,
    chunk_bytes: usize,
}

impl Work<'_> {
    /// To be asked before each use of a path: the directory may belong to another log by then.
    pub(super) fn check(&self) -> Result<(), Stop> {
        if (self.is_cancelled)() || self.log.borrow().check_usable().is_err() {
            return Err(Stop::Cancelled);
        }
        Ok(())
    }

    /// The same before the log is changed by what was read of it: after a truncation the offsets may be other records'.
    pub(super) fn check_not_cut(&self) -> Result<(), Stop> {
        self.check()?;
        let is_cut = self.log.borrow().truncation_count != self.truncation_count;
        if is_cut { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// The segments with offsets in a range, which does not reach the active one.
    fn sources(&self, from_offset: i64, end_offset: i64) -> Vec<Sizes> {
        let log = self.log.borrow();
        let pairs = log.segments.windows(2);
        pairs
            .map(|pair| Sizes {
                base_offset: pair[0].base_offset(),
                end_offset: pair[1].base_offset(),
                log_bytes: u64::from(pair[0].size_bytes()),
                offset_index_bytes: pair[0].offset_index.size_bytes(),
                time_index_bytes: pair[0].time_index.size_bytes(),
            })
            .filter(|sizes| sizes.end_offset > from_offset && sizes.base_offset < end_offset)
            .collect()
    }

    fn size_limits(&self) -> SizeLimits {
        let log = self.log.borrow();
        SizeLimits {
            log_bytes: u64::from(log.config.segment_bytes),
            index_bytes: u64::from(log.config.segment_index_bytes),
        }
    }

    fn aborted(&self, from_offset: i64, end_offset: i64) -> BTreeMap<i64, AbortedTransaction> {
        let found = self.log.borrow().aborted_transactions(from_offset, end_offset);
        found.into_iter().map(|aborted| (aborted.last_offset, aborted)).collect()
    }

    /// A scan of one segment from the batch with `offset` on, and the file's name.
    fn scan(&self, source: &Sizes, offset: i64) -> Result<(BatchScan, PathBuf), Stop> {
        self.check_not_cut()?;
        let log = self.log.borrow();
        let index = log.segment_index(source.base_offset);
        let segment = &log.segments[index];
        if segment.base_offset() != source.base_offset {
            return Err(Stop::SegmentsGone);
        }
        let position = u64::from(segment.offset_index.lookup(offset)?.position);
        let file: File = segment.file()?;
        let path = segment.path();
        let scan = BatchScan::in_chunks(file, path.clone(), position, source.log_bytes, self.chunk_bytes);
        Ok((scan, path))
    }

    /// The second pass over one group: a new segment, complete and flushed but for its names.
    async fn write(
        &self,
        sources: &[Sizes],
        filter: &mut BatchFilter<'_>,
        aborted: &BTreeMap<i64, AbortedTransaction>,
        pace: &mut Pace,
    ) -> Result<Segment, Stop> {
        self.check()?;
        let mut output = Output::create(self, sources[0].base_offset)?;
        for source in sources {
            let (mut scan, path) = self.scan(source, source.base_offset)?;
            while let Some((position, batch)) = next_batch(&mut scan, &path).await? {
                let read_bytes = batch.size_bytes() as u64;
                let before = output.waiting.len();
                let filtered = filter
                    .filter(&batch, &mut output.waiting)
                    .map_err(|error| damaged(&path, position, &error))?;
                let written_bytes = (output.waiting.len() - before) as u64;
                if let Some(header) = filtered.header {
                    output.segment.note_batch(&header, output.index_interval_bytes)?;
                }
                if let Some(entry) = filtered.aborted.and_then(|range| aborted.get(&range.last_offset)) {
                    self.check()?;
                    output.segment.transaction_index.append(*entry)?;
                }
                output.write_if(self.chunk_bytes).await?;
                pace.spend(read_bytes + written_bytes).await;
                self.check()?;
            }
        }
        let last = sources[sources.len() - 1];
        let modified_ms = self.log.borrow().modified_ms_of(last.base_offset).ok_or(Stop::SegmentsGone)?;
        output.finish(modified_ms).await
    }

    /// Remove what an earlier round left: recovery would take it for a sign that a swap is not complete.
    async fn remove_cleaned(&self) {
        if (self.is_cancelled)() {
            return;
        }
        for entry in file::list_directory(&self.dir).unwrap_or_default() {
            let is_cleaned =
                FileName::parse(&entry.name).is_some_and(|name| name.state == FileState::Cleaned);
            if is_cleaned && !(self.is_cancelled)() {
                let path = self.dir.join(&entry.name);
                if let Err(error) = file::unlink(&path).await {
                    tracing::warn!(path = %path.display(), %error, "cannot remove a half-compacted segment");
                }
            }
        }
    }
}

impl Log {
    fn modified_ms_of(&self, base_offset: i64) -> Option<i64> {
        let segment = &self.segments[self.segment_index(base_offset)];
        (segment.base_offset() == base_offset).then(|| segment.modified_ms())
    }
}

async fn next_batch<'a>(scan: &'a mut BatchScan, path: &Path) -> Result<Option<(u64, BatchView<'a>)>> {
    match scan.next().await? {
        Scanned::End => Ok(None),
        Scanned::Batch { position, batch } => Ok(Some((position, batch))),
        Scanned::Bad { position, reason } => Err(corrupt(path, position, reason.to_string())),
    }
}

fn corrupt(path: &Path, position: u64, reason: String) -> StorageError {
    StorageError::Corrupt { path: path.to_path_buf(), position, reason, advice: DAMAGE_ADVICE }
}

fn damaged(path: &Path, position: u64, error: &CompactionError) -> Stop {
    corrupt(path, position, error.to_string()).into()
}

fn ranges(aborted: &BTreeMap<i64, AbortedTransaction>) -> Vec<AbortedRange> {
    aborted
        .values()
        .map(|entry| AbortedRange {
            producer_id: entry.producer_id,
            first_offset: entry.first_offset,
            last_offset: entry.last_offset,
        })
        .collect()
}

/// What compaction must leave of each producer that is not forgotten.
fn last_of_producers(producers: &Producers) -> BTreeMap<i64, LastOfProducer> {
    let last = |entry: &jackdaw_core::producer_state::ProducerEntry| match entry.batches().last() {
        Some(batch) => LastOfProducer::Data(batch.last_offset),
        None => LastOfProducer::Marker(entry.producer_epoch()),
    };
    producers.iter().map(|(id, entry)| (id, last(entry))).collect()
}
