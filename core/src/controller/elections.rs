//! What the coming and going of a broker does to the partitions: who leaves an ISR, who is elected.
//!
//! Each of these looks at all partitions. They happen when a broker starts, stops or dies, and take well under a
//! millisecond per 10,000 partitions, so no index of partitions by broker is kept.

use super::{
    Controller,
    partition_change::{PartitionChange, Rules},
};
use crate::metadata::{Partition, Topic, VersionedRecord};

impl Controller {
    /// The broker is fenced or shuts down: it leads nothing and is in no ISR.
    pub(super) fn remove_from_isrs(&self, broker_id: i32) -> Vec<VersionedRecord> {
        let concerned = |partition: &Partition| partition.isr.contains(&broker_id);
        self.change_partitions(None, Some(broker_id), concerned, |change| change.without(broker_id))
    }

    /// The broker stopped without flushing: what it holds may end before what was committed.
    pub(super) fn remove_after_unclean_stop(&self, broker_id: i32) -> Vec<VersionedRecord> {
        let concerned = |partition: &Partition| {
            partition.isr.contains(&broker_id) || partition.eligible_leader_replicas.contains(&broker_id)
        };
        self.change_partitions(None, Some(broker_id), concerned, |change| change.without_unclean(broker_id))
    }

    /// The broker is unfenced by the record before these: it may lead what nobody leads.
    pub(super) fn elect_where_leaderless(&self, broker_id: i32) -> Vec<VersionedRecord> {
        let concerned =
            |partition: &Partition| !partition.has_leader() && partition.replicas.contains(&broker_id);
        self.change_partitions(Some(broker_id), None, concerned, |change| change)
    }

    pub(super) fn leads_anything(&self, broker_id: i32) -> bool {
        let mut partitions = self.image().topics.iter().flat_map(Topic::partitions);
        partitions.any(|(_, partition)| partition.leader == broker_id)
    }

    fn change_partitions(
        &self,
        coming: Option<i32>,
        going: Option<i32>,
        concerned: impl Fn(&Partition) -> bool,
        change: impl Fn(PartitionChange<'_>) -> PartitionChange<'_>,
    ) -> Vec<VersionedRecord> {
        let is_active = |id: i32| self.image().cluster.broker(id).is_some_and(|broker| broker.is_active());
        let may_lead = |id: i32| Some(id) != going && (Some(id) == coming || is_active(id));
        let mut records = Vec::new();
        for topic in self.image().topics.iter() {
            let mut partitions = topic.partitions().filter(|(_, partition)| concerned(partition)).peekable();
            if partitions.peek().is_none() {
                continue;
            }
            let rules = self.rules(topic, &may_lead);
            records.extend(partitions.filter_map(|(id, partition)| {
                change(PartitionChange::new(&rules, partition)).build(topic.id, id)
            }));
        }
        records
    }

    pub(super) fn rules<'a>(&self, topic: &Topic, may_lead: &'a dyn Fn(i32) -> bool) -> Rules<'a> {
        let config = self.topic_config(topic);
        let features = &self.image().features;
        Rules {
            metadata_version: features.metadata_version(),
            has_elr: features.has_eligible_leader_replicas(),
            min_isr: usize::try_from(config.min_insync_replicas).unwrap_or(1),
            allows_unclean: config.unclean_leader_election_enable,
            may_lead,
        }
    }
}
