//! The image as a whole, and which part of it a record changes.

use std::sync::Arc;

use super::{
    Acls, ClientQuotas, Cluster, Configs, DelegationTokens, Features, ProducerIds, ReplayError,
    ScramCredentials, Topics,
};
use crate::protocol::records::MetadataRecord;

/// The state of the cluster after a record of the metadata log. A clone is a dozen reference counts; a change copies
/// only the part it touches, and there only pointers to what it does not touch.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// The last record that is in here; -1 where there is none.
    pub offset: i64,
    /// The raft epoch of that record.
    pub epoch: i32,
    pub features: Arc<Features>,
    pub cluster: Arc<Cluster>,
    pub topics: Arc<Topics>,
    pub configs: Arc<Configs>,
    pub client_quotas: Arc<ClientQuotas>,
    pub producer_ids: Arc<ProducerIds>,
    pub acls: Arc<Acls>,
    pub scram_credentials: Arc<ScramCredentials>,
    pub delegation_tokens: Arc<DelegationTokens>,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            offset: -1,
            epoch: 0,
            features: Arc::default(),
            cluster: Arc::default(),
            topics: Arc::default(),
            configs: Arc::default(),
            client_quotas: Arc::default(),
            producer_ids: Arc::default(),
            acls: Arc::default(),
            scram_credentials: Arc::default(),
            delegation_tokens: Arc::default(),
        }
    }
}

impl Image {
    /// No record was ever applied that says anything.
    pub fn is_empty(&self) -> bool {
        let nothing = Self::default();
        Self { offset: nothing.offset, epoch: nothing.epoch, ..self.clone() } == nothing
    }

    /// Applies one record. Records of metadata transactions are held back by [`super::Loader`], not here.
    pub(super) fn apply(&mut self, offset: i64, record: &MetadataRecord) -> Result<(), ReplayError> {
        use MetadataRecord as R;
        match record {
            R::RegisterBroker(r) => Arc::make_mut(&mut self.cluster).register_broker(r),
            R::UnregisterBroker(r) => Arc::make_mut(&mut self.cluster).unregister_broker(r)?,
            R::BrokerRegistrationChange(r) => Arc::make_mut(&mut self.cluster).change_broker(r)?,
            R::FenceBroker(r) => {
                Arc::make_mut(&mut self.cluster).set_fenced("FenceBrokerRecord", r.id, r.epoch, true)?;
            }
            R::UnfenceBroker(r) => {
                Arc::make_mut(&mut self.cluster).set_fenced("UnfenceBrokerRecord", r.id, r.epoch, false)?;
            }
            R::RegisterController(r) => Arc::make_mut(&mut self.cluster).register_controller(r),
            R::UnregisterController(r) => {
                Arc::make_mut(&mut self.cluster).unregister_controller(r.controller_id)?;
            }
            R::Topic(r) => Arc::make_mut(&mut self.topics).create(r)?,
            R::RemoveTopic(r) => {
                let name = Arc::make_mut(&mut self.topics).remove(r.topic_id)?;
                Arc::make_mut(&mut self.configs).remove_topic(name);
            }
            R::Partition(r) => Arc::make_mut(&mut self.topics).create_partition(r)?,
            R::PartitionChange(r) => Arc::make_mut(&mut self.topics).change_partition(r)?,
            R::ClearElr(r) => Arc::make_mut(&mut self.topics).clear_elr(&r.topic_name)?,
            R::Config(r) => Arc::make_mut(&mut self.configs).replay(r)?,
            R::FeatureLevel(r) => Arc::make_mut(&mut self.features).replay(offset, r)?,
            R::ClientQuota(r) => Arc::make_mut(&mut self.client_quotas).replay(r),
            R::ProducerIds(r) => Arc::make_mut(&mut self.producer_ids).replay(r),
            R::AccessControlEntry(r) => Arc::make_mut(&mut self.acls).add(r),
            R::RemoveAccessControlEntry(r) => Arc::make_mut(&mut self.acls).remove(r.id)?,
            R::UserScramCredential(r) => Arc::make_mut(&mut self.scram_credentials).set(r),
            R::RemoveUserScramCredential(r) => {
                Arc::make_mut(&mut self.scram_credentials).remove(r.mechanism, &r.name)?;
            }
            R::DelegationToken(r) => Arc::make_mut(&mut self.delegation_tokens).set(r),
            R::RemoveDelegationToken(r) => Arc::make_mut(&mut self.delegation_tokens).remove(&r.token_id)?,
            // The migration from ZooKeeper ended with Kafka 4.0; its state means nothing any more.
            R::ZkMigrationState(_) | R::NoOp(_) => {}
            R::BeginTransaction(_) | R::EndTransaction(_) | R::AbortTransaction(_) => {}
        }
        Ok(())
    }
}
