//! JoinGroup of a member that has an id.

use std::sync::Arc;

use super::{Change, Draft, State, join::Join};
use crate::{error_code::ErrorCode, group::Response};

impl Draft<'_> {
    pub(super) fn join_existing(&mut self, join: Join<'_>) {
        let member_id = join.request.member_id.as_str();
        if let Some((issued_id, _)) = self.group.issued_ids.get_key_value(member_id) {
            let issued_id = Arc::clone(issued_id);
            // Ids are handed out to dynamic members only.
            return match join.instance_id() {
                None => self.add_member(join, issued_id),
                Some(_) => self.fail_join(join, member_id, ErrorCode::UnknownMemberId),
            };
        }
        let (member_id, member) = match self.group.validate_member(member_id, join.instance_id()) {
            Ok((member_id, member)) => (Arc::clone(member_id), member),
            Err(error) => return self.fail_join(join, member_id, error),
        };
        let is_as_before = member.matches(&join.request.protocols);
        let is_leader = self.group.is_leader(&member_id);
        match self.group.state {
            State::Empty => self.fail_join(join, &member_id, ErrorCode::UnknownMemberId),
            // The answer of its first JoinGroup may have been lost.
            State::CompletingRebalance { .. } if is_as_before => self.tell_generation(join, &member_id),
            // A leader asks because something else changed, such as the number of partitions.
            State::Stable { .. } if is_as_before && !is_leader => self.tell_generation(join, &member_id),
            _ => self.rejoin(join, member_id),
        }
    }

    fn tell_generation(&mut self, join: Join<'_>, member_id: &str) {
        let answer = self.group.joined(join.version, member_id);
        self.respond(join.call, Response::JoinGroup(answer));
    }

    pub(super) fn rejoin(&mut self, join: Join<'_>, member_id: Arc<str>) {
        // A member that asks again does not listen to the answer of its first request.
        let earlier = self.group.members.get(&member_id).and_then(|member| member.presence.joining);
        if let Some(earlier) = earlier {
            self.respond(earlier.call, earlier.failed(&member_id, ErrorCode::RebalanceInProgress));
        }
        self.change(Change::Rejoined { member_id, terms: Box::new(join.terms()), join: join.waiting() });
        self.rebalance();
    }
}
