//! A Produce response, written in the shape of the request that it answers.

use super::ProduceFrame;
use crate::{
    error_code::ErrorCode,
    protocol::{
        EncodeError, Writer,
        api::ApiKey,
        leader_hint::{CurrentLeader, NodeEndpoint, write_endpoint_tags},
    },
};

/// What became of one partition's records.
#[derive(Clone, Debug, PartialEq)]
pub struct ProduceResult {
    pub error_code: ErrorCode,
    /// The offset of the first record; -1 with an error.
    pub base_offset: i64,
    /// When the broker stamped them, with `message.timestamp.type=LogAppendTime`; -1 otherwise.
    pub log_append_time_ms: i64,
    /// -1 with an error.
    pub log_start_offset: i64,
    /// The records that made the broker refuse the batch; from version 8 on.
    pub record_errors: Vec<RecordError>,
    /// From version 8 on.
    pub error_message: Option<String>,
    /// With NOT_LEADER_OR_FOLLOWER; from version 10 on.
    pub current_leader: Option<CurrentLeader>,
}

/// A record by its place in the batch, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordError {
    pub batch_index: i32,
    pub message: Option<String>,
}

impl ProduceResult {
    /// The records stand at `base_offset` and after.
    pub fn appended(base_offset: i64, log_append_time_ms: i64, log_start_offset: i64) -> Self {
        Self { base_offset, log_append_time_ms, log_start_offset, ..Self::failed(ErrorCode::None) }
    }

    /// Nothing was appended.
    pub fn failed(error_code: ErrorCode) -> Self {
        Self {
            error_code,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: None,
        }
    }
}

/// Writes the response body. `results` are in the request's order of partitions, counted through all topics.
///
/// # Panics
/// There are not as many results as the request has partitions.
///
/// # Errors
/// A version that Produce does not have; texts longer than 32767 bytes.
pub fn write_produce_response(
    writer: &mut Writer,
    version: i16,
    request: &ProduceFrame,
    results: &[ProduceResult],
    throttle_time_ms: i32,
    endpoints: &[NodeEndpoint<'_>],
) -> Result<(), EncodeError> {
    if !ApiKey::Produce.has_version(version) {
        return Err(EncodeError::Version { message: "ProduceResponse", version });
    }
    assert_eq!(results.len(), request.partition_count(), "one result for each partition");
    let flexible = ApiKey::Produce.is_flexible(version);
    let mut results = results.iter();
    writer.count(flexible, Some(request.topic_count()))?;
    for topic in request.topics() {
        if version >= 13 {
            writer.uuid(topic.id);
        } else {
            writer.string(flexible, &topic.name)?;
        }
        let indexes = topic.partition_indexes();
        writer.count(flexible, Some(indexes.len()))?;
        for (index, result) in indexes.zip(results.by_ref()) {
            writer.i32(index);
            write_result(writer, version, flexible, result)?;
        }
        if flexible {
            writer.uvarint(0);
        }
    }
    writer.i32(throttle_time_ms);
    if flexible {
        let endpoints = if version >= 10 { endpoints } else { &[] };
        write_endpoint_tags(writer, endpoints)?;
    }
    Ok(())
}

fn write_result(
    writer: &mut Writer,
    version: i16,
    flexible: bool,
    result: &ProduceResult,
) -> Result<(), EncodeError> {
    writer.i16(result.error_code.code());
    writer.i64(result.base_offset);
    writer.i64(result.log_append_time_ms);
    if version >= 5 {
        writer.i64(result.log_start_offset);
    }
    if version >= 8 {
        writer.array(flexible, &result.record_errors, |writer, error| {
            writer.i32(error.batch_index);
            writer.opt_string(flexible, error.message.as_deref())?;
            if flexible {
                writer.uvarint(0);
            }
            Ok(())
        })?;
        writer.opt_string(flexible, result.error_message.as_deref())?;
    }
    if !flexible {
        return Ok(());
    }
    match result.current_leader.filter(|leader| version >= 10 && leader.is_set()) {
        Some(leader) => {
            writer.uvarint(1);
            writer.tag(0, |writer| leader.write(writer))
        }
        None => {
            writer.uvarint(0);
            Ok(())
        }
    }
}
