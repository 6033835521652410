//! How members go: they leave, or they are put out.

use std::collections::BTreeSet;

use super::{
    Changes, ConsumerGroup, Effect, MemberState, Refusal, Scope, SeenImage, Timer, TimerKind,
    draft::Draft,
    member::{LEAVE_EPOCH, STATIC_LEAVE_EPOCH},
};
use crate::protocol::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};

impl ConsumerGroup {
    /// A heartbeat with epoch -1, or -2 of a static member that means to come back.
    pub(super) fn leave(
        &self,
        scope: &Scope<'_>,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(Changes, ConsumerGroupHeartbeatResponse), Refusal> {
        let member = match &request.instance_id {
            Some(instance_id) => self.known_static_member(instance_id, &request.member_id)?,
            None => self.known_member(&request.member_id)?,
        };
        let changes = if request.member_epoch == STATIC_LEAVE_EPOCH {
            let mut draft = Draft::new(self, scope);
            let mut away = member.clone();
            away.epoch = STATIC_LEAVE_EPOCH;
            away.pending_revocation = super::AssignedPartitions::default();
            let record = super::records::current(&self.id, &away);
            draft.record(record);
            draft.cancel_timer(&away.id, TimerKind::Rebalance);
            draft.into_changes()
        } else {
            self.remove_members(scope, &[&member.id])
        };
        let response = ConsumerGroupHeartbeatResponse {
            member_id: Some(request.member_id.clone()),
            member_epoch: if request.member_epoch == STATIC_LEAVE_EPOCH {
                STATIC_LEAVE_EPOCH
            } else {
                LEAVE_EPOCH
            },
            ..Default::default()
        };
        Ok((changes, response))
    }

    /// Takes members away; the group needs a new target then, or goes back to the classic protocol.
    pub(super) fn remove_members(&self, scope: &Scope<'_>, member_ids: &[&str]) -> Changes {
        if let Some(changes) = self.downgrade(scope, member_ids, None, self.epoch) {
            return changes;
        }
        let mut draft = Draft::new(self, scope);
        for member_id in member_ids {
            draft.remove_member(member_id);
        }
        draft.update_regexes(None);
        draft.update_epoch(true);
        if draft.members().next().is_none() {
            // There is nobody to make a target for, and the next member need not wait for its own.
            draft.put_target_epoch(draft.epoch, 0);
        }
        draft.into_changes()
    }

    /// What follows from timers that have run out: all members whose time is over go at once. A timer that no longer
    /// means anything leads to nothing; that it is over is the caller's to say.
    pub fn on_timers(&self, scope: &Scope<'_>, timers: &[&Timer]) -> Changes {
        let is_over = |timer: &&&Timer| {
            self.member(&timer.member_id).is_some_and(|member| match timer.kind {
                TimerKind::Session | TimerKind::ClassicJoin | TimerKind::ClassicSync => true,
                TimerKind::Rebalance => member.state == MemberState::UnrevokedPartitions,
            })
        };
        let gone: BTreeSet<&str> = timers.iter().filter(is_over).map(|timer| &*timer.member_id).collect();
        let gone: Vec<&str> = gone.into_iter().collect();
        if gone.is_empty() { Changes::default() } else { self.remove_members(scope, &gone) }
    }

    /// All records are read: every member has a full session from now on, and as much time as it asked for to give
    /// up what it has to. All expressions have to be looked up again.
    pub fn on_loaded(&self, scope: &Scope<'_>) -> Changes {
        let mut draft = Draft::new(self, scope);
        for member in self.members() {
            let session_timeout_ms =
                member.classic.as_ref().map_or(scope.settings.session_timeout_ms, |m| m.session_timeout_ms);
            draft.set_timer(&member.id, TimerKind::Session, session_timeout_ms);
            if member.state == MemberState::UnrevokedPartitions {
                draft.set_timer(&member.id, TimerKind::Rebalance, member.rebalance_timeout_ms);
            }
        }
        let regexes = self.regexes.keys().map(String::as_str);
        for regex in regexes.chain(self.subscriptions.regexes.iter().map(|(regex, _)| regex)) {
            draft.effect(Effect::LookedUpRegex {
                group_id: self.id.clone(),
                regex: regex.to_owned(),
                at_ms: 0,
                seen: SeenImage::default(),
            });
        }
        draft.into_changes()
    }
}
