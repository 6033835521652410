//! The Fetch request and response by hand against the generated ones, at every version.

use bytes::Bytes;

use super::*;
use crate::{
    error_code::ErrorCode,
    protocol::{
        Message, Reader,
        frame::read_response,
        leader_hint::{CurrentLeader, NodeEndpoint},
        messages::{FetchRequest, fetch},
    },
    uuid::Uuid,
};

fn request(version: i16) -> FetchRequest {
    let by_id = version >= 13;
    let partition = fetch::FetchPartition {
        partition: 5,
        current_leader_epoch: if version >= 9 { 8 } else { -1 },
        fetch_offset: 1 << 40,
        last_fetched_epoch: if version >= 12 { 7 } else { -1 },
        log_start_offset: if version >= 5 { 11 } else { -1 },
        partition_max_bytes: 1 << 20,
        replica_directory_id: if version >= 17 { Uuid([3; 16]) } else { Uuid::ZERO },
        high_watermark: if version >= 18 { 900 } else { i64::MAX },
    };
    let other = fetch::FetchPartition { partition: 6, ..partition.clone() };
    let mut request = FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 50 << 20,
        isolation_level: 1,
        topics: vec![
            fetch::FetchTopic {
                topic: if by_id { String::new() } else { "t".to_owned() },
                topic_id: if by_id { Uuid([1; 16]) } else { Uuid::ZERO },
                partitions: vec![partition, other],
            },
            fetch::FetchTopic::default(),
        ],
        ..FetchRequest::default()
    };
    if version <= 14 {
        request.replica_id = 3;
    } else {
        request.replica_state = fetch::ReplicaState { replica_id: 3, replica_epoch: 12 };
    }
    if version >= 7 {
        (request.session_id, request.session_epoch) = (77, 2);
        let forgotten = fetch::ForgottenTopic { partitions: vec![1, 2], ..fetch::ForgottenTopic::default() };
        request.forgotten_topics_data = vec![forgotten];
    }
    if version >= 11 {
        request.rack_id = "r1".to_owned();
    }
    if version >= 12 {
        request.cluster_id = Some("c".to_owned());
    }
    request
}

/// The frame's content as the generated request has it.
fn regenerate(frame: &FetchFrame, version: i16) -> FetchRequest {
    let by_id = version >= 15;
    FetchRequest {
        cluster_id: frame.cluster_id().map(Into::into),
        replica_id: if by_id { -1 } else { frame.replica_id() },
        replica_state: if by_id {
            fetch::ReplicaState { replica_id: frame.replica_id(), replica_epoch: frame.replica_epoch() }
        } else {
            fetch::ReplicaState::default()
        },
        max_wait_ms: frame.max_wait_ms(),
        min_bytes: frame.min_bytes(),
        max_bytes: frame.max_bytes(),
        isolation_level: frame.isolation_level(),
        session_id: frame.session_id(),
        session_epoch: frame.session_epoch(),
        topics: frame
            .topics()
            .map(|topic| fetch::FetchTopic {
                topic: topic.name.into(),
                topic_id: topic.id,
                partitions: topic
                    .partitions
                    .iter()
                    .map(|at| fetch::FetchPartition {
                        partition: at.partition,
                        current_leader_epoch: at.current_leader_epoch,
                        fetch_offset: at.fetch_offset,
                        last_fetched_epoch: at.last_fetched_epoch,
                        log_start_offset: at.log_start_offset,
                        partition_max_bytes: at.max_bytes,
                        replica_directory_id: at.replica_directory_id,
                        high_watermark: at.high_watermark,
                    })
                    .collect(),
            })
            .collect(),
        forgotten_topics_data: frame
            .forgotten_topics()
            .map(|topic| fetch::ForgottenTopic {
                topic: topic.name.into(),
                topic_id: topic.id,
                partitions: topic.partitions.to_vec(),
            })
            .collect(),
        rack_id: frame.rack_id().into(),
    }
}

#[test]
fn the_frame_says_what_the_generated_request_says() {
    let mut frame = FetchFrame::default();
    for version in 4..=18 {
        let request = request(version);
        let bytes = request.to_bytes(version).expect("encodes");
        frame.fill(&mut Reader::new(&bytes), version).expect("decodes");
        assert_eq!(regenerate(&frame, version), request, "version {version}");
    }
}

#[test]
fn a_cut_frame_is_refused_at_every_length() {
    let mut frame = FetchFrame::default();
    for version in [4, 11, 18] {
        let bytes = request(version).to_bytes(version).expect("encodes");
        for length in 0..bytes.len() {
            let cut = bytes.slice(..length);
            assert!(
                frame.fill(&mut Reader::new(&cut), version).is_err(),
                "version {version}, {length} bytes"
            );
        }
    }
}

/// The pieces as one run of bytes, with what each partition's records are.
fn gathered(pieces: &[Piece], records: &[&'static [u8]]) -> Bytes {
    let mut whole = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => whole.extend_from_slice(bytes),
            Piece::Records { index, length } => {
                assert_eq!(records[*index].len(), *length);
                whole.extend_from_slice(records[*index]);
            }
        }
    }
    whole.into()
}

#[test]
fn the_pieces_come_to_a_response_that_the_generated_codec_reads() {
    let records: [&[u8]; 3] = [b"the first records", b"", b"the last"];
    let aborted = [AbortedTransaction { producer_id: 9, first_offset: 1 }];
    let endpoint = NodeEndpoint { node_id: 2, host: "two", port: 9092, rack: Some("r") };
    let head = FetchResponseHead { throttle_time_ms: 3, error_code: ErrorCode::None, session_id: 44 };
    let mut encoder = FetchResponseEncoder::new();
    for version in 4..=18 {
        let partition = |index: usize| FetchedPartition {
            high_watermark: 100,
            last_stable_offset: 90,
            log_start_offset: 1,
            aborted_transactions: Some(&aborted),
            records_bytes: records[index].len(),
            ..FetchedPartition::empty(index as i32, ErrorCode::None)
        };
        let hint = FetchedPartition {
            diverging_epoch: Some(DivergingEpoch { epoch: 1, end_offset: 5 }),
            current_leader: Some(CurrentLeader { leader_id: 2, leader_epoch: 6 }),
            snapshot_id: Some(SnapshotId { end_offset: 8, epoch: 3 }),
            ..FetchedPartition::empty(1, ErrorCode::NotLeaderOrFollower)
        };
        encoder.begin(version, 12, head, 3).expect("a version");
        encoder.topic("a", Uuid([1; 16]), 2).expect("short");
        encoder.partition(0, &partition(0)).expect("fits");
        encoder.partition(1, &hint).expect("fits");
        encoder.topic("b", Uuid([2; 16]), 0).expect("short");
        encoder.topic("c", Uuid([3; 16]), 1).expect("short");
        encoder.partition(2, &partition(2)).expect("fits");
        let mut pieces = Vec::new();
        let total_bytes = encoder.finish(&[endpoint], &mut pieces).expect("fits");

        let whole = gathered(&pieces, &records);
        assert_eq!(whole.len(), total_bytes);
        assert_eq!(whole[..4], u32::try_from(total_bytes - 4).expect("short").to_be_bytes());
        let (correlation_id, response) =
            read_response::<FetchRequest>(&whole.slice(4..), version).expect("decodes");
        assert_eq!(correlation_id, 12);
        let body = response.to_bytes(version).expect("encodes");
        assert!(whole.ends_with(&body), "version {version}");
        let partitions: Vec<_> = response.responses.iter().flat_map(|topic| &topic.partitions).collect();
        assert_eq!(partitions[0].records.as_deref(), Some(records[0]));
        assert_eq!(partitions[1].records.as_deref(), Some(&b""[..]));
        assert_eq!(partitions[1].diverging_epoch.end_offset, if version >= 12 { 5 } else { -1 });
        assert_eq!(partitions[2].records.as_deref(), Some(records[2]));
        assert_eq!(partitions[2].aborted_transactions.as_ref().map(Vec::len), Some(1));
        assert_eq!(response.node_endpoints.len(), usize::from(version >= 16));
    }
}

#[test]
#[should_panic(expected = "fewer partitions than were promised")]
fn a_missing_partition_is_a_broken_invariant() {
    let mut encoder = FetchResponseEncoder::new();
    encoder.begin(12, 1, FetchResponseHead::default(), 1).expect("a version");
    encoder.topic("a", Uuid::ZERO, 1).expect("short");
    let _ = encoder.finish(&[], &mut Vec::new());
}
