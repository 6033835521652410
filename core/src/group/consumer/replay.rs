//! Records applied to a consumer group.

use std::sync::Arc;

use super::{ConsumerGroup, Member, TopicPartitions, group::FIRST_EPOCH, regex::ResolvedRegex};
use crate::{
    group::GroupRecord,
    protocol::records::{GroupKey, GroupValue},
};

/// The group that a record belongs to; `None` where it is no record of a consumer group.
pub fn group_of(key: &GroupKey) -> Option<&str> {
    match key {
        GroupKey::ConsumerGroupMetadata(key) => Some(&key.group_id),
        GroupKey::ConsumerGroupPartitionMetadata(key) => Some(&key.group_id),
        GroupKey::ConsumerGroupMemberMetadata(key) => Some(&key.group_id),
        GroupKey::ConsumerGroupTargetAssignmentMetadata(key) => Some(&key.group_id),
        GroupKey::ConsumerGroupTargetAssignmentMember(key) => Some(&key.group_id),
        GroupKey::ConsumerGroupCurrentMemberAssignment(key) => Some(&key.group_id),
        GroupKey::ConsumerGroupRegularExpression(key) => Some(&key.group_id),
        _ => None,
    }
}

/// Whether the record ends its group: the tombstone of type 3 is the last of a deletion.
pub fn ends_group(record: &GroupRecord) -> bool {
    matches!(record.key, GroupKey::ConsumerGroupMetadata(_)) && record.value.is_none()
}

impl ConsumerGroup {
    /// Applies a record of this group. Compaction may have taken away any record that a later one replaces, so
    /// nothing is taken for granted about what came before; a tombstone of what is not there changes nothing.
    pub fn replay(&mut self, record: &GroupRecord) {
        match (&record.key, &record.value) {
            (GroupKey::ConsumerGroupMetadata(_), Some(GroupValue::ConsumerGroupMetadata(value))) => {
                (self.epoch, self.metadata_hash) = (value.epoch, value.metadata_hash);
            }
            (GroupKey::ConsumerGroupMetadata(_), _) => {
                (self.epoch, self.metadata_hash) = (FIRST_EPOCH, 0);
            }
            (GroupKey::ConsumerGroupPartitionMetadata(_), value) => self.legacy_metadata = value.is_some(),
            (
                GroupKey::ConsumerGroupMemberMetadata(key),
                Some(GroupValue::ConsumerGroupMemberMetadata(value)),
            ) => {
                if let Some(member) = self.members.get(&key.member_id) {
                    self.subscriptions.remove(member, &self.regexes);
                }
                self.change_member(&key.member_id, |member| member.set_metadata(value));
                if let Some(member) = self.members.get(&key.member_id) {
                    self.subscriptions.add(member, &self.regexes);
                }
            }
            (GroupKey::ConsumerGroupMemberMetadata(key), _) => self.remove_member(&key.member_id),
            (
                GroupKey::ConsumerGroupTargetAssignmentMetadata(_),
                Some(GroupValue::ConsumerGroupTargetAssignmentMetadata(value)),
            ) => {
                self.target_epoch = value.assignment_epoch;
                self.target_timestamp_ms = value.assignment_timestamp;
            }
            (GroupKey::ConsumerGroupTargetAssignmentMetadata(_), _) => {
                (self.target_epoch, self.target_timestamp_ms) = (FIRST_EPOCH, 0);
            }
            (
                GroupKey::ConsumerGroupTargetAssignmentMember(key),
                Some(GroupValue::ConsumerGroupTargetAssignmentMember(value)),
            ) => {
                let topics = value.topic_partitions.iter();
                let target: TopicPartitions = topics
                    .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic_id, *partition)))
                    .collect();
                self.targets.insert(key.member_id.clone(), target);
            }
            (GroupKey::ConsumerGroupTargetAssignmentMember(key), _) => {
                self.targets.remove(&key.member_id);
            }
            (
                GroupKey::ConsumerGroupCurrentMemberAssignment(key),
                Some(GroupValue::ConsumerGroupCurrentMemberAssignment(value)),
            ) => self.change_member(&key.member_id, |member| member.set_current_assignment(value)),
            (GroupKey::ConsumerGroupCurrentMemberAssignment(key), _)
                if self.members.contains_key(&key.member_id) =>
            {
                self.change_member(&key.member_id, Member::clear_current_assignment);
            }
            (
                GroupKey::ConsumerGroupRegularExpression(key),
                Some(GroupValue::ConsumerGroupRegularExpression(value)),
            ) => {
                let resolved = ResolvedRegex {
                    topics: value.topics.iter().cloned().collect(),
                    metadata_version: value.version,
                    timestamp_ms: value.timestamp,
                };
                let old = self.regexes.get(&key.regular_expression);
                self.subscriptions.change_regex(&key.regular_expression, old, Some(&resolved));
                self.size_bytes -= old.map_or(0, |old| old.size_bytes(&key.regular_expression));
                self.size_bytes += resolved.size_bytes(&key.regular_expression);
                self.regexes.insert(key.regular_expression.clone(), resolved);
            }
            (GroupKey::ConsumerGroupRegularExpression(key), _) => {
                let old = self.regexes.remove(&key.regular_expression);
                self.size_bytes -= old.as_ref().map_or(0, |old| old.size_bytes(&key.regular_expression));
                self.subscriptions.change_regex(&key.regular_expression, old.as_ref(), None);
            }
            _ => {}
        }
    }

    fn change_member(&mut self, member_id: &str, change: impl FnOnce(&mut Member)) {
        let new = || Arc::new(Member::new(member_id.to_owned()));
        let known = self.members.remove(member_id);
        self.size_bytes -= known.as_ref().map_or(0, |member| member.size_bytes());
        let mut member = known.unwrap_or_else(new);
        self.forget(&member);
        change(Arc::make_mut(&mut member));
        self.size_bytes += member.size_bytes();
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member.id.clone());
        }
        for (topic_id, partition, _) in member.assigned.iter().chain(member.pending_revocation.iter()) {
            self.owners.insert((topic_id, partition), member.id.clone());
        }
        self.members.insert(member_id.to_owned(), member);
    }

    fn remove_member(&mut self, member_id: &str) {
        if let Some(member) = self.members.remove(member_id) {
            self.size_bytes -= member.size_bytes();
            self.subscriptions.remove(&member, &self.regexes);
            self.forget(&member);
        }
    }

    /// Takes out what the maps hold of this member, and nothing that another has taken over since.
    fn forget(&mut self, member: &Member) {
        if let Some(instance_id) = &member.instance_id
            && self.static_members.get(instance_id) == Some(&member.id)
        {
            self.static_members.remove(instance_id);
        }
        for (topic_id, partition, _) in member.assigned.iter().chain(member.pending_revocation.iter()) {
            if self.owners.get(&(topic_id, partition)) == Some(&member.id) {
                self.owners.remove(&(topic_id, partition));
            }
        }
    }
}
