//! Which member a heartbeat comes from, and whether its epoch still counts.

use super::{AssignedPartitions, ConsumerGroup, Member, Refusal, TopicPartitions};
use crate::error_code::ErrorCode;

impl ConsumerGroup {
    /// # Errors
    /// UNKNOWN_MEMBER_ID.
    pub(super) fn known_member(&self, member_id: &str) -> Result<&Member, Refusal> {
        self.member(member_id).ok_or_else(|| {
            let message = format!("Member {member_id} is not a member of group {}.", self.id);
            Refusal::new(ErrorCode::UnknownMemberId, message)
        })
    }

    /// # Errors
    /// UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID.
    pub(super) fn known_static_member(&self, instance_id: &str, member_id: &str) -> Result<&Member, Refusal> {
        let member = self.static_member(instance_id).ok_or_else(|| {
            Refusal::new(ErrorCode::UnknownMemberId, format!("Instance id {instance_id} is unknown."))
        })?;
        if member.id != member_id {
            let message = format!(
                "Static member {member_id} with instance id {instance_id} was fenced by member {}.",
                member.id
            );
            return Err(Refusal::new(ErrorCode::FencedInstanceId, message));
        }
        Ok(member)
    }
}

/// An epoch that is one step behind is taken where its answer may have been lost on the way: the client then has no
/// partition that it was not given.
///
/// # Errors
/// FENCED_MEMBER_EPOCH.
pub(super) fn check_epoch(
    member: &Member,
    epoch: i32,
    owned: Option<&TopicPartitions>,
) -> Result<(), Refusal> {
    let fenced = |relation: &str| {
        let message = format!(
            "The consumer group member has a {relation} member epoch ({epoch}) than the one known by the group \
             coordinator ({}). The member must abandon all its partitions and rejoin.",
            member.epoch
        );
        Err(Refusal::new(ErrorCode::FencedMemberEpoch, message))
    };
    if epoch > member.epoch {
        return fenced("greater");
    }
    let missed_an_answer =
        || epoch == member.previous_epoch && owned.is_some_and(|owned| is_part_of(owned, &member.assigned));
    if epoch < member.epoch && !missed_an_answer() {
        return fenced("smaller");
    }
    Ok(())
}

fn is_part_of(owned: &TopicPartitions, assigned: &AssignedPartitions) -> bool {
    owned.iter().all(|(topic_id, partition)| assigned.contains(topic_id, partition))
}
