//! Records that Apache Kafka 4.4.0 wrote for the same requests, byte for byte but for ids and times.

use bytes::Bytes;

use super::driver::{Host, TOPIC_ID, UNIX_MS, ask, commit_request, join_request, sync_request};
use crate::{
    group::{GroupRecord, Request, Response},
    protocol::messages::{
        join_group::JoinGroupRequest, offset_commit::OffsetCommitRequest,
        sync_group::SyncGroupRequestAssignment,
    },
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn in_hex(record: &GroupRecord) -> (String, Option<String>) {
    let value = record.value.as_ref().map(|value| hex(&value.encode(record.value_version).unwrap()));
    (hex(&record.key.encode().unwrap()), value)
}

fn time(after_ms: i64) -> String {
    hex(&(UNIX_MS + after_ms).to_be_bytes())
}

#[test]
fn a_groups_records() {
    let mut host = Host::new();
    let mut request = JoinGroupRequest {
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 20_000,
        ..join_request("g", "", None)
    };
    request.protocols[0].metadata = Bytes::from_static(b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0");
    let call = host.send_join(5, request.clone());
    request.member_id = host.joined(call).member_id;
    let call = host.send_join(5, request.clone());
    host.advance(3_000);
    let joined = host.joined(call);
    let mut sync = sync_request("g", &joined, &[]);
    let assignment = Bytes::from_static(b"\0\x01ABC");
    sync.assignments.push(SyncGroupRequestAssignment { member_id: joined.member_id.clone(), assignment });
    let call = host.send_sync(sync);
    host.synced(call);
    host.leave("g", &[(&joined.member_id, None)]);

    let id = format!("0026{}", hex(joined.member_id.as_bytes()));
    let key = "0002000167".to_owned();
    let created = format!("0003000000000000ffffffff{}00000000", time(1_000));
    let stable = format!(
        "00030008636f6e73756d657200000001000572616e6765{id}{}00000001{id}ffff000163000a2f3132372e302e302e31\
         00004e200000271000000011000100000001000174ffffffff00000000000000050001414243",
        time(4_000)
    );
    let empty = format!("00030008636f6e73756d657200000002ffffffff{}00000000", time(4_000));
    let records: Vec<_> = host.log.iter().map(in_hex).collect();
    assert_eq!(records, [(key.clone(), Some(created)), (key.clone(), Some(stable)), (key, Some(empty))]);
}

#[test]
fn records_of_offsets_and_tombstones() {
    let mut host = Host::new();
    let mut request = commit_request("g", -1, "", "t", 0, 5);
    request.topics[0].partitions[0].committed_leader_epoch = 3;
    request.topics[0].partitions[0].committed_metadata = Some("meta".into());
    ask!(host, OffsetCommit { 7, request });
    let mut request = commit_request("g", -1, "", "", 0, 6);
    request.topics[0].topic_id = TOPIC_ID;
    ask!(host, OffsetCommit { 10, request });
    let request =
        OffsetCommitRequest { retention_time_ms: 3_600_000, ..commit_request("g", -1, "", "t", 0, 77) };
    ask!(host, OffsetCommit { 2, request });
    let request =
        crate::protocol::messages::delete_groups::DeleteGroupsRequest { groups_names: vec!["g".into()] };
    ask!(host, DeleteGroups { request });

    let key = "000100016700017400000000".to_owned();
    let id = "07".repeat(16);
    let now = time(1_000);
    let records: Vec<_> = host.log.iter().map(in_hex).collect();
    assert_eq!(
        records,
        [
            (key.clone(), Some(format!("0004000000000000000500000003056d657461{now}010010{id}"))),
            (key.clone(), Some(format!("00040000000000000006ffffffff01{now}010010{id}"))),
            (key.clone(), Some(format!("0001000000000000004d0000{now}{}", time(3_601_000)))),
            (key, None),
            ("0002000167".to_owned(), None),
        ]
    );
}
