//! A partition in the commit journal and out of it, and the journal's end.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use jackdaw_core::{
    config::{BrokerConfig, Settings},
    records::{BatchBuilder, NewRecord, validate::ValidationConfig},
    uuid::Uuid,
};
use jackdaw_ring::{Executor, UringConfig, UringDriver, file, mesh::mesh, sleep, timeout};
use jackdaw_storage::{Log, LogConfig};

use super::*;
use crate::{
    message::Message,
    node::{Control, NodeIdentity, NodeLimits},
    partition::{PartitionPlace, Surroundings},
    rpc::Rpc,
    shard::Shard,
    view::{PartitionView, TopicSettings, TopicView},
};

const TOPIC_ID: Uuid = Uuid(*b"0123456789abcdef");

/// A shard whose journal is soon full.
fn shard(dir: &Path) -> Shard {
    let mut settings = Settings::default();
    settings.read_override("jackdaw.journal.bytes=32768").unwrap();
    let (config, _) = BrokerConfig::new(settings).unwrap();
    let limits = NodeLimits::new(&config);
    let groups = config.groups.clone();
    let identity = NodeIdentity {
        config: Arc::new(config),
        cluster_id: "c".to_owned(),
        node_id: 1,
        listeners: Vec::new(),
        log_dirs: vec![dir.to_path_buf()],
        existing: BTreeMap::new(),
        incarnation_id: Uuid::ZERO,
    };
    let rpc = Rc::new(Rpc::new(mesh::<Message>(1, 8).pop().unwrap().join()));
    Shard::new(Arc::new(identity), limits, groups, rpc, Fatal::new(Control::default()))
}

/// A partition of a topic that is flushed before every answer.
async fn lead(shard: &Shard, dir: &Path) -> Rc<Partition> {
    let led = PartitionView { leader: 1, replicas: vec![1], isr: vec![1], ..Default::default() };
    let log = LogConfig { flush_messages: 1, ..LogConfig::default() };
    let topic = TopicView {
        id: TOPIC_ID,
        name: "t".into(),
        partitions: vec![led],
        settings: Arc::new(TopicSettings {
            validation: ValidationConfig::default(),
            log: log.clone(),
            min_insync_replicas: 1,
        }),
    };
    let log = Log::create(&dir.join("t-0"), TOPIC_ID, log, 0).await.unwrap();
    let key = topic.key(0);
    let surroundings = Surroundings {
        counters: shard.counters.topic(key.topic_id),
        requests: Rc::clone(&shard.counters.requests),
        wakeups: Rc::clone(&shard.wakeups),
        commits: Rc::clone(&shard.commits[0]),
        fatal: shard.fatal.clone(),
    };
    Rc::new(Partition::new(&topic, key, PartitionPlace { node_id: 1, log_dir: 0 }, log, surroundings))
}

/// Append a record and wait until it is durable.
async fn produce(partition: &Rc<Partition>) {
    let mut builder = BatchBuilder::new();
    builder.append(&NewRecord { timestamp_ms: 1000, value: Some(b"value"), ..Default::default() });
    let end_offset = partition.append(builder.build_uncompressed(), -1).flush.unwrap();
    assert!(partition.flushed(end_offset).await);
}

fn journal_count(dir: &Path) -> usize {
    let entries = file::list_directory(dir).unwrap();
    entries.iter().filter(|entry| entry.name.starts_with("jackdaw-journal-")).count()
}

/// Whoever asks has the half released, whose segments are flushed by then.
#[test]
fn what_the_journal_holds_is_let_go_when_somebody_asks() {
    let dir = std::env::temp_dir().join(format!("jackdaw-commits-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let base = dir.clone();
    Executor::new(Rc::new(UringDriver::new(&UringConfig::default()).unwrap())).run(async move {
        file::create_directory_all(&base).unwrap();
        let shard = shard(&base);
        let (partition, commits) = (lead(&shard, &base).await, &shard.commits[0]);
        for _ in 0..3 {
            assert!(!commits.holds(&partition));
            let journalled = async {
                while partition.last_half() <= commits.released_half.get() {
                    produce(&partition).await;
                }
            };
            timeout(Duration::from_secs(30), journalled).await.expect("the journal is made and used");
            let end_offset = partition.log.borrow().log_end_offset();
            assert!(partition.log.borrow().recovery_point() < end_offset, "in the journal alone");
            let released = async {
                while commits.holds(&partition) {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_secs(30), released).await.expect("it is let go");
            assert_eq!(partition.log.borrow().recovery_point(), end_offset);
        }
        // The halves take turns.
        for _ in 0..50 {
            produce(&partition).await;
        }
        assert!(partition.last_half() > 6, "{}", partition.last_half());
        assert_eq!(journal_count(&base), 1);
        commits.close().await.unwrap();
        assert_eq!(journal_count(&base), 0);
    });
    std::fs::remove_dir_all(&dir).unwrap();
}
