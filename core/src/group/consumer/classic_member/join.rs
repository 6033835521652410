//! JoinGroup of a member of the classic protocol.

use super::{CONSUMER, Subscription, blob};
use crate::{
    error_code::ErrorCode,
    group::{
        Client,
        classic::failed_join,
        consumer::{Changes, ConsumerGroup, Member, Scope, TimerKind, draft::Draft},
        member_id::new_member_id,
    },
    limits::GROUP_PROTOCOLS_MAX,
    protocol::{
        messages::join_group::{JoinGroupRequest, JoinGroupResponse},
        records::group::{ClassicMemberMetadata, ClassicProtocol},
    },
};

/// The first version whose clients ask for a member id first.
const MEMBER_ID_REQUIRED_VERSION: i16 = 4;
/// The first version with a rebalance timeout of its own.
const REBALANCE_TIMEOUT_VERSION: i16 = 1;

/// The error, and the member id that goes with it.
type Refused = (ErrorCode, String);

impl ConsumerGroup {
    /// Decides about a JoinGroup. It is answered at once: nobody waits for others here.
    pub fn classic_join(
        &self,
        scope: &Scope<'_>,
        version: i16,
        client: &Client,
        request: &JoinGroupRequest,
    ) -> (Changes, JoinGroupResponse) {
        self.try_classic_join(scope, version, client, request).unwrap_or_else(|(error, member_id)| {
            (Changes::default(), failed_join(version, &member_id, error))
        })
    }

    fn try_classic_join(
        &self,
        scope: &Scope<'_>,
        version: i16,
        client: &Client,
        request: &JoinGroupRequest,
    ) -> Result<(Changes, JoinGroupResponse), Refused> {
        let refuse = |error| (error, request.member_id.clone());
        self.check_size(scope, &request.member_id).map_err(|refusal| refuse(refusal.error))?;
        let subscription =
            self.classic_subscription(request).ok_or_else(|| refuse(ErrorCode::InconsistentGroupProtocol))?;

        let mut draft = Draft::new(self, scope);
        let known = draft.find_classic_member(version, client, request)?;
        let replaced = request.group_instance_id.as_deref().and_then(|id| self.static_member(id));
        let member = with_request(known.clone(), version, client, request, &subscription);
        let subscription_changed = !member.same_subscription(&known);
        draft.put_metadata(&member);
        let regexes_changed = draft.update_regexes(None);
        draft.update_epoch(subscription_changed || regexes_changed);
        draft.update_target();
        let owned = blob::owned(&subscription, scope.context.image);
        let member = draft
            .reconcile(&member, Some(&owned), subscription_changed)
            .map_err(|refusal| refuse(refusal.error))?;
        let response = JoinGroupResponse {
            generation_id: member.epoch,
            protocol_type: Some(CONSUMER.to_owned()),
            protocol_name: request.protocols.first().map(|protocol| protocol.name.clone()),
            // Nobody leads: the broker assigns.
            leader: String::new(),
            member_id: member.id.clone(),
            ..Default::default()
        };
        // The last member of the new protocol came back with the old one.
        if let Some(replaced) = replaced.filter(|replaced| replaced.classic.is_none())
            && let Some(changes) = self.downgrade(scope, &[&replaced.id], Some(&member), draft.epoch)
        {
            return Ok((changes, response));
        }
        draft.cancel_timer(&member.id, TimerKind::ClassicJoin);
        draft.set_timer(&member.id, TimerKind::Session, request.session_timeout_ms);
        draft.set_timer(&member.id, TimerKind::ClassicSync, member.rebalance_timeout_ms);
        Ok((draft.into_changes(), response))
    }

    /// What the member subscribes to; `None` where it does not speak what the other classic members speak, or names
    /// more protocols than anybody speaks.
    fn classic_subscription(&self, request: &JoinGroupRequest) -> Option<Subscription> {
        let is_consumer = request.protocol_type == CONSUMER && request.protocols.len() <= GROUP_PROTOCOLS_MAX;
        if !is_consumer || !self.has_common_protocol(request) {
            return None;
        }
        blob::subscription(&request.protocols.first()?.metadata)
    }

    /// Whether the other classic members have one of these protocols in common.
    fn has_common_protocol(&self, request: &JoinGroupRequest) -> bool {
        let subscriptions = &self.subscriptions;
        let known = self.member(&request.member_id).and_then(|member| member.classic.as_ref());
        let others = subscriptions.classic_members() - usize::from(known.is_some());
        request.protocols.iter().any(|protocol| {
            let own = known.is_some_and(|known| {
                known.supported_protocols.iter().any(|supported| supported.name == protocol.name)
            });
            subscriptions.protocols.count(&protocol.name) - usize::from(own) == others
        })
    }
}

impl Draft<'_> {
    fn find_classic_member(
        &mut self,
        version: i16,
        client: &Client,
        request: &JoinGroupRequest,
    ) -> Result<Member, Refused> {
        let group = self.group;
        let refuse = |error| (error, request.member_id.clone());
        let is_new = request.member_id.is_empty();
        let Some(instance_id) = &request.group_instance_id else {
            let id = if is_new { self.classic_member_id(&client.id) } else { request.member_id.clone() };
            if is_new && version >= MEMBER_ID_REQUIRED_VERSION {
                return Err((ErrorCode::MemberIdRequired, id));
            }
            return Ok(group.member(&id).cloned().unwrap_or_else(|| Member::new(id)));
        };
        match group.static_member(instance_id) {
            None if is_new => Ok(Member::new(self.classic_member_id(instance_id))),
            None => Err(refuse(ErrorCode::UnknownMemberId)),
            Some(known) if is_new => {
                let id = self.classic_member_id(instance_id);
                Ok(self.replace_member(known, id))
            }
            Some(known) if known.id != request.member_id => Err(refuse(ErrorCode::FencedInstanceId)),
            Some(known) => Ok(known.clone()),
        }
    }

    fn classic_member_id(&self, name: &str) -> String {
        new_member_id(name, self.scope.context.random)
    }
}

fn with_request(
    mut member: Member,
    version: i16,
    client: &Client,
    request: &JoinGroupRequest,
    subscription: &Subscription,
) -> Member {
    if request.group_instance_id.is_some() {
        member.instance_id.clone_from(&request.group_instance_id);
    }
    member.rack_id.clone_from(&subscription.rack_id);
    member.rebalance_timeout_ms = match version >= REBALANCE_TIMEOUT_VERSION {
        true => request.rebalance_timeout_ms,
        false => request.session_timeout_ms,
    };
    member.server_assignor = None;
    member.subscribed_topic_names = subscription.topics.iter().cloned().collect();
    member.subscribed_topic_regex = String::new();
    member.client = client.clone();
    let protocols = request.protocols.iter().map(|protocol| ClassicProtocol {
        name: protocol.name.clone(),
        metadata: bytes::Bytes::copy_from_slice(&protocol.metadata),
    });
    member.classic = Some(ClassicMemberMetadata {
        session_timeout_ms: request.session_timeout_ms,
        supported_protocols: protocols.collect(),
    });
    member
}
