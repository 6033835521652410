//! A segment's indexes against its batches, and the producer snapshots of a partition.

use std::path::{Path, PathBuf};

use jackdaw_core::records::{BatchView, ControlType, batch_header::NO_TIMESTAMP, control::control_records};
use jackdaw_ring::file;

use super::{
    Check, Finding,
    partition::{Expected, Walk},
};
use crate::{
    error::{During, Result},
    inspect::{self, IndexEntries, OffsetPosition},
    layout::FileKind,
    time_index::TimestampOffset,
    transaction_index::AbortedTransaction,
};

const MISSING: &str = "missing; the next start makes it anew from the segment";

/// One index's entries, looked at as the batches go by; the first thing wrong with it.
struct Entries<T> {
    path: PathBuf,
    entries: Vec<T>,
    next: usize,
    wrong: Option<String>,
}

/// The indexes of one segment.
pub(super) struct Indexes {
    offsets: Entries<OffsetPosition>,
    times: Entries<TimestampOffset>,
    transactions: Entries<AbortedTransaction>,
    largest_timestamp: i64,
}

impl Indexes {
    /// Those of the segment at `base_offset`; `None` where the next start makes them anew without a look at them.
    pub(super) fn read(
        dir: &Path,
        base_offset: i64,
        expected: &Expected,
        next_base: Option<i64>,
    ) -> Result<Option<Self>> {
        let point = expected.recovery_point.unwrap_or(0);
        if expected.is_metadata || !expected.is_clean && next_base.is_none_or(|base| base >= point) {
            return Ok(None);
        }
        let path = |kind: FileKind| kind.path(dir, base_offset);
        let mut offsets = Entries::new(path(FileKind::OffsetIndex));
        let mut times = Entries::new(path(FileKind::TimeIndex));
        let mut transactions = Entries::new(path(FileKind::TransactionIndex));
        if offsets.is_there()? {
            let read = inspect::offset_index(&offsets.path, base_offset)?;
            offsets.take(read);
        } else {
            offsets.is_wrong(|| MISSING.to_owned());
        }
        if times.is_there()? {
            let read = inspect::time_index(&times.path, base_offset)?;
            times.take(read);
        } else {
            times.is_wrong(|| MISSING.to_owned());
        }
        if transactions.is_there()? {
            let read = inspect::transaction_index(&transactions.path)?;
            let known = read.entries.iter().copied().flatten().collect::<Vec<_>>();
            if known.len() < read.entries.len() {
                transactions.is_wrong(|| "an entry has a version that is not known".to_owned());
            }
            transactions.take(IndexEntries { entries: known, rest_bytes: read.rest_bytes });
        }
        Ok(Some(Self { offsets, times, transactions, largest_timestamp: NO_TIMESTAMP }))
    }

    /// A batch of the segment goes by.
    pub(super) fn meet(&mut self, position: u64, batch: &BatchView<'_>) {
        let header = batch.header();
        let (first, last, timestamp) = (header.base_offset(), header.last_offset(), header.max_timestamp());
        self.largest_timestamp = self.largest_timestamp.max(timestamp);
        self.offsets.pass(
            |entry| u64::from(entry.position) <= position,
            |entry| {
                (u64::from(entry.position) != position || entry.offset != last).then(|| {
                    format!(
                        "says offset {} stands at byte {}, where no such batch begins",
                        entry.offset, entry.position
                    )
                })
            },
        );
        self.times.pass(
            |entry| entry.offset <= last,
            |entry| {
                (entry.offset < first || entry.timestamp != timestamp).then(|| {
                    format!(
                        "says offset {} has timestamp {}, which no such batch has",
                        entry.offset, entry.timestamp
                    )
                })
            },
        );
        self.transactions.pass(
            |entry| entry.last_offset <= last,
            |entry| {
                let is_marker = entry.last_offset >= first
                    && header.producer_id() == entry.producer_id
                    && header.is_control()
                    && control_records(batch)
                        .flatten()
                        .any(|record| record.control_type == Some(ControlType::Abort));
                (!is_marker).then(|| {
                    format!(
                        "says a transaction of producer {} was aborted at offset {}, where no such marker is",
                        entry.producer_id, entry.last_offset
                    )
                })
            },
        );
    }

    /// The segment ends here. `is_whole`: every batch was read.
    pub(super) fn end(mut self, check: &mut Check<'_>, is_whole: bool) {
        let largest = self.largest_timestamp;
        if is_whole && largest > NO_TIMESTAMP {
            let last = self.times.entries.last().map_or(NO_TIMESTAMP, |entry| entry.timestamp);
            if last != largest {
                self.times.is_wrong(|| {
                    format!("ends with timestamp {last}, but the segment's largest is {largest}")
                });
            }
        }
        self.offsets.end(check);
        self.times.end(check);
        self.transactions.end(check);
    }
}

impl<T: Copy> Entries<T> {
    fn new(path: PathBuf) -> Self {
        Self { path, entries: Vec::new(), next: 0, wrong: None }
    }

    fn is_there(&self) -> Result<bool> {
        Ok(file::metadata(&self.path).during("look up", &self.path)?.is_some())
    }

    fn take(&mut self, read: IndexEntries<T>) {
        self.entries = read.entries;
        if read.rest_bytes > 0 {
            self.is_wrong(|| format!("ends with {} bytes that are no entry", read.rest_bytes));
        }
    }

    fn is_wrong(&mut self, text: impl FnOnce() -> String) {
        self.wrong.get_or_insert_with(text);
    }

    /// Judge the entries that are due.
    fn pass(&mut self, is_due: impl Fn(T) -> bool, judge: impl Fn(T) -> Option<String>) {
        while let Some(entry) = self.entries.get(self.next).copied().filter(|entry| is_due(*entry)) {
            self.next += 1;
            if let Some(text) = judge(entry) {
                self.is_wrong(|| text);
            }
        }
    }

    fn end(mut self, check: &mut Check<'_>) {
        let rest = self.entries.len() - self.next;
        if rest > 0 {
            self.is_wrong(|| format!("{rest} entries point past the segment's end"));
        }
        if let Some(text) = self.wrong {
            check.damage(&self.path, text);
        }
    }
}

/// The producer snapshots of a partition, by the offset they stand before.
pub(super) fn check_snapshots(check: &mut Check<'_>, dir: &Path, offsets: &[i64], walk: &Walk) -> Result<()> {
    let end = walk.next_offset;
    let mut usable_count = 0;
    for offset in offsets {
        let path = FileKind::ProducerSnapshot.path(dir, *offset);
        let Some(producers) = check.read(&path, inspect::producer_snapshot(&path))? else { continue };
        if *offset > end {
            let severity = walk.expected.severity(end);
            let text = format!("stands before offset {offset}, but the log ends at {end}");
            check.find(Finding::new(severity, &path, text));
            continue;
        }
        usable_count += 1;
        if let Some(producer) = producers.iter().find(|producer| producer.last_offset >= *offset) {
            let text = format!(
                "says producer {} wrote offset {}, at or above the offset it stands before",
                producer.producer_id, producer.last_offset
            );
            check.damage(&path, text);
        }
    }
    if usable_count == 0 && walk.batch_count > 0 && walk.expected.is_clean && !walk.expected.is_metadata {
        check
            .damage(dir, "no producer snapshot is usable: Apache Kafka would start with no producers at all");
    }
    Ok(())
}
