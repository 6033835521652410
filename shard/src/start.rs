//! The life of one shard: start, serve, stop. Shard 0 also starts the controller, registers the broker, opens the
//! listeners and writes what the node's stop leaves behind.

use std::{
    collections::BTreeMap, future::Future, net::SocketAddr, path::PathBuf, rc::Rc, sync::Arc, task::Poll,
    time::Duration,
};

use jackdaw_core::{
    config::{BrokerConfig, Listener as ListenerConfig, Quorum},
    controller::{Request, Response, SUPPORTED_FEATURES, Settings},
    error_code::ErrorCode,
    protocol::messages::{
        broker_heartbeat::BrokerHeartbeatRequest,
        broker_registration::{BrokerRegistrationRequest, Feature, Listener as RegisteredListener},
    },
};
use jackdaw_raft::{Voter, VoterSet};
use jackdaw_ring::{Listener, random_u64, sleep, spawn};
use jackdaw_storage::LogConfig;

use crate::{
    controller_host::{ControllerHost, HostParts, replica_of_node},
    limits::CONTROLLER_SHARD,
    log_dirs::{LogDirs, random_uuid},
    message::{Call, Message, PartitionCheckpoint, Reply},
    metadata_log::MetadataLog,
    node::{
        Control, Fatal, LogDirIdentity, Node, NodeError, NodeIdentity, NodeLimits, ShardSeat, StopReason,
    },
    rpc::Rpc,
    serve::Front,
    shard::Shard,
    view_build::ViewBuilder,
};

const BIND_ATTEMPTS: u32 = 30;
const BIND_PAUSE: Duration = Duration::from_millis(100);

/// Run one shard until the node stops. On the shard's own thread, inside its executor.
///
/// # Errors
/// Why the node cannot start; the others are told to stop.
pub async fn run_shard(seat: ShardSeat) -> Result<StopReason, NodeError> {
    let ShardSeat { node, seat } = seat;
    let rpc = Rc::new(Rpc::new(seat.join()));
    if rpc.own() == CONTROLLER_SHARD {
        let result = run_first(&node, rpc).await;
        if let Err(error) = &result {
            node.control
                .stop(StopReason::Fatal { kind: crate::node::FatalKind::Start, text: error.to_string() });
        }
        return result;
    }
    Ok(run_other(&node, rpc).await)
}

/// A shard other than the first learns from the first who it is.
async fn run_other(node: &Arc<Node>, rpc: Rc<Rpc>) -> StopReason {
    let control = &node.control;
    let Some((_, Message::Identity(identity))) = unless_failed(control, rpc.receive()).await else {
        return control.stopped().await;
    };
    let limits = NodeLimits::new(&node.config);
    let shard = Rc::new(Shard::new(identity, limits, rpc, Fatal::new(control.clone())));
    let front = Front::new(Rc::clone(&shard), node.loads.clone());
    spawn(Rc::clone(&front).take_messages());
    // The first shard sends Stop when it is time; this one may end when it has answered.
    unless_failed(control, front.stopped()).await;
    control.stopped().await
}

/// Wait for `future`, unless the first shard cannot start: then nobody will send what it waits for.
async fn unless_failed<T>(control: &Control, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut failed = std::pin::pin!(control.failed_to_start());
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        failed.as_mut().poll(context).map(|()| None)
    })
    .await
}

async fn run_first(node: &Arc<Node>, rpc: Rc<Rpc>) -> Result<StopReason, NodeError> {
    let config = &node.config;
    check_supported(config)?;
    let dirs = LogDirs::open(config).await?;
    let identity = Arc::new(identity(config, &dirs));
    for other in 1..rpc.shards() {
        rpc.tell(other, Message::Identity(Arc::clone(&identity)));
    }
    let limits = NodeLimits::new(config);
    let shard = Rc::new(Shard::new(identity, limits, rpc, Fatal::new(node.control.clone())));
    let front = Front::new(Rc::clone(&shard), node.loads.clone());
    spawn(Rc::clone(&front).take_messages());

    let listeners = bind(config).await?;
    let host = start_controller(config, &shard, &dirs).await?;
    register(config, &host, &dirs, &listeners).await?;
    open_listeners(&shard, &front, listeners, node)?;
    let dirs = Rc::new(dirs);
    spawn(checkpoint_regularly(
        Rc::clone(&shard),
        Rc::clone(&dirs),
        config.log.high_watermark_checkpoint_interval_ms,
    ));
    let reason = node.control.stopped().await;
    stop(&shard, &front, &host, &dirs, &reason).await;
    Ok(reason)
}

fn check_supported(config: &BrokerConfig) -> Result<(), NodeError> {
    let alone = match &config.node.quorum {
        Quorum::Alone => true,
        Quorum::Fixed(voters) => voters.iter().all(|voter| voter.id == config.node.id),
        Quorum::Bootstrap(_) => false,
    };
    if alone && config.node.is_broker && config.node.is_controller {
        return Ok(());
    }
    Err(NodeError::Configuration(
        "this release runs one node that is broker and controller: set process.roles=broker,controller and no other \
         node in controller.quorum.voters"
            .to_owned(),
    ))
}

fn identity(config: &BrokerConfig, dirs: &LogDirs) -> NodeIdentity {
    NodeIdentity {
        cluster_id: dirs.cluster_id.clone(),
        node_id: config.node.id,
        listeners: client_listeners(config).map(|listener| listener.name.clone()).collect(),
        log_dirs: dirs
            .dirs
            .iter()
            .map(|dir| LogDirIdentity { path: dir.path.clone(), is_clean: dir.clean_broker_epoch.is_some() })
            .collect(),
    }
}

/// The listeners for clients: those of controllers have nobody to serve in a quorum of one.
fn client_listeners(config: &BrokerConfig) -> impl Iterator<Item = &ListenerConfig> {
    let controllers = &config.node.controller_listener_names;
    config.network.listeners.iter().filter(|listener| !controllers.contains(&listener.name))
}

/// A bound listener and what clients are told of it.
struct Bound {
    name: String,
    listener: Listener,
    address: SocketAddr,
}

async fn bind(config: &BrokerConfig) -> Result<Vec<Bound>, NodeError> {
    let mut bound = Vec::new();
    for configured in client_listeners(config) {
        let host = configured.host.as_deref().unwrap_or("0.0.0.0");
        let address = resolve(host, configured.port)?;
        let (listener, address) = listen(address)
            .await
            .map_err(|error| NodeError::Io { what: format!("cannot listen on {configured}"), error })?;
        bound.push(Bound { name: configured.name.clone(), listener, address });
    }
    Ok(bound)
}

/// A killed process keeps its port, as its lock, until the kernel has ended its ring's work.
async fn listen(address: SocketAddr) -> std::io::Result<(Listener, SocketAddr)> {
    for attempt in 1.. {
        match Listener::bind(address) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && attempt < BIND_ATTEMPTS => {
                if attempt == 1 {
                    tracing::info!(%address, "waiting for the port of a process that is ending");
                }
                sleep(BIND_PAUSE).await;
            }
            result => return result,
        }
    }
    Err(std::io::ErrorKind::AddrInUse.into())
}

/// Names other than addresses are asked of the system's resolver, once, before the node serves.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, NodeError> {
    use std::net::ToSocketAddrs;
    let found = (host, port).to_socket_addrs().map(|mut found| found.next());
    match found {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(NodeError::Configuration(format!("listeners: {host} has no address"))),
        Err(error) => {
            Err(NodeError::Io { what: format!("listeners: cannot find the address of {host}"), error })
        }
    }
}

async fn start_controller(
    config: &Arc<BrokerConfig>,
    shard: &Rc<Shard>,
    dirs: &LogDirs,
) -> Result<Rc<ControllerHost>, NodeError> {
    let metadata = &config.metadata_log;
    let log_config = LogConfig {
        segment_bytes: metadata.segment_bytes.unsigned_abs(),
        segment_ms: metadata.segment_ms,
        delete_old_segments: false,
        ..LogConfig::default()
    };
    let log = MetadataLog::open(&PathBuf::from(&metadata.dir), log_config).await?;
    let node_id = config.node.id;
    let replica = replica_of_node(node_id);
    let features =
        SUPPORTED_FEATURES.iter().map(|feature| (feature.name, feature.min_level, feature.max_level));
    let views = ViewBuilder::new(
        Arc::clone(config),
        features.collect(),
        dirs.partitions().await?,
        shard.rpc.shards(),
    );
    let parts = HostParts {
        settings: Settings {
            cluster_id: dirs.cluster_id.clone(),
            local_broker_id: Some(node_id),
            broker: Arc::clone(config),
        },
        raft_config: jackdaw_raft::Config::new(replica, dirs.cluster_id.clone(), random_u64()),
        voters: std::iter::once(Voter::new(replica, Vec::new())).collect::<VoterSet>(),
        log,
        views,
    };
    let host = ControllerHost::start(shard, parts).await?;
    shard.set_controller(Rc::clone(&host));
    spawn(Rc::clone(&host).drive());
    spawn(Rc::clone(&host).publish());
    host.active().await;
    spawn(Rc::clone(&host).keep_time());
    Ok(host)
}

/// Make this broker known and let it lead; from then on tell the controller that it lives.
async fn register(
    config: &Arc<BrokerConfig>,
    host: &Rc<ControllerHost>,
    dirs: &LogDirs,
    listeners: &[Bound],
) -> Result<(), NodeError> {
    let request = BrokerRegistrationRequest {
        broker_id: config.node.id,
        cluster_id: dirs.cluster_id.clone(),
        incarnation_id: random_uuid(),
        listeners: registered_listeners(config, listeners),
        features: SUPPORTED_FEATURES
            .iter()
            .map(|feature| Feature {
                name: feature.name.to_owned(),
                min_supported_version: feature.min_level,
                max_supported_version: feature.max_level,
            })
            .collect(),
        rack: config.node.rack.clone(),
        log_dirs: dirs.dirs.iter().map(|dir| dir.id).collect(),
        previous_broker_epoch: dirs.previous_broker_epoch(),
        ..BrokerRegistrationRequest::default()
    };
    let epoch = match host.handle(Request::BrokerRegistration(request)).await {
        Some(Response::BrokerRegistration(response)) if response.error_code == 0 => response.broker_epoch,
        Some(Response::BrokerRegistration(response)) => {
            let error = ErrorCode::from_i16(response.error_code);
            return Err(NodeError::Metadata(format!("the controller refuses this broker: {error}")));
        }
        _ => return Err(NodeError::Metadata("the controller is not available".to_owned())),
    };
    host.set_broker_epoch(epoch);
    heartbeat(config, host).await;
    let (config, host) = (Arc::clone(config), Rc::clone(host));
    spawn(async move {
        let interval = u64::try_from(config.node.heartbeat_interval_ms).unwrap_or(2000);
        loop {
            sleep(Duration::from_millis(interval)).await;
            heartbeat(&config, &host).await;
        }
    });
    Ok(())
}

async fn heartbeat(config: &BrokerConfig, host: &Rc<ControllerHost>) {
    let request = BrokerHeartbeatRequest {
        broker_id: config.node.id,
        broker_epoch: host.broker_epoch(),
        current_metadata_offset: host.published_offset() - 1,
        ..BrokerHeartbeatRequest::default()
    };
    if let Some(Response::BrokerHeartbeat(response)) = host.handle(Request::BrokerHeartbeat(request)).await
        && response.error_code != 0
    {
        let error = ErrorCode::from_i16(response.error_code);
        tracing::warn!(%error, "the controller refused a heartbeat");
    }
}

/// What clients are told: the advertised listeners, with the ports that were really bound where 0 was asked for.
fn registered_listeners(config: &BrokerConfig, bound: &[Bound]) -> Vec<RegisteredListener> {
    let by_name: BTreeMap<&str, &Bound> = bound.iter().map(|bound| (bound.name.as_str(), bound)).collect();
    let advertised = config.network.advertised_listeners.iter();
    advertised
        .filter_map(|listener| {
            let bound = by_name.get(listener.name.as_str())?;
            let host = listener.host.clone().unwrap_or_else(host_name);
            let port = if listener.port == 0 { bound.address.port() } else { listener.port };
            let security_protocol = listener.protocol as i16;
            Some(RegisteredListener { name: listener.name.clone(), host, port, security_protocol })
        })
        .collect()
}

/// The system's host name, as Kafka advertises where no address is given.
fn host_name() -> String {
    jackdaw_ring::placement::host_name()
}

fn open_listeners(
    shard: &Rc<Shard>,
    front: &Rc<Front>,
    listeners: Vec<Bound>,
    node: &Node,
) -> Result<(), NodeError> {
    let mut serving = Vec::new();
    for (index, Bound { name, listener, address }) in listeners.into_iter().enumerate() {
        for other in 1..shard.rpc.shards() {
            let socket = listener
                .duplicate()
                .map_err(|error| NodeError::Io { what: format!("cannot share listener {name}"), error })?;
            shard.rpc.tell(other, Message::Listener { listener: index, socket });
        }
        front.listen(index, listener);
        tracing::info!(listener = name, %address, "serving");
        serving.push((name, address));
    }
    node.control.serves_at(serving);
    Ok(())
}

/// Ask every shard for its partitions' lines and write the checkpoint files.
async fn checkpoint_regularly(shard: Rc<Shard>, dirs: Rc<LogDirs>, interval_ms: i64) {
    let interval = Duration::from_millis(u64::try_from(interval_ms).unwrap_or(5000));
    let mut written = Vec::new();
    loop {
        sleep(interval).await;
        if shard.is_stopping() {
            return;
        }
        let mut lines = crate::apply::checkpoints(&shard);
        for other in 1..shard.rpc.shards() {
            if let Reply::Checkpoints(others) = shard.rpc.call(other, Call::Checkpoints).await {
                lines.extend(others);
            }
        }
        if lines == written {
            continue;
        }
        if let Err(error) = dirs.write_checkpoints(&lines).await {
            shard.fatal.disk("cannot write a checkpoint", &error);
            return;
        }
        written = lines;
    }
}

/// The clean stop, in the order of disk.md: stop serving, close the logs, checkpoints, the mark last.
async fn stop(
    shard: &Rc<Shard>,
    front: &Rc<Front>,
    host: &Rc<ControllerHost>,
    dirs: &LogDirs,
    reason: &StopReason,
) {
    let mut replies = Vec::new();
    for other in 1..shard.rpc.shards() {
        replies.push(shard.rpc.send(other, Call::Stop).await);
    }
    let mut lines: Vec<PartitionCheckpoint> = front.stop().await;
    for reply in replies {
        if let Reply::Stopped(others) = reply.await {
            lines.extend(others);
        }
    }
    if *reason != StopReason::Asked {
        // What failed may be the disk: leave it as it is, so that the next start checks everything.
        return;
    }
    let written = async {
        host.close().await?;
        dirs.write_checkpoints(&lines).await?;
        dirs.mark_clean(host.broker_epoch()).await?;
        Ok::<(), NodeError>(())
    };
    match written.await {
        Ok(()) => tracing::info!("stopped"),
        Err(error) => tracing::error!(%error, "the stop was not clean; the next start checks the logs"),
    }
}
