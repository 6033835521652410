//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup: which group is meant, and what holds before any state does.

use std::sync::Arc;

use super::{
    CallId, Client, Context, Coordinator, Outcome, Request, Response,
    classic::{ClassicGroup, Draft, Join, State, created_record, join_failed, sync_failed},
    consumer,
    groups::Group,
};
use crate::{
    error_code::ErrorCode,
    limits::{GROUP_MEMBER_PROTOCOLS_BYTES_MAX, GROUP_PROTOCOLS_MAX},
    protocol::messages::{
        heartbeat::{HeartbeatRequest, HeartbeatResponse},
        join_group::JoinGroupRequest,
        leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse},
        sync_group::SyncGroupRequest,
    },
};

/// The first version of SyncGroup that has to name the protocol.
const SYNC_NAMES_PROTOCOL_VERSION: i16 = 5;
/// The first version of LeaveGroup that names several members.
const LEAVE_MEMBERS_VERSION: i16 = 3;

impl Coordinator {
    fn classic(&self, group_id: &str) -> Option<(&Arc<str>, &ClassicGroup)> {
        match self.groups.get(group_id)? {
            (group_id, Group::Classic(group)) => Some((group_id, group)),
            (_, Group::Consumer(_)) => None,
        }
    }

    fn draft<'a>(&'a self, context: &'a Context<'a>, id: &Arc<str>, group: &ClassicGroup) -> Draft<'a> {
        Draft::new(context, &self.settings.classic, Arc::clone(id), group.clone())
    }

    pub(super) fn join(
        &self,
        context: &Context<'_>,
        call: CallId,
        version: i16,
        client: &Client,
        request: &JoinGroupRequest,
    ) -> Outcome {
        let fail = |error| Outcome::answer(call, join_failed(version, &request.member_id, error));
        if request.group_id.is_empty() {
            return fail(ErrorCode::InvalidGroupId);
        }
        let settings = &self.settings.classic;
        let timeouts = settings.min_session_timeout_ms..=settings.max_session_timeout_ms;
        if !timeouts.contains(&request.session_timeout_ms) {
            return fail(ErrorCode::InvalidSessionTimeout);
        }
        let protocols = request.protocols.iter();
        let bytes: usize = protocols.map(|protocol| protocol.name.len() + protocol.metadata.len()).sum();
        if request.protocols.len() > GROUP_PROTOCOLS_MAX || bytes > GROUP_MEMBER_PROTOCOLS_BYTES_MAX {
            return fail(ErrorCode::InconsistentGroupProtocol);
        }
        let join = Join { call, version, client, request };
        if let Some((_, Group::Consumer(group))) = self.groups.get(&request.group_id) {
            let known = group.member(&request.member_id).map_or(0, consumer::Member::size_bytes);
            return match self.groups.accepts_bytes(bytes.saturating_sub(known)) {
                true => self.join_consumer_group(context, join, group),
                false => fail(ErrorCode::GroupMaxSizeReached),
            };
        }
        match self.classic(&request.group_id) {
            Some((group_id, group)) => {
                let mut draft = self.draft(context, group_id, group);
                draft.join(join);
                let growth = draft.group.size_bytes().saturating_sub(group.size_bytes());
                match self.groups.accepts_bytes(growth) {
                    true => draft.finish(),
                    false => fail(ErrorCode::GroupMaxSizeReached),
                }
            }
            None if !request.member_id.is_empty() => fail(ErrorCode::UnknownMemberId),
            None if !self.groups.accepts(&request.group_id) => fail(ErrorCode::GroupMaxSizeReached),
            None if !self.groups.accepts_bytes(bytes) => fail(ErrorCode::GroupMaxSizeReached),
            None => self.join_new_group(context, join),
        }
    }

    pub(super) fn join_new_group(&self, context: &Context<'_>, join: Join<'_>) -> Outcome {
        let group_id = join.request.group_id.as_str().into();
        let mut draft = self.draft(context, &group_id, &ClassicGroup::new(context.unix_ms));
        draft.join(join);
        if !draft.is_unchanged() {
            draft.record(created_record(&group_id, context.unix_ms));
        }
        draft.finish()
    }

    pub(super) fn sync(
        &self,
        context: &Context<'_>,
        call: CallId,
        version: i16,
        request: &SyncGroupRequest,
    ) -> Outcome {
        let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
        let error = if version >= SYNC_NAMES_PROTOCOL_VERSION && !names_protocol {
            ErrorCode::InconsistentGroupProtocol
        } else if request.group_id.is_empty() {
            ErrorCode::InvalidGroupId
        } else if let Some((group_id, group)) = self.classic(&request.group_id) {
            let mut draft = self.draft(context, group_id, group);
            draft.sync(call, request);
            return draft.finish();
        } else if let Some((_, Group::Consumer(group))) = self.groups.get(&request.group_id) {
            return self.sync_consumer_group(context, call, group, request);
        } else {
            ErrorCode::UnknownMemberId
        };
        Outcome::answer(call, sync_failed(error))
    }

    /// The records of a request could not be written, and its sender is told. Where others wait for them, nobody
    /// will bring them now: a leader's assignment. They are sent into the next rebalance.
    pub fn write_failed(&self, context: &Context<'_>, request: &Request) -> Outcome {
        let Request::SyncGroup { request, .. } = request else { return Outcome::default() };
        let Some((group_id, group)) = self.classic(&request.group_id) else { return Outcome::default() };
        let awaits_assignment = matches!(group.state, State::CompletingRebalance { .. });
        if !awaits_assignment || !group.is_leader(&request.member_id) {
            return Outcome::default();
        }
        let mut draft = self.draft(context, group_id, group);
        draft.prepare_rebalance();
        draft.finish()
    }

    pub(super) fn heartbeat(
        &self,
        context: &Context<'_>,
        call: CallId,
        request: &HeartbeatRequest,
    ) -> Outcome {
        if let Some((_, Group::Consumer(group))) = self.groups.get(&request.group_id) {
            return self.heartbeat_consumer_group(context, call, group, request);
        }
        let error = match self.classic(&request.group_id) {
            _ if request.group_id.is_empty() => ErrorCode::InvalidGroupId,
            Some((group_id, group)) => return group.heartbeat(context, call, group_id, request),
            None => ErrorCode::UnknownMemberId,
        };
        let response = HeartbeatResponse { error_code: error.code(), ..Default::default() };
        Outcome::answer(call, Response::Heartbeat(response))
    }

    pub(super) fn leave(
        &self,
        context: &Context<'_>,
        call: CallId,
        version: i16,
        request: &LeaveGroupRequest,
    ) -> Outcome {
        if request.group_id.is_empty() {
            return Outcome::answer(call, left(version, ErrorCode::InvalidGroupId, Vec::new()));
        }
        let only = [MemberIdentity { member_id: request.member_id.clone(), ..Default::default() }];
        let members = if version < LEAVE_MEMBERS_VERSION { &only } else { &*request.members };
        if let Some((_, Group::Consumer(group))) = self.groups.get(&request.group_id) {
            let (mut outcome, errors) = self.leave_consumer_group(context, group, members);
            let response = |(member, error): (&MemberIdentity, ErrorCode)| MemberResponse {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                error_code: error.code(),
            };
            let responses = members.iter().zip(errors).map(response).collect();
            outcome.responses.push((call, left(version, ErrorCode::None, responses)));
            return outcome;
        }
        let Some((group_id, group)) = self.classic(&request.group_id) else {
            let unknown = members.iter().map(|member| MemberResponse {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                error_code: ErrorCode::UnknownMemberId.code(),
            });
            return Outcome::answer(call, left(version, ErrorCode::None, unknown.collect()));
        };
        let mut draft = self.draft(context, group_id, group);
        let responses = draft.leave(members);
        draft.respond(call, left(version, ErrorCode::None, responses));
        draft.finish()
    }
}

/// Before members were listed, the one member's error was the response's own.
fn left(version: i16, error: ErrorCode, members: Vec<MemberResponse>) -> Response {
    let mut response = LeaveGroupResponse { error_code: error.code(), ..Default::default() };
    if version >= LEAVE_MEMBERS_VERSION {
        response.members = members;
    } else if let (true, Some(member)) = (error.is_ok(), members.first()) {
        response.error_code = member.error_code;
    }
    Response::LeaveGroup(response)
}
