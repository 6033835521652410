//! A partition's directory: its segments one after the other, and the files beside them.

use std::path::Path;

use jackdaw_core::metadata::Image;
use jackdaw_ring::file;

use super::{Check, Finding, Severity, indexes, segment};
use crate::{
    error::{During, Result},
    inspect,
    layout::{self, FileKind, FileName, FileState, PartitionDirName},
    leader_epochs::EpochStart,
    partition_metadata,
};

/// What other files say of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) is_clean: bool,
    pub(super) recovery_point: Option<i64>,
    pub(super) log_start_offset: Option<i64>,
    pub(super) high_watermark: Option<i64>,
    pub(super) first_dirty_offset: Option<i64>,
    /// Read whole at each start, and without a recovery point.
    pub(super) is_metadata: bool,
}

impl Expected {
    /// Whether all below `offset` was flushed, as far as is known.
    pub(super) fn is_flushed(&self, offset: i64) -> bool {
        self.is_clean || self.recovery_point.is_some_and(|point| offset < point)
    }

    /// How bad it is where what stands at `offset` is wrong.
    pub(super) fn severity(&self, offset: i64) -> Severity {
        if self.is_flushed(offset) { Severity::Damage } else { Severity::Unfinished }
    }
}

/// What the walk along a partition's segments knows.
pub(super) struct Walk {
    pub(super) expected: Expected,
    /// Gaps between offsets are compaction's.
    pub(super) has_gaps: bool,
    pub(super) epochs: Vec<EpochStart>,
    /// A batch whose epoch the checkpoint contradicts was reported.
    pub(super) has_wrong_epoch: bool,
    pub(super) next_offset: i64,
    pub(super) batch_count: u64,
}

pub(super) async fn check(
    check: &mut Check<'_>,
    dir: &Path,
    name: &PartitionDirName,
    expected: Expected,
) -> Result<()> {
    check.report.partition_count += 1;
    check_topic_id(check, dir, name)?;
    let files = list(check, dir)?;
    let bases = of_kind(&files, FileKind::Log);
    for file in files.iter().filter(|file| !matches!(file.kind, FileKind::Log | FileKind::ProducerSnapshot)) {
        if bases.binary_search(&file.offset).is_err() {
            let severity = if expected.is_clean { Severity::Damage } else { Severity::Unfinished };
            let text = "there is no .log to this index; the next start removes it";
            check.find(Finding::new(severity, &file.path(dir), text));
        }
    }
    let epochs_path = dir.join(layout::LEADER_EPOCHS);
    let epochs = check.read(&epochs_path, inspect::leader_epochs(&epochs_path))?.unwrap_or_default();
    check_epochs(check, &epochs_path, &epochs);
    let compacted = check.image.as_ref().is_some_and(|image| is_compacted(image, &name.topic));
    let mut walk = Walk {
        expected,
        has_gaps: compacted || expected.first_dirty_offset.is_some(),
        epochs,
        has_wrong_epoch: false,
        next_offset: bases.first().copied().unwrap_or(0),
        batch_count: 0,
    };
    for (index, base_offset) in bases.iter().enumerate() {
        let next_base = bases.get(index + 1).copied();
        segment::check(check, &mut walk, dir, *base_offset, next_base).await?;
    }
    check_bounds(check, dir, &walk, bases.first().copied());
    indexes::check_snapshots(check, dir, &of_kind(&files, FileKind::ProducerSnapshot), &walk)
}

fn check_topic_id(check: &mut Check<'_>, dir: &Path, name: &PartitionDirName) -> Result<()> {
    let path = dir.join(layout::PARTITION_METADATA);
    let Some(id) = check.read(&path, partition_metadata::read(dir))? else { return Ok(()) };
    let Some(id) = id else {
        check.damage(&path, "missing: nobody knows whose records these are; the next start makes it a stray");
        return Ok(());
    };
    let Some(image) = check.image.as_ref().filter(|_| !name.is_metadata()) else { return Ok(()) };
    let is_known = image
        .topics
        .by_id(id)
        .is_some_and(|topic| topic.name == name.topic && topic.partition(name.partition).is_some());
    if !is_known {
        check.damage(
            &path,
            format!(
                "the metadata has no partition {} of topic id {id}; the next start makes it a stray",
                name.partition
            ),
        );
    }
    Ok(())
}

/// The live files of segments and snapshots; others are findings where they should not be there.
fn list(check: &mut Check<'_>, dir: &Path) -> Result<Vec<FileName>> {
    let mut live = Vec::new();
    let (mut deleted_count, mut half_count) = (0, 0);
    for entry in file::list_directory(dir).during("list", dir)? {
        match FileName::parse(&entry.name) {
            Some(name) if name.state == FileState::Live => live.push(name),
            Some(FileName { state: FileState::Deleted, .. }) => deleted_count += 1,
            Some(FileName { state: FileState::Cleaned, .. }) => half_count += 1,
            Some(name) => {
                check.unfinished(
                    &name.path(dir),
                    "a compaction that was complete; the next start puts it in place",
                );
            }
            None if entry.name.ends_with(".tmp") || entry.name.ends_with(".part") => half_count += 1,
            None => {}
        }
    }
    if deleted_count > 0 {
        check.unfinished(
            dir,
            format!("{deleted_count} files of deleted segments; the next start removes them"),
        );
    }
    if half_count > 0 {
        check.unfinished(
            dir,
            format!("{half_count} files half written; the next start removes or replaces them"),
        );
    }
    Ok(live)
}

fn of_kind(files: &[FileName], kind: FileKind) -> Vec<i64> {
    let mut offsets: Vec<i64> =
        files.iter().filter(|name| name.kind == kind).map(|name| name.offset).collect();
    offsets.sort_unstable();
    offsets
}

fn is_compacted(image: &Image, topic: &str) -> bool {
    let configs = image.configs.of_topic(topic);
    configs.and_then(|configs| configs.get("cleanup.policy")).is_some_and(|policy| policy.contains("compact"))
}

fn check_epochs(check: &mut Check<'_>, path: &Path, epochs: &[EpochStart]) {
    for pair in epochs.windows(2) {
        let [before, after] = pair else { continue };
        if before.epoch >= after.epoch || before.start_offset > after.start_offset {
            check.damage(
                path,
                format!(
                    "epoch {} from {} on follows epoch {} from {} on",
                    after.epoch, after.start_offset, before.epoch, before.start_offset
                ),
            );
        }
    }
}

/// The checkpoints against where the log really begins and ends.
fn check_bounds(check: &mut Check<'_>, dir: &Path, walk: &Walk, first_base: Option<i64>) {
    let end = walk.next_offset;
    let expected = &walk.expected;
    if expected.is_metadata {
        return;
    }
    if let Some(point) = expected.recovery_point.filter(|point| *point > end) {
        check.damage(dir, format!("the log ends at offset {end}, but all below {point} was flushed"));
    }
    if let Some(start) = expected.log_start_offset {
        if start > end {
            check.damage(dir, format!("the log is to start at offset {start}, but ends at {end}"));
        } else if first_base.is_some_and(|base| base > start) {
            check.damage(
                dir,
                format!("the log is to start at offset {start}, but its first segment is {first_base:?}"),
            );
        }
    }
    if let Some(high_watermark) = expected.high_watermark.filter(|offset| *offset > end && expected.is_clean)
    {
        check.damage(
            dir,
            format!("the high watermark was {high_watermark}, but the log ends at offset {end}"),
        );
    }
    if let Some(last) = walk.epochs.last().filter(|last| last.start_offset > end) {
        let path = dir.join(layout::LEADER_EPOCHS);
        let finding = Finding::new(
            expected.severity(end),
            &path,
            format!("epoch {} began at {}, past the log's end at {end}", last.epoch, last.start_offset),
        );
        check.find(finding);
    }
}
