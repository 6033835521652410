//! Formatting log directories: `meta.properties`, and what the cluster's metadata begins with.

use std::path::{Path, PathBuf};

use jackdaw_core::{
    config::BrokerConfig,
    controller::default_bootstrap_records,
    metadata::{SnapshotFrame, VersionedRecord, snapshot_batches},
    records::ValidatedBatch,
};
use jackdaw_ring::{file, unix_ms};
use jackdaw_storage::{LogDir, MetaProperties, MetadataDir, SnapshotId};

use crate::{
    log_dirs::{is_metadata_dir, known_cluster_id, open_when_free, paths, random_uuid, read_properties},
    node::NodeError,
};

/// The snapshot that stands before the log's first record: what the directory was formatted with.
pub(crate) const BOOTSTRAP: SnapshotId = SnapshotId { end_offset: 0, epoch: 0 };

/// What a format by hand did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Formatted {
    pub cluster_id: String,
    /// Formatted just now.
    pub formatted: Vec<PathBuf>,
    /// Formatted before, and left alone.
    pub skipped: Vec<PathBuf>,
}

/// Format the directories that the configuration names, for this cluster or for a new one. On a ring's executor.
///
/// # Errors
/// A directory is formatted already (unless these are to be skipped), or belongs to another node or cluster, or is
/// in use.
pub async fn format(
    config: &BrokerConfig,
    cluster_id: Option<String>,
    skip_formatted: bool,
) -> Result<Formatted, NodeError> {
    let known = read_properties(&paths(config))?;
    if let Some((path, _)) = known.iter().find(|(_, properties)| properties.is_some())
        && !skip_formatted
    {
        return Err(NodeError::Configuration(format!(
            "{} is formatted already; pass --ignore-formatted to format only the others",
            path.display()
        )));
    }
    let cluster_id = match (known_cluster_id(config.node.id, &known)?, cluster_id) {
        (Some(known), Some(asked)) if known != asked => {
            return Err(NodeError::Configuration(format!(
                "the directories belong to cluster {known}, not {asked}; pass --cluster-id {known}, or choose \
                 another log.dirs"
            )));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => random_uuid().to_string(),
    };
    let mut result = Formatted { cluster_id, formatted: Vec::new(), skipped: Vec::new() };
    for (path, properties) in known {
        if properties.is_some() {
            result.skipped.push(path);
            continue;
        }
        let mut dir = open_when_free(&path).await?;
        format_dir(&mut dir, config, &result.cluster_id, is_metadata_dir(config, &path)).await?;
        result.formatted.push(path);
    }
    Ok(result)
}

/// Format a locked directory. `meta.properties` comes last: before it the directory counts as unformatted.
pub(crate) async fn format_dir(
    dir: &mut LogDir,
    config: &BrokerConfig,
    cluster_id: &str,
    is_metadata_dir: bool,
) -> Result<(), NodeError> {
    if is_metadata_dir && dir.meta_properties().is_none() {
        write_bootstrap(dir.path()).await?;
    }
    let directory_id = Some(random_uuid());
    let properties =
        MetaProperties { cluster_id: cluster_id.to_owned(), node_id: config.node.id, directory_id };
    dir.set_meta_properties(properties).await?;
    Ok(())
}

/// What the first active controller writes to the log, as Kafka 4.4 leaves it: a snapshot of nothing.
async fn write_bootstrap(log_dir: &Path) -> Result<(), NodeError> {
    let metadata = MetadataDir::new(log_dir);
    if metadata.exists()? {
        return Ok(());
    }
    let now_ms = unix_ms();
    let frame = SnapshotFrame {
        epoch: BOOTSTRAP.epoch,
        last_contained_log_timestamp_ms: now_ms,
        voters: None,
        now_ms,
    };
    let records: Vec<VersionedRecord> = default_bootstrap_records()
        .into_iter()
        .map(|record| VersionedRecord { record, version: 0 })
        .collect();
    let batches = snapshot_batches(&records, &frame)
        .map_err(|error| NodeError::Metadata(format!("cannot encode the bootstrap records: {error}")))?;
    let content: Vec<u8> = batches.iter().flat_map(ValidatedBatch::to_vec).collect();
    file::create_directory_all(metadata.path()).map_err(|error| NodeError::Io {
        what: format!("cannot create {}", metadata.path().display()),
        error,
    })?;
    metadata.write_snapshot(BOOTSTRAP, &content).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
