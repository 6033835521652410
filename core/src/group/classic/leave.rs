//! LeaveGroup (13), and how a member ceases to be one.

use std::sync::Arc;

use super::{Change, Draft, answers::sync_failed};
use crate::{
    error_code::ErrorCode,
    protocol::messages::leave_group::{MemberIdentity, MemberResponse},
};

impl Draft<'_> {
    /// What is said of each; the group goes on without those who left.
    pub(crate) fn leave(&mut self, members: &[MemberIdentity]) -> Vec<MemberResponse> {
        let count_before = self.group.members.len();
        let responses = members
            .iter()
            .map(|member| response(member, self.leave_one(member).err().unwrap_or(ErrorCode::None)))
            .collect();
        if self.group.members.len() < count_before {
            self.rebalance();
        } else if !self.is_unchanged() {
            self.end_preparing_if_complete();
        }
        responses
    }

    fn leave_one(&mut self, member: &MemberIdentity) -> Result<(), ErrorCode> {
        let instance_id = member.group_instance_id.as_deref();
        let member_id = match (member.member_id.as_str(), instance_id) {
            // An administrator names the instance only.
            ("", instance_id) => {
                let member_id = instance_id.and_then(|id| self.group.static_members.get(id));
                Arc::clone(member_id.ok_or(ErrorCode::UnknownMemberId)?)
            }
            (member_id, instance_id) => match self.group.issued_ids.get_key_value(member_id) {
                Some((issued_id, _)) => Arc::clone(issued_id),
                None => Arc::clone(self.group.validate_member(member_id, instance_id)?.0),
            },
        };
        self.remove_member(member_id, ErrorCode::UnknownMemberId);
        Ok(())
    }

    /// Its calls that wait are answered with the error.
    pub(super) fn remove_member(&mut self, member_id: Arc<str>, error: ErrorCode) {
        if let Some(member) = self.group.members.get(&member_id) {
            let (joining, syncing) = (member.presence.joining, member.presence.syncing);
            if let Some(join) = joining {
                self.respond(join.call, join.failed("", error));
            }
            if let Some(call) = syncing {
                self.respond(call, sync_failed(error));
            }
        }
        self.change(Change::Removed { member_id });
    }
}

fn response(member: &MemberIdentity, error: ErrorCode) -> MemberResponse {
    MemberResponse {
        member_id: member.member_id.clone(),
        group_instance_id: member.group_instance_id.clone(),
        error_code: error.code(),
    }
}
