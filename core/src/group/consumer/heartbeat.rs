//! ConsumerGroupHeartbeat: joining, staying, and on the way the group's epochs, target and reconciliation.

use super::{
    Changes, ConsumerGroup, Member, MemberState, Refusal, Scope, TimerKind, TopicPartitions,
    draft::Draft,
    member::{JOIN_EPOCH, LEAVE_EPOCH, STATIC_LEAVE_EPOCH},
    membership::check_epoch,
    reconcile::Reconciliation,
    records,
    validate::{compile_regex, validate},
};
use crate::{
    error_code::ErrorCode,
    group::Client,
    limits::GROUP_MEMBERS_MAX,
    protocol::messages::consumer_group_heartbeat::{
        Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
        ConsumerGroupHeartbeatResponse, ConsumerGroupHeartbeatResponseTopicPartitions,
    },
    uuid::Uuid,
};

impl ConsumerGroup {
    /// Decides about a heartbeat. A group that is not there yet is [`Self::new`] for a member that joins; any other
    /// heartbeat to it is GROUP_ID_NOT_FOUND, which is the caller's to say ([`unknown_group`]).
    pub fn heartbeat(
        &self,
        scope: &Scope<'_>,
        version: i16,
        client: &Client,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> (Changes, ConsumerGroupHeartbeatResponse) {
        match self.try_heartbeat(scope, version, client, request) {
            Ok(answer) => answer,
            Err(refusal) => (Changes::default(), refused(&refusal)),
        }
    }

    fn try_heartbeat(
        &self,
        scope: &Scope<'_>,
        version: i16,
        client: &Client,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(Changes, ConsumerGroupHeartbeatResponse), Refusal> {
        validate(&scope.settings, version, request)?;
        // What a member has come with already is valid.
        let regex = request.subscribed_topic_regex.as_deref().unwrap_or_default();
        let is_known = self.subscriptions.regexes.count(regex) > 0;
        let compiled = if is_known { None } else { compile_regex(request)? };
        if matches!(request.member_epoch, LEAVE_EPOCH | STATIC_LEAVE_EPOCH) {
            return self.leave(scope, request);
        }
        self.check_size(scope, &request.member_id)?;
        let owned = request.topic_partitions.as_deref().map(owned_partitions);

        let mut draft = Draft::new(self, scope);
        let known = find_member(&mut draft, request, owned.as_ref())?;
        let member = with_request(known.clone(), client, request);
        let subscription_changed = !member.same_subscription(&known);
        let assignor = (member.server_assignor != known.server_assignor).then(|| draft.assignor().to_owned());
        draft.put_metadata(&member);
        let assignor_changed = assignor.is_some_and(|before| before != draft.assignor());
        let regexes_changed = draft.update_regexes(compiled.as_ref());
        draft.update_epoch(subscription_changed || regexes_changed || assignor_changed);
        draft.update_target();
        let member = draft.reconcile(&member, owned.as_ref(), subscription_changed)?;
        draft.set_timer(&member.id, TimerKind::Session, scope.settings.session_timeout_ms);
        // It may have spoken the classic protocol until now.
        draft.cancel_timer(&member.id, TimerKind::ClassicJoin);
        draft.cancel_timer(&member.id, TimerKind::ClassicSync);

        let shows_assignment = request.member_epoch == JOIN_EPOCH
            || is_full(request)
            || !member.assigned.same_partitions(&known.assigned);
        let response = ConsumerGroupHeartbeatResponse {
            member_id: Some(member.id.clone()),
            member_epoch: member.epoch,
            heartbeat_interval_ms: scope.settings.heartbeat_interval_ms,
            assignment: shows_assignment.then(|| assignment_of(&member)),
            ..Default::default()
        };
        Ok((draft.into_changes(), response))
    }

    pub(super) fn check_size(&self, scope: &Scope<'_>, member_id: &str) -> Result<(), Refusal> {
        let max = usize::try_from(scope.settings.broker.max_size).unwrap_or(0).min(GROUP_MEMBERS_MAX);
        if self.members.len() >= max && !self.members.contains_key(member_id) {
            let message = format!("The consumer group has reached its maximum capacity of {max} members.");
            return Err(Refusal::new(ErrorCode::GroupMaxSizeReached, message));
        }
        Ok(())
    }
}

/// The answer to a heartbeat that is not granted.
pub fn refused(refusal: &Refusal) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.clone()),
        ..Default::default()
    }
}

/// The answer where the group is not there and the member does not join.
pub fn unknown_group(
    settings: &super::GroupSettings<'_>,
    version: i16,
    request: &ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    let group_id = &request.group_id;
    let message = match request.member_epoch {
        LEAVE_EPOCH | STATIC_LEAVE_EPOCH => format!("Group {group_id} not found."),
        _ => format!("Consumer group {group_id} not found."),
    };
    let refusal = validate(settings, version, request).and_then(|()| compile_regex(request)).err();
    refused(&refusal.unwrap_or_else(|| Refusal::new(ErrorCode::GroupIdNotFound, message)))
}

/// The member as it is known; a new one where it joins.
fn find_member(
    draft: &mut Draft<'_>,
    request: &ConsumerGroupHeartbeatRequest,
    owned: Option<&TopicPartitions>,
) -> Result<Member, Refusal> {
    let group = draft.group;
    if request.member_epoch == JOIN_EPOCH {
        if let Some(instance_id) = &request.instance_id
            && let Some(known) = group.static_member(instance_id)
        {
            return replace_static_member(draft, known, instance_id, request);
        }
        let known = group.member(&request.member_id).cloned();
        return Ok(known.unwrap_or_else(|| Member::new(new_member_id(draft, request))));
    }
    let member = match &request.instance_id {
        Some(instance_id) => group.known_static_member(instance_id, &request.member_id)?,
        None => group.known_member(&request.member_id)?,
    };
    check_epoch(member, request.member_epoch, owned)?;
    Ok(member.clone())
}

/// Members of the first version leave it to the broker to name them.
fn new_member_id(draft: &Draft<'_>, request: &ConsumerGroupHeartbeatRequest) -> String {
    if !request.member_id.is_empty() {
        return request.member_id.clone();
    }
    let [high, low] = draft.scope.context.random;
    let bits = ((u128::from(high) << 64) | u128::from(low)).to_be_bytes();
    // Kafka draws again where the text would begin with a dash, which one flipped bit avoids as well.
    let mut other = bits;
    other[0] ^= 0x80;
    Uuid::from_random(bits).or_else(|| Uuid::from_random(other)).unwrap_or_default().to_string()
}

/// A static member that said it would come back takes over what was kept for it, under its new member id.
fn replace_static_member(
    draft: &mut Draft<'_>,
    known: &Member,
    instance_id: &str,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<Member, Refusal> {
    // A classic member does not say that it will come back.
    if !known.has_left_for_now() && known.classic.is_none() {
        let message = format!(
            "Static member {} with instance id {instance_id} cannot join the group because the instance id is \
             owned by {} member.",
            request.member_id, known.id
        );
        return Err(Refusal::new(ErrorCode::UnreleasedInstanceId, message));
    }
    let id = new_member_id(draft, request);
    Ok(draft.replace_member(known, id))
}

/// A member with nothing but what the request says.
pub fn wanted(client: &Client, request: &ConsumerGroupHeartbeatRequest) -> Member {
    with_request(Member::new(request.member_id.clone()), client, request)
}

/// What the request says overrides what was known; what it leaves out stays.
fn with_request(mut member: Member, client: &Client, request: &ConsumerGroupHeartbeatRequest) -> Member {
    if request.instance_id.is_some() {
        member.instance_id.clone_from(&request.instance_id);
    }
    if request.rack_id.is_some() {
        member.rack_id.clone_from(&request.rack_id);
    }
    if request.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    if let Some(names) = &request.subscribed_topic_names {
        member.subscribed_topic_names = names.iter().cloned().collect();
    }
    if let Some(regex) = &request.subscribed_topic_regex {
        member.subscribed_topic_regex.clone_from(regex);
    }
    if request.server_assignor.is_some() {
        member.server_assignor.clone_from(&request.server_assignor);
    }
    member.client = client.clone();
    member.classic = None;
    member
}

fn owned_partitions(topics: &[ConsumerGroupHeartbeatRequestTopicPartitions]) -> TopicPartitions {
    let of_topic = |topic: &ConsumerGroupHeartbeatRequestTopicPartitions| {
        let topic_id = topic.topic_id;
        topic.partitions.clone().into_iter().map(move |partition| (topic_id, partition))
    };
    topics.iter().flat_map(of_topic).collect()
}

/// The client says all there is, and wants to hear all there is.
fn is_full(request: &ConsumerGroupHeartbeatRequest) -> bool {
    let subscribes = request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some();
    request.rebalance_timeout_ms != -1 && subscribes && request.topic_partitions.is_some()
}

fn assignment_of(member: &Member) -> Assignment {
    let topics = member.assigned.topics();
    let topics = topics.map(|(topic_id, partitions)| ConsumerGroupHeartbeatResponseTopicPartitions {
        topic_id,
        partitions: partitions.keys().copied().collect(),
    });
    Assignment { topic_partitions: topics.collect() }
}

impl Draft<'_> {
    /// Another member takes over all that this one has.
    pub(super) fn replace_member(&mut self, known: &Member, id: String) -> Member {
        let target = self.target_of(&known.id).cloned().unwrap_or_default();
        let member = Member { id, epoch: JOIN_EPOCH, previous_epoch: JOIN_EPOCH, ..known.clone() };
        self.remove_member(&known.id);
        self.put_metadata(&member);
        self.put_target(&member.id, target);
        let record = records::current(&self.group.id, &member);
        self.record(record);
        member
    }

    /// Takes the member one step towards its target.
    pub(super) fn reconcile(
        &mut self,
        member: &Member,
        owned: Option<&TopicPartitions>,
        subscription_changed: bool,
    ) -> Result<Member, Refusal> {
        let settled = member.state == MemberState::Stable && member.epoch == self.target_epoch;
        if settled && !subscription_changed {
            return Ok(member.clone());
        }
        let target = self.wanted_target(member);
        let step = Reconciliation {
            target: &target,
            target_epoch: self.target_epoch,
            owned,
            subscription_changed,
            is_free: &|topic_id, partition| self.is_free(topic_id, partition),
        };
        let next = step.step(member).map_err(|_| {
            Refusal::new(
                ErrorCode::FencedMemberEpoch,
                "The consumer group member is in a unknown state. The member must abandon all its partitions \
                 and rejoin.",
            )
        })?;
        if next.same_current_assignment(member) {
            return Ok(next);
        }
        self.put_current(&next);
        if next.state == MemberState::UnrevokedPartitions {
            self.set_timer(&next.id, TimerKind::Rebalance, next.rebalance_timeout_ms);
        } else {
            self.cancel_timer(&next.id, TimerKind::Rebalance);
        }
        Ok(next)
    }
}
