//! Where a partition begins and ends, and where a time is in it.

use std::collections::BTreeMap;

use jackdaw_core::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};

use super::Client;
use super::error::ClientError;

/// The time that means a partition's end.
pub(crate) const LATEST: i64 = -1;
/// The time that means a partition's first record.
pub(crate) const EARLIEST: i64 = -2;

/// Whether records of open and aborted transactions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Isolation {
    /// All records
    ReadUncommitted,
    /// Only records of finished, not aborted transactions, and those outside of any
    ReadCommitted,
}

impl Isolation {
    /// Its number on the wire.
    pub(crate) fn level(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

impl Client {
    /// The offset of the first record at or after `timestamp_ms` (or `LATEST`, `EARLIEST`) in each partition;
    /// `None` where there is no such record.
    pub(crate) fn list_offsets(
        &mut self,
        topic: &str,
        partitions: &[i32],
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<BTreeMap<i32, Option<i64>>, ClientError> {
        let mut retry = self.retry();
        loop {
            match self.list_offsets_once(topic, partitions, timestamp_ms, isolation) {
                Ok(offsets) => return Ok(offsets),
                Err(error) if error.is_retriable() => retry.pause(error)?,
                Err(error) => return Err(error),
            }
        }
    }

    fn list_offsets_once(
        &mut self,
        topic: &str,
        partitions: &[i32],
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<BTreeMap<i32, Option<i64>>, ClientError> {
        let metadata = self.topic(topic, false)?;
        let mut by_leader: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for &partition in partitions {
            by_leader.entry(metadata.leader(partition)?).or_default().push(partition);
        }
        let mut offsets = BTreeMap::new();
        for (leader, partitions) in by_leader {
            let asked = partitions.iter().map(|&partition_index| ListOffsetsPartition {
                partition_index,
                timestamp: timestamp_ms,
                ..ListOffsetsPartition::default()
            });
            let topics = vec![ListOffsetsTopic { name: topic.to_owned(), partitions: asked.collect() }];
            let answer = self.call_node(leader, |version| ListOffsetsRequest {
                replica_id: -1,
                isolation_level: if version >= 2 { isolation.level() } else { 0 },
                topics,
                ..ListOffsetsRequest::default()
            })?;
            for partition in answer.topics.into_iter().flat_map(|topic| topic.partitions) {
                if partition.error_code != 0 {
                    let what = format!("topic {topic:?} partition {}", partition.partition_index);
                    return Err(ClientError::broker(what, partition.error_code, None));
                }
                let offset = (partition.offset >= 0).then_some(partition.offset);
                offsets.insert(partition.partition_index, offset);
            }
        }
        Ok(offsets)
    }
}
