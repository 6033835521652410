//! JoinGroup (11): who asks, and what a new dynamic member gets.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Change, ClassicGroup, Draft, Member, State,
    answers::join_failed,
    member::{JoinTerms, Presence, Protocol, WaitingJoin, millis},
};
use crate::{
    error_code::ErrorCode,
    group::{CallId, Client, member_id::new_member_id},
    limits::{GROUP_ISSUED_IDS_MAX, GROUP_MEMBERS_MAX, NEW_MEMBER_JOIN_TIMEOUT_MS},
    protocol::messages::join_group::JoinGroupRequest,
};

/// The first version whose new members have to come again with the id that they were given.
const KNOWN_MEMBER_ID_VERSION: i16 = 4;

/// A JoinGroup and who sent it.
#[derive(Clone, Copy)]
pub(crate) struct Join<'a> {
    pub(crate) call: CallId,
    pub(crate) version: i16,
    pub(crate) client: &'a Client,
    pub(crate) request: &'a JoinGroupRequest,
}

impl Join<'_> {
    pub(super) fn waiting(&self) -> WaitingJoin {
        WaitingJoin { call: self.call, version: self.version }
    }

    pub(super) fn instance_id(&self) -> Option<&str> {
        self.request.group_instance_id.as_deref()
    }

    /// Copied: what the request came in is larger and is needed again.
    pub(super) fn terms(&self) -> JoinTerms {
        let protocols = self.request.protocols.iter().map(|protocol| Protocol {
            name: protocol.name.as_str().into(),
            metadata: Bytes::copy_from_slice(&protocol.metadata),
        });
        let session_timeout_ms = self.request.session_timeout_ms;
        JoinTerms {
            // Version 0 has one timeout for both.
            rebalance_timeout_ms: match self.version {
                0 => session_timeout_ms,
                _ => self.request.rebalance_timeout_ms,
            },
            session_timeout_ms,
            protocols: protocols.collect(),
        }
    }
}

impl ClassicGroup {
    /// Whether there is room for this member.
    fn accepts(&self, member_id: &str, size_max: usize) -> bool {
        let has_joined = |member: &Member| member.presence.joining.is_some();
        match self.state {
            State::Empty => true,
            // Those who are not back yet may not come back at all.
            State::PreparingRebalance(_) => {
                self.members.get(member_id).is_some_and(has_joined) || self.members.joined_count() < size_max
            }
            _ => self.members.contains(member_id) || self.members.len() < size_max,
        }
    }
}

impl Draft<'_> {
    pub(crate) fn join(&mut self, join: Join<'_>) {
        let member_id = join.request.member_id.as_str();
        let size_max = usize::try_from(self.settings.max_size).unwrap_or(0).min(GROUP_MEMBERS_MAX);
        if !self.group.accepts(member_id, size_max) {
            self.put_out(member_id);
            return self.fail_join(join, "", ErrorCode::GroupMaxSizeReached);
        }
        if !self.group.supports_protocols(&join.request.protocol_type, &join.request.protocols) {
            return self.fail_join(join, member_id, ErrorCode::InconsistentGroupProtocol);
        }
        match (member_id.is_empty(), join.instance_id()) {
            (true, None) => self.join_dynamic(join),
            (true, Some(instance_id)) => self.join_static(join, instance_id),
            (false, _) => self.join_existing(join),
        }
    }

    pub(super) fn fail_join(&mut self, join: Join<'_>, member_id: &str, error: ErrorCode) {
        self.respond(join.call, join_failed(join.version, member_id, error));
    }

    fn put_out(&mut self, member_id: &str) {
        if let Some((member_id, _)) = self.group.member(member_id) {
            let member_id = Arc::clone(member_id);
            self.remove_member(member_id, ErrorCode::UnknownMemberId);
            self.end_preparing_if_complete();
        }
    }

    fn join_dynamic(&mut self, join: Join<'_>) {
        let member_id = self.new_member_id(&join.client.id);
        if join.version < KNOWN_MEMBER_ID_VERSION {
            return self.add_member(join, member_id);
        }
        if self.group.issued_ids.len() >= GROUP_ISSUED_IDS_MAX {
            return self.fail_join(join, "", ErrorCode::GroupMaxSizeReached);
        }
        self.fail_join(join, &member_id, ErrorCode::MemberIdRequired);
        let deadline_ms = self.context.now_ms + millis(join.request.session_timeout_ms);
        self.change(Change::IdIssued { member_id, deadline_ms });
    }

    /// The member is in the group from now on; its call waits for the next generation.
    pub(super) fn add_member(&mut self, join: Join<'_>, member_id: Arc<str>) {
        let member = Member {
            instance_id: join.instance_id().map(Arc::from),
            client_id: join.client.id.as_str().into(),
            client_host: join.client.host.as_str().into(),
            terms: join.terms(),
            assignment: Bytes::new(),
            presence: Presence {
                joining: Some(join.waiting()),
                is_new: true,
                session_deadline_ms: self.context.now_ms + NEW_MEMBER_JOIN_TIMEOUT_MS,
                ..Presence::default()
            },
        };
        let protocol_type = join.request.protocol_type.as_str().into();
        self.change(Change::Joined { member_id, protocol_type, member: Box::new(member) });
        self.rebalance();
    }

    pub(super) fn new_member_id(&self, name: &str) -> Arc<str> {
        new_member_id(name, self.context.random).into()
    }
}
