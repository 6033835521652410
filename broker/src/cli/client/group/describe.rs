//! What a coordinator tells of one group, by whichever protocol the group speaks.

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::ApiKey;
use jackdaw_core::protocol::messages::consumer_group_describe::{
    self as consumer, ConsumerGroupDescribeRequest,
};
use jackdaw_core::protocol::messages::describe_groups::{self as classic, DescribeGroupsRequest};

use super::super::Client;
use super::super::error::ClientError;
use super::{Assignment, Coordinator, GroupDescription, GroupEpochs, GroupMember, GroupType};

/// The state of a group that is not there, in answers that have no error for it.
const STATE_DEAD: &str = "Dead";
/// `member_type` of a member that speaks the classic protocol.
const MEMBER_TYPE_CLASSIC: i8 = 0;

impl Client {
    /// Describes a group.
    ///
    /// # Errors
    /// `UnknownGroup`, or `OtherGroup` where the name is that of a share or streams group.
    pub(crate) fn describe_group(&mut self, group: &str) -> Result<GroupDescription, ClientError> {
        if let Some(description) = self.describe_consumer_group(group)? {
            return Ok(description);
        }
        if let Some(description) = self.describe_classic_group(group)? {
            return Ok(description);
        }
        let listed = self.list_groups()?.groups.into_iter().find(|listed| listed.group == group);
        match listed.and_then(|listed| listed.group_type) {
            Some(group_type) => Err(ClientError::OtherGroup { group: group.to_owned(), group_type }),
            None => Err(ClientError::UnknownGroup(group.to_owned())),
        }
    }

    /// `None`: the group is none of KIP-848, or the broker knows no such groups.
    fn describe_consumer_group(&mut self, group: &str) -> Result<Option<GroupDescription>, ClientError> {
        let request =
            |_| ConsumerGroupDescribeRequest { group_ids: vec![group.to_owned()], ..Default::default() };
        let answer = self.call_coordinator(group, i16::MAX, request, |answer| {
            let Some(described) = answer.groups.into_iter().next() else { return Ok(None) };
            match ErrorCode::from_i16(described.error_code) {
                ErrorCode::None => Ok(Some(described)),
                ErrorCode::GroupIdNotFound | ErrorCode::UnsupportedVersion => Ok(None),
                _ => Err(refusal(group, described.error_code, described.error_message)),
            }
        });
        let described = match answer {
            Err(ClientError::NoCommonVersion { api: ApiKey::ConsumerGroupDescribe, .. }) => None,
            answer => answer?,
        };
        described.map(|described| Ok(consumer_group(described, self.coordinator_of(group)?))).transpose()
    }

    /// `None`: there is no such group, or it is none of the classic protocol.
    fn describe_classic_group(&mut self, group: &str) -> Result<Option<GroupDescription>, ClientError> {
        let request = |_| DescribeGroupsRequest { groups: vec![group.to_owned()], ..Default::default() };
        let described = self.call_coordinator(group, i16::MAX, request, |answer| {
            let Some(described) = answer.groups.into_iter().next() else { return Ok(None) };
            match ErrorCode::from_i16(described.error_code) {
                ErrorCode::None if described.group_state == STATE_DEAD => Ok(None),
                ErrorCode::None => Ok(Some(described)),
                ErrorCode::GroupIdNotFound => Ok(None),
                _ => Err(refusal(group, described.error_code, described.error_message)),
            }
        })?;
        described.map(|described| Ok(classic_group(described, self.coordinator_of(group)?))).transpose()
    }

    fn coordinator_of(&mut self, group: &str) -> Result<Coordinator, ClientError> {
        let node_id = self.coordinator(group)?;
        Ok(Coordinator { node_id, address: self.metadata.address(node_id).cloned() })
    }
}

fn refusal(group: &str, code: i16, message: Option<String>) -> ClientError {
    ClientError::broker(format!("group {group:?}"), code, message)
}

fn classic_group(group: classic::DescribedGroup, coordinator: Coordinator) -> GroupDescription {
    let protocol_type = group.protocol_type;
    let members = group.members.into_iter().map(|member| super::classic::member(&protocol_type, member));
    let members = by_id(members.collect());
    GroupDescription {
        group: group.group_id,
        group_type: GroupType::Classic,
        state: group.group_state,
        assignor: (!group.protocol_data.is_empty()).then_some(group.protocol_data),
        protocol_type,
        coordinator,
        epochs: None,
        members,
    }
}

fn consumer_group(group: consumer::DescribedGroup, coordinator: Coordinator) -> GroupDescription {
    GroupDescription {
        group: group.group_id,
        group_type: GroupType::Consumer,
        state: group.group_state,
        protocol_type: "consumer".to_owned(),
        assignor: (!group.assignor_name.is_empty()).then_some(group.assignor_name),
        coordinator,
        epochs: Some(GroupEpochs { group: group.group_epoch, assignment: group.assignment_epoch }),
        members: by_id(group.members.into_iter().map(consumer_member).collect()),
    }
}

fn consumer_member(member: consumer::Member) -> GroupMember {
    let mut topics = member.subscribed_topic_names;
    topics.sort_unstable();
    GroupMember {
        member_id: member.member_id,
        instance_id: member.instance_id,
        client_id: member.client_id,
        host: host(&member.client_host),
        rack: member.rack_id,
        topics,
        topic_pattern: member.subscribed_topic_regex.filter(|pattern| !pattern.is_empty()),
        assignment: Some(assignment(member.assignment)),
        target: Some(assignment(member.target_assignment)),
        epoch: Some(member.member_epoch),
        is_classic: member.member_type == MEMBER_TYPE_CLASSIC,
    }
}

fn assignment(assignment: consumer::Assignment) -> Assignment {
    let mut by_topic = Assignment::new();
    for topic in assignment.topic_partitions {
        let mut partitions = topic.partitions;
        partitions.sort_unstable();
        by_topic.insert(topic.topic_name, partitions);
    }
    by_topic
}

fn by_id(mut members: Vec<GroupMember>) -> Vec<GroupMember> {
    members.sort_by(|one, other| one.member_id.cmp(&other.member_id));
    members
}

/// Kafka writes `/10.0.0.1`, or `name/10.0.0.1`.
pub(super) fn host(host: &str) -> String {
    host.strip_prefix('/').unwrap_or(host).to_owned()
}
