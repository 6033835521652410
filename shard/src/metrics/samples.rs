//! What one shard tells when it is asked: collected in slices.

use std::{future::Future, ops::Bound, pin::Pin, rc::Rc, sync::Arc};

use jackdaw_core::{group::GroupSummary, uuid::Uuid};
use jackdaw_ring::yield_now;

use super::counters::TopicTotals;
use crate::{
    limits::{METRICS_GROUP_OFFSETS_MAX, METRICS_SLICE},
    message::{PartitionKey, Reply},
    partition::Partition,
    rpc::Handled,
    shard::Shard,
};

/// What a shard is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MetricsAsk {
    /// Whether it is there, and still loads something.
    Alive,
    Groups,
    Shard,
}

/// The answer of the same kind.
pub(crate) enum MetricsTold {
    Alive { groups_loading: usize },
    Groups(GroupSamples),
    Shard(Box<ShardSamples>),
}

/// The groups that a shard coordinates.
#[derive(Default)]
pub(crate) struct GroupSamples {
    pub(crate) groups: Vec<GroupSummary>,
    /// Offsets of `groups`, and those for which there was no room.
    pub(crate) offset_count: usize,
    pub(crate) left_out_count: usize,
    pub(crate) loading_count: usize,
}

impl GroupSamples {
    /// Take a group in, without its offsets where there is no room for them.
    pub(crate) fn push(&mut self, mut group: GroupSummary) {
        if self.offset_count + group.offsets.len() > METRICS_GROUP_OFFSETS_MAX {
            self.left_out_count += std::mem::take(&mut group.offsets).len();
        }
        self.offset_count += group.offsets.len();
        self.groups.push(group);
    }

    pub(super) fn merge(&mut self, mut others: Self) {
        self.groups.append(&mut others.groups);
        self.offset_count += others.offset_count;
        self.left_out_count += others.left_out_count;
        self.loading_count += others.loading_count;
    }
}

/// Everything else of a shard.
pub(crate) struct ShardSamples {
    pub(crate) all_topics: TopicTotals,
    pub(crate) topics: Vec<(Arc<str>, TopicTotals)>,
    pub(crate) partitions: Vec<PartitionSample>,
}

/// One partition as its owner sees it.
pub(crate) struct PartitionSample {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
    pub(crate) high_watermark: i64,
}

/// Answer a shard that asks.
pub(crate) fn answer(shard: &Rc<Shard>, ask: MetricsAsk) -> Handled {
    let shard = Rc::clone(shard);
    Handled::Later(Box::pin(async move { Reply::Metrics(tell(&shard, ask).await) }))
}

pub(super) fn tell(shard: &Rc<Shard>, ask: MetricsAsk) -> Pin<Box<dyn Future<Output = MetricsTold>>> {
    let shard = Rc::clone(shard);
    Box::pin(async move {
        match ask {
            MetricsAsk::Alive => MetricsTold::Alive { groups_loading: shard.groups.loading_count() },
            MetricsAsk::Groups => MetricsTold::Groups(shard.groups.samples().await),
            MetricsAsk::Shard => MetricsTold::Shard(Box::new(ShardSamples::collect(&shard).await)),
        }
    })
}

impl ShardSamples {
    async fn collect(shard: &Rc<Shard>) -> Self {
        let view = shard.view();
        let by_topic = shard.counters.by_topic();
        let named = by_topic.into_iter().filter_map(|(topic_id, totals)| {
            let topic = view.topic_by_id(topic_id)?;
            Some((Arc::clone(&topic.name), totals))
        });
        Self {
            all_topics: shard.counters.all_topics(),
            topics: named.collect(),
            partitions: partitions(shard).await,
        }
    }
}

async fn partitions(shard: &Shard) -> Vec<PartitionSample> {
    let mut samples = Vec::with_capacity(shard.partitions.borrow().len());
    let mut after: Option<PartitionKey> = None;
    loop {
        let count = samples.len();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        for (key, partition) in shard.partitions.borrow().range((from, Bound::Unbounded)).take(METRICS_SLICE)
        {
            samples.push(partition.sample());
            after = Some(*key);
        }
        if samples.len() - count < METRICS_SLICE {
            return samples;
        }
        yield_now().await;
    }
}

impl Partition {
    fn sample(&self) -> PartitionSample {
        PartitionSample {
            topic: Arc::clone(&self.topic),
            topic_id: self.key.topic_id,
            partition: self.key.partition,
            high_watermark: self.high_watermark(),
        }
    }
}
