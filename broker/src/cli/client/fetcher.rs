//! Fetching one topic's partitions: positions, requests to every leader at once, batches taken apart.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::limits::DECOMPRESSED_BATCH_BYTES_MAX;
use jackdaw_core::protocol::messages::fetch::{
    AbortedTransaction, FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData,
};
use jackdaw_core::records::compression::Decompressor;
use jackdaw_core::records::{BatchView, Batches, Record, Records, TimestampType};

use super::Client;
use super::error::ClientError;
use super::metadata::TopicMetadata;
use super::offsets::Isolation;
use super::retry::Retry;

/// What one answer may hold (Kafka's default for consumers).
const FETCH_BYTES_MAX: i32 = 50 * 1024 * 1024;
/// What one partition may add to it (Kafka's default for consumers).
const PARTITION_BYTES_MAX: i32 = 1024 * 1024;
/// The session epoch of a request outside any session.
const NO_SESSION_EPOCH: i32 = -1;

/// A record as it is handed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchedRecord<'a> {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) timestamp_type: TimestampType,
    pub(crate) record: Record<'a>,
}

/// Takes records; `Break` ends the fetching.
pub(crate) type Sink<'s, E> = dyn FnMut(FetchedRecord<'_>) -> Result<ControlFlow<()>, E> + 's;

/// Reads partitions from their positions on.
pub(crate) struct Fetcher {
    client: Client,
    topic: TopicMetadata,
    isolation: Isolation,
    max_wait: Duration,
    /// The next offset to read, by partition.
    positions: BTreeMap<i32, i64>,
    decompressor: Decompressor,
    retry: Retry,
}

impl Fetcher {
    /// An answer without records comes after `max_wait`.
    pub(crate) fn new(
        client: Client,
        topic: TopicMetadata,
        positions: BTreeMap<i32, i64>,
        isolation: Isolation,
        max_wait: Duration,
    ) -> Self {
        let retry = client.retry();
        Self { client, topic, isolation, max_wait, positions, decompressor: Decompressor::default(), retry }
    }

    /// The next offset to read of each partition that is still read.
    pub(crate) fn positions(&self) -> &BTreeMap<i32, i64> {
        &self.positions
    }

    /// For other requests between two polls.
    pub(crate) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Ends the fetching.
    pub(crate) fn into_client(self) -> Client {
        self.client
    }

    /// Reads a partition no further.
    pub(crate) fn drop_partition(&mut self, partition: i32) {
        self.positions.remove(&partition);
    }

    /// Asks every leader once and hands on what they send.
    pub(crate) fn poll<E: From<ClientError>>(
        &mut self,
        sink: &mut Sink<'_, E>,
    ) -> Result<ControlFlow<()>, E> {
        if self.client.interrupt().is_raised() {
            return Err(ClientError::Interrupted.into());
        }
        let (answers, mut failure) = self.fetch();
        for partition in
            answers.into_iter().flat_map(|answer| answer.responses).flat_map(|topic| topic.partitions)
        {
            match self.check(&partition) {
                Ok(()) => {
                    if self.hand_on(&partition, sink)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Err(error) if error.is_retriable() => failure = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        match failure {
            None => self.retry = self.client.retry(),
            Some(error) if error.is_retriable() => {
                self.retry.pause(error)?;
                self.topic = self.client.topic(&self.topic.name, false)?;
            }
            Some(error) => return Err(error.into()),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Sends to all leaders before it awaits any, so that their waits overlap. The last failure comes along.
    fn fetch(&mut self) -> (Vec<FetchResponse>, Option<ClientError>) {
        let mut failure = None;
        let mut by_leader: BTreeMap<i32, Vec<FetchPartition>> = BTreeMap::new();
        for (&partition, &fetch_offset) in &self.positions {
            match self.topic.leader(partition) {
                Ok(leader) => by_leader.entry(leader).or_default().push(FetchPartition {
                    partition,
                    fetch_offset,
                    partition_max_bytes: PARTITION_BYTES_MAX,
                    ..FetchPartition::default()
                }),
                Err(error) => failure = Some(error),
            }
        }
        let mut sent = Vec::new();
        for (leader, partitions) in by_leader {
            match self.send(leader, partitions) {
                Ok(pending) => sent.push((leader, pending)),
                Err(error) => {
                    self.client.close_node(leader);
                    failure = Some(error);
                }
            }
        }
        let mut answers = Vec::new();
        for (leader, pending) in sent {
            let answer = self.client.node(leader).and_then(|node| node.receive::<FetchRequest>(pending));
            match answer.and_then(check_answer) {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    self.client.close_node(leader);
                    failure = Some(error);
                }
            }
        }
        (answers, failure)
    }

    fn send(
        &mut self,
        leader: i32,
        partitions: Vec<FetchPartition>,
    ) -> Result<super::connection::Pending, ClientError> {
        let max_wait_ms = i32::try_from(self.max_wait.as_millis()).unwrap_or(i32::MAX);
        let isolation_level = self.isolation.level();
        let topic = FetchTopic { topic: self.topic.name.clone(), topic_id: self.topic.id, partitions };
        self.client.node(leader)?.send(|_version| FetchRequest {
            max_wait_ms,
            min_bytes: 1,
            max_bytes: FETCH_BYTES_MAX,
            isolation_level,
            session_epoch: NO_SESSION_EPOCH,
            topics: vec![topic],
            ..FetchRequest::default()
        })
    }

    fn check(&self, partition: &PartitionData) -> Result<(), ClientError> {
        if partition.error_code == 0 {
            return Ok(());
        }
        let index = partition.partition_index;
        let what = format!("topic {:?} partition {index}", self.topic.name);
        let message = (partition.error_code == ErrorCode::OffsetOutOfRange.code()).then(|| {
            let offset = self.positions.get(&index).copied().unwrap_or(-1);
            format!("offset {offset} is not there any more, or not yet")
        });
        Err(ClientError::broker(what, partition.error_code, message))
    }

    fn hand_on<E: From<ClientError>>(
        &mut self,
        data: &PartitionData,
        sink: &mut Sink<'_, E>,
    ) -> Result<ControlFlow<()>, E> {
        let partition = data.partition_index;
        let Some(position) = self.positions.get_mut(&partition) else { return Ok(ControlFlow::Continue(())) };
        let bytes = data.records.clone().unwrap_or_default();
        let damaged = |reason: String| ClientError::Damaged { partition, reason };
        let mut aborted = Aborted::new(data.aborted_transactions.as_deref().unwrap_or_default());
        for batch in Batches::new(&bytes) {
            let batch = batch.map_err(|corrupt| damaged(corrupt.to_string()))?;
            batch.check_crc().map_err(|corrupt| damaged(corrupt.to_string()))?;
            let header = batch.header();
            let is_hidden = aborted.hides(&batch);
            if !header.is_control() && !is_hidden {
                let codec = header.codec().ok_or_else(|| damaged("its codec is not defined".to_owned()))?;
                let section = self
                    .decompressor
                    .decompress(codec, batch.body(), DECOMPRESSED_BATCH_BYTES_MAX)
                    .map_err(|error| damaged(error.to_string()))?;
                for record in Records::new(section, header.records_count()) {
                    let record = record.map_err(|invalid| damaged(invalid.to_string()))?;
                    let fetched = fetched_record(partition, &batch, record);
                    // A batch may begin before the position that was asked for.
                    if fetched.offset < *position {
                        continue;
                    }
                    *position = fetched.offset + 1;
                    if sink(fetched)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            *position = (*position).max(header.last_offset() + 1);
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn check_answer(answer: FetchResponse) -> Result<FetchResponse, ClientError> {
    if answer.error_code == 0 {
        Ok(answer)
    } else {
        Err(ClientError::broker("fetch", answer.error_code, None))
    }
}

fn fetched_record<'a>(partition: i32, batch: &BatchView<'_>, record: Record<'a>) -> FetchedRecord<'a> {
    let header = batch.header();
    let timestamp_type = header.timestamp_type();
    let timestamp_ms = match timestamp_type {
        TimestampType::LogAppendTime => header.max_timestamp(),
        TimestampType::CreateTime => header.base_timestamp().wrapping_add(record.timestamp_delta),
    };
    let offset = header.base_offset() + i64::from(record.offset_delta);
    FetchedRecord { partition, offset, timestamp_ms, timestamp_type, record }
}

/// Follows which producers' records belong to aborted transactions, in the order of offsets. The broker sends
/// the list only to those who read committed records.
struct Aborted<'a> {
    /// By falling first offset.
    ahead: Vec<&'a AbortedTransaction>,
    producers: HashSet<i64>,
}

impl<'a> Aborted<'a> {
    fn new(transactions: &'a [AbortedTransaction]) -> Self {
        let mut ahead: Vec<&AbortedTransaction> = transactions.iter().collect();
        ahead.sort_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        Self { ahead, producers: HashSet::new() }
    }

    fn hides(&mut self, batch: &BatchView<'_>) -> bool {
        let header = batch.header();
        while let Some(transaction) = self.ahead.pop_if(|ahead| ahead.first_offset <= header.last_offset()) {
            self.producers.insert(transaction.producer_id);
        }
        if header.is_control() {
            // Its marker, commit or abort, ends a producer's transaction.
            self.producers.remove(&header.producer_id());
            return false;
        }
        header.is_transactional() && self.producers.contains(&header.producer_id())
    }
}

#[cfg(test)]
mod tests {
    use jackdaw_core::records::{BatchBuilder, NewRecord, ValidatedBatch};

    use super::*;

    fn batch(producer_id: i64, base_offset: i64, is_control: bool) -> Vec<u8> {
        let mut builder = BatchBuilder::new().producer(producer_id, 0, 0).transactional();
        if is_control {
            builder = builder.control();
        }
        builder.append(&NewRecord { value: Some(b"v"), ..NewRecord::default() });
        let mut batch: ValidatedBatch = builder.build_uncompressed();
        batch.assign(base_offset, 0);
        batch.to_vec()
    }

    #[test]
    fn records_of_aborted_transactions_are_hidden_up_to_their_marker() {
        let bytes = [
            batch(1, 0, false),
            batch(2, 1, false),
            batch(1, 2, true),
            batch(1, 3, false),
            batch(2, 4, false),
        ]
        .concat();
        let transactions = [AbortedTransaction { producer_id: 1, first_offset: 0 }];
        let mut aborted = Aborted::new(&transactions);
        let hidden: Vec<bool> = Batches::new(&bytes).map(|batch| aborted.hides(&batch.unwrap())).collect();
        assert_eq!(hidden, [true, false, false, false, false]);
    }
}
