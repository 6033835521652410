//! The group coordinators of one shard: one for each partition of `__consumer_offsets` that the shard leads.

mod host;
mod load;
pub(crate) mod routing;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
};

use jackdaw_core::{
    config::GroupConfig,
    error_code::ErrorCode,
    group::{Request, Response},
    uuid::Uuid,
};
use jackdaw_ring::yield_now;

use crate::{
    limits::METRICS_SLICE,
    message::{PartitionKey, Reply},
    metrics::GroupSamples,
    rpc::Handled,
    shard::Shard,
    view::{CONSUMER_OFFSETS, View},
};
use host::GroupHost;

/// Where committed offsets and groups are kept.
pub(crate) struct Groups {
    pub(crate) config: GroupConfig,
    hosts: RefCell<BTreeMap<PartitionKey, Rc<GroupHost>>>,
    pub(crate) has_told_of_missing_topic: Cell<bool>,
}

/// Requests for coordinators of one shard.
pub(crate) type GroupCall = Vec<(PartitionKey, Request)>;

impl Groups {
    pub(crate) fn new(config: GroupConfig) -> Self {
        Self { config, hosts: RefCell::default(), has_told_of_missing_topic: Cell::new(false) }
    }

    /// Take up the coordinators of partitions that this shard leads by `view`, and give the others up.
    pub(crate) fn follow(&self, shard: &Rc<Shard>, before: &View, view: &View) {
        let led = led_partitions(shard, view);
        let mut hosts = self.hosts.borrow_mut();
        hosts.retain(|key, host| {
            let stays = led.get(key) == Some(&host.leader_epoch());
            if !stays {
                host.give_up();
            }
            stays
        });
        for (key, leader_epoch) in led {
            if hosts.contains_key(&key) {
                continue;
            }
            if let Some(partition) = shard.partition(key) {
                hosts.insert(key, GroupHost::start(shard, partition, leader_epoch, &self.config));
            }
        }
        if hosts.is_empty() {
            return;
        }
        let deleted = deleted_topics(before, view);
        for host in hosts.values() {
            host.on_new_metadata(&deleted);
        }
    }

    /// Nothing is decided any more: the logs are about to be closed.
    pub(crate) fn stop(&self) {
        for host in std::mem::take(&mut *self.hosts.borrow_mut()).into_values() {
            host.give_up();
        }
    }

    /// Partitions whose groups are being read.
    pub(crate) fn loading_count(&self) -> usize {
        self.hosts.borrow().values().filter(|host| host.is_loading()).count()
    }

    /// What there is to tell of all groups, collected in slices.
    pub(crate) async fn samples(&self) -> GroupSamples {
        let hosts: Vec<_> = self.hosts.borrow().values().cloned().collect();
        let mut samples = GroupSamples { loading_count: self.loading_count(), ..GroupSamples::default() };
        for host in hosts {
            let mut after: Option<Arc<str>> = None;
            loop {
                let groups = host.summaries(after.as_deref(), METRICS_SLICE);
                let is_last = groups.len() < METRICS_SLICE;
                after = groups.last().map(|group| Arc::clone(&group.group_id));
                groups.into_iter().for_each(|group| samples.push(group));
                yield_now().await;
                if is_last {
                    break;
                }
            }
        }
        samples
    }

    /// Those of these coordinators whose partition could not be read.
    pub(crate) fn unreadable(&self, mut keys: Vec<PartitionKey>) -> Reply {
        let hosts = self.hosts.borrow();
        keys.retain(|key| hosts.get(key).is_some_and(|host| host.is_unreadable()));
        Reply::UnreadableGroups(keys)
    }

    /// Hand requests to their coordinators, in order; each is answered on its own.
    pub(crate) fn call(&self, call: GroupCall) -> Handled {
        let answers: Vec<_> = call
            .into_iter()
            .map(|(key, request)| match self.hosts.borrow().get(&key) {
                Some(host) => host.call(request),
                None => Answer::Now(request.failed(ErrorCode::NotCoordinator)),
            })
            .collect();
        Handled::Later(Box::pin(async move {
            let mut responses = Vec::with_capacity(answers.len());
            for answer in answers {
                responses.push(answer.wait().await);
            }
            Reply::Groups(responses)
        }))
    }
}

/// An answer that is there, or on its way.
enum Answer {
    Now(Response),
    Later(host::Waiting),
}

impl Answer {
    async fn wait(self) -> Response {
        match self {
            Self::Now(response) => response,
            Self::Later(waiting) => waiting.wait().await,
        }
    }
}

/// Partitions of the offsets topic that this shard leads, with their leader epochs. None until the broker is registered:
/// what it led when it was killed it leads again only with another epoch.
fn led_partitions(shard: &Shard, view: &View) -> BTreeMap<PartitionKey, i32> {
    let own = shard.rpc.own();
    let identity = &shard.identity;
    let registered = view.image.cluster.broker(identity.node_id);
    if registered.is_none_or(|broker| broker.incarnation_id != identity.incarnation_id) {
        return BTreeMap::new();
    }
    let Some(topic) = view.topic_by_name(CONSUMER_OFFSETS) else { return BTreeMap::new() };
    (0..)
        .zip(&topic.partitions)
        .filter(|(_, partition)| partition.leader == shard.identity.node_id)
        .map(|(index, partition)| (topic.key(index), partition.leader_epoch))
        .filter(|(key, _)| view.owner(*key) == Some(own))
        .collect()
}

/// Topics that were there before, and are no more.
fn deleted_topics(before: &View, view: &View) -> Vec<(String, Uuid)> {
    let gone = before.topics.iter().filter(|(id, _)| !view.topics.contains_key(id));
    gone.map(|(id, topic)| (topic.name.to_string(), *id)).collect()
}
