//! The limits on connections: who is refused, what the metrics and the log say, and that it can be changed at run time.

use std::net::TcpStream;

use jackdaw_core::protocol::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use jackdaw_core::protocol::messages::{ApiVersionsRequest, IncrementalAlterConfigsRequest};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::eventually;
use jackdaw_tests::http;
use jackdaw_tests::wire::Connection;

const BROKER: i8 = 4;

/// What the broker has counted for a reason.
fn refusals(broker: &Broker, reason: &str) -> u64 {
    let page = http::get(&broker.http(), "/metrics").body;
    let reason = format!("reason=\"{reason}\"");
    page.lines()
        .filter(|line| line.starts_with("jackdaw_refusals_total") && line.contains(&reason))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

/// A connection that is served, or none.
fn try_connect(address: &str) -> Option<Connection> {
    let mut connection = Connection::try_open(address).ok()?;
    let answer = connection.try_call(&ApiVersionsRequest::default(), 0).ok()?;
    (answer.error_code == 0).then_some(connection)
}

fn set(connection: &mut Connection, name: &str, value: &str) {
    let config =
        AlterableConfig { name: name.to_owned(), value: Some(value.to_owned()), ..Default::default() };
    let resource =
        AlterConfigsResource { resource_type: BROKER, resource_name: String::new(), configs: vec![config] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer = connection.call(&request, 1);
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

fn lines(broker: &Broker, text: &str) -> usize {
    broker.log().lines().filter(|line| line.contains(text)).count()
}

#[test]
fn more_connections_than_allowed_are_closed() {
    let options = Options::shards(2).with_http().with(&["max.connections=5"]);
    let broker = Broker::start(options.expecting(&["max.connections"]));
    let mut held = Vec::new();
    // The test of the start may still be counted.
    eventually("five connections", || {
        held.extend(try_connect(broker.bootstrap()));
        held.len() == 5
    });
    let before = refusals(&broker, "max.connections");
    assert!((0..20).all(|_| try_connect(broker.bootstrap()).is_none()));
    assert_eq!(refusals(&broker, "max.connections"), before + 20);
    let told = lines(&broker, "max.connections reached");
    assert!((1..=4).contains(&told), "{told} lines of 20 refusals by two shards");
    held.pop();
    eventually("room for another", || try_connect(broker.bootstrap()).is_some());
}

#[test]
fn an_address_may_have_so_many() {
    let options = Options::shards(2)
        .with_http()
        .with(&["max.connections.per.ip=3", "max.connections.per.ip.overrides=127.0.0.2:1,host.example:9"]);
    let broker = Broker::start(options.expecting(&["max.connections.per.ip"]));
    let mut held = Vec::new();
    eventually("three connections", || {
        held.extend(try_connect(broker.bootstrap()));
        held.len() == 3
    });
    assert!(try_connect(broker.bootstrap()).is_none());
    assert!(refusals(&broker, "max.connections.per.ip") > 0);
    assert!(lines(&broker, "host.example:9") > 0, "what cannot be read is told");
    // At run time.
    set(&mut held[0], "max.connections.per.ip", "4");
    eventually("a fourth", || try_connect(broker.bootstrap()).is_some());
    set(&mut held[0], "max.connections.per.ip.overrides", "127.0.0.1:3");
    eventually("three again", || try_connect(broker.bootstrap()).is_none());
    set(&mut held[0], "max.connections.per.ip.overrides", "127.0.0.1:2147483647");
    eventually("as many as there are", || {
        held.extend(try_connect(broker.bootstrap()));
        held.len() > 8
    });
}

#[test]
fn connections_beyond_the_rate_wait_and_are_served() {
    let options = Options::shards(2).with_http().with(&["max.connection.creation.rate=20"]);
    let broker = Broker::start(options.expecting(&["max.connection.creation.rate"]));
    let opened: Vec<TcpStream> =
        (0..60).map(|_| TcpStream::connect(broker.bootstrap()).expect("the kernel takes it")).collect();
    assert!(try_connect(broker.bootstrap()).is_some(), "who waits is served");
    assert!(refusals(&broker, "max.connection.creation.rate") > 0);
    drop(opened);
}
