//! The controller: a replicated state machine that decides what the metadata log says next.
//!
//! `handle` is pure: it looks at the state and returns records, a response and soft effects. The host appends the
//! records, passes them to `replay`, and sends the response when they are committed. When leadership is lost the
//! controller is dropped; the next one begins from the committed image.

mod activation;
mod broker_heartbeat;
mod broker_registration;
mod controller_registration;
mod create_topics;
mod delete_topics;
mod elections;
mod features;
mod outcome;
mod partition_change;
mod placement;
mod producer_ids;
mod random;
mod sessions;
mod topic_configs;
mod topic_name;

use std::sync::Arc;

use crate::{
    config::BrokerConfig,
    metadata::{Image, Loader, ReplayError},
    protocol::{
        messages::{
            allocate_producer_ids::{AllocateProducerIdsRequest, AllocateProducerIdsResponse},
            broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse},
            broker_registration::{BrokerRegistrationRequest, BrokerRegistrationResponse},
            controller_registration::{ControllerRegistrationRequest, ControllerRegistrationResponse},
            create_topics::{CreateTopicsRequest, CreateTopicsResponse},
            delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse},
        },
        records::MetadataRecord,
    },
};
pub use activation::default_bootstrap_records;
pub use features::{SUPPORTED_FEATURES, SupportedFeature};
pub use outcome::{Context, Effect, Outcome};
use sessions::Sessions;
pub use topic_name::{InvalidTopicName, check_topic_name};

/// A request that the active controller answers.
#[derive(Clone, Debug)]
pub enum Request {
    CreateTopics(CreateTopicsRequest),
    DeleteTopics(DeleteTopicsRequest),
    BrokerRegistration(BrokerRegistrationRequest),
    BrokerHeartbeat(BrokerHeartbeatRequest),
    AllocateProducerIds(AllocateProducerIdsRequest),
    ControllerRegistration(ControllerRegistrationRequest),
}

/// The answer, of the same kind as the request. Fields that the request's version lacks are left out by the codec.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    CreateTopics(CreateTopicsResponse),
    DeleteTopics(DeleteTopicsResponse),
    BrokerRegistration(BrokerRegistrationResponse),
    BrokerHeartbeat(BrokerHeartbeatResponse),
    AllocateProducerIds(AllocateProducerIdsResponse),
    ControllerRegistration(ControllerRegistrationResponse),
}

/// What the controller is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    pub cluster_id: String,
    /// The broker that shares this process, if one does: an earlier incarnation of it cannot be alive.
    pub local_broker_id: Option<i32>,
    pub broker: Arc<BrokerConfig>,
}

/// The active controller.
#[derive(Clone, Debug)]
pub struct Controller {
    settings: Settings,
    loader: Loader,
    sessions: Sessions,
}

impl Controller {
    /// A controller that begins where `loader` is: everything committed, up to and including the first record of
    /// our own epoch.
    pub fn new(settings: Settings, loader: Loader, now_ms: u64) -> Self {
        Self { settings, loader, sessions: Sessions::new(now_ms) }
    }

    /// The state that decisions are based on: with records that are not yet committed.
    pub fn image(&self) -> &Image {
        self.loader.newest()
    }

    /// Decides about one request.
    pub fn handle(&self, context: &Context, request: &Request) -> Outcome<Response> {
        match request {
            Request::CreateTopics(r) => self.create_topics(context, r).map(Response::CreateTopics),
            Request::DeleteTopics(r) => self.delete_topics(r).map(Response::DeleteTopics),
            Request::BrokerRegistration(r) => {
                self.register_broker(context, r).map(Response::BrokerRegistration)
            }
            Request::BrokerHeartbeat(r) => self.heartbeat(context, r).map(Response::BrokerHeartbeat),
            Request::AllocateProducerIds(r) => {
                self.allocate_producer_ids(r).map(Response::AllocateProducerIds)
            }
            Request::ControllerRegistration(r) => {
                self.register_controller(r).map(Response::ControllerRegistration)
            }
        }
    }

    /// Takes over what an outcome says about soft state. Called for every outcome, before its records are replayed.
    pub fn accept(&mut self, context: &Context, effects: &[Effect]) {
        for effect in effects {
            self.sessions.accept(context.now_ms, effect);
        }
    }

    /// Applies a record that was appended at `offset` in raft epoch `epoch`.
    pub fn replay(&mut self, offset: i64, epoch: i32, record: &MetadataRecord) -> Result<(), ReplayError> {
        self.loader.replay(offset, epoch, record)
    }

    fn broker_epoch_is(&self, broker_id: i32, broker_epoch: i64) -> bool {
        self.image().cluster.broker(broker_id).is_some_and(|broker| broker.epoch == broker_epoch)
    }
}

#[cfg(test)]
mod tests;
