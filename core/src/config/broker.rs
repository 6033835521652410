//! What a node runs with: the typed result of all settings.

use super::error::{ConfigError, ConfigErrors};
use super::group::{self, GroupConfig};
use super::listener::{self, Listener};
use super::notice::{Notice, notices};
use super::quorum::{self, Quorum, Voter};
use super::settings::Settings;
use super::topic::TopicConfig;
use super::values::Values;
use crate::quota::Windows;

/// A node's static configuration. Sizes are bytes and times milliseconds, as the names say; -1 keeps
/// Kafka's meaning for a key.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    pub node: NodeConfig,
    pub network: NetworkConfig,
    pub log: LogConfig,
    pub metadata_log: MetadataLogConfig,
    pub topics: TopicCreation,
    pub groups: GroupConfig,
    pub quotas: QuotaConfig,
    /// What a topic has that sets nothing itself (without values that were changed at run time).
    pub topic_defaults: TopicConfig,
    pub(super) settings: Settings,
    pub(super) values: Values,
}

/// Who this node is.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub id: i32,
    pub is_broker: bool,
    pub is_controller: bool,
    pub rack: Option<String>,
    pub quorum: Quorum,
    /// In upper case.
    pub controller_listener_names: Vec<String>,
    pub heartbeat_interval_ms: i32,
    pub session_timeout_ms: i32,
    /// `controlled.shutdown.enable`.
    pub controlled_shutdown: bool,
    /// `None`: one for every core that the process may use.
    pub shards: Option<i32>,
    /// How long an idle shard looks for work before it sleeps, in microseconds; 0 is never.
    pub spin_us: i32,
    /// `None`: the shard's part of the memory that the process may use.
    pub shard_memory_bytes: Option<i64>,
    /// `jackdaw.http.listener`; `None`: metrics and probes are not served.
    pub http: Option<HttpListener>,
}

/// Where metrics and probes are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpListener {
    /// `None`: every address.
    pub host: Option<String>,
    pub port: u16,
    /// Nobody has named it: the node goes on without where it cannot have it.
    pub is_default: bool,
}

/// Listeners, connections and requests.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// All of them, those for controllers too.
    pub listeners: Vec<Listener>,
    /// What clients are told; without listeners for controllers.
    pub advertised_listeners: Vec<Listener>,
    pub inter_broker_listener_name: Option<String>,
    /// -1: the system's.
    pub socket_send_buffer_bytes: i32,
    /// -1: the system's.
    pub socket_receive_buffer_bytes: i32,
    pub socket_request_max_bytes: i32,
    pub socket_listen_backlog_size: i32,
    pub max_connections: i32,
    /// 0 or less: never.
    pub connections_max_idle_ms: i64,
    /// -1: from the shards' memory.
    pub queued_max_request_bytes: i64,
    pub fetch_max_bytes: i32,
    pub max_incremental_fetch_session_cache_slots: i32,
    pub max_request_partition_size_limit: i32,
}

/// What concerns all logs of the node; a topic's own keys are in [`TopicConfig`].
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// One or more, none twice.
    pub dirs: Vec<String>,
    pub flush_scheduler_interval_ms: i64,
    /// `log.flush.offset.checkpoint.interval.ms`: how often recovery points are written.
    pub recovery_point_checkpoint_interval_ms: i32,
    /// `log.flush.start.offset.checkpoint.interval.ms`.
    pub start_offset_checkpoint_interval_ms: i32,
    /// `jackdaw.journal.bytes`; 0: no commit journals.
    pub journal_bytes: i32,
    pub high_watermark_checkpoint_interval_ms: i64,
    pub retention_check_interval_ms: i64,
    pub initial_task_delay_ms: i64,
    pub producer_id_expiration_ms: i32,
    pub producer_id_expiration_check_interval_ms: i32,
    pub cleaner: LogCleanerConfig,
}

/// Compaction, for the whole node; the shards share what is limited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogCleanerConfig {
    pub enable: bool,
    /// Reads and writes together.
    pub io_max_bytes_per_second: f64,
    /// Memory for the tables of keys, bytes.
    pub dedupe_buffer_size: i64,
    /// Memory to read and write with, bytes.
    pub io_buffer_size: i32,
    /// How full a table of keys may get, 0 to 1.
    pub io_buffer_load_factor: f64,
    pub backoff_ms: i64,
}

/// The log of the metadata quorum.
#[derive(Clone, Debug)]
pub struct MetadataLogConfig {
    /// Where `__cluster_metadata-0` lies.
    pub dir: String,
    pub segment_bytes: i32,
    pub segment_ms: i64,
    pub max_record_bytes_between_snapshots: i64,
    /// 0: snapshots are taken by size alone.
    pub max_snapshot_interval_ms: i64,
    /// -1: no limit.
    pub max_retention_bytes: i64,
    /// -1: no limit.
    pub max_retention_ms: i64,
    /// 0: an idle leader writes nothing.
    pub max_idle_interval_ms: i32,
}

/// Topics that are made without saying how, and whether they may be made and deleted.
#[derive(Clone, Debug)]
pub struct TopicCreation {
    pub num_partitions: i32,
    pub default_replication_factor: i32,
    pub auto_create_enable: bool,
    pub delete_enable: bool,
}

/// How the use of quotas is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaConfig {
    pub windows: Windows,
    /// For changes to partitions.
    pub controller_windows: Windows,
}

impl BrokerConfig {
    /// Judges all settings. On success the notices say what was set in vain; on failure every error is
    /// there, not only the first.
    pub fn new(settings: Settings) -> Result<(BrokerConfig, Vec<Notice>), ConfigErrors> {
        let mut errors = Vec::new();
        let values = Values::parse(&settings, &mut errors);
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        let node = node(&values, &mut errors);
        let network = network(&values, &node, &mut errors);
        let log = log(&values, &mut errors);
        group::contradictions(&values, &mut errors);
        let (Some(network), true) = (network, errors.is_empty()) else { return Err(ConfigErrors(errors)) };
        let notices = notices(&settings);
        let config = BrokerConfig {
            metadata_log: metadata_log(&values, &log.dirs),
            topics: TopicCreation {
                num_partitions: values.int("num.partitions"),
                default_replication_factor: values.int("default.replication.factor"),
                auto_create_enable: values.boolean("auto.create.topics.enable"),
                delete_enable: values.boolean("delete.topic.enable"),
            },
            groups: GroupConfig::new(&values),
            quotas: quotas(&values),
            topic_defaults: TopicConfig::of_broker(&values),
            node,
            network,
            log,
            settings,
            values,
        };
        Ok((config, notices))
    }
}

fn quotas(values: &Values) -> QuotaConfig {
    let windows = |count, size_seconds| Windows::new(values.int(count), values.int(size_seconds));
    QuotaConfig {
        windows: windows("quota.window.num", "quota.window.size.seconds"),
        controller_windows: windows("controller.quota.window.num", "controller.quota.window.size.seconds"),
    }
}

fn node(values: &Values, errors: &mut Vec<ConfigError>) -> NodeConfig {
    let roles = values.list("process.roles");
    let named = |role: &str| roles.iter().any(|name| name == role);
    let config = NodeConfig {
        id: node_id(values, errors),
        is_broker: named("broker"),
        is_controller: named("controller"),
        rack: values.text_or_null("broker.rack"),
        quorum: quorum(values, errors),
        controller_listener_names: upper(values.list("controller.listener.names")),
        heartbeat_interval_ms: values.int("broker.heartbeat.interval.ms"),
        session_timeout_ms: values.int("broker.session.timeout.ms"),
        controlled_shutdown: values.boolean("controlled.shutdown.enable"),
        shards: values.is_set("jackdaw.shards").then(|| values.int("jackdaw.shards")),
        spin_us: values.int("jackdaw.spin.us"),
        shard_memory_bytes: values.long_or_null("jackdaw.shard.memory.bytes"),
        http: http_listener(values, errors),
    };
    for key in ["process.roles", "controller.listener.names"] {
        if !values.alone() && !values.is_set(key) {
            errors.push(ConfigError::Missing { key });
        } else if values.list(key).is_empty() {
            errors.push(ConfigError::Empty { key });
        }
    }
    if let Quorum::Fixed(voters) = &config.quorum
        && errors.is_empty()
    {
        let votes = voters.iter().any(|voter: &Voter| voter.id == config.id);
        match config.is_controller {
            true if !votes => errors.push(ConfigError::ControllerNotVoter { id: config.id }),
            false if votes => errors.push(ConfigError::BrokerIsVoter { id: config.id }),
            _ => {}
        }
    }
    config
}

fn http_listener(values: &Values, errors: &mut Vec<ConfigError>) -> Option<HttpListener> {
    const KEY: &str = "jackdaw.http.listener";
    let text = values.text_or_null(KEY).filter(|text| !text.is_empty())?;
    let Some((host, port)) = listener::split_address(&text) else {
        errors.push(ConfigError::HttpListener { text });
        return None;
    };
    Some(HttpListener {
        host: (!host.is_empty()).then(|| host.to_owned()),
        port,
        is_default: !values.is_set(KEY),
    })
}

/// `node.id`, or `broker.id` where only that is set.
fn node_id(values: &Values, errors: &mut Vec<ConfigError>) -> i32 {
    let broker_id = values.is_set("broker.id").then(|| values.int("broker.id")).filter(|&id| id >= 0);
    let node_id = match values.get("node.id") {
        Some(_) if values.is_set("node.id") || broker_id.is_none() => values.int("node.id"),
        _ => match broker_id {
            Some(id) => id,
            None => {
                errors.push(ConfigError::Missing { key: "node.id" });
                return -1;
            }
        },
    };
    if let Some(broker_id) = broker_id.filter(|&id| id != node_id) {
        errors.push(ConfigError::TwoIds { node_id, broker_id });
    }
    node_id
}

fn quorum(values: &Values, errors: &mut Vec<ConfigError>) -> Quorum {
    if values.alone() {
        return Quorum::Alone;
    }
    let voters = values.list("controller.quorum.voters");
    let addresses = values.list("controller.quorum.bootstrap.servers");
    let parsed = match (voters.is_empty(), addresses.is_empty()) {
        (false, _) => quorum::parse_voters(&voters).map(Quorum::Fixed),
        (true, false) => quorum::parse_addresses(&addresses).map(Quorum::Bootstrap),
        (true, true) => {
            errors.push(ConfigError::NoQuorum);
            return Quorum::Alone;
        }
    };
    parsed.unwrap_or_else(|error| {
        errors.push(error.into());
        Quorum::Alone
    })
}

fn network(values: &Values, node: &NodeConfig, errors: &mut Vec<ConfigError>) -> Option<NetworkConfig> {
    let (listeners, advertised_listeners) = match listeners(values, node) {
        Ok(both) => both,
        Err(error) => {
            errors.push(error.into());
            return None;
        }
    };
    check_roles(node, &listeners, errors);
    let inter_broker_listener_name =
        values.text_or_null("inter.broker.listener.name").map(|name| name.to_ascii_uppercase());
    if let Some(name) = &inter_broker_listener_name
        && node.is_broker
        && !advertised_listeners.iter().any(|listener| listener.name == *name)
    {
        errors.push(ConfigError::InterBrokerListener { name: name.clone() });
    }
    for key in ["socket.send.buffer.bytes", "socket.receive.buffer.bytes"] {
        let value = values.long(key);
        if value < -1 || value == 0 {
            errors.push(ConfigError::Range { key, value, allowed: "at least 1, or -1 for the system's" });
        }
    }
    Some(NetworkConfig {
        listeners,
        advertised_listeners,
        inter_broker_listener_name,
        socket_send_buffer_bytes: values.int("socket.send.buffer.bytes"),
        socket_receive_buffer_bytes: values.int("socket.receive.buffer.bytes"),
        socket_request_max_bytes: values.int("socket.request.max.bytes"),
        socket_listen_backlog_size: values.int("socket.listen.backlog.size"),
        max_connections: values.int("max.connections"),
        connections_max_idle_ms: values.long("connections.max.idle.ms"),
        queued_max_request_bytes: values.long("queued.max.request.bytes"),
        fetch_max_bytes: values.int("fetch.max.bytes"),
        max_incremental_fetch_session_cache_slots: values.int("max.incremental.fetch.session.cache.slots"),
        max_request_partition_size_limit: values.int("max.request.partition.size.limit"),
    })
}

/// All listeners, and those that clients are told of.
fn listeners(
    values: &Values,
    node: &NodeConfig,
) -> Result<(Vec<Listener>, Vec<Listener>), listener::ListenerError> {
    const MAP: &str = "listener.security.protocol.map";
    let elements = values.list(MAP);
    let mut protocols = listener::parse_protocol_map(&elements)?;
    if !values.is_set(MAP) {
        // Kafka lets controllers speak plain text when nobody has said how listeners are secured.
        for name in &node.controller_listener_names {
            protocols.entry(name.clone()).or_insert(listener::SecurityProtocol::Plaintext);
        }
    }
    let own = listener::parse_listeners("listeners", &values.list("listeners"), &protocols)?;
    listener::check_ports(&own)?;
    let mut advertised = if values.is_set("advertised.listeners") {
        let elements = values.list("advertised.listeners");
        listener::parse_listeners("advertised.listeners", &elements, &protocols)?
    } else {
        own.clone()
    };
    listener::check_advertised(&advertised, &own)?;
    advertised.retain(|listener| !node.controller_listener_names.contains(&listener.name));
    Ok((own, advertised))
}

/// Which listeners a node needs and may have, by its roles. A node alone needs none for controllers.
fn check_roles(node: &NodeConfig, listeners: &[Listener], errors: &mut Vec<ConfigError>) {
    let for_controllers = |listener: &&Listener| node.controller_listener_names.contains(&listener.name);
    let controller = listeners.iter().find(for_controllers);
    let broker = listeners.iter().find(|listener| !for_controllers(listener));
    if node.is_controller && controller.is_none() && node.quorum != Quorum::Alone {
        errors.push(ConfigError::NoControllerListener);
    }
    if node.is_broker && broker.is_none() {
        errors.push(ConfigError::NoBrokerListener);
    }
    match (node.is_broker, node.is_controller, controller, broker) {
        (true, false, Some(listener), _) => {
            errors.push(ConfigError::ControllerListenerOnBroker { name: listener.name.clone() });
        }
        (false, true, _, Some(listener)) => {
            errors.push(ConfigError::BrokerListenerOnController { name: listener.name.clone() });
        }
        _ => {}
    }
}

fn log(values: &Values, errors: &mut Vec<ConfigError>) -> LogConfig {
    let dirs_key = if values.is_set("log.dirs") { "log.dirs" } else { "log.dir" };
    let dirs = values.list(dirs_key);
    if dirs.is_empty() {
        errors.push(ConfigError::Empty { key: dirs_key });
    }
    let mut at_least = |key: &'static str, least: i64, or: i64, allowed: &'static str| {
        if let Some(value) = values.long_or_null(key)
            && value < least
            && value != or
        {
            errors.push(ConfigError::Range { key, value, allowed });
        }
    };
    at_least("log.roll.ms", 1, 1, "at least 1");
    at_least("log.roll.jitter.ms", 0, 0, "at least 0");
    for key in ["log.retention.ms", "log.retention.minutes", "log.retention.hours"] {
        at_least(key, 1, -1, "at least 1, or -1 for ever");
    }
    // Kafka's least for one thread.
    at_least("log.cleaner.dedupe.buffer.size", 1 << 20, 1 << 20, "at least 1048576");
    LogConfig {
        dirs,
        flush_scheduler_interval_ms: values.long("log.flush.scheduler.interval.ms"),
        recovery_point_checkpoint_interval_ms: values.int("log.flush.offset.checkpoint.interval.ms"),
        start_offset_checkpoint_interval_ms: values.int("log.flush.start.offset.checkpoint.interval.ms"),
        journal_bytes: values.int("jackdaw.journal.bytes"),
        high_watermark_checkpoint_interval_ms: values.long("replica.high.watermark.checkpoint.interval.ms"),
        retention_check_interval_ms: values.long("log.retention.check.interval.ms"),
        initial_task_delay_ms: values.long("log.initial.task.delay.ms"),
        producer_id_expiration_ms: values.int("producer.id.expiration.ms"),
        producer_id_expiration_check_interval_ms: values.int("producer.id.expiration.check.interval.ms"),
        cleaner: LogCleanerConfig {
            enable: values.boolean("log.cleaner.enable"),
            io_max_bytes_per_second: values.double("log.cleaner.io.max.bytes.per.second"),
            dedupe_buffer_size: values.long("log.cleaner.dedupe.buffer.size"),
            io_buffer_size: values.int("log.cleaner.io.buffer.size"),
            io_buffer_load_factor: values.double("log.cleaner.io.buffer.load.factor"),
            backoff_ms: values.long("log.cleaner.backoff.ms"),
        },
    }
}

fn metadata_log(values: &Values, log_dirs: &[String]) -> MetadataLogConfig {
    MetadataLogConfig {
        dir: values.text_or_null("metadata.log.dir").unwrap_or_else(|| log_dirs[0].clone()),
        segment_bytes: values.int("metadata.log.segment.bytes"),
        segment_ms: values.long("metadata.log.segment.ms"),
        max_record_bytes_between_snapshots: values.long("metadata.log.max.record.bytes.between.snapshots"),
        max_snapshot_interval_ms: values.long("metadata.log.max.snapshot.interval.ms"),
        max_retention_bytes: values.long("metadata.max.retention.bytes"),
        max_retention_ms: values.long("metadata.max.retention.ms"),
        max_idle_interval_ms: values.int("metadata.max.idle.interval.ms"),
    }
}

fn upper(names: Vec<String>) -> Vec<String> {
    names.iter().map(|name| name.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests;
