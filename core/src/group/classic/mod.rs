//! Groups of the classic protocol: the members elect a protocol, one of them assigns, the coordinator passes it on.

mod answers;
mod change;
mod draft;
mod heartbeat;
mod join;
mod join_existing;
mod join_static;
mod layered;
mod leave;
mod member;
mod members;
mod protocols;
mod rebalance;
mod record;
mod sync;
mod timeouts;

use std::{collections::BTreeSet, sync::Arc};

pub(crate) use answers::{failed_join, join_failed, sync_failed};
pub(crate) use change::Change;
pub(crate) use draft::Draft;
pub(crate) use heartbeat::heard;
pub(crate) use join::Join;
pub(crate) use layered::Layered;
#[cfg(test)]
pub(crate) use layered::visits;
pub(crate) use member::{JoinTerms, Member, Presence, Protocol, millis};
pub(crate) use members::Members;
pub(crate) use record::{created_record, group_key};

use super::offsets::{Expiry, Subscription};
use crate::error_code::ErrorCode;

/// What a classic group does at the moment. A group that is gone is not in the coordinator's map: Dead has no value
/// here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// No members; offsets may be there.
    Empty,
    /// Members are awaited to join the next generation.
    PreparingRebalance(Preparing),
    /// The generation has begun; its leader is awaited to say who gets what.
    CompletingRebalance { sync_deadline_ms: u64 },
    /// Everybody has an assignment, or has it to fetch until the deadline.
    Stable { sync_deadline_ms: Option<u64> },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Preparing {
    pub(crate) deadline_ms: u64,
    /// Set for the first rebalance of an empty group.
    pub(crate) initial: Option<InitialDelay>,
}

/// The first rebalance does not end when all known members are there: more are likely to be on their way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InitialDelay {
    /// How long the present wait was set to be.
    pub(crate) wait_ms: u64,
    /// How much longer it may be made.
    pub(crate) remaining_ms: u64,
    /// A member came since the present wait began.
    pub(crate) has_grown: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClassicGroup {
    pub(crate) state: State,
    /// When it came into its state, by the calendar; `None` from records that are older than version 2.
    pub(crate) state_timestamp_ms: Option<i64>,
    pub(crate) generation: i32,
    /// `None` where nobody ever joined: the offsets of a consumer that assigns itself.
    pub(crate) protocol_type: Option<Arc<str>>,
    pub(crate) protocol: Option<Arc<str>>,
    pub(crate) leader: Option<Arc<str>>,
    pub(crate) members: Members,
    /// Member ids by instance id. Invariant: exactly those members that have an instance id.
    pub(crate) static_members: Layered<Arc<str>, Arc<str>>,
    /// Ids that were handed out and not used yet, and until when they may be.
    pub(crate) issued_ids: Layered<Arc<str>, u64>,
    /// What the texts of `issued_ids` take.
    pub(crate) issued_ids_bytes: usize,
}

impl ClassicGroup {
    pub(crate) fn new(unix_ms: i64) -> Self {
        Self {
            state: State::Empty,
            state_timestamp_ms: Some(unix_ms),
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: Members::default(),
            static_members: Layered::default(),
            issued_ids: Layered::default(),
            issued_ids_bytes: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    pub(crate) fn state_name(&self) -> &'static str {
        match self.state {
            State::Empty => "Empty",
            State::PreparingRebalance(_) => "PreparingRebalance",
            State::CompletingRebalance { .. } => "CompletingRebalance",
            State::Stable { .. } => "Stable",
        }
    }

    pub(crate) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    pub(crate) fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some("consumer")
    }

    /// The key that the group knows the member by, and the member.
    pub(crate) fn member(&self, member_id: &str) -> Option<(&Arc<str>, &Member)> {
        self.members.get_key_value(member_id)
    }

    /// The member that a request speaks for.
    pub(crate) fn validate_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(&Arc<str>, &Member), ErrorCode> {
        if let Some(instance_id) = instance_id {
            let owner = self.static_members.get(instance_id).ok_or(ErrorCode::UnknownMemberId)?;
            if &**owner != member_id {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        self.member(member_id).ok_or(ErrorCode::UnknownMemberId)
    }

    /// The member of this generation that a request speaks for.
    pub(crate) fn validate_generation(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(&Arc<str>, &Member), ErrorCode> {
        let member = self.validate_member(member_id, instance_id)?;
        if generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        Ok(member)
    }

    /// What the texts of its members and issued ids take.
    pub(crate) fn size_bytes(&self) -> usize {
        self.members.size_bytes() + self.issued_ids_bytes
    }

    /// The longest that a member wants to be waited for.
    pub(crate) fn rebalance_timeout_ms(&self) -> u64 {
        self.members.values().map(|member| millis(member.terms.rebalance_timeout_ms)).max().unwrap_or(0)
    }

    pub(crate) fn has_all_joined(&self) -> bool {
        self.issued_ids.is_empty() && self.members.have_all_joined()
    }

    /// What its members subscribe to; everything where that cannot be known.
    pub(crate) fn subscription(&self) -> Subscription {
        if !self.uses_consumer_protocol() {
            return Subscription::default();
        }
        self.subscribed_topics().map_or(Subscription::All, Subscription::Topics)
    }

    fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let metadata = self.members.values().filter_map(|member| member.metadata_of(protocol));
        metadata.map(protocols::subscribed_topics).try_fold(BTreeSet::new(), |mut all, topics| {
            all.extend(topics?);
            Some(all)
        })
    }

    /// From when on its offsets age.
    pub(crate) fn expiry(&self) -> Expiry {
        match (&self.protocol_type, &self.state) {
            (None, _) => Expiry::SinceCommit,
            (Some(_), State::Empty) => {
                self.state_timestamp_ms.map_or(Expiry::SinceCommit, Expiry::SinceEmpty)
            }
            (Some(_), State::Stable { .. }) if self.uses_consumer_protocol() => Expiry::SinceCommit,
            (Some(_), _) => Expiry::Never,
        }
    }

    /// The earliest moment at which silence, or a wait, has an end.
    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        let sessions = self.members.values().filter_map(Member::deadline_ms);
        sessions.chain(self.issued_ids.values().copied()).chain(self.state_deadline_ms()).min()
    }

    /// The earliest moment that these changes may have made: of those whom they speak of, and of the group's wait.
    /// `None` where they speak of all.
    pub(crate) fn deadline_after(&self, changes: &[Change]) -> Option<Option<u64>> {
        let mut earliest = self.state_deadline_ms();
        for change in changes {
            let member_id = change.speaks_of()?;
            let session = self.members.get(member_id).and_then(Member::deadline_ms);
            let deadlines = session.into_iter().chain(self.issued_ids.get(member_id).copied());
            earliest = earliest.into_iter().chain(deadlines).min();
        }
        Some(earliest)
    }

    fn state_deadline_ms(&self) -> Option<u64> {
        match &self.state {
            State::Empty => None,
            State::PreparingRebalance(preparing) => Some(preparing.deadline_ms),
            State::CompletingRebalance { sync_deadline_ms } => Some(*sync_deadline_ms),
            State::Stable { sync_deadline_ms } => *sync_deadline_ms,
        }
    }
}
