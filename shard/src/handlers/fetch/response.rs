//! What the client is told: which partitions, under which session, in which pieces.

use bytes::Bytes;
use jackdaw_core::{
    error_code::ErrorCode,
    fetch_session::{FetchMode, FetchOutcome, TopicKey},
    protocol::{
        EncodeError,
        fetch::{FetchResponseEncoder, FetchResponseHead, FetchedPartition, Piece as EncodedPiece},
    },
    uuid::Uuid,
};
use jackdaw_net::{Answer, Piece, Response, budget::Permit};
use jackdaw_ring::random_u64;

use super::plan::Plan;
use crate::{
    answer::ReplyTo,
    message::{Fetched, FetchedData},
    quota::throttle_time,
    shard::Shard,
};

/// The session to name in the response, and the partitions that go into it.
pub(super) fn settle(
    shard: &Shard,
    mode: FetchMode,
    session_id: i32,
    plan: &mut Plan,
    fetched: &[Fetched],
    now_ms: i64,
) -> (i32, Vec<usize>) {
    let mut sessions = shard.fetch_sessions.borrow_mut();
    let all = || (0..plan.partitions.len()).collect();
    match mode {
        FetchMode::Sessionless => (0, all()),
        FetchMode::Full => {
            let partitions = plan
                .partitions
                .iter()
                .zip(fetched)
                .map(|(planned, fetched)| (planned.topic_ref(), planned.parameters, outcome(fetched)));
            let partitions: Vec<_> = partitions.collect();
            let id = sessions.create(partitions, plan.by_id, false, now_ms, random_u64() as u32);
            (id, all())
        }
        FetchMode::Incremental => {
            // The client may have changed or ended the session over another connection meanwhile.
            let Some(session) = sessions.session_mut(session_id) else { return (0, all()) };
            let included =
                plan.partitions.iter().zip(fetched).enumerate().filter(|(_, (planned, fetched))| {
                    let (topic, partition) = (planned.topic_ref(), planned.parameters.partition);
                    let slot = planned.slot.filter(|slot| session.holds(*slot, topic, partition));
                    slot.is_none_or(|slot| session.include(slot, &outcome(fetched)))
                });
            (session_id, included.map(|(index, _)| index).collect())
        }
    }
}

fn outcome(fetched: &Fetched) -> FetchOutcome {
    FetchOutcome {
        error: fetched.error_code,
        records_size_bytes: fetched.data.size_bytes(),
        high_watermark: fetched.high_watermark,
        log_start_offset: fetched.log_start_offset,
        has_preferred_read_replica: false,
        is_diverging: fetched.diverging_epoch.is_some(),
    }
}

/// An error of the whole request, or nothing for a client that has to wait.
pub(super) fn without_partitions(
    reply_to: ReplyTo,
    error_code: ErrorCode,
    session_id: i32,
    throttle_ms: u32,
) -> Answer {
    let throttle_time_ms = throttle_time(throttle_ms);
    let head = FetchResponseHead { error_code, session_id, throttle_time_ms };
    let mut pieces = Vec::new();
    let mut encoder = FetchResponseEncoder::new();
    let encoded = encoder
        .begin(reply_to.version, reply_to.correlation_id, head, 0)
        .and_then(|()| encoder.finish(&[], &mut pieces));
    answer(reply_to, encoded, pieces, &[], None)
}

/// The response; records stay where they are until they are sent.
pub(super) fn encode(
    reply_to: ReplyTo,
    session_id: i32,
    plan: &Plan,
    included: &[usize],
    fetched: &[Fetched],
    memory: Option<Permit>,
) -> Answer {
    let head = FetchResponseHead { session_id, ..FetchResponseHead::default() };
    let mut pieces = Vec::new();
    let encoded = write(reply_to, head, plan, included, fetched, &mut pieces);
    answer(reply_to, encoded, pieces, fetched, memory)
}

fn write(
    reply_to: ReplyTo,
    head: FetchResponseHead,
    plan: &Plan,
    included: &[usize],
    fetched: &[Fetched],
    pieces: &mut Vec<EncodedPiece>,
) -> Result<usize, EncodeError> {
    let topic = |index: &usize| &plan.partitions[*index].topic;
    let groups = || included.chunk_by(|one, other| topic(one) == topic(other));
    let mut encoder = FetchResponseEncoder::new();
    encoder.begin(reply_to.version, reply_to.correlation_id, head, groups().count())?;
    for group in groups() {
        match topic(&group[0]) {
            TopicKey::Id(id) => encoder.topic("", *id, group.len())?,
            TopicKey::Name(name) => encoder.topic(name, Uuid::ZERO, group.len())?,
        }
        for index in group {
            let partition = plan.partitions[*index].parameters.partition;
            encoder.partition(*index, &describe(partition, &fetched[*index]))?;
        }
    }
    encoder.finish(&[], pieces)
}

fn describe(partition_index: i32, fetched: &Fetched) -> FetchedPartition<'_> {
    FetchedPartition {
        high_watermark: fetched.high_watermark,
        last_stable_offset: fetched.last_stable_offset,
        log_start_offset: fetched.log_start_offset,
        diverging_epoch: fetched.diverging_epoch,
        current_leader: fetched.current_leader,
        aborted_transactions: fetched.aborted.as_deref(),
        records_bytes: fetched.data.size_bytes(),
        ..FetchedPartition::empty(partition_index, fetched.error_code)
    }
}

fn answer(
    reply_to: ReplyTo,
    encoded: Result<usize, EncodeError>,
    pieces: Vec<EncodedPiece>,
    fetched: &[Fetched],
    memory: Option<Permit>,
) -> Answer {
    match encoded {
        Ok(_) => {
            let pieces = pieces.into_iter().map(|piece| resolve(piece, fetched)).collect();
            Answer::Send(Response::Pieces { pieces, memory })
        }
        Err(error) => reply_to.unencodable(&error),
    }
}

fn resolve(piece: EncodedPiece, fetched: &[Fetched]) -> Piece {
    match piece {
        EncodedPiece::Bytes(bytes) => Piece::Bytes(bytes),
        EncodedPiece::Records { index, .. } => match &fetched[index].data {
            FetchedData::File { file, position, size_bytes } => {
                Piece::File { file: file.clone(), position: *position, size_bytes: *size_bytes }
            }
            FetchedData::Memory(bytes) => Piece::Bytes(bytes.clone()),
            // What was cold has been read or left out.
            FetchedData::None | FetchedData::Cold { .. } => Piece::Bytes(Bytes::new()),
        },
    }
}
