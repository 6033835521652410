//! Finalized feature levels.

use std::collections::BTreeMap;

use super::{ReplayError, record_versions::MetadataVersion};
use crate::protocol::records::metadata::FeatureLevelRecord;

pub const METADATA_VERSION: &str = "metadata.version";
pub const KRAFT_VERSION: &str = "kraft.version";
pub const ELIGIBLE_LEADER_REPLICAS_VERSION: &str = "eligible.leader.replicas.version";
pub const GROUP_VERSION: &str = "group.version";
pub const SHARE_VERSION: &str = "share.version";
pub const STREAMS_VERSION: &str = "streams.version";
pub const TRANSACTION_VERSION: &str = "transaction.version";

/// The levels that are in force. `kraft.version` is not among them: it is a control record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    metadata_version: MetadataVersion,
    levels: BTreeMap<String, i16>,
    /// The offset of the newest FeatureLevelRecord; ApiVersions shows it as the features' epoch. -1: none.
    pub epoch: i64,
}

impl Default for Features {
    fn default() -> Self {
        Self { metadata_version: MetadataVersion::default(), levels: BTreeMap::new(), epoch: -1 }
    }
}

impl Features {
    pub fn metadata_version(&self) -> MetadataVersion {
        self.metadata_version
    }

    /// The level of a feature; 0 where it is off.
    pub fn level(&self, name: &str) -> i16 {
        if name == METADATA_VERSION {
            return self.metadata_version.level();
        }
        self.levels.get(name).copied().unwrap_or(0)
    }

    /// Every feature with its level, `metadata.version` first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i16)> {
        let metadata_version = (METADATA_VERSION, self.metadata_version.level());
        std::iter::once(metadata_version)
            .chain(self.levels.iter().map(|(name, level)| (name.as_str(), *level)))
    }

    /// KIP-966: replicas that left the ISR below its minimum may still be elected.
    pub fn has_eligible_leader_replicas(&self) -> bool {
        self.level(ELIGIBLE_LEADER_REPLICAS_VERSION) > 0
    }

    pub(super) fn replay(&mut self, offset: i64, record: &FeatureLevelRecord) -> Result<(), ReplayError> {
        self.epoch = offset;
        if record.name == METADATA_VERSION {
            self.metadata_version = MetadataVersion::new(record.feature_level)?;
        } else if record.feature_level == 0 {
            self.levels.remove(&record.name);
        } else {
            self.levels.insert(record.name.clone(), record.feature_level);
        }
        Ok(())
    }
}
