//! The controller: a replicated state machine that decides what the metadata log says next.
//!
//! `handle` is pure: it looks at the state and returns records, a response and soft effects. The host appends the
//! records, passes them to `replay`, and sends the response when they are committed. When leadership is lost the
//! controller is dropped; the next one begins from the committed image.

mod activation;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod broker_heartbeat;
mod broker_registration;
mod config_change;
mod controller_registration;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod elect_leaders;
mod elections;
mod features;
mod incremental_alter_configs;
mod outcome;
mod partition_change;
mod placement;
mod producer_ids;
mod random;
mod request;
mod sessions;
mod topic_configs;
mod topic_name;
mod unregister_broker;
mod update_features;

use std::sync::Arc;

use crate::{
    config::BrokerConfig,
    metadata::{Image, Loader, ReplayError},
    protocol::records::MetadataRecord,
};
pub use activation::default_bootstrap_records;
pub use features::{SUPPORTED_FEATURES, SupportedFeature};
pub use outcome::{Context, Effect, Outcome};
pub use request::{ControllerRequest, Request, Response};
use sessions::Sessions;
pub use topic_name::{InvalidTopicName, check_topic_name};

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
