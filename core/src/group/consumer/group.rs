//! The durable state of a consumer group: what its records say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Member, TopicPartitions, member::MemberState, regex::ResolvedRegex, subscriptions::Subscriptions,
};
use crate::uuid::Uuid;

/// The group epoch before anything was written.
pub(super) const FIRST_EPOCH: i32 = 1;

/// A group of the protocol of KIP-848. Changed by [`Self::replay`] alone.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroup {
    pub(super) id: String,
    pub(super) epoch: i32,
    /// Of the topics that are subscribed to: a change makes a new assignment.
    pub(super) metadata_hash: i64,
    pub(super) members: BTreeMap<String, Arc<Member>>,
    /// Member ids by instance id.
    pub(super) static_members: BTreeMap<String, String>,
    /// The group epoch that the target was made for.
    pub(super) target_epoch: i32,
    /// When the target was made, by the calendar; 0 where that is not known.
    pub(super) target_timestamp_ms: i64,
    pub(super) targets: BTreeMap<String, TopicPartitions>,
    /// Which member has a partition, or has yet to give it up. The invariant of the protocol: one at most.
    pub(super) owners: BTreeMap<(Uuid, i32), String>,
    pub(super) regexes: BTreeMap<String, ResolvedRegex>,
    /// Of `members` and `regexes`.
    pub(super) subscriptions: Subscriptions,
    /// What the texts of `members` and `regexes` take.
    pub(super) size_bytes: usize,
    /// An earlier release left a record of type 4.
    pub(super) legacy_metadata: bool,
}

/// The state of a group as tools show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    Empty,
    /// The target is older than the group.
    Assigning,
    /// A member is not yet where its target is.
    Reconciling,
    Stable,
}

impl GroupState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

impl ConsumerGroup {
    /// A group of which nothing was written yet.
    pub fn new(id: String) -> Self {
        Self {
            id,
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            target_epoch: FIRST_EPOCH,
            target_timestamp_ms: 0,
            targets: BTreeMap::new(),
            owners: BTreeMap::new(),
            regexes: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            size_bytes: 0,
            legacy_metadata: false,
        }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the texts of its members and expressions take. Partitions are not counted: each is in one target and has
    /// one owner, so that there are no more than in the topics.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// The group epoch that the target assignment was made for.
    pub fn target_epoch(&self) -> i32 {
        self.target_epoch
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|member| {
            #[cfg(test)]
            super::tests::visited();
            member.as_ref()
        })
    }

    pub fn member(&self, member_id: &str) -> Option<&Member> {
        self.members.get(member_id).map(Arc::as_ref)
    }

    pub fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    pub fn state(&self) -> GroupState {
        let settled =
            |member: &Member| member.state == MemberState::Stable && member.epoch == self.target_epoch;
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.target_epoch {
            GroupState::Assigning
        } else if self.members().all(settled) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    /// What a member asks for: its offsets do not expire and cannot be deleted.
    pub fn subscribed_topics(&self) -> BTreeSet<String> {
        self.subscriptions.topics.iter().map(|(topic, _)| topic.to_owned()).collect()
    }

    pub(super) fn static_member(&self, instance_id: &str) -> Option<&Member> {
        self.member(self.static_members.get(instance_id)?)
    }
}
