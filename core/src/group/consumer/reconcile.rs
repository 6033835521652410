//! One step of a member towards its target.

use super::{AssignedPartitions, Member, MemberState, TopicPartitions};
use crate::uuid::Uuid;

/// What the step is made from, beside the member.
pub(super) struct Reconciliation<'a> {
    /// The member's target, without topics that it no longer asks for.
    pub(super) target: &'a TopicPartitions,
    pub(super) target_epoch: i32,
    /// What the client says it has; `None` where it says nothing, and may still have anything.
    pub(super) owned: Option<&'a TopicPartitions>,
    /// The subscription has changed since the last step.
    pub(super) subscription_changed: bool,
    /// No member has this partition, not even one that has to give it up.
    pub(super) is_free: &'a dyn Fn(Uuid, i32) -> bool,
}

/// A member in a state of a later release cannot be led on: it has to give up everything and rejoin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownState;

impl Reconciliation<'_> {
    /// The member after the step; the same where it cannot move.
    pub(super) fn step(&self, member: &Member) -> Result<Member, UnknownState> {
        match member.state {
            MemberState::Stable if member.epoch != self.target_epoch || self.subscription_changed => {
                Ok(self.advance(member, member.epoch))
            }
            MemberState::Stable => Ok(member.clone()),
            MemberState::UnrevokedPartitions if self.may_own(&member.pending_revocation) => {
                Ok(if self.subscription_changed { self.revoke_more(member) } else { member.clone() })
            }
            MemberState::UnrevokedPartitions | MemberState::UnreleasedPartitions => {
                Ok(self.advance(member, member.epoch))
            }
            MemberState::Unknown if self.owned.is_none_or(|owned| !owned.is_empty()) => Err(UnknownState),
            MemberState::Unknown => Ok(self.advance(member, self.target_epoch)),
        }
    }

    /// Whether the client may still have one of these partitions.
    fn may_own(&self, partitions: &AssignedPartitions) -> bool {
        self.owned.is_none_or(|owned| {
            partitions.iter().any(|(topic_id, partition, _)| owned.contains(topic_id, partition))
        })
    }

    /// Keeps what is assigned and in the target, gives up the rest, and takes what is free only when nothing is left
    /// to give up. `epoch` is the member's while it gives up.
    fn advance(&self, member: &Member, epoch: i32) -> Member {
        let (kept, revoked) = self.split(&member.assigned);
        let mut next = member.clone();
        if self.may_own(&revoked) && !revoked.is_empty() {
            next.state = MemberState::UnrevokedPartitions;
            next.set_epoch(epoch);
            (next.assigned, next.pending_revocation) = (kept, revoked);
            return next;
        }
        let mut assigned = kept;
        let mut waits = false;
        for (topic_id, partition) in self.target.iter() {
            if assigned.contains(topic_id, partition) {
                continue;
            }
            if (self.is_free)(topic_id, partition) {
                assigned.insert(topic_id, partition, self.target_epoch);
            } else {
                waits = true;
            }
        }
        next.state = if waits { MemberState::UnreleasedPartitions } else { MemberState::Stable };
        next.set_epoch(self.target_epoch);
        (next.assigned, next.pending_revocation) = (assigned, AssignedPartitions::default());
        next
    }

    /// The member has not yet given up what it was asked to, and asks for fewer topics now: more to give up.
    fn revoke_more(&self, member: &Member) -> Member {
        let (kept, revoked) = self.split(&member.assigned);
        if revoked.is_empty() {
            return member.clone();
        }
        let mut next = member.clone();
        next.set_epoch(member.epoch);
        next.assigned = kept;
        next.pending_revocation = member.pending_revocation.iter().chain(revoked.iter()).collect();
        next
    }

    /// What the target still has of these, and what it has not.
    fn split(&self, assigned: &AssignedPartitions) -> (AssignedPartitions, AssignedPartitions) {
        let mut kept = AssignedPartitions::default();
        let mut revoked = AssignedPartitions::default();
        for (topic_id, partition, epoch) in assigned.iter() {
            let place = if self.target.contains(topic_id, partition) { &mut kept } else { &mut revoked };
            place.insert(topic_id, partition, epoch);
        }
        (kept, revoked)
    }
}
