//! The node, its controller and the cluster as it knows it.

use jackdaw_core::metrics::{Family, inventory::node};
use jackdaw_ring::process_usage;

use super::{NodeSamples, Page};
use crate::metrics::samples::PartitionSample;

/// What a single node never does.
const NEVER: [&Family; 6] = [
    &node::REASSIGNING,
    &node::ISR_SHRINKS,
    &node::ISR_EXPANDS,
    &node::FAILED_ISR_UPDATES,
    &node::UNCLEAN_ELECTIONS,
    &node::METADATA_ERRORS,
];

pub(super) fn write(page: &mut Page<'_>, samples: &NodeSamples) {
    let text = &mut page.text;
    text.head(&node::BUILD);
    text.sample(&node::BUILD, &[env!("CARGO_PKG_VERSION")], true);
    process(page);
    let text = &mut page.text;
    text.single(&node::BROKER_STATE, samples.cluster.broker_state);
    NEVER.into_iter().for_each(|family| text.single(family, 0_u64));
    text.single(&node::OFFLINE_DIRS, samples.cluster.failed_dir_count);
    text.head(&node::MAX_LAG);
    text.sample(&node::MAX_LAG, &["Replica"], 0_u64);
    replicas(page, samples);
    controller(page, samples);
}

fn process(page: &mut Page<'_>) {
    let Some(usage) = process_usage() else { return };
    let text = &mut page.text;
    text.single(&node::CPU, usage.cpu_seconds);
    text.single(&node::RESIDENT, usage.resident_bytes);
    text.single(&node::VIRTUAL, usage.virtual_bytes);
    text.single(&node::DESCRIPTORS, usage.open_descriptors);
    if let Some(limit) = usage.descriptor_limit {
        text.single(&node::DESCRIPTOR_LIMIT, limit);
    }
    text.single(&node::THREADS, usage.threads);
    text.single(&node::STARTED, usage.started_at);
}

fn replicas(page: &mut Page<'_>, samples: &NodeSamples) {
    let count =
        |holds: fn(&PartitionSample) -> bool| samples.partitions().filter(|sample| holds(sample)).count();
    let offline: usize = samples.shards.iter().map(|shard| shard.offline_count).sum();
    let producers: usize = samples.partitions().map(|sample| sample.producer_count).sum();
    let text = &mut page.text;
    text.single(&node::LEADERS, count(|sample| sample.is_leader));
    text.single(&node::PARTITIONS, samples.partitions().count() + offline);
    text.single(&node::OFFLINE_REPLICAS, offline);
    text.single(&node::UNDER_REPLICATED, count(PartitionSample::is_under_replicated));
    text.single(&node::UNDER_MIN_ISR, count(PartitionSample::is_under_min_isr));
    text.single(&node::AT_MIN_ISR, count(PartitionSample::is_at_min_isr));
    text.single(&node::PRODUCER_IDS, producers);
}

fn controller(page: &mut Page<'_>, samples: &NodeSamples) {
    let (text, cluster) = (&mut page.text, &samples.cluster);
    text.single(&node::BROKERS, cluster.active_broker_count);
    text.single(&node::ACTIVE_BROKERS, cluster.active_broker_count);
    text.single(&node::FENCED_BROKERS, cluster.fenced_broker_count);
    text.single(&node::TOPICS, cluster.topic_count);
    text.single(&node::GLOBAL_PARTITIONS, cluster.partition_count);
    text.single(&node::OFFLINE_PARTITIONS, cluster.leaderless_count);
    text.single(&node::IMBALANCE, cluster.imbalance_count);
    let quorum = cluster.quorum.as_ref();
    text.single(&node::ACTIVE_CONTROLLER, quorum.is_some_and(|quorum| quorum.leader_id == cluster.node_id));
    if let Some(quorum) = quorum {
        text.single(&node::RAFT_LEADER, quorum.leader_id);
        text.single(&node::RAFT_EPOCH, quorum.leader_epoch);
        text.single(&node::RAFT_HIGH_WATERMARK, quorum.high_watermark);
        text.single(&node::RAFT_END, quorum.log_end_offset);
        text.single(&node::RAFT_VOTERS, 1_u64);
    }
}
