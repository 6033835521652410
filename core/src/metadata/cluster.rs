//! The nodes: brokers and controllers as they registered themselves.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use super::{ReplayError, VersionedRecord, record_versions::MetadataVersion};
use crate::{
    protocol::records::metadata::{
        BrokerEndpoint, BrokerFeature, BrokerRegistrationChangeRecord, ControllerEndpoint, ControllerFeature,
        RegisterBrokerRecord, RegisterControllerRecord, UnregisterBrokerRecord,
    },
    uuid::Uuid,
};

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
    pub security_protocol: i16,
}

/// What levels a node can run, by feature.
pub type SupportedFeatures = BTreeMap<String, RangeInclusive<i16>>;

/// A registered broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub id: i32,
    /// The offset of its registration.
    pub epoch: i64,
    /// Drawn anew by every start of the broker.
    pub incarnation_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub features: SupportedFeatures,
    pub rack: Option<String>,
    /// Takes no part: clients are not sent to it, and it leads nothing.
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub is_migrating_zk_broker: bool,
    /// Sorted.
    pub log_dirs: Vec<Uuid>,
    /// Directories that take no new partitions; `None` until the broker has said.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl Broker {
    /// May lead and be placed in an ISR.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }

    pub fn endpoint(&self, listener_name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == listener_name)
    }

    /// False only where every directory is cordoned.
    pub fn takes_new_partitions(&self) -> bool {
        let cordoned = self.cordoned_log_dirs.as_deref().unwrap_or_default();
        self.log_dirs.is_empty() || self.log_dirs.iter().any(|dir| !cordoned.contains(dir))
    }

    fn from_record(record: &RegisterBrokerRecord) -> Self {
        let endpoint = |endpoint: &BrokerEndpoint| Endpoint {
            name: endpoint.name.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            security_protocol: endpoint.security_protocol,
        };
        let range = |feature: &BrokerFeature| {
            (feature.name.clone(), feature.min_supported_version..=feature.max_supported_version)
        };
        let mut log_dirs = record.log_dirs.clone();
        log_dirs.sort_unstable();
        Self {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            endpoints: record.end_points.iter().map(endpoint).collect(),
            features: record.features.iter().map(range).collect(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            is_migrating_zk_broker: record.is_migrating_zk_broker,
            log_dirs,
            cordoned_log_dirs: record.cordoned_log_dirs.clone(),
        }
    }

    /// The record that registers this broker as it stands.
    pub(crate) fn to_record(&self, metadata_version: MetadataVersion) -> VersionedRecord {
        let endpoint = |endpoint: &Endpoint| BrokerEndpoint {
            name: endpoint.name.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            security_protocol: endpoint.security_protocol,
        };
        let feature = |(name, range): (&String, &RangeInclusive<i16>)| BrokerFeature {
            name: name.clone(),
            min_supported_version: *range.start(),
            max_supported_version: *range.end(),
        };
        let has_directories = metadata_version.has_directories();
        let cordoned = self.cordoned_log_dirs.clone();
        let record = RegisterBrokerRecord {
            broker_id: self.id,
            is_migrating_zk_broker: self.is_migrating_zk_broker,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            end_points: self.endpoints.iter().map(endpoint).collect(),
            features: self.features.iter().map(feature).collect(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: if has_directories { self.log_dirs.clone() } else { Vec::new() },
            cordoned_log_dirs: cordoned.filter(|_| metadata_version.has_cordoned_directories()),
        };
        VersionedRecord::new(record, metadata_version.register_broker_version())
    }
}

/// A registered controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    pub id: i32,
    pub incarnation_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub features: SupportedFeatures,
    pub zk_migration_ready: bool,
}

impl Controller {
    fn from_record(record: &RegisterControllerRecord) -> Self {
        let endpoint = |endpoint: &ControllerEndpoint| Endpoint {
            name: endpoint.name.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            security_protocol: endpoint.security_protocol,
        };
        let range = |feature: &ControllerFeature| {
            (feature.name.clone(), feature.min_supported_version..=feature.max_supported_version)
        };
        Self {
            id: record.controller_id,
            incarnation_id: record.incarnation_id,
            endpoints: record.end_points.iter().map(endpoint).collect(),
            features: record.features.iter().map(range).collect(),
            zk_migration_ready: record.zk_migration_ready,
        }
    }

    pub(super) fn to_record(&self) -> VersionedRecord {
        let endpoint = |endpoint: &Endpoint| ControllerEndpoint {
            name: endpoint.name.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            security_protocol: endpoint.security_protocol,
        };
        let feature = |(name, range): (&String, &RangeInclusive<i16>)| ControllerFeature {
            name: name.clone(),
            min_supported_version: *range.start(),
            max_supported_version: *range.end(),
        };
        let record = RegisterControllerRecord {
            controller_id: self.id,
            incarnation_id: self.incarnation_id,
            zk_migration_ready: self.zk_migration_ready,
            end_points: self.endpoints.iter().map(endpoint).collect(),
            features: self.features.iter().map(feature).collect(),
        };
        VersionedRecord::new(record, 0)
    }
}

/// All nodes by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    brokers: BTreeMap<i32, Arc<Broker>>,
    controllers: BTreeMap<i32, Arc<Controller>>,
}

impl Cluster {
    pub fn broker(&self, id: i32) -> Option<&Broker> {
        self.brokers.get(&id).map(Arc::as_ref)
    }

    pub fn brokers(&self) -> impl Iterator<Item = &Broker> {
        self.brokers.values().map(Arc::as_ref)
    }

    /// The brokers that clients may be sent to.
    pub fn unfenced_brokers(&self) -> impl Iterator<Item = &Broker> {
        self.brokers().filter(|broker| !broker.fenced)
    }

    pub fn controller(&self, id: i32) -> Option<&Controller> {
        self.controllers.get(&id).map(Arc::as_ref)
    }

    pub fn controllers(&self) -> impl Iterator<Item = &Controller> {
        self.controllers.values().map(Arc::as_ref)
    }

    pub(super) fn register_broker(&mut self, record: &RegisterBrokerRecord) {
        self.brokers.insert(record.broker_id, Arc::new(Broker::from_record(record)));
    }

    pub(super) fn unregister_broker(&mut self, record: &UnregisterBrokerRecord) -> Result<(), ReplayError> {
        self.registered("UnregisterBrokerRecord", record.broker_id, record.broker_epoch)?;
        self.brokers.remove(&record.broker_id);
        Ok(())
    }

    pub(super) fn change_broker(
        &mut self,
        record: &BrokerRegistrationChangeRecord,
    ) -> Result<(), ReplayError> {
        let (id, epoch) = (record.broker_id, record.broker_epoch);
        let broker = self.registered("BrokerRegistrationChangeRecord", id, epoch)?;
        match record.fenced {
            1 => broker.fenced = true,
            -1 => broker.fenced = false,
            _ => {}
        }
        if record.in_controlled_shutdown == 1 {
            broker.in_controlled_shutdown = true;
        }
        if !record.log_dirs.is_empty() {
            broker.log_dirs = record.log_dirs.clone();
            broker.log_dirs.sort_unstable();
        }
        if let Some(cordoned) = &record.cordoned_log_dirs {
            broker.cordoned_log_dirs = Some(cordoned.clone());
        }
        Ok(())
    }

    /// Fence and unfence records of logs from before the change record.
    pub(super) fn set_fenced(
        &mut self,
        record: &'static str,
        id: i32,
        epoch: i64,
        fenced: bool,
    ) -> Result<(), ReplayError> {
        self.registered(record, id, epoch)?.fenced = fenced;
        Ok(())
    }

    fn registered(&mut self, record: &'static str, id: i32, epoch: i64) -> Result<&mut Broker, ReplayError> {
        match self.brokers.get_mut(&id) {
            Some(broker) if broker.epoch == epoch => Ok(Arc::make_mut(broker)),
            _ => Err(ReplayError::UnknownBroker { record, broker_id: id, broker_epoch: epoch }),
        }
    }

    pub(super) fn register_controller(&mut self, record: &RegisterControllerRecord) {
        self.controllers.insert(record.controller_id, Arc::new(Controller::from_record(record)));
    }

    pub(super) fn unregister_controller(&mut self, id: i32) -> Result<(), ReplayError> {
        self.controllers.remove(&id).map(|_| ()).ok_or(ReplayError::UnknownController(id))
    }
}
