//! SyncGroup (14): the leader brings the assignment, everybody fetches their own.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{Change, ClassicGroup, Draft, State, answers::sync_failed};
use crate::{error_code::ErrorCode, group::CallId, protocol::messages::sync_group::SyncGroupRequest};

impl ClassicGroup {
    fn validate_sync(&self, request: &SyncGroupRequest) -> Result<Arc<str>, ErrorCode> {
        let instance_id = request.group_instance_id.as_deref();
        let (member_id, _) =
            self.validate_generation(&request.member_id, instance_id, request.generation_id)?;
        let differs = |asked: &Option<String>, own: &Option<Arc<str>>| {
            asked.is_some() && asked.as_deref() != own.as_deref()
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(Arc::clone(member_id))
    }
}

impl Draft<'_> {
    pub(crate) fn sync(&mut self, call: CallId, request: &SyncGroupRequest) {
        match self.group.validate_sync(request) {
            Err(error) => self.respond(call, sync_failed(error)),
            Ok(member_id) => self.sync_member(call, member_id, request),
        }
    }

    fn sync_member(&mut self, call: CallId, member_id: Arc<str>, request: &SyncGroupRequest) {
        let now_ms = self.context.now_ms;
        match self.group.state {
            State::Empty => self.respond(call, sync_failed(ErrorCode::UnknownMemberId)),
            State::PreparingRebalance(_) => self.respond(call, sync_failed(ErrorCode::RebalanceInProgress)),
            State::CompletingRebalance { .. } => {
                self.give_up_sync(&member_id);
                let is_leader = self.group.is_leader(&member_id);
                self.change(Change::SyncWaits { member_id, call });
                if is_leader {
                    self.assign(request);
                }
            }
            State::Stable { .. } => {
                let assignment = self.group.members.get(&member_id).map(|member| member.assignment.clone());
                let answer = self.group.synced(assignment.unwrap_or_default());
                self.change(Change::Synced { member_id, now_ms });
                self.respond(call, answer);
            }
        }
    }

    /// A member that asks again does not listen to the answer of its first request.
    fn give_up_sync(&mut self, member_id: &str) {
        let earlier = self.group.members.get(member_id).and_then(|member| member.presence.syncing);
        if let Some(earlier) = earlier {
            self.respond(earlier, sync_failed(ErrorCode::RebalanceInProgress));
        }
    }

    fn assign(&mut self, request: &SyncGroupRequest) {
        // Copied: what the request came in is larger and is needed again.
        let assignments: BTreeMap<&str, Bytes> = request
            .assignments
            .iter()
            .map(|given| (given.member_id.as_str(), Bytes::copy_from_slice(&given.assignment)))
            .collect();
        let answers: Vec<_> = self
            .group
            .members
            .iter()
            .filter_map(|(id, member)| {
                let assignment = assignments.get(&**id).cloned().unwrap_or_default();
                Some((member.presence.syncing?, self.group.synced(assignment)))
            })
            .collect();
        for (call, answer) in answers {
            self.respond(call, answer);
        }
        self.change(Change::AssignmentSent { now_ms: self.context.now_ms });
        self.record(self.group.to_record(&self.group_id, &assignments));
    }
}
