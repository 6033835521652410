//! JoinGroup of a static member that does not know its member id: it is new, or was started again.

use std::sync::Arc;

use super::{Change, Draft, State, answers::sync_failed, join::Join, member::JoinTerms};
use crate::{error_code::ErrorCode, group::Response};

/// The first version that tells a leader not to assign again.
const SKIP_ASSIGNMENT_VERSION: i16 = 9;

impl Draft<'_> {
    pub(super) fn join_static(&mut self, join: Join<'_>, instance_id: &str) {
        let new_id = self.new_member_id(instance_id);
        match self.group.static_members.get(instance_id) {
            None => self.add_member(join, new_id),
            Some(old_id) => {
                let old_id = Arc::clone(old_id);
                self.replace_static(join, old_id, new_id);
            }
        }
    }

    fn replace_static(&mut self, join: Join<'_>, old_id: Arc<str>, new_id: Arc<str>) {
        self.fence(&old_id);
        let leader_before = self.group.leader.clone();
        let now_ms = self.context.now_ms;
        self.change(Change::Replaced { old_id, new_id: Arc::clone(&new_id), now_ms });
        let terms = join.terms();
        if !matches!(self.group.state, State::Stable { .. }) || self.changes_protocol(&new_id, &terms) {
            self.rejoin(join, new_id);
            return;
        }
        self.change(Change::TermsRenewed { member_id: Arc::clone(&new_id), terms: Box::new(terms), now_ms });
        self.keep_generation(join, &new_id, leader_before);
    }

    /// Of two that call themselves by one instance id the later is right.
    fn fence(&mut self, member_id: &str) {
        let Some(member) = self.group.members.get(member_id) else { return };
        let (joining, syncing) = (member.presence.joining, member.presence.syncing);
        if let Some(join) = joining {
            self.respond(join.call, join.failed(member_id, ErrorCode::FencedInstanceId));
        }
        if let Some(call) = syncing {
            self.respond(call, sync_failed(ErrorCode::FencedInstanceId));
        }
    }

    /// Whether the group would speak another protocol with the member's new terms.
    fn changes_protocol(&self, member_id: &Arc<str>, terms: &JoinTerms) -> bool {
        let mut group = self.group.clone();
        group.members.update(member_id, |member| member.terms = terms.clone());
        group.elect_protocol() != self.group.protocol
    }

    /// Nobody else notices. The record lets the new id survive the coordinator.
    fn keep_generation(&mut self, join: Join<'_>, member_id: &str, leader_before: Option<Arc<str>>) {
        let mut answer = self.group.joined(join.version, member_id);
        if join.version >= SKIP_ASSIGNMENT_VERSION {
            answer.skip_assignment = self.group.is_leader(member_id);
        } else {
            // A leader that cannot be told to leave the assignment alone must not know that it is one.
            answer.members.clear();
            answer.leader = leader_before.as_deref().unwrap_or_default().to_owned();
        }
        self.respond(join.call, Response::JoinGroup(answer));
        self.record(self.group.to_record(&self.group_id, &self.group.assignments()));
    }
}
