//! Consumers of records that only the disk has, who do not read their answers: what the broker holds for them in memory
//! stays within its budget.

use std::{path::Path, process::Command};

use jackdaw_core::protocol::messages::FetchRequest;
use jackdaw_tests::{
    broker::{Broker, Options},
    checks::topic,
    memory::Peak,
    requests::{Topic, batch, create, fetch_request, produce},
    wire::Connection,
};

const PARTITIONS: i32 = 24;
const PARTITION_BATCHES: usize = 5;
const BATCH_BYTES: usize = 900 << 10;
const BUDGET_BYTES: usize = 8 << 20;
/// What the allocator and the sockets may take on top.
const SLACK_BYTES: usize = 24 << 20;

#[test]
fn one_shard() {
    cold_reads_stay_within_the_budget(1);
}

#[test]
fn two_shards() {
    cold_reads_stay_within_the_budget(2);
}

fn cold_reads_stay_within_the_budget(shards: u32) {
    let budget = format!("queued.max.request.bytes={BUDGET_BYTES}");
    let Some(broker) = Broker::start_to_stop(Options::shards(shards).with(&[&budget])) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("cold"), PARTITIONS);
    let value = "x".repeat(BATCH_BYTES);
    for partition in 0..PARTITIONS {
        for _ in 0..PARTITION_BATCHES {
            assert_eq!(produce(&mut connection, &topic, partition, batch(&[&value], None)).error_code, 0);
        }
        drop_from_page_cache(&broker.data_dir().join(format!("{}-{partition}", topic.name)));
    }
    let watched = Peak::watch(broker.pid());
    let before_bytes = watched.bytes();

    // More than the budget is asked for, and nothing read: 110 MB in all.
    let mut consumers: Vec<Connection> = (0..PARTITIONS)
        .map(|partition| {
            let mut consumer = Connection::open(broker.bootstrap());
            consumer.send(&everything(&topic, partition), 17);
            consumer
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let total_bytes = before_bytes + BUDGET_BYTES * shards as usize + SLACK_BYTES;
    let peak = watched.bytes();
    assert!(peak <= total_bytes, "{peak} bytes of memory, {before_bytes} before");

    // Those who read get their records; where memory was short they come in several fetches.
    for (partition, consumer) in (0..).zip(&mut consumers) {
        let (_, response) = consumer.answer::<FetchRequest>(17);
        let records = response.responses[0].partitions[0].records.clone().unwrap_or_default();
        assert!(records.len() > BATCH_BYTES, "partition {partition}: {} bytes", records.len());
    }
    let peak = watched.bytes();
    assert!(peak <= total_bytes, "{peak} bytes of memory, {before_bytes} before");
}

fn everything(topic: &Topic, partition: i32) -> FetchRequest {
    let mut request = fetch_request(topic, 17, partition, 0, 0);
    request.max_bytes = 50 << 20;
    request.topics[0].partitions[0].partition_max_bytes = 50 << 20;
    request
}

fn drop_from_page_cache(partition_dir: &Path) {
    let log = format!("if={}/00000000000000000000.log", partition_dir.display());
    let sync = Command::new("sync").arg(&log[3..]).status().expect("sync");
    let dropped = Command::new("dd").args([&log, "iflag=nocache", "count=0", "status=none"]).status();
    assert!(sync.success() && dropped.expect("dd").success(), "{log} stays in the page cache");
}
