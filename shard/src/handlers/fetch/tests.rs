//! Long polls that end before they are answered.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use jackdaw_core::{
    config::{BrokerConfig, Settings},
    protocol::{Message as _, messages::FetchRequest},
    records::validate::ValidationConfig,
    uuid::Uuid,
};
use jackdaw_ring::{Executor, UringConfig, UringDriver, file, mesh::mesh, sleep, spawn, timeout};
use jackdaw_storage::{Log, LogConfig};

use super::*;
use crate::{
    commits::Commits,
    message::{FetchCall, FetchRead, Message, PartitionKey},
    node::{Control, Fatal, NodeIdentity, NodeLimits},
    partition::{Partition, PartitionPlace, Surroundings},
    rpc::Rpc,
    view::{PartitionView, TopicSettings, TopicView},
};

const TOPIC_ID: Uuid = Uuid(*b"0123456789abcdef");
const VERSION: i16 = 12;

/// A node of one shard.
fn shard() -> Rc<Shard> {
    let (config, _) = BrokerConfig::new(Settings::default()).unwrap();
    let limits = NodeLimits::new(&config);
    let groups = config.groups.clone();
    let identity = NodeIdentity {
        config: Arc::new(config),
        cluster_id: "c".to_owned(),
        node_id: 1,
        incarnation_id: Uuid::ZERO,
        listeners: Vec::new(),
        log_dirs: Vec::new(),
        existing: BTreeMap::new(),
    };
    let rpc = Rc::new(Rpc::new(mesh::<Message>(1, 8).pop().unwrap().join()));
    Rc::new(Shard::new(Arc::new(identity), limits, groups, rpc, Fatal::new(Control::default())))
}

/// An empty partition that it leads.
async fn lead(shard: &Shard, dir: &Path, partition: i32) -> Rc<Partition> {
    let led = PartitionView { leader: 1, replicas: vec![1], isr: vec![1], ..Default::default() };
    let (validation, log) = (ValidationConfig::default(), LogConfig::default());
    let topic = TopicView {
        id: TOPIC_ID,
        name: "t".into(),
        partitions: vec![led; 2],
        settings: Arc::new(TopicSettings { validation, log, min_insync_replicas: 1 }),
    };
    let log = dir.join(format!("t-{partition}"));
    let log = Log::create(&log, TOPIC_ID, LogConfig::default(), 0).await.unwrap();
    let place = PartitionPlace { node_id: 1, log_dir: 0 };
    let key = topic.key(partition);
    let surroundings = Surroundings {
        counters: shard.counters.topic(key.topic_id),
        requests: Rc::clone(&shard.counters.requests),
        wakeups: Rc::clone(&shard.wakeups),
        commits: Commits::new((0, dir), 0, 0, shard.fatal.clone(), &shard.counters.requests),
        fatal: shard.fatal.clone(),
    };
    let partition = Rc::new(Partition::new(&topic, key, place, log, surroundings));
    shard.partitions.borrow_mut().insert(key, Rc::clone(&partition));
    partition
}

fn plan(partitions: &[i32]) -> Plan {
    let read = |(index, partition): (usize, &i32)| FetchRead {
        index,
        key: PartitionKey { topic_id: TOPIC_ID, partition: *partition },
        offset: 0,
        max_bytes: 1 << 20,
        current_leader_epoch: -1,
        last_fetched_epoch: -1,
    };
    let reads = partitions.iter().enumerate().map(read).collect();
    let call = FetchCall { watch: None, read_committed: false, max_bytes: 1 << 20, memory_bytes: 0, reads };
    Plan::of_calls(partitions.len(), vec![(0, call)])
}

fn request(max_wait_ms: i32) -> FetchFrame {
    let request = FetchRequest { max_wait_ms, min_bytes: 1, max_bytes: 1 << 20, ..Default::default() };
    let bytes = request.to_bytes(VERSION).unwrap();
    let mut frame = FetchFrame::default();
    frame.fill(&mut Reader::new(&bytes), VERSION).unwrap();
    frame
}

#[test]
fn partitions_forget_a_long_poll_whose_client_has_gone() {
    let dir = std::env::temp_dir().join(format!("jackdaw-watches-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let base = dir.clone();
    Executor::new(Rc::new(UringDriver::new(&UringConfig::default()).unwrap())).run(async move {
        file::create_directory_all(&base).unwrap();
        let shard = shard();
        for partition in 0..2 {
            lead(&shard, &base, partition).await;
        }
        let count = shard.wakeups.watch_count.clone();
        let poll = |max_wait_ms: i32| {
            let shard = Rc::clone(&shard);
            spawn(async move {
                let (plan, request) = (plan(&[0, 1]), request(max_wait_ms));
                read::wait_for_enough(&shard, &request, &plan, 1 << 20).await.len()
            })
        };
        let polls = [poll(600_000), poll(600_000)];
        while count.get() < 4 {
            sleep(Duration::from_millis(1)).await;
        }
        polls.into_iter().for_each(|poll| poll.cancel());
        let forgotten = async {
            while count.get() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), forgotten).await.expect("partitions still know it");
        // Nor is one known any more that has waited in vain.
        assert_eq!((poll(5).await, count.get()), (2, 0));
    });
    std::fs::remove_dir_all(&dir).unwrap();
}
