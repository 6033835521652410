//! A producer for one topic: batches by partition, one request in flight, idempotent where asked.

use std::collections::BTreeMap;

use bytes::Bytes;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::init_producer_id::InitProducerIdRequest;
use jackdaw_core::protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, TopicProduceData,
};
use jackdaw_core::records::batch_header::add_to_sequence;
use jackdaw_core::records::compression::{Compressor, Levels};
use jackdaw_core::records::{BatchBuilder, Codec, Header, NewRecord};

use super::Client;
use super::error::ClientError;
use super::metadata::TopicMetadata;
use super::partitioner::{StickyPartition, partition_of_key};
use crate::utc;

/// A batch is sent when it has this many bytes uncompressed: far below the brokers' usual limit of 1 MiB, and
/// large enough that a request's own cost does not show.
const BATCH_BYTES: usize = 128 * 1024;
/// Everything is sent when this much is collected over all partitions.
const COLLECTED_BYTES_MAX: usize = 1024 * 1024;

/// How a producer works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProducerConfig {
    /// 0: no answer; 1: the leader has it; -1: all in-sync replicas have it.
    pub(crate) acks: i16,
    pub(crate) codec: Codec,
    /// Needs `acks` -1.
    pub(crate) idempotent: bool,
}

/// A record to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutgoingRecord {
    /// `None`: by key, or any.
    pub(crate) partition: Option<i32>,
    /// `None`: now.
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What a partition has taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) records: u64,
    /// Unknown with acks 0 and for duplicates whose batch the broker has forgotten.
    pub(crate) first_offset: Option<i64>,
    pub(crate) last_offset: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct ProducerIdentity {
    id: i64,
    epoch: i16,
}

/// A finished batch; it goes out again with the same bytes until it is taken.
struct Batch {
    partition: i32,
    bytes: Bytes,
    records_count: i32,
}

/// Sends records to one topic, in order for each partition.
pub(crate) struct Producer {
    client: Client,
    topic: TopicMetadata,
    config: ProducerConfig,
    identity: Option<ProducerIdentity>,
    sequences: BTreeMap<i32, i32>,
    open: BTreeMap<i32, BatchBuilder>,
    sticky: StickyPartition,
    compressor: Compressor,
    taken: BTreeMap<i32, Taken>,
}

impl Producer {
    /// Looks the topic up, which may create it, and takes a producer id where idempotence is asked for.
    pub(crate) fn open(mut client: Client, topic: &str, config: ProducerConfig) -> Result<Self, ClientError> {
        let topic = client.topic(topic, true)?;
        let identity = if config.idempotent { Some(take_identity(&mut client)?) } else { None };
        Ok(Self {
            client,
            topic,
            config,
            identity,
            sequences: BTreeMap::new(),
            open: BTreeMap::new(),
            sticky: StickyPartition::anywhere(),
            compressor: Compressor::default(),
            taken: BTreeMap::new(),
        })
    }

    /// # Errors
    /// The topic has no such partition.
    pub(crate) fn check_partition(&self, partition: i32) -> Result<(), ClientError> {
        self.topic.partition(partition).map(|_| ())
    }

    /// Takes a record in; sends when enough are collected.
    pub(crate) fn add(&mut self, record: &OutgoingRecord) -> Result<(), ClientError> {
        let partition = self.choose_partition(record)?;
        let headers: Vec<Header<'_>> = record
            .headers
            .iter()
            .map(|(key, value)| Header { key: key.as_bytes(), value: value.as_deref() })
            .collect();
        let builder = self.open.entry(partition).or_default();
        builder.append(&NewRecord {
            timestamp_ms: record.timestamp_ms.unwrap_or_else(utc::now_ms),
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &headers,
        });
        let is_full = builder.size_bytes() >= BATCH_BYTES;
        if is_full || self.open.values().map(BatchBuilder::size_bytes).sum::<usize>() >= COLLECTED_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether records wait to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Sends all that was taken in and awaits the answers.
    pub(crate) fn flush(&mut self) -> Result<(), ClientError> {
        let mut batches = Vec::with_capacity(self.open.len());
        for (partition, builder) in std::mem::take(&mut self.open) {
            batches.push(self.finish_batch(partition, builder)?);
        }
        self.sticky.advance();
        let mut retry = self.client.retry();
        while !batches.is_empty() {
            if let Some(failure) = self.send(&mut batches) {
                if !failure.is_retriable() {
                    return Err(failure);
                }
                retry.pause(failure)?;
                self.topic = self.client.topic(&self.topic.name, false)?;
            }
        }
        Ok(())
    }

    /// Sends the rest. With acks 0 the brokers are asked something else last: when they answer that, they have
    /// read all before it.
    pub(crate) fn finish(mut self) -> Result<BTreeMap<i32, Taken>, ClientError> {
        self.flush()?;
        if self.config.acks == 0 {
            let mut leaders: Vec<i32> =
                self.taken.keys().filter_map(|&partition| self.topic.leader(partition).ok()).collect();
            leaders.sort_unstable();
            leaders.dedup();
            for leader in leaders {
                self.client.node(leader)?.ask_api_versions()?;
            }
        }
        Ok(self.taken)
    }

    fn choose_partition(&self, record: &OutgoingRecord) -> Result<i32, ClientError> {
        let count = i32::try_from(self.topic.partitions.len()).unwrap_or(i32::MAX);
        match (record.partition, &record.key) {
            (Some(partition), _) => self.topic.partition(partition).map(|found| found.index),
            (None, Some(key)) => Ok(partition_of_key(key, count)),
            (None, None) => Ok(self.sticky.partition(count)),
        }
    }

    fn finish_batch(&mut self, partition: i32, mut builder: BatchBuilder) -> Result<Batch, ClientError> {
        let records_count = builder.records_count();
        if let Some(ProducerIdentity { id, epoch }) = self.identity {
            let sequence = self.sequences.entry(partition).or_insert(0);
            builder = builder.producer(id, epoch, *sequence);
            *sequence = add_to_sequence(*sequence, records_count);
        }
        let batch = builder
            .build(self.config.codec, &Levels::default(), &mut self.compressor)
            .map_err(ClientError::Compress)?;
        Ok(Batch { partition, bytes: batch.to_vec().into(), records_count })
    }

    /// One attempt for all batches. Those that were taken leave; the first failure of the others is returned.
    fn send(&mut self, batches: &mut Vec<Batch>) -> Option<ClientError> {
        let mut failure = None;
        let mut by_leader: BTreeMap<i32, Vec<Batch>> = BTreeMap::new();
        for batch in std::mem::take(batches) {
            match self.topic.leader(batch.partition) {
                Ok(leader) => by_leader.entry(leader).or_default().push(batch),
                Err(error) => {
                    failure.get_or_insert(error);
                    batches.push(batch);
                }
            }
        }
        for (leader, sent) in by_leader {
            match self.send_to(leader, &sent) {
                Ok(answers) => {
                    for batch in sent {
                        if let Err(error) = self.judge(&batch, &answers) {
                            // A failure that no retry heals goes before one that might.
                            if failure.as_ref().is_none_or(ClientError::is_retriable) {
                                failure = Some(error);
                            }
                            batches.push(batch);
                        }
                    }
                }
                Err(error) => {
                    failure.get_or_insert(error);
                    batches.extend(sent);
                }
            }
        }
        failure
    }

    /// The partitions' answers; none with acks 0.
    fn send_to(
        &mut self,
        leader: i32,
        batches: &[Batch],
    ) -> Result<Vec<PartitionProduceResponse>, ClientError> {
        let (topic, acks) = (&self.topic, self.config.acks);
        let timeout_ms = i32::try_from(self.client.timeout().as_millis()).unwrap_or(i32::MAX);
        let request = |_version: i16| ProduceRequest {
            transactional_id: None,
            acks,
            timeout_ms,
            topic_data: vec![TopicProduceData {
                name: topic.name.clone(),
                topic_id: topic.id,
                partition_data: batches
                    .iter()
                    .map(|batch| PartitionProduceData {
                        index: batch.partition,
                        records: Some(batch.bytes.clone()),
                    })
                    .collect(),
            }],
        };
        if acks == 0 {
            let sent = self.client.node(leader)?.send(request).map(|_pending| Vec::new());
            if sent.is_err() {
                self.client.close_node(leader);
            }
            return sent;
        }
        let answer = self.client.call_node(leader, request)?;
        Ok(answer.responses.into_iter().flat_map(|topic| topic.partition_responses).collect())
    }

    fn judge(&mut self, batch: &Batch, answers: &[PartitionProduceResponse]) -> Result<(), ClientError> {
        let taken = self.taken.entry(batch.partition).or_default();
        let count = i64::from(batch.records_count);
        let base_offset = if self.config.acks == 0 {
            None
        } else {
            let answer = answers.iter().find(|answer| answer.index == batch.partition);
            let what = || format!("topic {:?} partition {}", self.topic.name, batch.partition);
            let Some(answer) = answer else {
                let code = ErrorCode::UnknownServerError.code();
                return Err(ClientError::broker(
                    what(),
                    code,
                    Some("the broker's answer leaves it out".to_owned()),
                ));
            };
            match ErrorCode::from_i16(answer.error_code) {
                ErrorCode::None | ErrorCode::DuplicateSequenceNumber => Some(answer.base_offset),
                _ => {
                    let record =
                        answer.record_errors.iter().find_map(|e| e.batch_index_error_message.clone());
                    let message = record.or_else(|| answer.error_message.clone());
                    return Err(ClientError::broker(what(), answer.error_code, message));
                }
            }
        };
        let base_offset = base_offset.filter(|&offset| offset >= 0);
        taken.records += u64::from(batch.records_count.unsigned_abs());
        taken.first_offset = taken.first_offset.or(base_offset);
        taken.last_offset = base_offset.map(|offset| offset + count - 1).or(taken.last_offset);
        Ok(())
    }
}

/// A producer id of our own. Any broker gives one out.
fn take_identity(client: &mut Client) -> Result<ProducerIdentity, ClientError> {
    let mut retry = client.retry();
    loop {
        let answer = client.call_any(|_| InitProducerIdRequest {
            transactional_id: None,
            // Kafka's clients send this without a transaction, too.
            transaction_timeout_ms: i32::MAX,
            ..InitProducerIdRequest::default()
        });
        let failure = match answer {
            Ok(answer) if answer.error_code == 0 => {
                return Ok(ProducerIdentity { id: answer.producer_id, epoch: answer.producer_epoch });
            }
            Ok(answer) => ClientError::broker("cannot get a producer id", answer.error_code, None),
            Err(error) => error,
        };
        if !failure.is_retriable() {
            return Err(failure);
        }
        retry.pause(failure)?;
    }
}
