//! A classic group's record: GroupMetadata, version 3 as Kafka 4.4 writes it.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{ClassicGroup, Layered, Member, Members, State};
use crate::{
    group::GroupRecord,
    protocol::records::{
        GroupKey, GroupValue,
        group::{GroupMetadataKey, GroupMetadataValue},
    },
};

const VALUE_VERSION: i16 = 3;

pub(crate) fn group_key(group_id: &str) -> GroupKey {
    GroupKey::GroupMetadata(GroupMetadataKey { group: group_id.to_owned() })
}

/// The record that a group comes into being with.
pub(crate) fn created_record(group_id: &str, unix_ms: i64) -> GroupRecord {
    let value = GroupMetadataValue {
        protocol: None,
        leader: None,
        current_state_timestamp: unix_ms,
        ..Default::default()
    };
    GroupRecord::set(group_key(group_id), GroupValue::GroupMetadata(value), VALUE_VERSION)
}

impl ClassicGroup {
    /// The group as it stands, with these assignments; a member that is not among them has none.
    pub(crate) fn to_record(&self, group_id: &str, assignments: &BTreeMap<&str, Bytes>) -> GroupRecord {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| {
            let assignment = assignments.get(&**id).cloned().unwrap_or_default();
            member.to_record(id, protocol, assignment)
        });
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.as_deref().unwrap_or_default().to_owned(),
            generation: self.generation,
            protocol: self.protocol.as_deref().map(str::to_owned),
            leader: self.leader.as_deref().map(str::to_owned),
            current_state_timestamp: self.state_timestamp_ms.unwrap_or(-1),
            members: members.collect(),
        };
        GroupRecord::set(group_key(group_id), GroupValue::GroupMetadata(value), VALUE_VERSION)
    }

    /// What the members were given before.
    pub(crate) fn assignments(&self) -> BTreeMap<&str, Bytes> {
        self.members.iter().map(|(id, member)| (&**id, member.assignment.clone())).collect()
    }

    /// The group as a record found in the log tells it.
    pub(crate) fn from_record(value: &GroupMetadataValue) -> Self {
        let protocol = value.protocol.as_deref().unwrap_or_default();
        let members: Members = value
            .members
            .iter()
            .map(|member| (member.member_id.as_str().into(), Member::from_record(member, protocol)))
            .collect();
        let static_members = members
            .iter()
            .filter_map(|(id, member)| Some((Arc::clone(member.instance_id.as_ref()?), Arc::clone(id))));
        Self {
            state: match members.is_empty() {
                true => State::Empty,
                false => State::Stable { sync_deadline_ms: None },
            },
            state_timestamp_ms: (value.current_state_timestamp != -1)
                .then_some(value.current_state_timestamp),
            generation: value.generation,
            protocol_type: (!value.protocol_type.is_empty()).then(|| value.protocol_type.as_str().into()),
            protocol: value.protocol.as_deref().map(Arc::from),
            leader: value.leader.as_deref().map(Arc::from),
            static_members: static_members.collect(),
            members,
            issued_ids: Layered::default(),
            issued_ids_bytes: 0,
        }
    }

    /// Takes over a record that was just written: assignments are there from now on, and with them the group is
    /// stable. The record that a group begins with says nothing about members who came by the same request.
    pub(crate) fn replay(&mut self, value: &GroupMetadataValue) {
        if value.members.is_empty() {
            return;
        }
        for record in &value.members {
            self.members.update(&record.member_id, |member| {
                member.assignment = Bytes::copy_from_slice(&record.assignment);
            });
        }
        if let State::CompletingRebalance { sync_deadline_ms } = self.state {
            let is_waiting = self.members.must_some_sync();
            self.state = State::Stable { sync_deadline_ms: is_waiting.then_some(sync_deadline_ms) };
        }
    }
}
