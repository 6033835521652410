//! From one generation to the next.

use super::{Change, Draft, InitialDelay, Member, Preparing, State, answers::sync_failed, member::millis};
use std::{collections::BTreeMap, sync::Arc};

use crate::{error_code::ErrorCode, group::Response, limits::REBALANCE_WAIT_AGAIN_MIN_MS};

impl Draft<'_> {
    /// The members are no longer those of the generation: begin a rebalance, or end the one that waited for this.
    pub(crate) fn rebalance(&mut self) {
        match &self.group.state {
            State::PreparingRebalance(_) => self.end_preparing_if_complete(),
            _ => self.prepare_rebalance(),
        }
    }

    /// The first rebalance of a group ends by its clock alone.
    pub(crate) fn end_preparing_if_complete(&mut self) {
        if let State::PreparingRebalance(Preparing { initial: None, .. }) = self.group.state
            && self.group.has_all_joined()
        {
            self.begin_generation();
        }
    }

    pub(crate) fn prepare_rebalance(&mut self) {
        self.refuse_syncs();
        let initial = self.group.is_empty().then(|| self.initial_delay());
        let wait_ms = initial.as_ref().map_or(self.group.rebalance_timeout_ms(), |initial| initial.wait_ms);
        let now_ms = self.context.now_ms;
        let preparing = Preparing { deadline_ms: now_ms + wait_ms, initial };
        self.change(Change::RebalanceBegan { preparing, unix_ms: self.context.unix_ms, now_ms });
        self.end_preparing_if_complete();
    }

    fn initial_delay(&self) -> InitialDelay {
        let wait_ms = millis(self.settings.initial_rebalance_delay_ms);
        let remaining_ms = self.group.rebalance_timeout_ms().saturating_sub(wait_ms);
        InitialDelay { wait_ms, remaining_ms, has_grown: false }
    }

    /// Who waits for an assignment of this generation will not get one.
    fn refuse_syncs(&mut self) {
        let calls: Vec<_> =
            self.group.members.values().filter_map(|member| member.presence.syncing).collect();
        for call in calls {
            self.respond(call, sync_failed(ErrorCode::RebalanceInProgress));
        }
    }

    /// The wait for members is over: a grown group waits a little longer the first time.
    pub(crate) fn end_wait(&mut self, preparing: &Preparing) {
        let now_ms = self.context.now_ms;
        match &preparing.initial {
            Some(initial) if initial.has_grown && initial.remaining_ms > 0 => {
                let wait_ms = initial.remaining_ms.min(millis(self.settings.initial_rebalance_delay_ms));
                let next = InitialDelay {
                    wait_ms,
                    remaining_ms: initial.remaining_ms.saturating_sub(initial.wait_ms),
                    has_grown: false,
                };
                let preparing = Preparing { deadline_ms: now_ms + wait_ms, initial: Some(next) };
                self.change(Change::WaitExtended { preparing });
            }
            _ => self.begin_generation(),
        }
    }

    /// Goes on with the members that are there. Static members who are away stay until their session ends.
    fn begin_generation(&mut self) {
        let has_leader = self.has_leader_joined();
        let away = self
            .group
            .members
            .iter()
            .filter(|(_, member)| member.presence.joining.is_none() && member.instance_id.is_none());
        let away: Vec<_> = away.map(|(id, _)| Arc::clone(id)).collect();
        for member_id in away {
            self.change(Change::Removed { member_id });
        }
        if !self.group.members.is_empty() && !has_leader {
            return self.wait_again();
        }
        let joined = self
            .group
            .members
            .iter()
            .filter_map(|(id, member)| Some((Arc::clone(id), member.presence.joining?)));
        let joined: Vec<_> = joined.collect();
        let protocol = self.group.elect_protocol();
        self.change(Change::GenerationBegan {
            protocol,
            unix_ms: self.context.unix_ms,
            now_ms: self.context.now_ms,
        });
        for (member_id, join) in joined {
            let answer = self.group.joined(join.version, &member_id);
            self.respond(join.call, Response::JoinGroup(answer));
        }
        if self.group.is_empty() {
            self.record(self.group.to_record(&self.group_id, &BTreeMap::new()));
        }
    }

    /// The old leader goes on if it is there; else whoever came first. False where nobody has come.
    fn has_leader_joined(&mut self) -> bool {
        let has_joined = |member: &Member| member.presence.joining.is_some();
        let leader = self.group.leader.as_ref().and_then(|leader| self.group.members.get(leader));
        if leader.is_some_and(has_joined) {
            return true;
        }
        let members = self.group.members.iter();
        let first = members.filter_map(|(id, member)| Some((member.presence.joining?.call, id))).min();
        let Some((_, first)) = first else { return false };
        let member_id = Arc::clone(first);
        self.change(Change::LeaderElected { member_id });
        true
    }

    /// Only static members are left, and all are away.
    fn wait_again(&mut self) {
        let wait_ms = self.group.rebalance_timeout_ms().max(REBALANCE_WAIT_AGAIN_MIN_MS);
        let deadline_ms = self.context.now_ms + wait_ms;
        self.change(Change::WaitExtended { preparing: Preparing { deadline_ms, initial: None } });
    }
}
