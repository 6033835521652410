//! A member's life from beginning to end.

use super::driver::{Host, TOPIC_ID, ask, error, join_request, sync_request};
use crate::{
    error_code::ErrorCode,
    group::{Request, Response},
    protocol::messages::{
        heartbeat::HeartbeatRequest,
        leave_group::{LeaveGroupRequest, MemberIdentity},
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics},
    },
};

#[test]
fn a_dynamic_member_joins_commits_and_leaves() {
    let mut host = Host::new();
    let call = host.send_join(9, join_request("g", "", None));
    let refused = host.joined(call);
    assert_eq!(error(refused.error_code), ErrorCode::MemberIdRequired);
    assert!(refused.member_id.starts_with("c-") && refused.member_id.len() == 38, "{}", refused.member_id);

    let call = host.send_join(9, join_request("g", &refused.member_id, None));
    host.advance(2_999);
    assert!(host.is_open(call));
    host.advance(1);
    let joined = host.joined(call);
    assert_eq!((error(joined.error_code), joined.generation_id), (ErrorCode::None, 1));
    assert_eq!((&*joined.leader, &*joined.member_id), (&*refused.member_id, &*refused.member_id));
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    assert_eq!(joined.members.len(), 1);

    let call = host.send_sync(sync_request("g", &joined, &[&joined.member_id]));
    let synced = host.synced(call);
    assert_eq!(error(synced.error_code), ErrorCode::None);
    assert_eq!(synced.assignment, format!("1:{}", joined.member_id));

    let heartbeat = HeartbeatRequest {
        group_id: "g".into(),
        generation_id: 1,
        member_id: joined.member_id.clone(),
        group_instance_id: None,
    };
    assert_eq!(error(ask!(host, Heartbeat { heartbeat.clone() }).error_code), ErrorCode::None);

    let commit = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: 1,
        member_id: joined.member_id.clone(),
        topics: vec![OffsetCommitRequestTopic {
            topic_id: TOPIC_ID,
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: 3,
                committed_offset: 42,
                committed_leader_epoch: 5,
                committed_metadata: Some("note".into()),
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let committed = ask!(host, OffsetCommit { 10, commit });
    assert_eq!(error(committed.topics[0].partitions[0].error_code), ErrorCode::None);

    let fetch = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: "g".into(),
            topics: Some(vec![OffsetFetchRequestTopics {
                topic_id: TOPIC_ID,
                partition_indexes: vec![3, 0],
                ..Default::default()
            }]),
            ..Default::default()
        }],
        ..Default::default()
    };
    let fetched = ask!(host, OffsetFetch { 10, fetch });
    let partitions = &fetched.groups[0].topics[0].partitions;
    assert_eq!((partitions[0].committed_offset, partitions[0].committed_leader_epoch), (42, 5));
    assert_eq!(partitions[0].metadata.as_deref(), Some("note"));
    assert_eq!((partitions[1].committed_offset, partitions[1].committed_leader_epoch), (-1, -1));

    let leave = LeaveGroupRequest {
        group_id: "g".into(),
        members: vec![MemberIdentity { member_id: joined.member_id.clone(), ..Default::default() }],
        ..Default::default()
    };
    let left = ask!(host, LeaveGroup { 5, leave });
    assert_eq!((left.error_code, left.members[0].error_code), (0, 0));
    assert_eq!(error(ask!(host, Heartbeat { heartbeat }).error_code), ErrorCode::UnknownMemberId);
    assert_eq!(host.open_count(), 0);
}
