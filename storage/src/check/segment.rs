//! One segment: its batches, their records, and its indexes beside them.

use std::path::{Path, PathBuf};

use jackdaw_core::{
    limits::DECOMPRESSED_BATCH_BYTES_MAX,
    records::{BatchView, Records, compression::Decompressor},
};

use super::{Check, Finding, Severity, indexes::Indexes, partition::Walk};
use crate::{
    error::Result,
    inspect::{SegmentItem, SegmentReader},
    layout::{self, FileKind},
};

/// Findings in one file; more of them say nothing new.
const FINDINGS_MAX: usize = 20;

/// A segment under the check.
struct Segment {
    path: PathBuf,
    base_offset: i64,
    is_last: bool,
    /// After damage gaps are its consequence, not another finding.
    was_damaged: bool,
    had_damage: bool,
    found: Vec<Finding>,
    left_out_count: usize,
}

pub(super) async fn check(
    check: &mut Check<'_>,
    walk: &mut Walk,
    dir: &Path,
    base_offset: i64,
    next_base: Option<i64>,
) -> Result<()> {
    check.report.segment_count += 1;
    if base_offset > walk.next_offset && !walk.has_gaps {
        let (first, severity) = (walk.next_offset, walk.expected.severity(walk.next_offset));
        let text = format!(
            "the records from {first} to {} are missing: a segment is gone, or the end of the one before it",
            base_offset - 1
        );
        check.find(Finding::new(severity, &FileKind::Log.path(dir, first), text).offset(first));
    }
    walk.next_offset = walk.next_offset.max(base_offset);
    let mut segment = Segment {
        path: FileKind::Log.path(dir, base_offset),
        base_offset,
        is_last: next_base.is_none(),
        was_damaged: false,
        had_damage: false,
        found: Vec::new(),
        left_out_count: 0,
    };
    let mut indexes = Indexes::read(dir, base_offset, &walk.expected, next_base)?;
    let mut reader = SegmentReader::open(&segment.path)?;
    let mut decompressor = Decompressor::default();
    loop {
        let passed = match reader.next().await? {
            None => break,
            Some(SegmentItem::Bad { position, size_bytes, reason }) => {
                segment.bad(walk, position, size_bytes, &reason);
                size_bytes
            }
            Some(SegmentItem::Batch { position, batch }) => {
                check.report.batch_count += 1;
                walk.batch_count += 1;
                check.report.record_count += segment.batch(walk, position, &batch, &mut decompressor);
                segment.check_epoch(walk, dir, position, &batch);
                if let Some(indexes) = &mut indexes {
                    indexes.meet(position, &batch);
                }
                batch.size_bytes() as u64
            }
        };
        check.report.size_bytes += passed;
        check.advance(passed);
    }
    if let Some(indexes) = indexes {
        indexes.end(check, !segment.had_damage);
    }
    if segment.left_out_count > 0 {
        let text = format!("and {} findings more", segment.left_out_count);
        segment.found.push(Finding::new(Severity::Damage, &segment.path, text));
    }
    check.report.findings.append(&mut segment.found);
    Ok(())
}

impl Segment {
    fn find(&mut self, finding: Finding) {
        if self.found.len() < FINDINGS_MAX {
            self.found.push(finding);
        } else {
            self.left_out_count += 1;
        }
    }

    fn finding(&self, severity: Severity, position: u64, offset: i64, text: impl Into<String>) -> Finding {
        Finding::new(severity, &self.path, text).at(position).offset(offset)
    }

    /// Bytes that are no batch.
    fn bad(&mut self, walk: &Walk, position: u64, size_bytes: u64, reason: &str) {
        let mut severity = walk.expected.severity(walk.next_offset);
        if !self.is_last && walk.expected.is_metadata {
            severity = Severity::Damage;
        }
        let end =
            if severity == Severity::Unfinished { "; the next start cuts the log off here" } else { "" };
        let text = format!("{reason}; {size_bytes} bytes are no batch{end}");
        let finding = self.finding(severity, position, walk.next_offset, text);
        self.find(finding);
        (self.was_damaged, self.had_damage) = (true, true);
    }

    /// How many records a batch has.
    fn batch(
        &mut self,
        walk: &mut Walk,
        position: u64,
        batch: &BatchView<'_>,
        decompressor: &mut Decompressor,
    ) -> u64 {
        let header = batch.header();
        let expected = walk.next_offset;
        if let Err(reason) = batch.check() {
            let finding =
                self.finding(walk.expected.severity(expected), position, expected, reason.to_string());
            self.find(finding);
            (self.was_damaged, self.had_damage) = (true, true);
            return 0;
        }
        let (first, last) = (header.base_offset(), header.last_offset());
        let severity = walk.expected.severity(first.min(expected));
        if first < expected {
            let text = format!("a batch from offset {first} on where {expected} or more is next");
            let finding = self.finding(severity, position, first, text);
            self.find(finding);
        } else if first > expected && !walk.has_gaps && !self.was_damaged {
            let text = format!("the records from {expected} to {} are missing", first - 1);
            let finding = self.finding(severity, position, expected, text);
            self.find(finding);
        }
        if last - self.base_offset > i64::from(i32::MAX) {
            let text = format!("offset {last} does not fit a segment that begins at {}", self.base_offset);
            let finding = self.finding(severity, position, first, text);
            self.find(finding);
        }
        walk.next_offset = expected.max(last + 1);
        self.was_damaged = false;
        match check_records(batch, decompressor) {
            Ok(()) => {}
            Err(text) => {
                let finding = self.finding(severity, position, first, text);
                self.find(finding);
            }
        }
        header.records_count().unsigned_abs().into()
    }

    /// Whether the leader epoch checkpoint says of a batch what the batch says.
    fn check_epoch(&mut self, walk: &mut Walk, dir: &Path, position: u64, batch: &BatchView<'_>) {
        let (epoch, offset) = (batch.header().partition_leader_epoch(), batch.header().base_offset());
        if epoch < 0 || walk.has_wrong_epoch || walk.epochs.is_empty() && !walk.expected.is_flushed(offset) {
            return;
        }
        let after = walk.epochs.partition_point(|known| known.start_offset <= offset);
        let known = walk.epochs[..after].last().map(|known| known.epoch);
        // In the epochs of a log that was not flushed up to here the newest may be missing.
        if known == Some(epoch)
            || !walk.expected.is_flushed(offset) && known.is_none_or(|known| known < epoch)
        {
            return;
        }
        walk.has_wrong_epoch = true;
        let known = known.map_or("no epoch".to_owned(), |known| format!("epoch {known}"));
        let text = format!(
            "says {known} of offset {offset}, but the batch at byte {position} of {} has epoch {epoch}: a file of \
             another partition, or an old one",
            self.path.file_name().unwrap_or_default().display()
        );
        let finding = Finding::new(Severity::Damage, &dir.join(layout::LEADER_EPOCHS), text).offset(offset);
        self.find(finding);
    }
}

/// Whether the records of a sound batch are there, in order and nothing else.
fn check_records(batch: &BatchView<'_>, decompressor: &mut Decompressor) -> Result<(), String> {
    let header = batch.header();
    let codec = header.codec().ok_or("the compression codec is not defined")?;
    let section = decompressor
        .decompress(codec, batch.body(), DECOMPRESSED_BATCH_BYTES_MAX)
        .map_err(|error| error.to_string())?;
    let mut records = Records::new(section, header.records_count());
    let mut next_delta = 0;
    for record in records.by_ref() {
        let delta = record.map_err(|error| error.to_string())?.offset_delta;
        if delta < next_delta || delta > header.last_offset_delta() {
            return Err(format!("a record with offset delta {delta} where {next_delta} or more is next"));
        }
        next_delta = delta.saturating_add(1);
    }
    match section.len() - records.position() {
        0 => Ok(()),
        rest => Err(format!("{rest} bytes follow the last record of a batch")),
    }
}
