//! A node's configuration: with nothing set, with a usual file, and with what must not start.

use super::super::listener::{ListenerError, SecurityProtocol};
use super::*;

fn load(text: &str) -> Result<(BrokerConfig, Vec<Notice>), ConfigErrors> {
    let mut settings = Settings::default();
    settings.read_file("server.properties", text).unwrap();
    BrokerConfig::new(settings)
}

#[test]
fn nothing_configured_runs_alone_on_loopback() {
    let (config, notices) = load("").unwrap();
    assert_eq!(notices, []);
    assert_eq!(config.node.id, 1);
    assert!(config.node.is_broker && config.node.is_controller);
    assert_eq!(config.node.quorum, Quorum::Alone);
    assert_eq!(config.node.shards, None);
    assert_eq!(config.node.spin_us, 0);
    let http = HttpListener { host: Some("127.0.0.1".to_owned()), port: 9644, is_default: true };
    assert_eq!(config.node.http, Some(http));
    assert_eq!(config.log.dirs, ["./data"]);
    assert_eq!(config.metadata_log.dir, "./data");
    let shown: Vec<_> = config.network.advertised_listeners.iter().map(Listener::to_string).collect();
    assert_eq!(shown, ["PLAINTEXT://127.0.0.1:9092"]);
}

/// The shape of the file that Kafka ships for a node with both roles.
#[test]
fn a_file_of_a_combined_node() {
    let text = "process.roles=broker,controller\nnode.id=3\ncontroller.quorum.bootstrap.servers=localhost:9093\n\
                listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n\
                advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
                controller.listener.names=CONTROLLER\n\
                listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
                socket.send.buffer.bytes=-1\nlog.dirs=/a, /b\nmetadata.log.dir=/m\nbroker.rack=r1\njackdaw.shards=2\njackdaw.spin.us=50";
    let (config, _) = load(text).unwrap();
    assert_eq!(config.node.quorum, Quorum::Bootstrap(vec![("localhost".to_owned(), 9093)]));
    assert_eq!(config.node.rack.as_deref(), Some("r1"));
    assert_eq!(config.node.shards, Some(2));
    assert_eq!(config.node.spin_us, 50);
    assert_eq!(config.log.dirs, ["/a", "/b"]);
    assert_eq!(config.metadata_log.dir, "/m");
    assert_eq!(config.network.listeners.len(), 2);
    assert_eq!(config.network.listeners[0].host, None);
    assert_eq!(config.network.advertised_listeners.len(), 1);
    assert_eq!(config.network.listeners[1].protocol, SecurityProtocol::Plaintext);
    assert_eq!(config.network.socket_send_buffer_bytes, -1);
}

#[test]
fn where_metrics_are_served() {
    let of = |text: &str| load(&format!("jackdaw.http.listener={text}")).map(|(config, _)| config.node.http);
    let at = |host: Option<&str>, port| {
        Some(HttpListener { host: host.map(str::to_owned), port, is_default: false })
    };
    assert_eq!(of("").unwrap(), None);
    assert_eq!(of("127.0.0.1:9644").unwrap(), at(Some("127.0.0.1"), 9644));
    assert_eq!(of(":0").unwrap(), at(None, 0));
    assert_eq!(of("[::1]:80").unwrap(), at(Some("::1"), 80));
    for text in ["off", "9644", "127.0.0.1:99999"] {
        let error = ConfigError::HttpListener { text: text.to_owned() };
        assert_eq!(of(text).unwrap_err(), ConfigErrors(vec![error]));
    }
}

#[test]
fn the_old_name_of_node_id_counts_where_it_stands_alone() {
    assert_eq!(load("broker.id=7").unwrap().0.node.id, 7);
    assert_eq!(load("broker.id=7\nnode.id=7").unwrap().0.node.id, 7);
    let both = ConfigErrors(vec![ConfigError::TwoIds { node_id: 8, broker_id: 7 }]);
    assert_eq!(load("broker.id=7\nnode.id=8").unwrap_err(), both);
}

/// Every line but the fixed beginning is one that Kafka 4.4.0 refuses to start with, too.
#[test]
fn what_must_not_start() {
    let base = "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:2\n\
                controller.listener.names=CONTROLLER\nlisteners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n";
    load(base).unwrap();
    let cases = [
        (
            "advertised.listeners=PLAINTEXT://0.0.0.0:1",
            "advertised.listeners: 0.0.0.0 leads a client nowhere",
        ),
        (
            "listeners=PLAINTEXT://a:1,PLAINTEXT://a:2,CONTROLLER://a:3",
            "listeners: listener PLAINTEXT stands twice",
        ),
        (
            "listeners=PLAINTEXT://a:1,CONTROLLER://a:1",
            "listeners: PLAINTEXT://a:1 and CONTROLLER://a:1 share a port",
        ),
        ("listeners=PLAINTEXT://a:1", "controller.listener.names: none of its names"),
        ("listeners=FOO://a:1,CONTROLLER://a:2", "listeners: listener FOO has no entry"),
        ("listeners=garbage", "listeners: garbage is not of the form"),
        ("node.id=-1", "node.id = -1 (server.properties:6): must be at least 0"),
        ("node.id=2", "node 2 has the controller role and is not among"),
        ("process.roles=broker", "node 1 has only the broker role and must not be among"),
        ("process.roles=controller", "listeners: PLAINTEXT is not among controller.listener.names"),
        (
            "process.roles=foo",
            "process.roles = foo (server.properties:6): foo must be one of broker, controller",
        ),
        ("process.roles=", "process.roles must not be empty"),
        ("controller.listener.names=", "controller.listener.names must not be empty"),
        ("controller.quorum.voters=", "process.roles is set but no quorum is"),
        ("controller.quorum.voters=x", "controller.quorum.voters: x is not of the form"),
        ("advertised.listeners=OTHER://a:1", "advertised.listeners: listener OTHER has no entry"),
        ("inter.broker.listener.name=NOPE", "inter.broker.listener.name: NOPE is not among"),
        ("log.roll.ms=0", "log.roll.ms = 0: must be at least 1"),
        ("log.retention.ms=0", "log.retention.ms = 0: must be at least 1, or -1 for ever"),
        (
            "listener.security.protocol.map=PLAINTEXT:NOPE",
            "listener.security.protocol.map: NOPE is not one of",
        ),
        (
            "socket.request.max.bytes=0",
            "socket.request.max.bytes = 0 (server.properties:6): must be at least 1",
        ),
        ("socket.send.buffer.bytes=0", "socket.send.buffer.bytes = 0: must be at least 1, or -1"),
        ("log.segment.bytes=1", "log.segment.bytes = 1 (server.properties:6): must be at least 1048576"),
        ("log.dirs=", "log.dirs must not be empty"),
    ];
    for (line, text) in cases {
        let errors = load(&format!("{base}{line}")).unwrap_err().to_string();
        assert!(errors.lines().any(|error| error.starts_with(text)), "{line}\n{errors}");
    }
}

#[test]
fn a_cluster_member_needs_an_identity() {
    let errors = load("controller.quorum.voters=1@a:1").unwrap_err();
    let missing = |key| ConfigError::Missing { key };
    let expected = [missing("node.id"), missing("process.roles"), missing("controller.listener.names")];
    assert_eq!(errors.0[..3], expected);
}

#[test]
fn all_bad_values_are_told_at_once() {
    let errors = load("num.partitions=x\nlog.segment.bytes=1\nssl.key.password=p").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "log.segment.bytes = 1 (server.properties:2): must be at least 1048576\n\
         num.partitions = x (server.properties:1): not a number of type INT"
    );
}

#[test]
fn a_listener_error_is_typed() {
    let error = ConfigError::Listener(ListenerError::AdvertisedMetaAddress);
    assert_eq!(load("advertised.listeners=PLAINTEXT://0.0.0.0:9092").unwrap_err().0, [error]);
}
