//! BrokerRegistration (62): a starting broker gets its epoch; what its last life left behind is put right.

use std::collections::BTreeSet;

use super::{Context, Controller, Effect, Outcome, features};
use crate::{
    error_code::ErrorCode,
    metadata::{Broker, VersionedRecord},
    protocol::{
        messages::broker_registration::{
            BrokerRegistrationRequest, BrokerRegistrationResponse, Feature, Listener,
        },
        records::metadata::{BrokerEndpoint, BrokerFeature, RegisterBrokerRecord},
    },
    uuid::Uuid,
};

/// Directory ids below this are reserved.
const RESERVED_DIRECTORY_IDS: u128 = 100;

impl Controller {
    pub(super) fn register_broker(
        &self,
        context: &Context,
        request: &BrokerRegistrationRequest,
    ) -> Outcome<BrokerRegistrationResponse> {
        let refuse = |error: ErrorCode| {
            let error_code = error.code();
            Outcome::only(BrokerRegistrationResponse { error_code, broker_epoch: -1, ..Default::default() })
        };
        if let Some(error) = self.registration_error(context.now_ms, request) {
            return refuse(error);
        }
        let earlier = self.image().cluster.broker(request.broker_id);
        let same = earlier.filter(|broker| broker.incarnation_id == request.incarnation_id);
        let broker_epoch = same.map_or(context.next_offset, |broker| broker.epoch);
        let mut records = match earlier {
            Some(earlier) if same.is_none() => self.end_last_life(earlier, request),
            _ => Vec::new(),
        };
        records.push(self.registration_record(request, broker_epoch, same));
        let seen = Effect::BrokerSeen { broker_id: request.broker_id, broker_epoch, metadata_offset: -1 };
        let response = BrokerRegistrationResponse { broker_epoch, ..Default::default() };
        Outcome::with(records, response).effect(seen)
    }

    fn registration_error(&self, now_ms: u64, request: &BrokerRegistrationRequest) -> Option<ErrorCode> {
        if request.cluster_id != self.settings.cluster_id {
            return Some(ErrorCode::InconsistentClusterId);
        }
        if self
            .image()
            .cluster
            .broker(request.broker_id)
            .is_some_and(|earlier| self.is_alive(now_ms, earlier, request))
        {
            return Some(ErrorCode::DuplicateBrokerRegistration);
        }
        if self.directories_clash(request) {
            return Some(ErrorCode::InvalidRegistration);
        }
        if request.listeners.is_empty() {
            return Some(ErrorCode::InvalidRegistration);
        }
        let range_of = |name: &str| {
            let feature = request.features.iter().find(|feature| feature.name == name)?;
            Some(feature.min_supported_version..=feature.max_supported_version)
        };
        features::unsupported(&self.image().features, range_of).map(|_| ErrorCode::UnsupportedVersion)
    }

    /// Another incarnation of this broker may still be running.
    fn is_alive(&self, now_ms: u64, earlier: &Broker, request: &BrokerRegistrationRequest) -> bool {
        let same_process = self.settings.local_broker_id == Some(earlier.id);
        let session_ends_ms = self.session_ends_ms(earlier);
        earlier.incarnation_id != request.incarnation_id
            && !same_process
            && earlier.is_active()
            && now_ms < session_ends_ms
    }

    fn directories_clash(&self, request: &BrokerRegistrationRequest) -> bool {
        let is_reserved = |dir: &Uuid| u128::from_be_bytes(dir.0) < RESERVED_DIRECTORY_IDS;
        let distinct: BTreeSet<&Uuid> = request.log_dirs.iter().collect();
        let needed = self.image().features.metadata_version().has_directories();
        let others = || self.image().cluster.brokers().filter(|broker| broker.id != request.broker_id);
        (needed && request.log_dirs.is_empty())
            || distinct.len() < request.log_dirs.len()
            || request.log_dirs.iter().any(is_reserved)
            || others().any(|other| other.log_dirs.iter().any(|dir| distinct.contains(dir)))
    }

    /// A clean stop (the broker remembers its epoch) leaves it in the sets that say it holds everything; after any
    /// other stop it may have lost what it had not flushed.
    fn end_last_life(&self, earlier: &Broker, request: &BrokerRegistrationRequest) -> Vec<VersionedRecord> {
        let has_elr = self.image().features.has_eligible_leader_replicas();
        let was_clean = !has_elr || request.previous_broker_epoch == earlier.epoch;
        if was_clean { self.remove_from_isrs(earlier.id) } else { self.remove_after_unclean_stop(earlier.id) }
    }

    fn registration_record(
        &self,
        request: &BrokerRegistrationRequest,
        broker_epoch: i64,
        same: Option<&Broker>,
    ) -> VersionedRecord {
        let metadata_version = self.image().features.metadata_version();
        let endpoint = |listener: &Listener| BrokerEndpoint {
            name: listener.name.clone(),
            host: listener.host.clone(),
            port: listener.port,
            security_protocol: listener.security_protocol,
        };
        let feature = |feature: &Feature| BrokerFeature {
            name: feature.name.clone(),
            min_supported_version: feature.min_supported_version,
            max_supported_version: feature.max_supported_version,
        };
        let log_dirs = if metadata_version.has_directories() { request.log_dirs.clone() } else { Vec::new() };
        let record = RegisterBrokerRecord {
            broker_id: request.broker_id,
            is_migrating_zk_broker: false,
            incarnation_id: request.incarnation_id,
            broker_epoch,
            end_points: request.listeners.iter().map(endpoint).collect(),
            features: request.features.iter().map(feature).collect(),
            rack: request.rack.clone(),
            fenced: same.is_none_or(|broker| broker.fenced),
            in_controlled_shutdown: same.is_some_and(|broker| broker.in_controlled_shutdown),
            log_dirs,
            cordoned_log_dirs: None,
        };
        VersionedRecord::new(record, metadata_version.register_broker_version())
    }
}
