//! A log directory: whose it is, its checkpoint files, and what stands in it.

use std::{collections::BTreeSet, path::Path};

use jackdaw_ring::file;

use super::{
    Check,
    partition::{self, Expected},
};
use crate::{
    checkpoint::{PartitionOffsets, read_offsets},
    error::{During, Result, StorageError},
    layout::{self, PartitionDirName, PartitionDirState},
    meta_properties::MetaProperties,
};

/// What the checkpoint files of a directory say.
struct Checkpoints {
    recovery_points: PartitionOffsets,
    log_start_offsets: PartitionOffsets,
    high_watermarks: PartitionOffsets,
    first_dirty_offsets: PartitionOffsets,
}

pub(super) async fn check(check: &mut Check<'_>, dir: &Path) -> Result<()> {
    let marker = dir.join(layout::CLEAN_SHUTDOWN);
    let is_clean = file::metadata(&marker).during("look up", &marker)?.is_some();
    check.report.clean_dir_count += usize::from(is_clean);
    check_properties(check, dir)?;
    let checkpoints = read_checkpoints(check, dir)?;
    let mut present = BTreeSet::new();
    for entry in file::list_directory(dir).during("list", dir)? {
        let path = dir.join(&entry.name);
        if !entry.is_dir {
            if entry.name.starts_with(layout::JOURNAL_PREFIX) {
                let text = "a commit journal: after a power cut it has records that segments lack; the next start of \
                     Jackdaw merges them, other programs do not";
                check.unfinished(&path, text);
            }
            if entry.name.ends_with(".tmp") {
                check.unfinished(&path, "half of a file that was being replaced; the next write replaces it");
            }
            continue;
        }
        let name = match PartitionDirName::parse(&entry.name) {
            Ok(Some(name)) => name,
            Ok(None) => continue,
            Err(unknown) => {
                check.damage(&path, unknown.to_string());
                continue;
            }
        };
        if name.is_metadata() {
            continue;
        }
        match name.state {
            PartitionDirState::Current => {}
            PartitionDirState::Deleted => {
                check.unfinished(&path, "a deleted partition; the next start removes it");
                continue;
            }
            PartitionDirState::Stray => {
                check.unfinished(
                    &path,
                    "a stray: the metadata did not give it to this node when it started last",
                );
                continue;
            }
            PartitionDirState::Future => {
                check
                    .unfinished(&path, "a replica that was moved here from another log directory, half done");
                continue;
            }
        }
        let key = (name.topic.clone(), name.partition);
        if let Some(other) = check.seen.insert(key.clone(), path.clone()) {
            check.damage(&path, format!("the same partition stands in {}, too; keep one", other.display()));
        }
        let expected = Expected {
            is_clean,
            recovery_point: checkpoints.recovery_points.get(&key).copied(),
            log_start_offset: checkpoints.log_start_offsets.get(&key).copied(),
            high_watermark: checkpoints.high_watermarks.get(&key).copied(),
            first_dirty_offset: checkpoints.first_dirty_offsets.get(&key).copied(),
            is_metadata: false,
        };
        partition::check(check, &path, &name, expected).await?;
        present.insert(key);
    }
    check_lines(check, dir, &checkpoints, &present, is_clean);
    Ok(())
}

fn check_properties(check: &mut Check<'_>, dir: &Path) -> Result<()> {
    let path = dir.join(layout::META_PROPERTIES);
    let properties = match MetaProperties::read(dir) {
        Ok(Some(properties)) => properties,
        Ok(None) => {
            return Err(StorageError::layout(
                dir,
                "meta.properties is missing: this is no log directory of Kafka or Jackdaw",
            ));
        }
        Err(StorageError::Layout { reason, .. }) => {
            check.damage(&path, reason);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if let Some(id) = properties.directory_id
        && let Some(other) = check.directory_ids.insert(id, dir.to_path_buf())
    {
        check.damage(&path, format!("directory.id {id} is that of {}, too: one is a copy", other.display()));
    }
    let (cluster_id, node_id) = (properties.cluster_id, properties.node_id);
    match &check.cluster {
        Some((cluster, node, other)) if *cluster != cluster_id || *node != node_id => {
            let text = format!(
                "node {node_id} of cluster {cluster_id}, but {} is node {node}'s of cluster {cluster}",
                other.display()
            );
            check.damage(&path, text);
        }
        Some(_) => {}
        None => check.cluster = Some((cluster_id, node_id, dir.to_path_buf())),
    }
    Ok(())
}

fn read_checkpoints(check: &mut Check<'_>, dir: &Path) -> Result<Checkpoints> {
    let mut read = |name: &str| {
        let path = dir.join(name);
        let offsets = read_offsets(&path);
        check.read(&path, offsets).map(Option::unwrap_or_default)
    };
    Ok(Checkpoints {
        recovery_points: read(layout::RECOVERY_POINTS)?,
        log_start_offsets: read(layout::LOG_START_OFFSETS)?,
        high_watermarks: read(layout::HIGH_WATERMARKS)?,
        first_dirty_offsets: read(layout::CLEANER_OFFSETS)?,
    })
}

/// Lines of partitions that have no directory. A recovery point above 0 promises records.
fn check_lines(
    check: &mut Check<'_>,
    dir: &Path,
    checkpoints: &Checkpoints,
    present: &BTreeSet<(String, i32)>,
    is_clean: bool,
) {
    for ((topic, partition), offset) in &checkpoints.recovery_points {
        let is_here = present.contains(&(topic.clone(), *partition));
        if is_here || *offset == 0 || topic == layout::METADATA_TOPIC {
            continue;
        }
        let text =
            format!("{topic}-{partition} was flushed up to offset {offset}, but has no directory here");
        let is_known = check.image.as_ref().is_some_and(|image| image.topics.by_name(topic).is_some());
        if is_clean && is_known {
            check.damage(&dir.join(layout::RECOVERY_POINTS), text);
        } else {
            check.unfinished(&dir.join(layout::RECOVERY_POINTS), text);
        }
    }
}
