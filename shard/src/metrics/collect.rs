//! The node as a whole: every shard asked, their answers put together.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use jackdaw_core::{group::GroupOffset, uuid::Uuid};
use jackdaw_ring::{now, yield_now};

use super::{
    counters::TopicTotals,
    idle::IdleShare,
    samples::{GroupSamples, MetricsAsk, MetricsTold, PartitionSample, ShardSamples, tell},
};
use crate::{
    controller_host::QuorumState,
    limits::METRICS_SLICE,
    message::{Call, Reply},
    shard::Shard,
    view::PartitionView,
};

/// What a page is written from.
pub(super) struct NodeSamples {
    pub(super) shards: Vec<ShardSamples>,
    pub(super) groups: GroupSamples,
    pub(super) cluster: ClusterSample,
    /// Of the last minute, 0 to 1.
    pub(super) idle_share: f64,
    pub(super) all_topics: TopicTotals,
    pub(super) topics: BTreeMap<Arc<str>, TopicTotals>,
    ends: BTreeMap<Arc<str>, Ends>,
}

/// The cluster as the first shard's view has it.
pub(super) struct ClusterSample {
    pub(super) node_id: i32,
    pub(super) broker_state: i32,
    pub(super) active_broker_count: usize,
    pub(super) fenced_broker_count: usize,
    pub(super) topic_count: usize,
    pub(super) partition_count: usize,
    pub(super) leaderless_count: usize,
    pub(super) imbalance_count: usize,
    pub(super) failed_dir_count: usize,
    pub(super) quorum: Option<QuorumState>,
}

impl ClusterSample {
    fn of(shard: &Shard, broker_state: i32) -> Self {
        let view = shard.view();
        let fenced_broker_count = view.brokers.iter().filter(|broker| broker.fenced).count();
        let partitions = || view.topics.values().flat_map(|topic| &topic.partitions);
        let is_imbalanced = |partition: &&PartitionView| {
            partition.leader >= 0 && partition.replicas.first() != Some(&partition.leader)
        };
        Self {
            node_id: shard.identity.node_id,
            broker_state,
            active_broker_count: view.brokers.len() - fenced_broker_count,
            fenced_broker_count,
            topic_count: view.topics.len(),
            partition_count: partitions().count(),
            leaderless_count: partitions().filter(|partition| partition.leader < 0).count(),
            failed_dir_count: shard.fatal.dirs().count(),
            imbalance_count: partitions().filter(is_imbalanced).count(),
            quorum: shard.own_quorum(),
        }
    }
}

/// The high watermarks of a topic.
struct Ends {
    topic_id: Uuid,
    /// In the order of the partitions.
    by_partition: Vec<(i32, i64)>,
}

impl NodeSamples {
    /// Groups are asked first: a committed offset is then never ahead of its log for want of time.
    pub(super) async fn collect(shard: &Rc<Shard>, idle: &IdleShare, broker_state: i32) -> Self {
        let mut groups = GroupSamples::default();
        for told in ask_all(shard, MetricsAsk::Groups).await {
            if let MetricsTold::Groups(samples) = told {
                groups.merge(samples);
            }
        }
        let told = ask_all(shard, MetricsAsk::Shard).await.into_iter();
        let shards = told.filter_map(|told| match told {
            MetricsTold::Shard(samples) => Some(*samples),
            _ => None,
        });
        let mut samples = Self {
            shards: shards.collect(),
            groups,
            cluster: ClusterSample::of(shard, broker_state),
            idle_share: 1.0,
            all_topics: TopicTotals::default(),
            topics: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        samples.idle_share = idle.next(now(), samples.shards.iter().map(|shard| shard.state.usage));
        samples.sum_up().await;
        samples
    }

    async fn sum_up(&mut self) {
        for shard in &self.shards {
            self.all_topics.add(&shard.all_topics);
            for (topic, totals) in &shard.topics {
                self.topics.entry(Arc::clone(topic)).or_default().add(totals);
            }
            yield_now().await;
            for slice in shard.partitions.chunks(METRICS_SLICE) {
                for sample in slice {
                    let new = || Ends { topic_id: sample.topic_id, by_partition: Vec::new() };
                    let ends = self.ends.entry(Arc::clone(&sample.topic)).or_insert_with(new);
                    ends.by_partition.push((sample.partition, sample.high_watermark));
                }
                yield_now().await;
            }
        }
        for ends in self.ends.values_mut() {
            ends.by_partition.sort_unstable();
        }
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = &PartitionSample> {
        self.shards.iter().flat_map(|shard| &shard.partitions)
    }

    /// The high watermark of the partition that this offset was committed for; `None` where it is not served here, or
    /// the topic was deleted and made anew since.
    pub(super) fn high_watermark(&self, offset: &GroupOffset) -> Option<i64> {
        let ends = self.ends.get(&offset.topic)?;
        if !offset.topic_id.is_zero() && offset.topic_id != ends.topic_id {
            return None;
        }
        let index =
            ends.by_partition.binary_search_by_key(&offset.partition, |(partition, _)| *partition).ok()?;
        Some(ends.by_partition[index].1)
    }
}

/// Ask every shard at the same time; the answers come in the order of the shards.
pub(super) async fn ask_all(shard: &Rc<Shard>, ask: MetricsAsk) -> Vec<MetricsTold> {
    let own = shard.rpc.own();
    let mut coming = Vec::with_capacity(shard.rpc.shards());
    for other in (0..shard.rpc.shards()).filter(|other| *other != own) {
        coming.push(shard.rpc.send(other, Call::Metrics(ask)).await);
    }
    let mut told = Vec::with_capacity(coming.len() + 1);
    for reply in coming {
        match reply.await {
            Reply::Metrics(answer) => told.push(answer),
            _ => panic!("a call for metrics is answered with metrics"),
        }
    }
    told.insert(own.min(told.len()), tell(shard, ask).await);
    told
}
