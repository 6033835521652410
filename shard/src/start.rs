//! The life of one shard: start, serve, stop. Shard 0 also starts the controller, registers the broker, opens the
//! listeners and writes what the node's stop leaves behind.

use std::{
    collections::BTreeMap, future::Future, io::ErrorKind, net::SocketAddr, rc::Rc, sync::Arc, task::Poll,
    time::Duration,
};

use jackdaw_core::{
    config::{BrokerConfig, Listener as ListenerConfig, NetworkConfig, Quorum, SecurityProtocol},
    controller::{SUPPORTED_FEATURES, Settings},
};
use jackdaw_raft::{Voter, VoterSet};
use jackdaw_ring::{Listener, driver::SocketBuffers, random_u64, sleep, spawn, unix_ms};

use crate::{
    broker_lifecycle::BrokerLifecycle,
    checkpoints::Checkpoints,
    connection_limits,
    controller_host::{ControllerHost, HostParts, replica_of_node},
    housekeeping,
    limits::CONTROLLER_SHARD,
    log_dirs::{ExistingPartition, LogDirs, random_uuid},
    message::{Call, Message, PartitionCheckpoint, PartitionKey, Reply},
    metadata_log::FoundMetadata,
    metrics::{Endpoint, Phase},
    node::{Control, Fatal, Node, NodeError, NodeIdentity, NodeLimits, ShardSeat, StopReason},
    rpc::Rpc,
    serve::Front,
    shard::Shard,
    view_build::ViewBuilder,
};

/// What a clock may be put back by without a word, as time services do.
const CLOCK_BACK_MAX_MS: i64 = 10_000;
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
            node.control.fail_to_start(error.kind(), error.to_string());
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
    connection_limits::bound_open_files(rpc.shards(), None);
    let limits = NodeLimits::new(&node.config);
    let shard =
        Rc::new(Shard::new(identity, limits, node.config.groups.clone(), rpc, Fatal::new(control.clone())));
    let front = Front::new(Rc::clone(&shard), node.loads.clone());
    housekeeping::start(&shard, &node.config.log);
    spawn(Rc::clone(&front).take_messages());
    // The first shard sends Stop when it is time; this one may end when it has answered.
    unless_failed(control, front.stopped()).await;
    control.stopped().await
}

/// Wait for `future`, unless the first shard cannot start: then nobody will send what it waits for.
async fn unless_failed<T>(control: &Control, future: impl Future<Output = T>) -> Option<T> {
    first(future, control.failed_to_start()).await.ok()
}

/// Whichever ends first; the other is dropped.
async fn first<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> Result<A, B> {
    let mut one = std::pin::pin!(one);
    let mut other = std::pin::pin!(other);
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = one.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        other.as_mut().poll(context).map(Err)
    })
    .await
}

async fn run_first(node: &Arc<Node>, rpc: Rc<Rpc>) -> Result<StopReason, NodeError> {
    let config = &node.config;
    check_supported(config)?;
    let mut dirs = LogDirs::open(config, node.control.dirs()).await?;
    let listeners = bind(config).await?;
    let metadata = FoundMetadata::read(config, dirs.was_clean()).await?;
    tell_of_the_clock(metadata.last_timestamp_ms);
    let existing = dirs.partitions(config, metadata.loader.image(), node.control.dirs()).await?;
    let identity = Arc::new(identity(config, &dirs, existing));
    for other in 1..rpc.shards() {
        rpc.tell(other, Message::Identity(Arc::clone(&identity)));
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        node_id = identity.node_id,
        cluster_id = identity.cluster_id,
        shards = rpc.shards(),
        log_dirs = config.log.dirs.join(","),
        partitions = identity.existing.len(),
        "starting"
    );
    if !dirs.was_clean() && !identity.existing.is_empty() {
        tracing::info!("the last stop was not clean: the logs are checked from their recovery points on");
    }
    connection_limits::bound_open_files(rpc.shards(), Some(identity.existing.len()));
    let limits = NodeLimits::new(config);
    let shard =
        Rc::new(Shard::new(identity, limits, config.groups.clone(), rpc, Fatal::new(node.control.clone())));
    let front = Front::new(Rc::clone(&shard), node.loads.clone());
    housekeeping::start(&shard, &config.log);
    spawn(Rc::clone(&front).take_messages());
    let endpoint = Endpoint::start(&shard, node.control.clone(), config.node.http.as_ref()).await?;

    let checkpoints = Checkpoints::new(dirs);
    *shard.checkpoints.borrow_mut() = Some(Rc::clone(&checkpoints));
    let started = first(begin(node, &shard, &front, metadata, listeners), node.control.stopped()).await;
    let (host, lifecycle) = match started {
        Ok(started) => started?,
        // Nothing was served, and recovery may be under way: the next start begins it anew.
        Err(reason) => {
            node.control.end_start(reason.clone());
            return Ok(reason);
        }
    };
    endpoint.set_phase(Phase::Serving);
    let written = checkpoints.write_regularly(&shard, config.log.high_watermark_checkpoint_interval_ms);
    let reason = match first(node.control.stopped(), written).await {
        Ok(reason) => reason,
        // A checkpoint failed, and the node was told.
        Err(()) => node.control.stopped().await,
    };
    if reason == StopReason::Asked {
        lifecycle.controlled_shutdown().await;
    }
    drop(shard.checkpoints.take());
    Ok(stop(&shard, &front, &host, checkpoints).await)
}

/// From a locked directory to a node that serves.
async fn begin(
    node: &Arc<Node>,
    shard: &Rc<Shard>,
    front: &Rc<Front>,
    metadata: FoundMetadata,
    listeners: Vec<Bound>,
) -> Result<(Rc<ControllerHost>, Rc<BrokerLifecycle>), NodeError> {
    let config = &node.config;
    let host = start_controller(config, shard, metadata).await;
    let bound = listeners.iter().map(|bound| (bound.name.as_str(), bound.address)).collect();
    let checkpoints = shard.checkpoints.borrow().clone();
    let Some(checkpoints) = checkpoints else {
        return Err(NodeError::Configuration("the log directories are not open".to_owned()));
    };
    let incarnation_id = shard.identity.incarnation_id;
    let lifecycle =
        BrokerLifecycle::register(config, incarnation_id, &host, checkpoints.dirs(), &bound).await?;
    open_listeners(shard, front, listeners, node)?;
    Ok((host, lifecycle))
}

/// The clock has gone back, or was ahead: the node's own times go by one that never does, but what is stored does not.
fn tell_of_the_clock(last_timestamp_ms: i64) {
    let behind_ms = last_timestamp_ms - unix_ms();
    if behind_ms > CLOCK_BACK_MAX_MS {
        tracing::warn!(
            behind_s = behind_ms / 1000,
            "the clock is behind the newest record of the metadata log: it has gone back, or was ahead before; append times, \
             retention, and the expiry of producers and offsets go by it; check the clock of this host"
        );
    }
}

/// As it is written in `listener.security.protocol.map`.
fn kafka_name(protocol: SecurityProtocol) -> &'static str {
    match protocol {
        SecurityProtocol::Plaintext => "PLAINTEXT",
        SecurityProtocol::Ssl => "SSL",
        SecurityProtocol::SaslPlaintext => "SASL_PLAINTEXT",
        SecurityProtocol::SaslSsl => "SASL_SSL",
    }
}

fn check_supported(config: &BrokerConfig) -> Result<(), NodeError> {
    if let Some(listener) =
        client_listeners(config).find(|listener| listener.protocol != SecurityProtocol::Plaintext)
    {
        let protocol = kafka_name(listener.protocol);
        let what = if listener.name == protocol {
            protocol.to_owned()
        } else {
            format!("{protocol} ({})", listener.name)
        };
        return Err(NodeError::Configuration(format!(
            "listeners: this release serves PLAINTEXT only, not {what}"
        )));
    }
    let alone = match &config.node.quorum {
        Quorum::Alone => true,
        Quorum::Fixed(voters) => voters.iter().all(|voter| voter.id == config.node.id),
        // Kafka's own file for a single node names the node itself here.
        Quorum::Bootstrap(servers) => servers.len() <= 1,
    };
    if alone && config.node.is_broker && config.node.is_controller {
        return Ok(());
    }
    Err(NodeError::Configuration(
        "this release runs one node that is broker and controller: set process.roles=broker,controller and name no other \
         node in controller.quorum.voters or controller.quorum.bootstrap.servers"
            .to_owned(),
    ))
}

fn identity(
    config: &Arc<BrokerConfig>,
    dirs: &LogDirs,
    existing: BTreeMap<PartitionKey, ExistingPartition>,
) -> NodeIdentity {
    NodeIdentity {
        config: Arc::clone(config),
        cluster_id: dirs.cluster_id().to_owned(),
        node_id: config.node.id,
        incarnation_id: random_uuid(),
        listeners: client_listeners(config).map(|listener| listener.name.clone()).collect(),
        log_dirs: dirs.paths().map(Into::into).collect(),
        existing,
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
    let buffers = socket_buffers(&config.network);
    for configured in client_listeners(config) {
        let host = configured.host.as_deref().unwrap_or("0.0.0.0");
        let address = resolve("listeners", host, configured.port)?;
        let (listener, address) = listen(address, buffers).await.map_err(|error| NodeError::Io {
            what: format!("cannot listen on {configured}; {}", listen_advice(&error)),
            error,
        })?;
        bound.push(Bound { name: configured.name.clone(), listener, address });
    }
    Ok(bound)
}

/// -1, for the system's own, is no size.
fn socket_buffers(config: &NetworkConfig) -> SocketBuffers {
    let size = |bytes: i32| usize::try_from(bytes).ok();
    SocketBuffers {
        send_bytes: size(config.socket_send_buffer_bytes),
        receive_bytes: size(config.socket_receive_buffer_bytes),
    }
}

fn listen_advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "stop what has the port, or set listeners",
        ErrorKind::AddrNotAvailable => {
            "no interface of this host has the address: listeners takes one that it has, advertised.listeners any other"
        }
        ErrorKind::PermissionDenied => "ports below 1024 need CAP_NET_BIND_SERVICE; or set listeners",
        _ => "see listeners",
    }
}

/// A killed process keeps its port, as its lock, until the kernel has ended its ring's work.
pub(crate) async fn listen(
    address: SocketAddr,
    buffers: SocketBuffers,
) -> std::io::Result<(Listener, SocketAddr)> {
    for attempt in 1.. {
        match Listener::bind_with(address, buffers) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && attempt < BIND_ATTEMPTS => {
                if attempt == 1 {
                    tracing::info!(%address, "the port is taken; waiting a little, in case its process is just ending");
                }
                sleep(BIND_PAUSE).await;
            }
            result => return result,
        }
    }
    Err(ErrorKind::AddrInUse.into())
}

/// Names other than addresses are asked of the system's resolver, once, before the node serves.
pub(crate) fn resolve(key: &str, host: &str, port: u16) -> Result<SocketAddr, NodeError> {
    use std::net::ToSocketAddrs;
    let found = (host, port).to_socket_addrs().map(|mut found| found.next());
    match found {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(NodeError::Configuration(format!("{key}: {host} has no address"))),
        Err(error) => Err(NodeError::Io { what: format!("{key}: cannot find the address of {host}"), error }),
    }
}

async fn start_controller(
    config: &Arc<BrokerConfig>,
    shard: &Rc<Shard>,
    found: FoundMetadata,
) -> Rc<ControllerHost> {
    let node_id = config.node.id;
    let replica = replica_of_node(node_id);
    let cluster_id = &shard.identity.cluster_id;
    let features =
        SUPPORTED_FEATURES.iter().map(|feature| (feature.name, feature.min_level, feature.max_level));
    let existing = shard.identity.existing.iter().map(|(key, found)| (*key, found.log_dir));
    let views = ViewBuilder::new(
        Arc::clone(config),
        features.collect(),
        existing.collect(),
        shard.fatal.dirs().clone(),
        shard.rpc.shards(),
    );
    let parts = HostParts {
        settings: Settings {
            cluster_id: cluster_id.clone(),
            local_broker_id: Some(node_id),
            broker: Arc::clone(config),
        },
        raft_config: jackdaw_raft::Config::new(replica, cluster_id.clone(), random_u64()),
        voters: std::iter::once(Voter::new(replica, Vec::new())).collect::<VoterSet>(),
        found,
        views,
    };
    let host = ControllerHost::start(shard, parts);
    shard.set_controller(Rc::clone(&host));
    spawn(Rc::clone(&host).drive());
    spawn(Rc::clone(&host).publish());
    spawn(Rc::clone(&host).follow_directories(shard.fatal.dirs().clone()));
    host.active().await;
    spawn(Rc::clone(&host).keep_time());
    host
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

/// The clean stop, in Kafka's order: stop serving, close the logs, checkpoints, the mark last.
async fn stop(
    shard: &Rc<Shard>,
    front: &Rc<Front>,
    host: &Rc<ControllerHost>,
    checkpoints: Rc<Checkpoints>,
) -> StopReason {
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
    // Asked anew: closing the logs may have failed.
    let reason = shard.fatal.reason();
    if reason != StopReason::Asked {
        // What failed may be the disk: leave it as it is, so that the next start checks everything.
        return reason;
    }
    let written = async {
        host.close().await?;
        if let Some(dirs) = checkpoints.into_dirs().await {
            dirs.close(&lines, host.broker_epoch(), shard.fatal.dirs()).await?;
        }
        Ok::<(), NodeError>(())
    };
    match written.await {
        Ok(()) => tracing::info!("stopped"),
        Err(error) => shard.fatal.disk("the stop was not clean; the next start checks the logs", &error),
    }
    shard.fatal.reason()
}
