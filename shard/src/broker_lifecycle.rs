//! This broker in the controller's eyes: registration, heartbeats, controlled shutdown.

use std::{cell::Cell, collections::BTreeMap, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use jackdaw_core::{
    config::BrokerConfig,
    controller::{Request, Response, SUPPORTED_FEATURES},
    error_code::ErrorCode,
    protocol::messages::{
        broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse},
        broker_registration::{BrokerRegistrationRequest, Feature, Listener},
    },
    uuid::Uuid,
};
use jackdaw_ring::{sleep, spawn, timeout};

use crate::{
    controller_host::ControllerHost, limits::CONTROLLED_SHUTDOWN_MAX, log_dirs::LogDirs, node::NodeError,
};

/// Between heartbeats of a broker that waits to be told to stop.
const SHUTDOWN_PAUSE: Duration = Duration::from_millis(20);

/// A registered broker.
pub(crate) struct BrokerLifecycle {
    config: Arc<BrokerConfig>,
    host: Rc<ControllerHost>,
    is_stopping: Cell<bool>,
}

impl BrokerLifecycle {
    /// Make this broker known and let it lead; from then on tell the controller that it lives. `bound` are the
    /// listeners' names and real addresses.
    pub(crate) async fn register(
        config: &Arc<BrokerConfig>,
        incarnation_id: Uuid,
        host: &Rc<ControllerHost>,
        dirs: &LogDirs,
        bound: &BTreeMap<&str, SocketAddr>,
    ) -> Result<Rc<Self>, NodeError> {
        let request = registration(config, incarnation_id, dirs, bound);
        let epoch = match host.handle(Request::BrokerRegistration(request)).await {
            Some(Response::BrokerRegistration(response)) if response.error_code == 0 => response.broker_epoch,
            Some(Response::BrokerRegistration(response)) => {
                let error = ErrorCode::from_i16(response.error_code);
                return Err(NodeError::Metadata(format!("the controller refuses this broker: {error}")));
            }
            _ => return Err(NodeError::Metadata("the controller is not available".to_owned())),
        };
        host.set_broker_epoch(epoch);
        let lifecycle = Rc::new(Self {
            config: Arc::clone(config),
            host: Rc::clone(host),
            is_stopping: Cell::new(false),
        });
        lifecycle.heartbeat(false).await;
        spawn(Rc::clone(&lifecycle).keep_alive());
        Ok(lifecycle)
    }

    async fn keep_alive(self: Rc<Self>) {
        let interval = u64::try_from(self.config.node.heartbeat_interval_ms).unwrap_or(2000);
        loop {
            sleep(Duration::from_millis(interval)).await;
            if self.is_stopping.get() {
                return;
            }
            self.heartbeat(false).await;
        }
    }

    async fn heartbeat(&self, want_shut_down: bool) -> Option<BrokerHeartbeatResponse> {
        let request = BrokerHeartbeatRequest {
            broker_id: self.config.node.id,
            broker_epoch: self.host.broker_epoch(),
            current_metadata_offset: self.host.published_offset() - 1,
            want_shut_down,
            ..BrokerHeartbeatRequest::default()
        };
        let response = self.host.handle(Request::BrokerHeartbeat(request)).await;
        let Some(Response::BrokerHeartbeat(response)) = response else { return None };
        if response.error_code != 0 {
            let error = ErrorCode::from_i16(response.error_code);
            tracing::warn!(%error, "the controller refused a heartbeat");
        }
        Some(response)
    }

    /// Ask the controller to move leadership away, and wait until it says that this broker may stop.
    pub(crate) async fn controlled_shutdown(&self) {
        self.is_stopping.set(true);
        if !self.config.node.controlled_shutdown {
            return;
        }
        if timeout(CONTROLLED_SHUTDOWN_MAX, self.await_shutdown()).await.is_err() {
            let waited_s = CONTROLLED_SHUTDOWN_MAX.as_secs();
            tracing::warn!(waited_s, "the controller has not moved all leadership away; stopping anyway");
        }
    }

    async fn await_shutdown(&self) {
        loop {
            match self.heartbeat(true).await {
                Some(response) if response.error_code == 0 && !response.should_shut_down => {}
                // Told to stop, refused, or no controller to ask.
                _ => return,
            }
            sleep(SHUTDOWN_PAUSE).await;
        }
    }
}

fn registration(
    config: &BrokerConfig,
    incarnation_id: Uuid,
    dirs: &LogDirs,
    bound: &BTreeMap<&str, SocketAddr>,
) -> BrokerRegistrationRequest {
    let features = SUPPORTED_FEATURES.iter().map(|feature| Feature {
        name: feature.name.to_owned(),
        min_supported_version: feature.min_level,
        max_supported_version: feature.max_level,
    });
    BrokerRegistrationRequest {
        broker_id: config.node.id,
        cluster_id: dirs.cluster_id().to_owned(),
        incarnation_id,
        listeners: registered_listeners(config, bound),
        features: features.collect(),
        rack: config.node.rack.clone(),
        log_dirs: dirs.directory_ids(),
        previous_broker_epoch: dirs.previous_broker_epoch(),
        ..BrokerRegistrationRequest::default()
    }
}

/// What clients are told: the advertised listeners, with the ports that were really bound where 0 was asked for.
fn registered_listeners(config: &BrokerConfig, bound: &BTreeMap<&str, SocketAddr>) -> Vec<Listener> {
    let advertised = config.network.advertised_listeners.iter();
    advertised
        .filter_map(|listener| {
            let address = bound.get(listener.name.as_str())?;
            let host = listener.host.clone().unwrap_or_else(jackdaw_ring::placement::host_name);
            let port = if listener.port == 0 { address.port() } else { listener.port };
            let security_protocol = listener.protocol as i16;
            Some(Listener { name: listener.name.clone(), host, port, security_protocol })
        })
        .collect()
}
