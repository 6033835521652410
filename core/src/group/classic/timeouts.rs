//! What a classic group does when a deadline has passed.

use std::sync::Arc;

use super::{Change, Draft, Member, State};
use crate::error_code::ErrorCode;

impl Draft<'_> {
    /// Ends sessions, then waits; one rebalance for all that is due.
    pub(crate) fn on_timeout(&mut self) {
        self.drop_unused_ids();
        let has_lost = self.end_sessions() | self.end_sync_wait();
        match self.group.state.clone() {
            State::PreparingRebalance(preparing) if preparing.deadline_ms <= self.context.now_ms => {
                self.end_wait(&preparing);
            }
            State::PreparingRebalance(_) => self.end_preparing_if_complete(),
            State::Empty => {}
            _ if has_lost => self.rebalance(),
            _ => {}
        }
        if self.is_unchanged() {
            self.change(Change::Checked);
        }
    }

    fn drop_unused_ids(&mut self) {
        let now_ms = self.context.now_ms;
        let unused = self.group.issued_ids.iter().filter(|(_, deadline_ms)| **deadline_ms <= now_ms);
        let unused: Vec<_> = unused.map(|(id, _)| Arc::clone(id)).collect();
        for member_id in unused {
            self.change(Change::Removed { member_id });
        }
    }

    /// Whether a member is gone.
    fn end_sessions(&mut self) -> bool {
        let now_ms = self.context.now_ms;
        self.remove_members(|member| member.deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms))
    }

    /// Members that have not fetched their assignment in time are put out. Whether the generation is over.
    fn end_sync_wait(&mut self) -> bool {
        let has_passed = |deadline_ms: u64| deadline_ms <= self.context.now_ms;
        match self.group.state {
            State::CompletingRebalance { sync_deadline_ms } if has_passed(sync_deadline_ms) => {
                self.remove_members(|member| member.presence.must_sync);
                true
            }
            State::Stable { sync_deadline_ms: Some(deadline_ms) } if has_passed(deadline_ms) => {
                self.remove_members(|member| member.presence.must_sync)
            }
            _ => false,
        }
    }

    /// Whether there were such members.
    fn remove_members(&mut self, is_gone: impl Fn(&Member) -> bool) -> bool {
        let gone = self.group.members.iter().filter(|(_, member)| is_gone(member));
        let gone: Vec<_> = gone.map(|(id, _)| Arc::clone(id)).collect();
        let is_some_gone = !gone.is_empty();
        for member_id in gone {
            self.remove_member(member_id, ErrorCode::UnknownMemberId);
        }
        is_some_gone
    }
}
