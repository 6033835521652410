//! A look at groups and their committed offsets from outside, for metrics.

use std::sync::Arc;

use super::{Coordinator, groups::Group};
use crate::uuid::Uuid;

/// What a coordinator tells of one group.
#[derive(Clone, Debug)]
pub struct GroupSummary {
    pub group_id: Arc<str>,
    /// `classic` or `consumer`.
    pub protocol: &'static str,
    /// As ListGroups names it.
    pub state: &'static str,
    pub member_count: usize,
    pub offsets: Vec<GroupOffset>,
}

/// What a group has committed for one partition.
#[derive(Clone, Debug)]
pub struct GroupOffset {
    pub topic: Arc<str>,
    /// Zero where it is not known.
    pub topic_id: Uuid,
    pub partition: i32,
    pub offset: i64,
}

impl Coordinator {
    /// Up to `count` groups after this one (from the first where it is `None`), in the order of their ids.
    pub fn summaries(&self, after: Option<&str>, count: usize) -> Vec<GroupSummary> {
        let from = self.groups.iter_from(after.unwrap_or_default());
        let groups = from.filter(|(group_id, _)| Some(&***group_id) != after).take(count);
        groups.map(|(group_id, group)| self.summary(group_id, group)).collect()
    }

    fn summary(&self, group_id: &Arc<str>, group: &Group) -> GroupSummary {
        let (protocol, state, member_count) = match group {
            Group::Classic(group) => ("classic", group.state_name(), group.members.len()),
            Group::Consumer(group) => ("consumer", group.state().name(), group.members().count()),
        };
        let topics = self.offsets.of_group(group_id).into_iter().flatten();
        let offsets = topics.flat_map(|(topic, partitions)| {
            partitions.iter().map(|(partition, committed)| GroupOffset {
                topic: Arc::clone(topic),
                topic_id: committed.topic_id,
                partition: *partition,
                offset: committed.offset,
            })
        });
        GroupSummary {
            group_id: Arc::clone(group_id),
            protocol,
            state,
            member_count,
            offsets: offsets.collect(),
        }
    }
}
