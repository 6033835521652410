//! Appending batches: as leader, which gives them their offsets, and as they come from a leader.

use std::io::IoSlice;

use jackdaw_core::{
    producer_state::BatchInfo,
    records::{BatchHeader, BatchView, Batches, Frame, ValidatedBatch, batch_header::NO_TIMESTAMP},
};

use super::Log;
use crate::{
    error::{During, Result, StorageError},
    transaction_index::AbortedTransaction,
};

/// Batches that one gathering write takes; more make a second write.
const BATCHES_PER_WRITE: usize = 64;

/// What an append did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppendInfo {
    /// The first appended offset; the log's end where nothing was appended.
    pub base_offset: i64,
    /// The last appended offset; one below the first where nothing was appended.
    pub last_offset: i64,
    /// The largest timestamp; -1 where there is none.
    pub max_timestamp: i64,
    /// The offset of a record that has it.
    pub offset_of_max_timestamp: i64,
    pub size_bytes: usize,
    pub log_start_offset: i64,
    /// Whether a new segment was begun.
    pub has_rolled: bool,
}

impl Log {
    /// Append as leader: give the batches the next offsets and `leader_epoch`, and write them with one call.
    ///
    /// The caller has validated them and asked [`Log::producers`] whether they may come; the log notes them
    /// there. Nothing is durable before a flush.
    ///
    /// # Errors
    /// `AppendTooLarge` and a file that could not be opened leave the log as it was: see [`Log::has_failed`]. After any other
    /// error it takes no more appends.
    pub fn append(
        &mut self,
        batches: &mut [ValidatedBatch],
        leader_epoch: i32,
        now_ms: i64,
    ) -> Result<AppendInfo> {
        self.check_usable()?;
        // Where there is no descriptor for it nothing has happened yet.
        self.active().file()?;
        let mut info = self.nothing_appended();
        let mut next_offset = self.log_end_offset;
        for batch in batches.iter_mut() {
            batch.assign(next_offset, leader_epoch);
            next_offset = batch.last_offset() + 1;
            info.size_bytes += batch.size_bytes();
            if batch.max_timestamp() > info.max_timestamp {
                info.max_timestamp = batch.max_timestamp();
                info.offset_of_max_timestamp =
                    batch.base_offset() + i64::from(batch.offset_delta_of_max_timestamp());
            }
        }
        info.last_offset = next_offset - 1;
        if batches.is_empty() {
            return Ok(info);
        }
        self.check_size(info.size_bytes)?;
        self.writing(|log| {
            info.has_rolled = log.maybe_roll(&info, now_ms)?;
            log.epochs.assign(leader_epoch, info.base_offset);
            for some in batches.chunks(BATCHES_PER_WRITE) {
                log.write(some)?;
                for batch in some {
                    log.note_appended(batch.header(), || batch.to_vec())?;
                }
            }
            log.active_mut().touch(now_ms);
            Ok(info)
        })
    }

    /// Append as follower: `bytes` are whole batches whose offsets and epochs the leader has set. Batches of a
    /// leader epoch above `leader_epoch` are left out, with all after them: they were fetched under an older one
    /// (KAFKA-18723).
    ///
    /// # Errors
    /// `InvalidBatch`, `UnexpectedOffset` and `AppendTooLarge` come before anything is written. Any other error:
    /// the log takes no more appends.
    pub fn append_as_follower(&mut self, bytes: &[u8], leader_epoch: i32, now_ms: i64) -> Result<AppendInfo> {
        self.check_usable()?;
        self.active().file()?;
        let length = self.check_replicated(bytes, leader_epoch)?;
        let mut info = self.nothing_appended();
        let mut rest = &bytes[..length];
        while !rest.is_empty() {
            let run = self.next_run(rest, now_ms)?;
            info.has_rolled |= run.has_rolled;
            let (now, later) = rest.split_at(run.size_bytes);
            self.writing(|log| {
                let segment = log.active();
                let position = u64::from(segment.size_bytes());
                let written = segment.file()?.write_all_at(&mut [IoSlice::new(now)], position);
                written.during_at("append to", || segment.path())?;
                for batch in Batches::new(now).flatten() {
                    log.epochs.assign(batch.header().partition_leader_epoch(), batch.header().base_offset());
                    log.note_appended(batch.header(), || batch.bytes().to_vec())?;
                }
                log.active_mut().touch(now_ms);
                Ok(())
            })?;
            rest = later;
        }
        self.describe(&bytes[..length], &mut info);
        Ok(info)
    }

    fn nothing_appended(&self) -> AppendInfo {
        AppendInfo {
            base_offset: self.log_end_offset,
            last_offset: self.log_end_offset - 1,
            max_timestamp: NO_TIMESTAMP,
            offset_of_max_timestamp: -1,
            size_bytes: 0,
            log_start_offset: self.log_start_offset,
            has_rolled: false,
        }
    }

    fn check_size(&self, size_bytes: usize) -> Result<()> {
        let segment_bytes = self.config.segment_bytes;
        if size_bytes > segment_bytes as usize {
            return Err(StorageError::AppendTooLarge { size_bytes, segment_bytes });
        }
        Ok(())
    }

    fn write(&self, batches: &[ValidatedBatch]) -> Result<()> {
        let mut slices = [IoSlice::new(&[]); 2 * BATCHES_PER_WRITE];
        for (pair, batch) in slices.chunks_exact_mut(2).zip(batches) {
            pair[0] = IoSlice::new(batch.header_bytes());
            pair[1] = IoSlice::new(batch.body());
        }
        let segment = self.active();
        let position = u64::from(segment.size_bytes());
        let written = segment.file()?.write_all_at(&mut slices[..2 * batches.len()], position);
        written.during_at("append to", || segment.path())
    }

    /// Take note of a batch that was written at the active segment's end. `whole` is asked for where the header
    /// does not tell enough: of transaction markers.
    fn note_appended(&mut self, header: &BatchHeader, whole: impl FnOnce() -> Vec<u8>) -> Result<()> {
        let interval_bytes = self.config.index_interval_bytes;
        let location = self.active_mut().note_batch(header, interval_bytes)?;
        self.recent.push(location);
        self.log_end_offset = location.last_offset + 1;
        if header.is_control() && header.has_producer_id() {
            self.note_marker(&whole())?;
        } else if let Some(info) = BatchInfo::of(header) {
            self.producers.update(&info);
        }
        self.producers.advance_to(self.log_end_offset);
        Ok(())
    }

    fn note_marker(&mut self, batch: &[u8]) -> Result<()> {
        let Frame::Complete(batch) = BatchView::parse(batch) else { return Ok(()) };
        let Some(completed) = self.producers.replay(&batch) else { return Ok(()) };
        if !completed.is_aborted {
            return Ok(());
        }
        let aborted = AbortedTransaction {
            producer_id: completed.producer_id,
            first_offset: completed.first_offset,
            last_offset: completed.last_offset,
            last_stable_offset: self.producers.last_stable_offset_after(&completed),
        };
        self.active_mut().transaction_index.append(aborted)
    }

    /// The length of the front part of `bytes` that may be appended.
    fn check_replicated(&self, bytes: &[u8], leader_epoch: i32) -> Result<usize> {
        let mut batches = Batches::new(bytes);
        let mut expected = self.log_end_offset;
        let mut position = 0;
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|reason| StorageError::InvalidBatch { position, reason })?;
            if batch.header().partition_leader_epoch() > leader_epoch {
                return Ok(position);
            }
            batch.check().map_err(|reason| StorageError::InvalidBatch { position, reason })?;
            let first_offset = batch.header().base_offset();
            if first_offset < expected {
                return Err(StorageError::UnexpectedOffset { first_offset, log_end_offset: expected });
            }
            self.check_size(batch.size_bytes())?;
            expected = batch.header().last_offset() + 1;
            position = batches.position();
        }
        Ok(position)
    }

    /// As many batches as go into one segment, which is begun if the first of them needs it.
    fn next_run(&mut self, bytes: &[u8], now_ms: i64) -> Result<Run> {
        let mut run = Run { size_bytes: 0, has_rolled: false };
        for batch in Batches::new(bytes).flatten() {
            let header = batch.header();
            if run.size_bytes == 0 {
                let incoming = AppendInfo {
                    base_offset: header.base_offset(),
                    last_offset: header.last_offset(),
                    max_timestamp: header.max_timestamp(),
                    size_bytes: batch.size_bytes(),
                    ..self.nothing_appended()
                };
                run.has_rolled = self.writing(|log| log.maybe_roll(&incoming, now_ms))?;
            } else {
                let size_after = self.active().size_bytes() as usize + run.size_bytes + batch.size_bytes();
                let is_full = size_after > self.config.segment_bytes as usize;
                if is_full || !self.active().can_hold(header.last_offset()) {
                    break;
                }
            }
            run.size_bytes += batch.size_bytes();
        }
        Ok(run)
    }

    /// Fill in what was appended from its bytes.
    fn describe(&self, bytes: &[u8], info: &mut AppendInfo) {
        info.size_bytes = bytes.len();
        for (index, batch) in Batches::new(bytes).flatten().enumerate() {
            let header = batch.header();
            if index == 0 {
                info.base_offset = header.base_offset();
            }
            info.last_offset = header.last_offset();
            if header.max_timestamp() > info.max_timestamp {
                info.max_timestamp = header.max_timestamp();
                info.offset_of_max_timestamp = header.last_offset();
            }
        }
    }
}

/// Batches that go into the active segment together.
struct Run {
    size_bytes: usize,
    has_rolled: bool,
}
