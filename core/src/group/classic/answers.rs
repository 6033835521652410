//! The answers to JoinGroup and SyncGroup.

use super::{ClassicGroup, member::WaitingJoin};
use crate::{
    error_code::ErrorCode,
    group::Response,
    protocol::messages::{
        join_group::{JoinGroupResponse, JoinGroupResponseMember},
        sync_group::SyncGroupResponse,
    },
};

/// The first version whose protocol name may be null; an empty one is null from there on.
const NULL_PROTOCOL_NAME_VERSION: i16 = 7;

pub(crate) fn join_failed(version: i16, member_id: &str, error: ErrorCode) -> Response {
    Response::JoinGroup(failed_join(version, member_id, error))
}

pub(crate) fn failed_join(version: i16, member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: error.code(),
        generation_id: -1,
        protocol_name: (version < NULL_PROTOCOL_NAME_VERSION).then(String::new),
        member_id: member_id.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn sync_failed(error: ErrorCode) -> Response {
    Response::SyncGroup(SyncGroupResponse { error_code: error.code(), ..Default::default() })
}

impl WaitingJoin {
    pub(crate) fn failed(self, member_id: &str, error: ErrorCode) -> Response {
        join_failed(self.version, member_id, error)
    }
}

impl ClassicGroup {
    /// The present generation, as a member sees it. The leader learns of all members.
    pub(crate) fn joined(&self, version: i16, member_id: &str) -> JoinGroupResponse {
        let members = if self.is_leader(member_id) { self.members_for_leader() } else { Vec::new() };
        let protocol_name = self.protocol.as_deref().map(str::to_owned);
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type.as_deref().map(str::to_owned),
            protocol_name: protocol_name.or_else(|| (version < NULL_PROTOCOL_NAME_VERSION).then(String::new)),
            leader: self.leader.as_deref().unwrap_or_default().to_owned(),
            member_id: member_id.to_owned(),
            members,
            ..Default::default()
        }
    }

    fn members_for_leader(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| JoinGroupResponseMember {
            member_id: id.to_string(),
            group_instance_id: member.instance_id.as_deref().map(str::to_owned),
            metadata: member.metadata_of(protocol).cloned().unwrap_or_default(),
        });
        members.collect()
    }

    pub(crate) fn synced(&self, assignment: bytes::Bytes) -> Response {
        Response::SyncGroup(SyncGroupResponse {
            protocol_type: self.protocol_type.as_deref().map(str::to_owned),
            protocol_name: self.protocol.as_deref().map(str::to_owned),
            assignment,
            ..Default::default()
        })
    }
}
