//! A consumer group as the broker shows it: DescribeGroups, ConsumerGroupDescribe and OffsetFetch, asked over the wire.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::Message as _;
use jackdaw_core::protocol::messages::consumer_group_describe::{self, ConsumerGroupDescribeRequest};
use jackdaw_core::protocol::messages::describe_groups::{self, DescribeGroupsRequest};
use jackdaw_core::protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use jackdaw_core::protocol::primitives::Reader;
use jackdaw_core::protocol::records::consumer_protocol::ConsumerProtocolAssignment;

use crate::wire::Connection;

/// A topic's name and a partition.
pub type Partition = (String, i32);

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    pub member_id: String,
    pub client_id: String,
    pub instance_id: Option<String>,
    pub partitions: BTreeSet<Partition>,
    /// Whether a consumer group's member has what it shall have; of a classic group always.
    pub settled: bool,
}

/// A group at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    pub state: String,
    /// The classic protocol's assignor, or the one on the server.
    pub assignor: String,
    /// The group epoch; none of a classic group.
    pub epoch: Option<i32>,
    pub members: Vec<MemberView>,
}

impl GroupView {
    /// Who has which partitions, by static member.
    pub fn by_instance(&self) -> BTreeMap<String, BTreeSet<Partition>> {
        let statics =
            self.members.iter().filter_map(|m| m.instance_id.clone().map(|id| (id, m.partitions.clone())));
        statics.collect()
    }

    /// The member id that a static member has now.
    pub fn member_id_of(&self, instance_id: &str) -> Option<&str> {
        let member = self.members.iter().find(|m| m.instance_id.as_deref() == Some(instance_id));
        member.map(|m| m.member_id.as_str())
    }

    /// The number of each member's partitions in order, when the group is stable and no partition is owned twice.
    pub fn shares(&self) -> Option<Vec<usize>> {
        let mut owned = BTreeSet::new();
        let distinct = self.members.iter().flat_map(|m| &m.partitions).all(|p| owned.insert(p));
        let settled = self.members.iter().all(|m| m.settled);
        if !distinct || !settled || self.state != "Stable" {
            return None;
        }
        let mut shares: Vec<usize> = self.members.iter().map(|m| m.partitions.len()).collect();
        shares.sort_unstable();
        Some(shares)
    }
}

/// A group of the protocol that a member asks for: `consumer`, or a classic assignor.
pub fn describe(connection: &mut Connection, group: &str, protocol: &str) -> Option<GroupView> {
    match protocol {
        "consumer" => describe_consumer(connection, group),
        _ => describe_classic(connection, group),
    }
}

/// A classic group; none while nobody has made it, or the coordinator still loads.
pub fn describe_classic(connection: &mut Connection, group: &str) -> Option<GroupView> {
    let request = DescribeGroupsRequest { groups: vec![group.to_owned()], ..Default::default() };
    let response = connection.call(&request, 6);
    let found = &response.groups[0];
    (found.error_code == 0).then(|| GroupView {
        state: found.group_state.clone(),
        assignor: found.protocol_data.clone(),
        epoch: None,
        members: found.members.iter().map(classic_member).collect(),
    })
}

fn classic_member(member: &describe_groups::DescribedGroupMember) -> MemberView {
    MemberView {
        member_id: member.member_id.clone(),
        client_id: member.client_id.clone(),
        instance_id: member.group_instance_id.clone(),
        partitions: classic_assignment(&member.member_assignment),
        settled: true,
    }
}

/// Version and ConsumerProtocolAssignment; nothing before the leader has assigned.
fn classic_assignment(bytes: &bytes::Bytes) -> BTreeSet<Partition> {
    if bytes.is_empty() {
        return BTreeSet::new();
    }
    let mut reader = Reader::new(bytes);
    let version = reader.i16().expect("the version of an assignment");
    let assignment = ConsumerProtocolAssignment::read(&mut reader, version.min(3)).expect("an assignment");
    let topics = assignment.assigned_partitions.iter();
    topics.flat_map(|t| t.partitions.iter().map(|&p| (t.topic.clone(), p))).collect()
}

/// A consumer group.
pub fn describe_consumer(connection: &mut Connection, group: &str) -> Option<GroupView> {
    let request = ConsumerGroupDescribeRequest { group_ids: vec![group.to_owned()], ..Default::default() };
    let response = connection.call(&request, 1);
    let found = &response.groups[0];
    (found.error_code == 0).then(|| GroupView {
        state: found.group_state.clone(),
        assignor: found.assignor_name.clone(),
        epoch: Some(found.group_epoch),
        members: found.members.iter().map(|m| consumer_member(m, found.assignment_epoch)).collect(),
    })
}

fn consumer_member(member: &consumer_group_describe::Member, assignment_epoch: i32) -> MemberView {
    let partitions = owned(&member.assignment);
    let settled = partitions == owned(&member.target_assignment) && member.member_epoch == assignment_epoch;
    MemberView {
        member_id: member.member_id.clone(),
        client_id: member.client_id.clone(),
        instance_id: member.instance_id.clone(),
        partitions,
        settled,
    }
}

fn owned(assignment: &consumer_group_describe::Assignment) -> BTreeSet<Partition> {
    let topics = assignment.topic_partitions.iter();
    topics.flat_map(|t| t.partitions.iter().map(|&p| (t.topic_name.clone(), p))).collect()
}

/// The committed offsets of a topic's partitions, -1 where there is none; none while the coordinator loads.
pub fn committed(connection: &mut Connection, group: &str, topic: &str, partitions: i32) -> Option<Vec<i64>> {
    let asked = OffsetFetchRequestTopics {
        name: topic.to_owned(),
        partition_indexes: (0..partitions).collect(),
        ..Default::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: group.to_owned(),
        topics: Some(vec![asked]),
        ..Default::default()
    };
    let request = OffsetFetchRequest { groups: vec![group], require_stable: true, ..Default::default() };
    let response = connection.call(&request, 9);
    let found = &response.groups[0];
    if found.error_code != 0 {
        let passing = [
            ErrorCode::CoordinatorLoadInProgress,
            ErrorCode::NotCoordinator,
            ErrorCode::CoordinatorNotAvailable,
        ];
        assert!(passing.iter().any(|&code| code as i16 == found.error_code), "{response:?}");
        return None;
    }
    let mut offsets = vec![-1; partitions as usize];
    for partition in &found.topics[0].partitions {
        assert_eq!(partition.error_code, 0, "{response:?}");
        offsets[partition.partition_index as usize] = partition.committed_offset;
    }
    Some(offsets)
}
