//! Small questions to single partitions, and DeleteRecords: asked of the owning shards, one message for all partitions
//! of a shard.

use std::rc::Rc;

use jackdaw_core::error_code::ErrorCode;

use crate::{
    message::{Call, PartitionKey, Reply},
    partition::Partition,
    rpc::Handled,
    shard::Shard,
    view::View,
};

/// In DeleteRecords: everything below the high watermark.
const ALL_RECORDS: i64 = -1;

/// One question to one partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartitionQuery {
    /// Its place in the request.
    pub(crate) index: usize,
    pub(crate) key: PartitionKey,
    pub(crate) ask: Ask,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// Move the log's start up to this offset.
    DeleteRecords {
        offset: i64,
    },
    /// Where an epoch of a leader ended.
    EpochEnd {
        current_leader_epoch: i32,
        leader_epoch: i32,
    },
    Producers,
    Size,
}

#[derive(Clone, Debug)]
pub(crate) enum Told {
    LogStartOffset(i64),
    /// The epoch that is known, and its end; -1 and -1 where none is.
    EpochEnd {
        leader_epoch: i32,
        end_offset: i64,
    },
    Producers(Vec<ActiveProducer>),
    Size {
        log_dir: usize,
        bytes: u64,
    },
}

/// A producer that a partition remembers.
#[derive(Clone, Debug)]
pub(crate) struct ActiveProducer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    pub(crate) last_sequence: i32,
    pub(crate) last_timestamp: i64,
    pub(crate) coordinator_epoch: i32,
    /// -1 for none.
    pub(crate) transaction_start_offset: i64,
}

pub(crate) type PartitionAnswer = (usize, Result<Told, ErrorCode>);

/// The partition of this name in the view, if it exists.
pub(crate) fn key(view: &View, topic: &str, partition: i32) -> Option<PartitionKey> {
    let topic = view.topic_by_name(topic)?;
    topic.partition(partition).map(|_| topic.key(partition))
}

/// Ask the owners, all at once. Answers come in the order of their indexes; what nobody here owns is not among them.
pub(crate) async fn ask_owners(shard: &Rc<Shard>, queries: Vec<PartitionQuery>) -> Vec<PartitionAnswer> {
    let mut by_owner: Vec<Vec<PartitionQuery>> = (0..shard.rpc.shards()).map(|_| Vec::new()).collect();
    {
        let view = shard.view();
        for query in queries {
            if let Some(owner) = view.owner(query.key) {
                by_owner[owner].push(query);
            }
        }
    }
    let own = std::mem::take(&mut by_owner[shard.rpc.own()]);
    let mut replies = Vec::new();
    for (owner, queries) in by_owner.into_iter().enumerate().filter(|(_, queries)| !queries.is_empty()) {
        replies.push(shard.rpc.send(owner, Call::Partitions(queries)).await);
    }
    let mut answers = answer_all(shard, own);
    for reply in replies {
        let Reply::Partitions(others) = reply.await else {
            panic!("a partition's query is answered as such")
        };
        answers.extend(others);
    }
    answers.sort_by_key(|(index, _)| *index);
    answers
}

pub(crate) fn answer(shard: &Shard, queries: Vec<PartitionQuery>) -> Handled {
    Handled::Now(Reply::Partitions(answer_all(shard, queries)))
}

fn answer_all(shard: &Shard, queries: Vec<PartitionQuery>) -> Vec<PartitionAnswer> {
    let answer = |query: PartitionQuery| {
        let partition = shard.partition(query.key).ok_or_else(|| shard.missing(query.key));
        (query.index, partition.and_then(|partition| partition.answer(shard, query.ask)))
    };
    queries.into_iter().map(answer).collect()
}

impl Partition {
    fn answer(&self, shard: &Shard, ask: Ask) -> Result<Told, ErrorCode> {
        match ask {
            Ask::DeleteRecords { offset } => self.delete_records(shard, offset).map(Told::LogStartOffset),
            Ask::EpochEnd { current_leader_epoch, leader_epoch } => {
                self.check_leader(current_leader_epoch)?;
                let known = self.log.borrow().end_offset_for_epoch(leader_epoch);
                let (leader_epoch, end_offset) = known.unwrap_or((-1, -1));
                Ok(Told::EpochEnd { leader_epoch, end_offset })
            }
            Ask::Producers => {
                self.check_leader(-1)?;
                let log = self.log.borrow();
                let producers = log.producers().iter().map(|(id, entry)| ActiveProducer {
                    id,
                    epoch: entry.producer_epoch(),
                    last_sequence: entry.last_sequence(),
                    last_timestamp: entry.last_timestamp(),
                    coordinator_epoch: entry.coordinator_epoch(),
                    transaction_start_offset: entry.transaction_first_offset().unwrap_or(-1),
                });
                Ok(Told::Producers(producers.collect()))
            }
            Ask::Size => Ok(Told::Size { log_dir: self.log_dir, bytes: self.log.borrow().size_bytes() }),
        }
    }

    /// The segments below the new start go with the next look at the log's retention.
    fn delete_records(&self, shard: &Shard, offset: i64) -> Result<i64, ErrorCode> {
        self.check_leader(-1)?;
        if self.is_retired() {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        let high_watermark = self.high_watermark();
        let offset = if offset == ALL_RECORDS { high_watermark } else { offset };
        let mut log = self.log.borrow_mut();
        if log.config().is_compacted && !log.config().delete_old_segments {
            return Err(ErrorCode::PolicyViolation);
        }
        if offset < 0 || offset > high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let moved = log.set_log_start_offset(offset);
        let log_start_offset = log.log_start_offset();
        drop(log);
        match moved {
            Ok(true) => {
                self.on_log_start_offset(log_start_offset);
                self.wake_all();
            }
            Ok(false) => {}
            Err(error) => {
                let what = format!("cannot delete records of {}-{}", self.topic, self.key.partition);
                shard.fatal.directory(self.log_dir, &what, &error);
                return Err(ErrorCode::KafkaStorageError);
            }
        }
        Ok(log_start_offset)
    }
}
