//! DescribeGroups, ListGroups and DeleteGroups.

use std::collections::BTreeSet;

use super::{
    CallId, Coordinator, Outcome, Response,
    classic::{ClassicGroup, Member, State},
    groups::Group,
};
use crate::{
    authorized_operations as operations,
    error_code::ErrorCode,
    protocol::messages::{
        delete_groups::{DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse},
        describe_groups::{
            DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
        },
        list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup},
    },
};

/// The first version in which an unknown group is an error.
const DESCRIBE_NOT_FOUND_VERSION: i16 = 6;

impl Coordinator {
    pub(super) fn describe_groups(
        &self,
        call: CallId,
        version: i16,
        request: &DescribeGroupsRequest,
    ) -> Outcome {
        let groups = request.groups.iter().map(|group_id| {
            let mut described = match self.groups.get(group_id) {
                Some((_, Group::Classic(group))) => group.described(group_id),
                Some((_, Group::Consumer(_))) => {
                    not_found(version, group_id, format!("Group {group_id} is not a classic group."))
                }
                None => not_found(version, group_id, format!("Group {group_id} not found.")),
            };
            // Kafka tells them of a group that is not there, too, where that is no error.
            let is_asked = request.include_authorized_operations && described.error_code == 0;
            described.authorized_operations = operations::where_asked(is_asked, operations::GROUP);
            described
        });
        let response = DescribeGroupsResponse { groups: groups.collect(), ..Default::default() };
        Outcome::answer(call, Response::DescribeGroups(response))
    }

    pub(super) fn list_groups(&self, call: CallId, request: &ListGroupsRequest) -> Outcome {
        let asks_for = |filter: &[String], value: &str| {
            filter.is_empty() || filter.iter().any(|asked| asked.eq_ignore_ascii_case(value))
        };
        let groups = self.groups.iter().map(|(group_id, group)| group.listed(group_id));
        let groups = groups.filter(|group| {
            asks_for(&request.states_filter, &group.group_state)
                && asks_for(&request.types_filter, &group.group_type)
        });
        let response = ListGroupsResponse { groups: groups.collect(), ..Default::default() };
        Outcome::answer(call, Response::ListGroups(response))
    }

    /// Each group once, however often the request names it.
    pub(super) fn delete_groups(&self, call: CallId, request: &DeleteGroupsRequest) -> Outcome {
        let mut records = Vec::new();
        let names: BTreeSet<_> = request.groups_names.iter().collect();
        let results = names.into_iter().map(|group_id| {
            let error = match self.groups.get(group_id) {
                None => ErrorCode::GroupIdNotFound,
                Some((_, group)) if !group.is_empty() => ErrorCode::NonEmptyGroup,
                Some((_, group)) => {
                    records.extend(self.offsets.tombstones(group_id));
                    records.extend(group.tombstones(group_id));
                    ErrorCode::None
                }
            };
            let error_code = error.code();
            DeletableGroupResult { group_id: group_id.clone(), error_code, ..Default::default() }
        });
        let response = DeleteGroupsResponse { results: results.collect(), ..Default::default() };
        // The offsets may be more than a batch takes. Each group's own end comes last: a part of it is a group with
        // fewer offsets, which can be deleted again.
        Outcome { records, atomic: false, ..Outcome::answer(call, Response::DeleteGroups(response)) }
    }
}

fn not_found(version: i16, group_id: &str, message: String) -> DescribedGroup {
    let is_error = version >= DESCRIBE_NOT_FOUND_VERSION;
    DescribedGroup {
        error_code: if is_error { ErrorCode::GroupIdNotFound } else { ErrorCode::None }.code(),
        error_message: is_error.then_some(message),
        group_id: group_id.to_owned(),
        group_state: "Dead".to_owned(),
        ..Default::default()
    }
}

impl Group {
    fn listed(&self, group_id: &str) -> ListedGroup {
        match self {
            Self::Classic(group) => ListedGroup {
                group_id: group_id.to_owned(),
                protocol_type: group.protocol_type.as_deref().unwrap_or_default().to_owned(),
                group_state: group.state_name().to_owned(),
                group_type: "classic".to_owned(),
            },
            Self::Consumer(group) => ListedGroup {
                group_id: group_id.to_owned(),
                protocol_type: "consumer".to_owned(),
                group_state: group.state().name().to_owned(),
                group_type: "consumer".to_owned(),
            },
        }
    }
}

impl ClassicGroup {
    fn described(&self, group_id: &str) -> DescribedGroup {
        // Before, the members have not agreed on what they speak.
        let protocol = match self.state {
            State::Stable { .. } => self.protocol.as_deref(),
            _ => None,
        };
        let members = self.members.iter().map(|(id, member)| member.described(id, protocol));
        DescribedGroup {
            group_id: group_id.to_owned(),
            group_state: self.state_name().to_owned(),
            protocol_type: self.protocol_type.as_deref().unwrap_or_default().to_owned(),
            protocol_data: protocol.unwrap_or_default().to_owned(),
            members: members.collect(),
            ..Default::default()
        }
    }
}

impl Member {
    fn described(&self, id: &str, protocol: Option<&str>) -> DescribedGroupMember {
        let metadata = protocol.and_then(|protocol| self.metadata_of(protocol));
        DescribedGroupMember {
            member_id: id.to_owned(),
            group_instance_id: self.instance_id.as_deref().map(str::to_owned),
            client_id: self.client_id.to_string(),
            client_host: self.client_host.to_string(),
            member_metadata: metadata.cloned().unwrap_or_default(),
            member_assignment: self.assignment.clone(),
        }
    }
}
