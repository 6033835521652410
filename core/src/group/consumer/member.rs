//! A member of a consumer group.

use std::collections::BTreeSet;

use super::AssignedPartitions;
use crate::{
    group::Client,
    protocol::records::group::{
        ClassicMemberMetadata, ConsumerGroupCurrentMemberAssignmentValue,
        ConsumerGroupCurrentMemberAssignmentValueTopicPartitions as RecordPartitions,
        ConsumerGroupMemberMetadataValue,
    },
};

/// The epoch that a member joins with.
pub const JOIN_EPOCH: i32 = 0;
/// The epoch that a member leaves with.
pub const LEAVE_EPOCH: i32 = -1;
/// The epoch that a static member leaves with when it means to come back.
pub const STATIC_LEAVE_EPOCH: i32 = -2;

/// What holds a text of a set, beside the text.
pub(super) const TEXT_BYTES: usize = 32;

/// How far a member is on its way to its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberState {
    /// It has all of its target, at its epoch.
    #[default]
    Stable,
    /// It has to give up partitions before it may go on.
    UnrevokedPartitions,
    /// It waits for partitions that others still hold.
    UnreleasedPartitions,
    /// Written by a release that knows more states.
    Unknown,
}

impl MemberState {
    pub fn new(code: i8) -> Self {
        match code {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }

    pub fn code(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown => 127,
        }
    }
}

/// A member: what it asked for (record type 5) and what it has (record type 8).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    pub id: String,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client: Client,
    pub subscribed_topic_names: BTreeSet<String>,
    /// Empty where it subscribes by names only.
    pub subscribed_topic_regex: String,
    /// How long it may take to give up partitions; -1 where it was never said.
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<String>,
    /// A member that speaks the classic protocol, in a group that is being upgraded.
    pub classic: Option<ClassicMemberMetadata>,
    pub state: MemberState,
    pub epoch: i32,
    pub previous_epoch: i32,
    pub assigned: AssignedPartitions,
    pub pending_revocation: AssignedPartitions,
}

impl Member {
    pub fn new(id: String) -> Self {
        Self { id, rebalance_timeout_ms: -1, ..Self::default() }
    }

    /// What its texts take.
    pub(in crate::group) fn size_bytes(&self) -> usize {
        let names = self.subscribed_topic_names.iter().map(|name| name.len() + TEXT_BYTES).sum::<usize>();
        let options = [&self.instance_id, &self.rack_id, &self.server_assignor];
        let texts = options.into_iter().flatten().map(String::len).sum::<usize>();
        let protocols = self.classic.iter().flat_map(|classic| &classic.supported_protocols);
        let protocols =
            protocols.map(|protocol| protocol.name.len() + protocol.metadata.len()).sum::<usize>();
        let client = self.client.id.len() + self.client.host.len();
        self.id.len() + self.subscribed_topic_regex.len() + client + names + texts + protocols
    }

    /// It said that it will come back; its partitions are kept for it.
    pub fn has_left_for_now(&self) -> bool {
        self.epoch == STATIC_LEAVE_EPOCH
    }

    pub(super) fn set_epoch(&mut self, epoch: i32) {
        self.previous_epoch = self.epoch;
        self.epoch = epoch;
    }

    pub(super) fn set_metadata(&mut self, value: &ConsumerGroupMemberMetadataValue) {
        self.instance_id.clone_from(&value.instance_id);
        self.rack_id.clone_from(&value.rack_id);
        self.client = Client { id: value.client_id.clone(), host: value.client_host.clone() };
        self.subscribed_topic_names = value.subscribed_topic_names.iter().cloned().collect();
        self.subscribed_topic_regex = value.subscribed_topic_regex.clone().unwrap_or_default();
        self.rebalance_timeout_ms = value.rebalance_timeout_ms;
        self.server_assignor.clone_from(&value.server_assignor);
        self.classic.clone_from(&value.classic_member_metadata);
    }

    pub(super) fn metadata_value(&self) -> ConsumerGroupMemberMetadataValue {
        ConsumerGroupMemberMetadataValue {
            instance_id: self.instance_id.clone(),
            rack_id: self.rack_id.clone(),
            client_id: self.client.id.clone(),
            client_host: self.client.host.clone(),
            subscribed_topic_names: self.subscribed_topic_names.iter().cloned().collect(),
            subscribed_topic_regex: Some(self.subscribed_topic_regex.clone()),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            server_assignor: self.server_assignor.clone(),
            classic_member_metadata: self.classic.clone(),
        }
    }

    pub(super) fn set_current_assignment(&mut self, value: &ConsumerGroupCurrentMemberAssignmentValue) {
        self.epoch = value.member_epoch;
        self.previous_epoch = value.previous_member_epoch;
        self.state = MemberState::new(value.state);
        self.assigned = partitions_of(&value.assigned_partitions, value.member_epoch);
        self.pending_revocation = partitions_of(&value.partitions_pending_revocation, value.member_epoch);
    }

    /// The member as the tombstone of its current assignment leaves it.
    pub(super) fn clear_current_assignment(&mut self) {
        (self.epoch, self.previous_epoch) = (LEAVE_EPOCH, LEAVE_EPOCH);
        self.state = MemberState::Stable;
        self.assigned = AssignedPartitions::default();
        self.pending_revocation = AssignedPartitions::default();
    }

    pub(super) fn current_assignment_value(&self) -> ConsumerGroupCurrentMemberAssignmentValue {
        ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: self.epoch,
            previous_member_epoch: self.previous_epoch,
            state: self.state.code(),
            assigned_partitions: partitions_to_record(&self.assigned),
            partitions_pending_revocation: partitions_to_record(&self.pending_revocation),
        }
    }

    /// Whether the parts of record type 5 are the same.
    pub(super) fn same_metadata(&self, other: &Self) -> bool {
        self.instance_id == other.instance_id
            && self.rack_id == other.rack_id
            && self.client == other.client
            && self.rebalance_timeout_ms == other.rebalance_timeout_ms
            && self.server_assignor == other.server_assignor
            && self.classic == other.classic
            && self.same_subscription(other)
    }

    pub(super) fn same_subscription(&self, other: &Self) -> bool {
        self.subscribed_topic_names == other.subscribed_topic_names
            && self.subscribed_topic_regex == other.subscribed_topic_regex
    }

    /// Whether the parts of record type 8 are the same.
    pub(super) fn same_current_assignment(&self, other: &Self) -> bool {
        self.epoch == other.epoch
            && self.previous_epoch == other.previous_epoch
            && self.state == other.state
            && self.assigned == other.assigned
            && self.pending_revocation == other.pending_revocation
    }
}

/// Records of earlier releases have no epochs with the partitions; the member's own is the strictest that can be meant.
fn partitions_of(topics: &[RecordPartitions], member_epoch: i32) -> AssignedPartitions {
    let mut assigned = AssignedPartitions::default();
    for topic in topics {
        let epochs = topic.assignment_epochs.as_deref().unwrap_or_default();
        for (index, partition) in topic.partitions.iter().enumerate() {
            let epoch = epochs.get(index).copied().unwrap_or(member_epoch);
            assigned.insert(topic.topic_id, *partition, epoch);
        }
    }
    assigned
}

fn partitions_to_record(partitions: &AssignedPartitions) -> Vec<RecordPartitions> {
    let topic = |(topic_id, partitions): (_, &std::collections::BTreeMap<i32, i32>)| RecordPartitions {
        topic_id,
        partitions: partitions.keys().copied().collect(),
        assignment_epochs: Some(partitions.values().copied().collect()),
    };
    partitions.topics().map(topic).collect()
}
