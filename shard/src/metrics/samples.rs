//! What one shard tells when it is asked: collected in slices.

use std::{future::Future, ops::Bound, pin::Pin, rc::Rc, sync::Arc};

use jackdaw_core::{group::GroupSummary, uuid::Uuid};
use jackdaw_net::refusals::{Refusal, Refusals};
use jackdaw_ring::{Usage, yield_now};
use jackdaw_storage::OpenFiles;

use super::{
    counters::TopicTotals,
    requests::{ApiSample, StageSamples},
};
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
    pub(crate) state: ShardState,
    pub(crate) offline_count: usize,
    pub(crate) requests: Vec<ApiSample>,
    pub(crate) stages: StageSamples,
    pub(crate) all_topics: TopicTotals,
    pub(crate) topics: Vec<(Arc<str>, TopicTotals)>,
    pub(crate) partitions: Vec<PartitionSample>,
}

/// What a shard holds, and how it spends its time.
pub(crate) struct ShardState {
    pub(crate) usage: Usage,
    pub(crate) partition_count: usize,
    pub(crate) memory_bytes: usize,
    pub(crate) memory_left_bytes: usize,
    pub(crate) connection_count: usize,
    pub(crate) connections_accepted: u64,
    /// By `Refusal::ALL`.
    pub(crate) refusals: [u64; Refusal::ALL.len()],
    pub(crate) open_files: usize,
    pub(crate) closed_files: u64,
    pub(crate) fetches_waiting: usize,
    pub(crate) fetch_session_count: usize,
    pub(crate) fetch_session_partitions: usize,
}

/// One partition as its owner sees it.
pub(crate) struct PartitionSample {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
    pub(crate) log_start_offset: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) high_watermark: i64,
    pub(crate) log_end_offset: i64,
    pub(crate) size_bytes: u64,
    pub(crate) segment_count: usize,
    pub(crate) producer_count: usize,
    pub(crate) is_leader: bool,
    /// -1 for none.
    pub(crate) leader: i32,
    pub(crate) is_led_by_preferred: bool,
    pub(crate) replica_count: usize,
    pub(crate) isr_count: usize,
    pub(crate) min_insync_replicas: usize,
}

impl PartitionSample {
    pub(crate) fn is_under_replicated(&self) -> bool {
        self.is_leader && self.isr_count < self.replica_count
    }

    pub(crate) fn is_under_min_isr(&self) -> bool {
        self.is_leader && self.isr_count < self.needed()
    }

    /// A single replica is always just enough, which is no news.
    pub(crate) fn is_at_min_isr(&self) -> bool {
        self.is_leader && self.replica_count > 1 && self.isr_count == self.needed()
    }

    fn needed(&self) -> usize {
        self.min_insync_replicas.min(self.replica_count)
    }
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
        let offline_count = shard.offline.borrow().len();
        let view = shard.view();
        let by_topic = shard.counters.by_topic();
        let named = by_topic.into_iter().filter_map(|(topic_id, totals)| {
            let topic = view.topic_by_id(topic_id)?;
            Some((Arc::clone(&topic.name), totals))
        });
        Self {
            state: ShardState::of(shard),
            offline_count,
            requests: shard.counters.requests.samples(),
            stages: shard.counters.requests.stages(),
            all_topics: shard.counters.all_topics(),
            topics: named.collect(),
            partitions: partitions(shard).await,
        }
    }
}

impl ShardState {
    fn of(shard: &Shard) -> Self {
        let sessions = shard.fetch_sessions.borrow();
        Self {
            usage: jackdaw_ring::usage(),
            partition_count: shard.partitions.borrow().len(),
            memory_bytes: shard.limits.request_memory_bytes,
            memory_left_bytes: shard.memory.left_bytes(),
            connection_count: shard.connections.count(),
            connections_accepted: shard.counters.connections_accepted.get(),
            refusals: Refusals::own().totals(),
            open_files: OpenFiles::own().open_count(),
            closed_files: OpenFiles::own().closed_count(),
            fetches_waiting: shard.fetch_waits.count(),
            fetch_session_count: sessions.len(),
            fetch_session_partitions: sessions.partitions_count(),
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
        let (log, state) = (self.log.borrow(), self.state.borrow());
        PartitionSample {
            topic: Arc::clone(&self.topic),
            topic_id: self.key.topic_id,
            partition: self.key.partition,
            log_start_offset: log.log_start_offset(),
            last_stable_offset: self.last_stable_offset(),
            high_watermark: self.high_watermark(),
            log_end_offset: log.log_end_offset(),
            size_bytes: log.size_bytes(),
            segment_count: log.segment_count(),
            producer_count: log.producers().len(),
            is_leader: state.leader == self.node_id,
            leader: state.leader,
            is_led_by_preferred: state.replicas.first() == Some(&state.leader),
            replica_count: state.replicas.len(),
            isr_count: state.isr.len(),
            min_insync_replicas: self.min_insync_replicas(),
        }
    }
}
