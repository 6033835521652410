//! The records of a consumer group: types 3 to 8 and 16.

use super::{Member, TopicPartitions, regex::ResolvedRegex};
use crate::{
    group::GroupRecord,
    protocol::records::{
        GroupKey, GroupValue,
        group::{
            ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupMemberMetadataKey,
            ConsumerGroupMetadataKey, ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataKey,
            ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue,
            ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
            ConsumerGroupTargetAssignmentMemberValueTopicPartition as RecordPartitions,
            ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
        },
    },
};

/// All of them are written in this version.
const VALUE_VERSION: i16 = 0;

fn epoch_key(group_id: &str) -> GroupKey {
    GroupKey::ConsumerGroupMetadata(ConsumerGroupMetadataKey { group_id: group_id.to_owned() })
}

fn member_key(group_id: &str, member_id: &str) -> GroupKey {
    GroupKey::ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey {
        group_id: group_id.to_owned(),
        member_id: member_id.to_owned(),
    })
}

fn target_epoch_key(group_id: &str) -> GroupKey {
    GroupKey::ConsumerGroupTargetAssignmentMetadata(ConsumerGroupTargetAssignmentMetadataKey {
        group_id: group_id.to_owned(),
    })
}

fn target_key(group_id: &str, member_id: &str) -> GroupKey {
    GroupKey::ConsumerGroupTargetAssignmentMember(ConsumerGroupTargetAssignmentMemberKey {
        group_id: group_id.to_owned(),
        member_id: member_id.to_owned(),
    })
}

fn current_key(group_id: &str, member_id: &str) -> GroupKey {
    GroupKey::ConsumerGroupCurrentMemberAssignment(ConsumerGroupCurrentMemberAssignmentKey {
        group_id: group_id.to_owned(),
        member_id: member_id.to_owned(),
    })
}

fn regex_key(group_id: &str, regex: &str) -> GroupKey {
    GroupKey::ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionKey {
        group_id: group_id.to_owned(),
        regular_expression: regex.to_owned(),
    })
}

/// Type 3.
pub(super) fn epoch(group_id: &str, epoch: i32, metadata_hash: i64) -> GroupRecord {
    let value = ConsumerGroupMetadataValue { epoch, metadata_hash };
    GroupRecord::set(epoch_key(group_id), GroupValue::ConsumerGroupMetadata(value), VALUE_VERSION)
}

/// Type 5.
pub(super) fn member(group_id: &str, member: &Member) -> GroupRecord {
    let value = GroupValue::ConsumerGroupMemberMetadata(member.metadata_value());
    GroupRecord::set(member_key(group_id, &member.id), value, VALUE_VERSION)
}

/// Type 6. The time is the calendar's.
pub(super) fn target_epoch(group_id: &str, assignment_epoch: i32, assignment_timestamp: i64) -> GroupRecord {
    let value = ConsumerGroupTargetAssignmentMetadataValue { assignment_epoch, assignment_timestamp };
    let value = GroupValue::ConsumerGroupTargetAssignmentMetadata(value);
    GroupRecord::set(target_epoch_key(group_id), value, VALUE_VERSION)
}

/// Type 7.
pub(super) fn target(group_id: &str, member_id: &str, target: &TopicPartitions) -> GroupRecord {
    let topics = target.topics().map(|(topic_id, partitions)| RecordPartitions {
        topic_id,
        partitions: partitions.iter().copied().collect(),
    });
    let value = ConsumerGroupTargetAssignmentMemberValue { topic_partitions: topics.collect() };
    let value = GroupValue::ConsumerGroupTargetAssignmentMember(value);
    GroupRecord::set(target_key(group_id, member_id), value, VALUE_VERSION)
}

/// Type 8.
pub(super) fn current(group_id: &str, member: &Member) -> GroupRecord {
    let value = GroupValue::ConsumerGroupCurrentMemberAssignment(member.current_assignment_value());
    GroupRecord::set(current_key(group_id, &member.id), value, VALUE_VERSION)
}

/// Type 16.
pub(super) fn regex(group_id: &str, regex: &str, resolved: &ResolvedRegex) -> GroupRecord {
    let value = ConsumerGroupRegularExpressionValue {
        topics: resolved.topics.iter().cloned().collect(),
        version: resolved.metadata_version,
        timestamp: resolved.timestamp_ms,
    };
    let value = GroupValue::ConsumerGroupRegularExpression(value);
    GroupRecord::set(regex_key(group_id, regex), value, VALUE_VERSION)
}

pub(super) fn regex_tombstone(group_id: &str, regex: &str) -> GroupRecord {
    GroupRecord::tombstone(regex_key(group_id, regex))
}

/// Takes a member away, in the order in which Kafka writes it: a reader never sees an assignment without its member.
pub(super) fn member_tombstones(group_id: &str, member_id: &str) -> [GroupRecord; 3] {
    [
        GroupRecord::tombstone(current_key(group_id, member_id)),
        GroupRecord::tombstone(target_key(group_id, member_id)),
        GroupRecord::tombstone(member_key(group_id, member_id)),
    ]
}

/// Takes away a whole group, in Kafka's order; `legacy_metadata` where an earlier release wrote record type 4.
pub(super) fn group_tombstones<'a>(
    group_id: &str,
    member_ids: &[&str],
    regexes: impl Iterator<Item = &'a String>,
    legacy_metadata: bool,
) -> Vec<GroupRecord> {
    let mut keys: Vec<GroupKey> = member_ids.iter().map(|id| current_key(group_id, id)).collect();
    keys.extend(member_ids.iter().map(|id| target_key(group_id, id)));
    keys.push(target_epoch_key(group_id));
    keys.extend(member_ids.iter().map(|id| member_key(group_id, id)));
    keys.extend(regexes.map(|regex| regex_key(group_id, regex)));
    if legacy_metadata {
        let key = ConsumerGroupPartitionMetadataKey { group_id: group_id.to_owned() };
        keys.push(GroupKey::ConsumerGroupPartitionMetadata(key));
    }
    keys.push(epoch_key(group_id));
    keys.into_iter().map(GroupRecord::tombstone).collect()
}
