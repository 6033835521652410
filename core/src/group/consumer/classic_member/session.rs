//! SyncGroup, Heartbeat and LeaveGroup of members of the classic protocol.

use bytes::Bytes;

use super::{CONSUMER, assignment_blob, blob_version};
use crate::{
    error_code::ErrorCode,
    group::consumer::{Changes, ConsumerGroup, Member, MemberState, Scope, TimerKind, draft::Draft},
    protocol::{
        messages::{
            leave_group::MemberIdentity,
            sync_group::{SyncGroupRequest, SyncGroupResponse},
        },
        records::group::ClassicMemberMetadata,
    },
};

impl ConsumerGroup {
    /// The classic member that a request speaks for.
    fn classic_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(&Member, &ClassicMemberMetadata), ErrorCode> {
        let member = match instance_id {
            Some(instance_id) => self.known_static_member(instance_id, member_id),
            None => self.known_member(member_id),
        };
        let member = member.map_err(|refusal| refusal.error)?;
        member.classic.as_ref().map(|classic| (member, classic)).ok_or(ErrorCode::UnknownMemberId)
    }

    /// Decides about a SyncGroup: the assignment is there already.
    pub fn classic_sync(
        &self,
        scope: &Scope<'_>,
        request: &SyncGroupRequest,
    ) -> Result<(Changes, SyncGroupResponse), ErrorCode> {
        let instance_id = request.group_instance_id.as_deref();
        let (member, classic) = self.classic_member(&request.member_id, instance_id)?;
        let protocol = classic.supported_protocols.first().ok_or(ErrorCode::InconsistentGroupProtocol)?;
        let says_other = |said: &Option<String>, ours: &str| said.as_deref().is_some_and(|said| said != ours);
        if says_other(&request.protocol_type, CONSUMER) || says_other(&request.protocol_name, &protocol.name)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if request.generation_id != member.epoch {
            return Err(ErrorCode::IllegalGeneration);
        }
        let mut draft = Draft::new(self, scope);
        draft.cancel_timer(&member.id, TimerKind::ClassicSync);
        draft.set_timer(&member.id, TimerKind::Session, classic.session_timeout_ms);
        let version = blob_version(&Bytes::copy_from_slice(&protocol.metadata)).unwrap_or(0);
        let response = SyncGroupResponse {
            protocol_type: Some(CONSUMER.to_owned()),
            protocol_name: Some(protocol.name.clone()),
            assignment: assignment_blob(&member.assigned.partitions(), scope.context.image, version),
            ..Default::default()
        };
        Ok((draft.into_changes(), response))
    }

    /// Decides about a Heartbeat. REBALANCE_IN_PROGRESS, with its effects, where the member gets on by joining
    /// again.
    pub fn classic_heartbeat(
        &self,
        scope: &Scope<'_>,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> (Changes, ErrorCode) {
        let (member, classic) = match self.classic_member(member_id, instance_id) {
            Ok((member, _)) if generation != member.epoch => {
                return (Changes::default(), ErrorCode::IllegalGeneration);
            }
            Ok(member) => member,
            Err(error) => return (Changes::default(), error),
        };
        let mut draft = Draft::new(self, scope);
        draft.set_timer(&member.id, TimerKind::Session, classic.session_timeout_ms);
        if !draft.must_join_again(member) {
            return (draft.into_changes(), ErrorCode::None);
        }
        draft.set_timer_once(&member.id, TimerKind::ClassicJoin, member.rebalance_timeout_ms);
        (draft.into_changes(), ErrorCode::RebalanceInProgress)
    }

    /// Decides about a LeaveGroup: what each member gets, and what follows.
    pub fn classic_leave(&self, scope: &Scope<'_>, members: &[MemberIdentity]) -> (Changes, Vec<ErrorCode>) {
        let mut gone: Vec<&str> = Vec::new();
        let mut leave = |identity: &MemberIdentity| {
            let instance_id = identity.group_instance_id.as_deref();
            // A tool knows static members by their instance id alone.
            let known = instance_id.filter(|_| identity.member_id.is_empty());
            let id = match known {
                Some(instance_id) => self.static_member(instance_id).map(|member| member.id.as_str()),
                None => Some(identity.member_id.as_str()),
            };
            let (member, _) = self.classic_member(id.ok_or(ErrorCode::UnknownMemberId)?, instance_id)?;
            if gone.contains(&member.id.as_str()) {
                return Err(ErrorCode::UnknownMemberId);
            }
            gone.push(&member.id);
            Ok(())
        };
        let results =
            members.iter().map(|identity| leave(identity).err().unwrap_or(ErrorCode::None)).collect();
        let changes = if gone.is_empty() { Changes::default() } else { self.remove_members(scope, &gone) };
        (changes, results)
    }
}

impl Draft<'_> {
    /// A classic member takes each step by joining again: towards a newer target, to give up what it has to, and to
    /// take what has become free. Not while a new target may not be made yet: it would join for nothing.
    fn must_join_again(&self, member: &Member) -> bool {
        let target_is_newer =
            member.epoch < self.target_epoch || (self.epoch > self.target_epoch && self.may_assign());
        let lacks_free_ones = || {
            let target = self.wanted_target(member);
            target.iter().any(|(topic_id, partition)| {
                !member.assigned.contains(topic_id, partition) && self.is_free(topic_id, partition)
            })
        };
        match member.state {
            MemberState::UnrevokedPartitions => true,
            MemberState::UnreleasedPartitions => target_is_newer || lacks_free_ones(),
            MemberState::Stable | MemberState::Unknown => target_is_newer,
        }
    }
}
