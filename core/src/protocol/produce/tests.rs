//! The Produce request and response by hand against the generated ones, at every version.

use bytes::Bytes;

use super::*;
use crate::{
    error_code::ErrorCode,
    limits::PRODUCE_PARTITIONS_MAX,
    protocol::{
        DecodeError, Message, Reader, Writer,
        frame::request_frame,
        leader_hint::{CurrentLeader, NodeEndpoint},
        messages::{ProduceRequest, ProduceResponse, produce},
    },
    uuid::Uuid,
};

fn request(version: i16) -> ProduceRequest {
    let topic = |name: &str, id, partitions: &[(i32, Option<&'static [u8]>)]| produce::TopicProduceData {
        name: if version < 13 { name.to_owned() } else { String::new() },
        topic_id: if version < 13 { Uuid::ZERO } else { Uuid([id; 16]) },
        partition_data: partitions
            .iter()
            .map(|(index, records)| produce::PartitionProduceData {
                index: *index,
                records: records.map(Bytes::from_static),
            })
            .collect(),
    };
    ProduceRequest {
        transactional_id: Some("mine".to_owned()),
        acks: -1,
        timeout_ms: 1500,
        topic_data: vec![
            topic("one", 1, &[(0, Some(b"first")), (7, None)]),
            topic("none", 2, &[]),
            topic("two", 3, &[(1, Some(b""))]),
        ],
    }
}

#[test]
fn the_frame_says_what_the_generated_request_says() {
    let mut frame = ProduceFrame::default();
    for version in 3..=13 {
        let request = request(version);
        let bytes = request.to_bytes(version).expect("encodes");
        frame.fill(&mut Reader::new(&bytes), version).expect("decodes");
        assert_eq!(frame.transactional_id().as_deref(), Some("mine"));
        assert_eq!((frame.acks(), frame.timeout_ms(), frame.partition_count()), (-1, 1500, 3));
        let topics: Vec<_> = frame
            .topics()
            .map(|topic| produce::TopicProduceData {
                name: topic.name.to_string(),
                topic_id: topic.id,
                partition_data: topic
                    .partitions()
                    .map(|at| produce::PartitionProduceData { index: at.index, records: at.records })
                    .collect(),
            })
            .collect();
        assert_eq!(topics, request.topic_data, "version {version}");
    }
}

#[test]
fn what_a_frame_names_is_counted_before_it_is_decoded() {
    for version in 3..=13 {
        let whole = request_frame(&request(version), version, 1, Some("client")).expect("encodes");
        let frame = whole.slice(4..);
        assert_eq!(named_count(&frame), 6, "version {version}");
        // Cut anywhere it is counted as far as it goes.
        for end in 0..frame.len() {
            assert!(named_count(&frame.slice(..end)) <= 6, "version {version} cut at {end}");
        }
    }
}

#[test]
fn a_request_that_names_more_than_any_node_has_is_refused() {
    let data = |count: usize| {
        let partition = produce::PartitionProduceData { index: 0, records: None };
        let partition_data = vec![partition; count];
        produce::TopicProduceData { partition_data, ..Default::default() }
    };
    let fill = |count| {
        let request = ProduceRequest { topic_data: vec![data(count), data(0)], ..request(13) };
        let bytes = request.to_bytes(13).expect("encodes");
        ProduceFrame::default().fill(&mut Reader::new(&bytes), 13)
    };
    assert_eq!(fill(PRODUCE_PARTITIONS_MAX - 2), Ok(()));
    assert!(matches!(fill(PRODUCE_PARTITIONS_MAX - 1), Err(DecodeError::Memory { .. })));
}

#[test]
fn records_are_slices_of_the_frame() {
    let bytes = request(9).to_bytes(9).expect("encodes");
    let mut frame = ProduceFrame::default();
    frame.fill(&mut Reader::new(&bytes), 9).expect("decodes");
    let topic = frame.topics().next().expect("a topic");
    let records = topic.partitions().next().and_then(|partition| partition.records).expect("records");
    assert!(bytes.as_ptr_range().contains(&records.as_ptr()), "copied");
}

#[test]
fn the_response_is_what_the_generated_one_would_be() {
    let leader = CurrentLeader { leader_id: 4, leader_epoch: 9 };
    let results = [
        ProduceResult::appended(40, -1, 3),
        ProduceResult {
            record_errors: vec![RecordError { batch_index: 2, message: Some("bad".to_owned()) }],
            error_message: Some("worse".to_owned()),
            ..ProduceResult::failed(ErrorCode::InvalidRecord)
        },
        ProduceResult {
            current_leader: Some(leader),
            ..ProduceResult::failed(ErrorCode::NotLeaderOrFollower)
        },
    ];
    let endpoint = NodeEndpoint { node_id: 4, host: "four", port: 9092, rack: None };
    for version in 3..=13 {
        let bytes = request(version).to_bytes(version).expect("encodes");
        let mut frame = ProduceFrame::default();
        frame.fill(&mut Reader::new(&bytes), version).expect("decodes");
        let mut writer = Writer::new();
        write_produce_response(&mut writer, version, &frame, &results, 5, &[endpoint]).expect("encodes");
        let written = writer.freeze();
        let response = ProduceResponse::from_bytes(&written, version).expect("decodes");
        assert_eq!(response.to_bytes(version).as_ref(), Ok(&written), "version {version}");
        assert_eq!(response.throttle_time_ms, 5);
        let answers: Vec<_> =
            response.responses.iter().flat_map(|topic| &topic.partition_responses).collect();
        assert_eq!(answers.iter().map(|answer| answer.index).collect::<Vec<_>>(), [0, 7, 1]);
        assert_eq!(answers[0].base_offset, 40);
        assert_eq!(answers[1].error_message.is_some(), version >= 8);
        assert_eq!(answers[2].error_code, ErrorCode::NotLeaderOrFollower.code());
        assert_eq!(answers[2].current_leader.leader_id, if version >= 10 { 4 } else { -1 });
        assert_eq!(response.node_endpoints.len(), usize::from(version >= 10));
    }
}

#[test]
fn a_cut_frame_is_refused_at_every_length() {
    let mut frame = ProduceFrame::default();
    for version in [3, 9, 13] {
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
