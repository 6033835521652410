//! ConsumerGroupHeartbeat and ConsumerGroupDescribe: which group is meant, and what holds before any state does.

use super::{
    CallId, Client, Context, Coordinator, Effect, GroupRecord, Outcome, Response,
    classic::group_key,
    consumer::{
        self, Changes, ConsumerGroup, GroupSettings, JOIN_EPOCH, Refusal, Scope, describe_absent, refused,
        unknown_group,
    },
    groups::Group,
    outcome::SoftChange,
};
use crate::{
    error_code::ErrorCode,
    limits::GROUPS_PER_COORDINATOR_MAX,
    protocol::messages::{
        consumer_group_describe::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse},
        consumer_group_heartbeat::ConsumerGroupHeartbeatRequest,
    },
};

impl From<Changes> for Outcome {
    fn from(changes: Changes) -> Self {
        let effects = changes.effects.into_iter().map(|effect| Effect(SoftChange::Consumer(effect)));
        Self { records: changes.records, effects: effects.collect(), responses: Vec::new() }
    }
}

impl Coordinator {
    pub(super) fn scope<'a>(&'a self, context: &'a Context<'a>, group_id: &str) -> Scope<'a> {
        let settings = GroupSettings::new(&self.settings.consumer, context.image, group_id);
        Scope { context, settings, soft: &self.consumer }
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
        let (changes, response) = match self.groups.get(group_id) {
            Some((_, Group::Consumer(group))) => group.heartbeat(&scope, version, client, request),
            Some((_, Group::Classic(group))) if joins && group.is_empty() => {
                let (mut changes, response) = new().heartbeat(&scope, version, client, request);
                if !changes.records.is_empty() {
                    changes.records.insert(0, GroupRecord::tombstone(group_key(group_id)));
                }
                (changes, response)
            }
            Some((_, Group::Classic(_))) => not_found(format!("Group {group_id} is not a consumer group.")),
            None if !joins => (Changes::default(), unknown_group(&scope.settings, version, request)),
            None if self.groups.count() >= GROUPS_PER_COORDINATOR_MAX => {
                let refusal = Refusal::new(ErrorCode::GroupMaxSizeReached, "There are too many groups.");
                (Changes::default(), refused(&refusal))
            }
            None => new().heartbeat(&scope, version, client, request),
        };
        let mut outcome = Outcome::from(changes);
        outcome.responses.push((call, Response::ConsumerGroupHeartbeat(response)));
        outcome
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
                group.describe(&settings, context.image, version)
            }
            Some((_, Group::Classic(_))) => describe_absent(group_id, true),
            None => describe_absent(group_id, false),
        });
        let response = ConsumerGroupDescribeResponse { groups: groups.collect(), ..Default::default() };
        Outcome::answer(call, Response::ConsumerGroupDescribe(response))
    }

    /// The oldest timer that has run out.
    pub(super) fn consumer_timer(&self, context: &Context<'_>) -> Outcome {
        let Some(timer) = self.consumer.due(context.now_ms).next() else { return Outcome::default() };
        let mut changes = match self.groups.get(&timer.group_id) {
            Some((_, Group::Consumer(group))) => group.on_timer(&self.scope(context, &timer.group_id), timer),
            _ => Changes::default(),
        };
        // It is over, whatever it led to.
        changes.effects.push(consumer::Effect::Cancel(timer.clone()));
        changes.into()
    }

    pub(super) fn consumer_groups_loaded(&self, context: &Context<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        for (group_id, group) in self.groups.iter() {
            if let Group::Consumer(group) = group {
                let changes = group.on_loaded(&self.scope(context, group_id));
                outcome.effects.extend(Outcome::from(changes).effects);
            }
        }
        outcome
    }
}
