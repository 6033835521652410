//! The hand-written Produce and Fetch against the generated ones, over random requests.

use bytes::Bytes;
use jackdaw_codec_tests::{
    random::Random,
    sample::{Shape, sample},
    schema_of,
};
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        ApiKey, Message, Reader, Writer,
        fetch::{
            AbortedTransaction, DivergingEpoch, FetchFrame, FetchResponseEncoder, FetchResponseHead,
            FetchedPartition, Piece, SnapshotId,
        },
        header::write_response_header,
        leader_hint::{CurrentLeader, NodeEndpoint},
        messages::{FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, fetch, produce},
        produce::{ProduceFrame, ProduceResult, RecordError, write_produce_response},
    },
};

const SEED: u64 = 7;
const ROUNDS: usize = 300;

fn random_bytes(name: &str, version: i16, random: &mut Random) -> Bytes {
    sample(schema_of(name), version, random, Shape::PLAIN).into()
}

#[test]
fn a_produce_frame_says_what_the_generated_request_says() {
    let mut frame = ProduceFrame::default();
    for version in ProduceRequest::MIN_VERSION..=ProduceRequest::MAX_VERSION {
        let mut random = Random::named(SEED, "produce", version);
        for _ in 0..ROUNDS {
            let bytes = random_bytes("ProduceRequest", version, &mut random);
            let mut reader = Reader::new(&bytes);
            frame.fill(&mut reader, version).expect("decodes");
            assert_eq!(reader.remaining(), 0);
            let again = ProduceRequest {
                transactional_id: frame.transactional_id().map(Into::into),
                acks: frame.acks(),
                timeout_ms: frame.timeout_ms(),
                topic_data: frame
                    .topics()
                    .map(|topic| produce::TopicProduceData {
                        name: topic.name.to_string(),
                        topic_id: topic.id,
                        partition_data: topic
                            .partitions()
                            .map(|at| produce::PartitionProduceData { index: at.index, records: at.records })
                            .collect(),
                    })
                    .collect(),
            };
            assert_eq!(ProduceRequest::from_bytes(&bytes, version), Ok(again));
        }
    }
}

#[test]
fn a_produce_response_is_what_the_generated_one_writes() {
    let mut frame = ProduceFrame::default();
    for version in ProduceRequest::MIN_VERSION..=ProduceRequest::MAX_VERSION {
        let mut random = Random::named(SEED, "produce response", version);
        for _ in 0..ROUNDS {
            let bytes = random_bytes("ProduceResponse", version, &mut random);
            let mut response = ProduceResponse::from_bytes(&bytes, version).expect("decodes");
            // Error codes that exist, so that they come back.
            for answer in response.responses.iter_mut().flat_map(|topic| &mut topic.partition_responses) {
                answer.error_code = ErrorCode::from_i16(answer.error_code).code();
            }
            frame.fill(&mut Reader::new(&request_for(&response, version)), version).expect("decodes");
            let results: Vec<ProduceResult> = response
                .responses
                .iter()
                .flat_map(|topic| &topic.partition_responses)
                .map(result_of)
                .collect();
            let endpoints: Vec<NodeEndpoint<'_>> = response
                .node_endpoints
                .iter()
                .map(|at| NodeEndpoint {
                    node_id: at.node_id,
                    host: &at.host,
                    port: at.port,
                    rack: at.rack.as_deref(),
                })
                .collect();
            let mut writer = Writer::new();
            let throttle_time_ms = response.throttle_time_ms;
            write_produce_response(&mut writer, version, &frame, &results, throttle_time_ms, &endpoints)
                .expect("encodes");
            assert_eq!(Ok(writer.freeze()), response.to_bytes(version), "version {version}");
        }
    }
}

/// The request that asks for just these partitions.
fn request_for(response: &ProduceResponse, version: i16) -> Bytes {
    let request = ProduceRequest {
        topic_data: response
            .responses
            .iter()
            .map(|topic| produce::TopicProduceData {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partition_data: topic
                    .partition_responses
                    .iter()
                    .map(|at| produce::PartitionProduceData { index: at.index, records: None })
                    .collect(),
            })
            .collect(),
        ..ProduceRequest::default()
    };
    request.to_bytes(version).expect("encodes")
}

fn result_of(answer: &produce::PartitionProduceResponse) -> ProduceResult {
    ProduceResult {
        error_code: ErrorCode::from_i16(answer.error_code),
        base_offset: answer.base_offset,
        log_append_time_ms: answer.log_append_time_ms,
        log_start_offset: answer.log_start_offset,
        record_errors: answer
            .record_errors
            .iter()
            .map(|error| RecordError {
                batch_index: error.batch_index,
                message: error.batch_index_error_message.clone(),
            })
            .collect(),
        error_message: answer.error_message.clone(),
        current_leader: Some(CurrentLeader {
            leader_id: answer.current_leader.leader_id,
            leader_epoch: answer.current_leader.leader_epoch,
        }),
    }
}

#[test]
fn a_fetch_frame_says_what_the_generated_request_says() {
    let mut frame = FetchFrame::default();
    for version in FetchRequest::MIN_VERSION..=FetchRequest::MAX_VERSION {
        let mut random = Random::named(SEED, "fetch", version);
        for _ in 0..ROUNDS {
            let bytes = random_bytes("FetchRequest", version, &mut random);
            let mut reader = Reader::new(&bytes);
            frame.fill(&mut reader, version).expect("decodes");
            assert_eq!(reader.remaining(), 0);
            let expected = FetchRequest::from_bytes(&bytes, version).expect("decodes");
            assert_eq!(regenerate(&frame, version), expected, "version {version}");
        }
    }
}

fn regenerate(frame: &FetchFrame, version: i16) -> FetchRequest {
    let replica = (frame.replica_id(), frame.replica_epoch());
    let tagged = version >= 15;
    FetchRequest {
        cluster_id: frame.cluster_id().map(Into::into),
        replica_id: if tagged { -1 } else { replica.0 },
        replica_state: if tagged {
            fetch::ReplicaState { replica_id: replica.0, replica_epoch: replica.1 }
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
fn a_gathered_fetch_response_is_what_the_generated_one_writes() {
    let mut encoder = FetchResponseEncoder::new();
    for version in FetchRequest::MIN_VERSION..=FetchRequest::MAX_VERSION {
        let mut random = Random::named(SEED, "fetch response", version);
        for _ in 0..ROUNDS {
            let bytes = random_bytes("FetchResponse", version, &mut random);
            let mut response = FetchResponse::from_bytes(&bytes, version).expect("decodes");
            response.error_code = ErrorCode::from_i16(response.error_code).code();
            for answer in response.responses.iter_mut().flat_map(|topic| &mut topic.partitions) {
                answer.error_code = ErrorCode::from_i16(answer.error_code).code();
                // The encoder writes no null: an empty partition has empty records.
                answer.records.get_or_insert_with(Bytes::new);
            }
            let whole = gather(&mut encoder, &response, version);
            let mut writer = Writer::new();
            let start = writer.begin_size();
            write_response_header(&mut writer, ApiKey::Fetch, version, 5);
            response.encode(&mut writer, version).expect("encodes");
            writer.end_size(start, 0).expect("fits");
            assert_eq!(whole, writer.freeze(), "version {version}");
        }
    }
}

/// The response through the encoder, its pieces and records put together.
fn gather(encoder: &mut FetchResponseEncoder, response: &FetchResponse, version: i16) -> Bytes {
    let head = FetchResponseHead {
        throttle_time_ms: response.throttle_time_ms,
        error_code: ErrorCode::from_i16(response.error_code),
        session_id: response.session_id,
    };
    encoder.begin(version, 5, head, response.responses.len()).expect("a version");
    let mut records = Vec::new();
    for topic in &response.responses {
        encoder.topic(&topic.topic, topic.topic_id, topic.partitions.len()).expect("short");
        for answer in &topic.partitions {
            let aborted = answer.aborted_transactions.as_ref().map(|aborted| aborted_of(aborted));
            let partition = fetched(answer, aborted.as_deref());
            encoder.partition(records.len(), &partition).expect("fits");
            records.push(answer.records.clone().unwrap_or_default());
        }
    }
    let endpoints: Vec<NodeEndpoint<'_>> = response
        .node_endpoints
        .iter()
        .map(|at| NodeEndpoint {
            node_id: at.node_id,
            host: &at.host,
            port: at.port,
            rack: at.rack.as_deref(),
        })
        .collect();
    let mut pieces = Vec::new();
    let total_bytes = encoder.finish(&endpoints, &mut pieces).expect("fits");
    let mut whole = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Bytes(bytes) => whole.extend_from_slice(bytes),
            Piece::Records { index, length } => {
                assert_eq!(records[*index].len(), *length);
                whole.extend_from_slice(&records[*index]);
            }
        }
    }
    assert_eq!(whole.len(), total_bytes);
    whole.into()
}

fn aborted_of(aborted: &[fetch::AbortedTransaction]) -> Vec<AbortedTransaction> {
    let of = |at: &fetch::AbortedTransaction| AbortedTransaction {
        producer_id: at.producer_id,
        first_offset: at.first_offset,
    };
    aborted.iter().map(of).collect()
}

fn fetched<'a>(
    answer: &fetch::PartitionData,
    aborted: Option<&'a [AbortedTransaction]>,
) -> FetchedPartition<'a> {
    FetchedPartition {
        partition_index: answer.partition_index,
        error_code: ErrorCode::from_i16(answer.error_code),
        high_watermark: answer.high_watermark,
        last_stable_offset: answer.last_stable_offset,
        log_start_offset: answer.log_start_offset,
        diverging_epoch: Some(DivergingEpoch {
            epoch: answer.diverging_epoch.epoch,
            end_offset: answer.diverging_epoch.end_offset,
        }),
        current_leader: Some(CurrentLeader {
            leader_id: answer.current_leader.leader_id,
            leader_epoch: answer.current_leader.leader_epoch,
        }),
        snapshot_id: Some(SnapshotId {
            end_offset: answer.snapshot_id.end_offset,
            epoch: answer.snapshot_id.epoch,
        }),
        aborted_transactions: aborted,
        preferred_read_replica: answer.preferred_read_replica,
        records_bytes: answer.records.as_ref().map_or(0, Bytes::len),
    }
}
