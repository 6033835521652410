//! The second pass: every batch of the log, with what stays of it.

use std::collections::BTreeMap;

use super::{
    AbortedRange, CompactionError, OffsetMap,
    rewrite::{put_empty, put_records},
    section,
    transactions::{Marker, Transactions},
};
use crate::records::{
    BatchHeader, BatchView, Record, Records,
    compression::{Compressor, Decompressor},
};

/// The last thing that a producer, not yet forgotten, has in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LastOfProducer {
    /// The last offset of its last batch of data.
    Data(i64),
    /// No data of its epoch: the marker of this epoch.
    Marker(i16),
}

/// What one round of compaction goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Round {
    /// Wall clock.
    pub now_ms: i64,
    /// `delete.retention.ms`: how long a tombstone or an idle marker stays after the first round that met it.
    pub delete_retention_ms: i64,
    /// The log is compacted up to here: the batch that ends here stays, if need be empty.
    pub end_offset: i64,
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filtered {
    /// Its header as it was written; `None` where the batch is gone.
    pub header: Option<BatchHeader>,
    /// The batch is the marker of an aborted transaction whose entry in the index stays.
    pub aborted: Option<AbortedRange>,
}

/// How a batch without records ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Retention {
    Delete,
    DeleteEmpty,
    RetainEmpty,
}

/// Filters the batches of a log, given in offset order from that of its first segment on, each once: what it says of a
/// marker rests on the data of its transaction, which came before.
pub struct BatchFilter<'a> {
    map: &'a OffsetMap,
    producers: &'a BTreeMap<i64, LastOfProducer>,
    round: Round,
    transactions: Transactions,
    decompressor: &'a mut Decompressor,
    compressor: &'a mut Compressor,
}

impl<'a> BatchFilter<'a> {
    /// `aborted` are all aborted transactions of the part that is compacted.
    pub fn new(
        map: &'a OffsetMap,
        producers: &'a BTreeMap<i64, LastOfProducer>,
        round: Round,
        aborted: Vec<AbortedRange>,
        (decompressor, compressor): (&'a mut Decompressor, &'a mut Compressor),
    ) -> Self {
        Self { map, producers, round, transactions: Transactions::new(aborted), decompressor, compressor }
    }

    /// Append to `out` what stays of a batch: its very bytes where that is all of it.
    ///
    /// # Errors
    /// Where the batch is damaged; nothing of it is in `out` then.
    pub fn filter(&mut self, batch: &BatchView<'_>, out: &mut Vec<u8>) -> Result<Filtered, CompactionError> {
        let header = batch.header();
        let (discards, is_idle_marker, aborted) = if header.is_control() {
            match self.transactions.on_control(batch) {
                Marker::Needed(aborted) => (false, false, aborted),
                Marker::Idle => (self.is_past_horizon(header), true, None),
            }
        } else {
            (self.transactions.on_data(batch), false, None)
        };
        let retention = self.retention(header, discards);
        let header = match retention {
            Retention::Delete => None,
            // Only the header is of use still.
            Retention::RetainEmpty if discards => Some(put_empty(batch, out)),
            _ => self.filter_records(batch, is_idle_marker, retention, out)?,
        };
        Ok(Filtered { header, aborted: aborted.filter(|_| header.is_some()) })
    }

    fn retention(&self, header: &BatchHeader, discards: bool) -> Retention {
        if self.is_last_of_producer(header) || header.last_offset() + 1 == self.round.end_offset {
            Retention::RetainEmpty
        } else if discards {
            Retention::Delete
        } else {
            Retention::DeleteEmpty
        }
    }

    fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        match self.producers.get(&header.producer_id()) {
            Some(LastOfProducer::Data(offset)) => header.last_offset() == *offset,
            Some(LastOfProducer::Marker(epoch)) => header.is_control() && header.producer_epoch() == *epoch,
            None => false,
        }
    }

    fn filter_records(
        &mut self,
        batch: &BatchView<'_>,
        is_idle_marker: bool,
        retention: Retention,
        out: &mut Vec<u8>,
    ) -> Result<Option<BatchHeader>, CompactionError> {
        let header = batch.header();
        let section = section(batch, self.decompressor)?;
        let mut retained: Vec<Record<'_>> = Vec::new();
        for record in Records::new(section, header.records_count()) {
            let record = record?;
            let keeper = Keeper { map: self.map, now_ms: self.round.now_ms };
            if header.is_control() || keeper.retains(header, &record) {
                retained.push(record);
            }
        }
        if retained.is_empty() {
            return Ok((retention == Retention::RetainEmpty).then(|| put_empty(batch, out)));
        }
        let has_mark = is_idle_marker || retained.iter().any(|record| record.value.is_none());
        let known_horizon_ms = header.delete_horizon_ms();
        let sets_horizon = has_mark && known_horizon_ms.is_none();
        if retained.len() == header.records_count().unsigned_abs() as usize && !sets_horizon {
            out.extend_from_slice(batch.bytes());
            return Ok(Some(*header));
        }
        let new_horizon_ms = self.round.now_ms.saturating_add(self.round.delete_retention_ms);
        let horizon_ms = if sets_horizon { Some(new_horizon_ms) } else { known_horizon_ms };
        put_records(batch, &retained, horizon_ms, self.compressor, out).map(Some)
    }

    fn is_past_horizon(&self, header: &BatchHeader) -> bool {
        header.delete_horizon_ms().is_some_and(|horizon_ms| horizon_ms <= self.round.now_ms)
    }
}

/// What decides on a record of data.
struct Keeper<'a> {
    map: &'a OffsetMap,
    now_ms: i64,
}

impl Keeper<'_> {
    fn retains(&self, header: &BatchHeader, record: &Record<'_>) -> bool {
        let offset = header.base_offset() + i64::from(record.offset_delta);
        if offset >= self.map.end_offset() {
            return true;
        }
        let Some(key) = record.key else { return false };
        let is_newest = self.map.get(key).is_none_or(|newest| offset >= newest);
        let is_due = || header.delete_horizon_ms().is_some_and(|horizon_ms| self.now_ms >= horizon_ms);
        is_newest && (record.value.is_some() || !is_due())
    }
}
