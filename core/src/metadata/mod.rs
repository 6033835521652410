//! The metadata image: everything the cluster has agreed on, rebuilt from the metadata log record by record.

mod acls;
mod client_quotas;
mod cluster;
mod configs;
mod credentials;
mod features;
mod image;
mod loader;
mod log_batch;
mod producer_ids;
mod record_versions;
mod replay_error;
mod snapshot;
mod snapshot_file;
mod topics;

pub use acls::Acls;
pub use client_quotas::{ClientQuotas, QuotaEntity};
pub use cluster::{Broker, Cluster, Controller, Endpoint, SupportedFeatures};
pub use configs::{ConfigResource, Configs, ResourceType};
pub use credentials::{DelegationTokens, ScramCredentials};
pub use features::{
    ELIGIBLE_LEADER_REPLICAS_VERSION, Features, GROUP_VERSION, KRAFT_VERSION, METADATA_VERSION,
    SHARE_VERSION, STREAMS_VERSION, TRANSACTION_VERSION,
};
pub use image::Image;
pub use loader::Loader;
pub use log_batch::{
    LogBatchError, build_leader_change_batch, build_metadata_batch, voters_of_control_batch,
};
pub use producer_ids::ProducerIds;
pub use record_versions::{MetadataVersion, VersionedRecord};
pub use replay_error::ReplayError;
pub use snapshot_file::{Snapshot, SnapshotError, SnapshotFrame, read_snapshot, snapshot_batches};
pub use topics::{NO_LEADER, Partition, Topic, Topics};

#[cfg(test)]
mod tests;
