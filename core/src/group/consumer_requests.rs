//! ConsumerGroupHeartbeat and ConsumerGroupDescribe: which group is meant, and what holds before any state does.

use super::{
    CallId, Client, Context, Coordinator, Effect, GroupRecord, Outcome, Response,
    classic::{ClassicGroup, Draft, Join, group_key, join_failed, sync_failed},
    consumer::{
        self, Changes, ConsumerGroup, GroupSettings, JOIN_EPOCH, Refusal, Scope, describe_absent, refused,
        unknown_group,
    },
    groups::Group,
    outcome::SoftChange,
};
use crate::{
    authorized_operations as operations,
    error_code::ErrorCode,
    protocol::messages::{
        consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse},
        consumer_group_heartbeat::ConsumerGroupHeartbeatRequest,
        heartbeat::{HeartbeatRequest, HeartbeatResponse},
        leave_group::MemberIdentity,
        sync_group::SyncGroupRequest,
    },
};

impl Coordinator {
    pub(super) fn scope<'a>(&'a self, context: &'a Context<'a>, group_id: &str) -> Scope<'a> {
        let settings = GroupSettings::new(&self.settings.consumer, context.image, group_id);
        Scope { context, settings, soft: &self.consumer, classic: &self.settings.classic }
    }

    pub(super) fn consumer_heartbeat(
        &self,
        context: &Context<'_>,
        call: CallId,
        version: i16,
        client: &Client,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Outcome {
        let group_id = &request.group_id;
        let scope = self.scope(context, group_id);
        let joins = request.member_epoch == JOIN_EPOCH;
        let new = || ConsumerGroup::new(group_id.clone());
        let not_found = |message: String| {
            (Changes::default(), refused(&Refusal::new(ErrorCode::GroupIdNotFound, message)))
        };
        if !self.groups.accepts_bytes(self.growth(client, request)) {
            let refusal =
                Refusal::new(ErrorCode::GroupMaxSizeReached, "The members of all groups take too much.");
            return Outcome::answer(call, Response::ConsumerGroupHeartbeat(refused(&refusal)));
        }
        let mut refused_calls = Vec::new();
        let (changes, response) = match self.groups.get(group_id) {
            Some((_, Group::Consumer(group))) => group.heartbeat(&scope, version, client, request),
            Some((_, Group::Classic(group))) if joins && group.is_empty() => {
                let (mut changes, response) = new().heartbeat(&scope, version, client, request);
                if !changes.records.is_empty() {
                    changes.records.insert(0, GroupRecord::tombstone(group_key(group_id)));
                }
                (changes, response)
            }
            Some((_, Group::Classic(group))) => {
                match joins.then(|| consumer::upgrade(&scope, group_id, group)).flatten() {
                    Some((upgraded, made)) => {
                        let (changes, response) = upgraded.heartbeat(&scope, version, client, request);
                        if response.error_code != 0 {
                            (Changes::default(), response)
                        } else {
                            refused_calls = group.refuse_waiting();
                            (made.followed_by(changes), response)
                        }
                    }
                    None => not_found(why_it_stays(&scope, group_id, group)),
                }
            }
            None if !joins => (Changes::default(), unknown_group(&scope.settings, version, request)),
            None if !self.groups.accepts(group_id) => {
                let refusal = Refusal::new(ErrorCode::GroupMaxSizeReached, "There are too many groups.");
                (Changes::default(), refused(&refusal))
            }
            None => new().heartbeat(&scope, version, client, request),
        };
        let mut outcome = self.carry_out(context, group_id, changes);
        outcome.responses = refused_calls;
        outcome.responses.push((call, Response::ConsumerGroupHeartbeat(response)));
        outcome
    }

    /// How much more the member takes, at most, where it joins or changes what it asks for.
    fn growth(&self, client: &Client, request: &ConsumerGroupHeartbeatRequest) -> usize {
        let says_nothing =
            request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none();
        if says_nothing || request.member_epoch < JOIN_EPOCH {
            return 0;
        }
        let asked = consumer::wanted(client, request).size_bytes();
        let known = match self.groups.get(&request.group_id) {
            Some((_, Group::Consumer(group))) => group.member(&request.member_id),
            _ => None,
        };
        asked.saturating_sub(known.map_or(0, consumer::Member::size_bytes))
    }

    /// A group that goes back to the classic protocol rebalances at once: its members have to learn who leads them.
    fn carry_out(&self, context: &Context<'_>, group_id: &str, changes: Changes) -> Outcome {
        let effects = changes.effects.into_iter().map(|effect| Effect(SoftChange::Consumer(effect)));
        let mut outcome =
            Outcome { records: changes.records, effects: effects.collect(), ..Outcome::default() };
        outcome.atomic = !changes.may_be_cut;
        if let Some(mut group) = changes.downgraded {
            group.restart_sessions(context.now_ms);
            let mut draft = Draft::new(context, &self.settings.classic, group_id.into(), *group);
            draft.rebalance();
            // It has begun, no more: nobody waits, and a group with members is written when it is stable.
            let group = Box::new(draft.into_group());
            outcome.effects.push(Effect(SoftChange::BecameClassic { group_id: group_id.into(), group }));
        }
        outcome
    }

    /// An empty group of the new protocol gives way to the first classic member.
    pub(super) fn join_consumer_group(
        &self,
        context: &Context<'_>,
        join: Join<'_>,
        group: &ConsumerGroup,
    ) -> Outcome {
        let (call, group_id) = (join.call, join.request.group_id.as_str());
        if group.has_members() {
            let scope = self.scope(context, group_id);
            let (changes, response) = group.classic_join(&scope, join.version, join.client, join.request);
            let mut outcome = self.carry_out(context, group_id, changes);
            outcome.responses.push((call, Response::JoinGroup(response)));
            return outcome;
        }
        if !join.request.member_id.is_empty() {
            let response = join_failed(join.version, &join.request.member_id, ErrorCode::UnknownMemberId);
            return Outcome::answer(call, response);
        }
        let mut outcome = self.join_new_group(context, join);
        if !outcome.effects.is_empty() {
            outcome.records.splice(0..0, group.tombstones());
            let new = Box::new(ClassicGroup::new(context.unix_ms));
            let became = SoftChange::BecameClassic { group_id: group_id.into(), group: new };
            let forgotten = consumer::Effect::ForgetGroup { group_id: group_id.to_owned() };
            outcome.effects.splice(0..0, [Effect(became), Effect(SoftChange::Consumer(forgotten))]);
        }
        outcome
    }

    pub(super) fn sync_consumer_group(
        &self,
        context: &Context<'_>,
        call: CallId,
        group: &ConsumerGroup,
        request: &SyncGroupRequest,
    ) -> Outcome {
        match group.classic_sync(&self.scope(context, &request.group_id), request) {
            Err(error) => Outcome::answer(call, sync_failed(error)),
            Ok((changes, response)) => {
                let mut outcome = self.carry_out(context, &request.group_id, changes);
                outcome.responses.push((call, Response::SyncGroup(response)));
                outcome
            }
        }
    }

    pub(super) fn heartbeat_consumer_group(
        &self,
        context: &Context<'_>,
        call: CallId,
        group: &ConsumerGroup,
        request: &HeartbeatRequest,
    ) -> Outcome {
        let scope = self.scope(context, &request.group_id);
        let instance_id = request.group_instance_id.as_deref();
        let (changes, error) =
            group.classic_heartbeat(&scope, &request.member_id, instance_id, request.generation_id);
        let mut outcome = self.carry_out(context, &request.group_id, changes);
        let response = HeartbeatResponse { error_code: error.code(), ..Default::default() };
        outcome.responses.push((call, Response::Heartbeat(response)));
        outcome
    }

    pub(super) fn leave_consumer_group(
        &self,
        context: &Context<'_>,
        group: &ConsumerGroup,
        members: &[MemberIdentity],
    ) -> (Outcome, Vec<ErrorCode>) {
        let (changes, errors) = group.classic_leave(&self.scope(context, group.id()), members);
        (self.carry_out(context, group.id(), changes), errors)
    }

    pub(super) fn describe_consumer_groups(
        &self,
        context: &Context<'_>,
        call: CallId,
        version: i16,
        request: &ConsumerGroupDescribeRequest,
    ) -> Outcome {
        let groups = request.group_ids.iter().map(|group_id| match self.groups.get(group_id) {
            Some((_, Group::Consumer(group))) => {
                let settings = self.scope(context, group_id).settings;
                let mut described = group.describe(&settings, context.image, version);
                let is_asked = request.include_authorized_operations;
                described.authorized_operations = operations::where_asked(is_asked, operations::GROUP);
                described
            }
            Some((_, Group::Classic(_))) => describe_absent(group_id, true),
            None => describe_absent(group_id, false),
        });
        let response = ConsumerGroupDescribeResponse { groups: groups.collect(), ..Default::default() };
        Outcome::answer(call, Response::ConsumerGroupDescribe(response))
    }

    /// What has run out in the group of the oldest timer.
    pub(super) fn consumer_timers(&self, context: &Context<'_>) -> Outcome {
        let timers = self.consumer.due_of_one_group(context.now_ms);
        let Some(first) = timers.first() else { return Outcome::default() };
        let mut changes = match self.groups.get(&first.group_id) {
            Some((_, Group::Consumer(group))) => {
                group.on_timers(&self.scope(context, &first.group_id), &timers)
            }
            _ => Changes::default(),
        };
        // They are over, whatever they led to.
        changes.effects.extend(timers.iter().map(|timer| consumer::Effect::Cancel((*timer).clone())));
        self.carry_out(context, &first.group_id, changes)
    }

    pub(super) fn consumer_groups_loaded(&self, context: &Context<'_>) -> Outcome {
        let loaded = self.groups.iter().map(|(group_id, _)| self.consumer_group_loaded(context, group_id));
        Outcome { effects: loaded.flatten().collect(), ..Outcome::default() }
    }

    /// What follows for a group of which only its records are known.
    pub(super) fn consumer_group_loaded(&self, context: &Context<'_>, group_id: &str) -> Vec<Effect> {
        let Some((_, Group::Consumer(group))) = self.groups.get(group_id) else { return Vec::new() };
        let changes = group.on_loaded(&self.scope(context, group_id));
        changes.effects.into_iter().map(|effect| Effect(SoftChange::Consumer(effect))).collect()
    }
}

/// Why a classic group does not become one of the new protocol.
fn why_it_stays(scope: &Scope<'_>, group_id: &str, group: &ClassicGroup) -> String {
    if scope.settings.broker.can_upgrade && !group.uses_consumer_protocol() {
        return format!(
            "Cannot upgrade classic group {group_id} to consumer group because the group does not use the \
             consumer embedded protocol."
        );
    }
    format!("Group {group_id} is not a consumer group.")
}

impl ClassicGroup {
    /// The answers to those who wait in a group that becomes one of the new protocol: they have to join again.
    fn refuse_waiting(&self) -> Vec<(CallId, Response)> {
        let error = ErrorCode::RebalanceInProgress;
        let joins = self.members.iter().filter_map(|(id, member)| {
            let join = member.presence.joining?;
            Some((join.call, join_failed(join.version, id, error)))
        });
        let syncs = self.members.values().filter_map(|member| member.presence.syncing);
        joins.chain(syncs.map(|call| (call, sync_failed(error)))).collect()
    }
}
