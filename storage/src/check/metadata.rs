//! The metadata log: its segments, its snapshots, and whether its records make an image.

use std::path::Path;

use jackdaw_core::{
    limits::METADATA_SNAPSHOT_SIZE_MAX_BYTES,
    metadata::{Loader, read_snapshot},
};
use jackdaw_ring::file;

use super::{
    Check, Finding, Severity,
    partition::{self, Expected},
};
use crate::{
    error::{During, Result},
    inspect::{SegmentItem, SegmentReader},
    layout::{self, FileKind, FileName, FileState, PartitionDirName, PartitionDirState},
    metadata_log::{MetadataDir, QUORUM_STATE},
};

/// Records of a directory's format up to Kafka 4.3.
const BOOTSTRAP_FILE: &str = "bootstrap.checkpoint";

/// Check a directory's metadata log, where it has one, and keep what it says of topics.
pub(super) async fn check(check: &mut Check<'_>, log_dir: &Path) -> Result<()> {
    let bootstrap = log_dir.join(BOOTSTRAP_FILE);
    if file::metadata(&bootstrap).during("look up", &bootstrap)?.is_some() {
        check_snapshot(check, &bootstrap)?;
    }
    let dir = MetadataDir::new(log_dir);
    if !dir.exists()? {
        return Ok(());
    }
    let marker = log_dir.join(layout::CLEAN_SHUTDOWN);
    let is_clean = file::metadata(&marker).during("look up", &marker)?.is_some();
    let name = PartitionDirName {
        topic: layout::METADATA_TOPIC.to_owned(),
        partition: 0,
        state: PartitionDirState::Current,
    };
    let expected = Expected {
        is_clean,
        recovery_point: None,
        log_start_offset: None,
        high_watermark: None,
        first_dirty_offset: None,
        is_metadata: true,
    };
    partition::check(check, dir.path(), &name, expected).await?;
    check_quorum_state(check, &dir.path().join(QUORUM_STATE))?;
    let mut loader = Loader::new();
    for id in dir.snapshots()? {
        let path = dir.snapshot_path(id);
        let Some(records) = check_snapshot(check, &path)? else { continue };
        let mut fresh = Loader::new();
        match fresh.load_snapshot(id.end_offset, id.epoch, &records) {
            // The one of offset 0 holds what the directory was formatted with; the log has it, too.
            Ok(()) if id.end_offset > 0 => loader = fresh,
            Ok(()) => {}
            Err(error) => check.damage(&path, format!("its records do not fit together: {error}")),
        }
    }
    if replay(check, dir.path(), &mut loader).await? {
        check.image = Some(loader.image().clone());
    }
    Ok(())
}

/// The records of a snapshot, if it can be used.
fn check_snapshot(
    check: &mut Check<'_>,
    path: &Path,
) -> Result<Option<Vec<jackdaw_core::protocol::records::MetadataRecord>>> {
    let bytes = file::read_all(path, METADATA_SNAPSHOT_SIZE_MAX_BYTES).during("read", path)?;
    match read_snapshot(&bytes) {
        Ok(snapshot) => Ok(Some(snapshot.records)),
        Err(error) => {
            check.damage(path, error.to_string());
            Ok(None)
        }
    }
}

fn check_quorum_state(check: &mut Check<'_>, path: &Path) -> Result<()> {
    let Some(text) = crate::inspect::text(path)? else {
        return Ok(());
    };
    let text = text.trim();
    if !(text.starts_with('{') && text.ends_with('}') && text.contains("\"leaderEpoch\"")) {
        check.damage(path, "is not the JSON of a quorum's state");
    }
    Ok(())
}

/// Apply what is in the log and in no snapshot. Whether all of it could be applied.
async fn replay(check: &mut Check<'_>, dir: &Path, loader: &mut Loader) -> Result<bool> {
    let entries = file::list_directory(dir).during("list", dir)?;
    let segments = entries.iter().filter_map(|entry| FileName::parse(&entry.name));
    for name in segments.filter(|name| name.kind == FileKind::Log && name.state == FileState::Live) {
        let path = name.path(dir);
        let mut reader = SegmentReader::open(&path)?;
        while let Some(item) = reader.next().await? {
            // What is no sound batch was found before; what follows it makes no image.
            let SegmentItem::Batch { position, batch } = item else { return Ok(false) };
            if batch.check().is_err() {
                return Ok(false);
            }
            if batch.header().last_offset() <= loader.image().offset {
                continue;
            }
            let offset = batch.header().base_offset();
            if let Err(error) = loader.replay_batch(&batch) {
                let finding = Finding::new(Severity::Damage, &path, error.to_string());
                check.find(finding.at(position).offset(offset));
                return Ok(false);
            }
        }
    }
    Ok(true)
}
