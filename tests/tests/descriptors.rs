//! More partitions and more connections than the process may open files: all are served.

use std::net::TcpStream;

use jackdaw_core::protocol::messages::ApiVersionsRequest;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::http;
use jackdaw_tests::requests::{batch, create, fetch, produce};
use jackdaw_tests::wire::Connection;

const DESCRIPTORS: u32 = 400;
const PARTITIONS: i32 = 300;

fn metric(broker: &Broker, name: &str) -> f64 {
    let page = http::get(&broker.http(), "/metrics").body;
    let values = page.lines().filter(|line| line.starts_with(name));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn more_partitions_than_descriptors_are_served() {
    let options = Options::shards(2).with_http().with_descriptors(DESCRIPTORS);
    let options =
        options.expecting(&["limit on open files", "open files is for files", "no file descriptor is left"]);
    let Some(mut broker) = Broker::start_to_stop(options) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("many"), PARTITIONS);
    let write = |connection: &mut Connection, round: i64| {
        for partition in 0..PARTITIONS {
            let answer = produce(connection, &topic, partition, batch(&["a record"], None));
            assert_eq!((answer.error_code, answer.base_offset), (0, round), "partition {partition}");
        }
    };
    write(&mut connection, 0);
    write(&mut connection, 1);
    assert!(metric(&broker, "jackdaw_shard_segment_files_closed_total") > 0.0);
    assert!(metric(&broker, "jackdaw_shard_open_segment_files") < f64::from(DESCRIPTORS) / 2.0);
    for kills in [false, true] {
        if kills {
            broker.kill()
        } else {
            broker.terminate()
        }
        broker.restart();
        let mut connection = Connection::open(broker.bootstrap());
        for partition in 0..PARTITIONS {
            let read = fetch(&mut connection, &topic, 13, partition, 0);
            assert_eq!((read.error_code, read.high_watermark), (0, 2), "partition {partition}");
        }
    }
    assert!(broker.log().contains("the limit on open files is short"));
}

#[test]
fn connections_leave_descriptors_to_files() {
    let options = Options::shards(2).with_http().with_descriptors(DESCRIPTORS);
    let options =
        options.expecting(&["limit on open files", "open files is for files", "no file descriptor is left"]);
    let Some(broker) = Broker::start_to_stop(options) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let flood: Vec<TcpStream> =
        (0..DESCRIPTORS * 2).filter_map(|_| TcpStream::connect(broker.bootstrap()).ok()).collect();
    // Files are made, written and read all the same.
    let topic = create(&mut connection, &topic("flooded"), 20);
    for partition in 0..20 {
        assert_eq!(produce(&mut connection, &topic, partition, batch(&["a record"], None)).error_code, 0);
    }
    assert!(
        metric(&broker, "jackdaw_refusals_total{shard=\"0\",reason=\"descriptors\"}")
            + metric(&broker, "jackdaw_refusals_total{shard=\"1\",reason=\"descriptors\"}")
            > 0.0
    );
    drop(flood);
    eventually("a new connection", || {
        let connected = Connection::try_open(broker.bootstrap());
        connected.is_ok_and(|mut one| one.try_call(&ApiVersionsRequest::default(), 0).is_ok())
    });
}
