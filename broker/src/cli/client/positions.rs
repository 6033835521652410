//! Offsets of many partitions of many topics at once, each with its own outcome.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};

use super::Client;
use super::error::ClientError;
use super::metadata::TopicMetadata;
use super::offsets::Isolation;

/// Attempts at partitions whose leader just changed. One that has no leader is not waited for longer: the others
/// are worth showing without it.
const ATTEMPTS: u32 = 3;

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicPartition {
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

impl TopicPartition {
    pub(crate) fn new(topic: &str, partition: i32) -> Self {
        Self { topic: topic.to_owned(), partition }
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.topic, self.partition)
    }
}

/// An offset by partition; `Ok(None)` where no record is at or after the time.
pub(crate) type Positions = BTreeMap<TopicPartition, Result<Option<i64>, ErrorCode>>;

impl Client {
    /// The offset of the first record at or after `timestamp_ms` (or `LATEST`, `EARLIEST`) in each partition: one
    /// request a leader. Each partition that was asked for is in the answer.
    ///
    /// # Errors
    /// Nobody tells the topics' leaders; an interrupt. What concerns one partition is its own outcome.
    pub(crate) fn positions(
        &mut self,
        partitions: &BTreeSet<TopicPartition>,
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<Positions, ClientError> {
        let mut retry = self.retry();
        let mut positions = Positions::new();
        let mut left = partitions.clone();
        for attempt in 1..=ATTEMPTS {
            self.positions_once(&left, timestamp_ms, isolation, &mut positions)?;
            left.retain(|partition| match positions.get(partition) {
                Some(Err(error)) => error.is_retriable() && *error != ErrorCode::UnknownTopicOrPartition,
                _ => false,
            });
            if left.is_empty() || attempt == ATTEMPTS {
                break;
            }
            retry.pause(ClientError::broker("offsets", ErrorCode::NotLeaderOrFollower.code(), None))?;
        }
        Ok(positions)
    }

    fn positions_once(
        &mut self,
        partitions: &BTreeSet<TopicPartition>,
        timestamp_ms: i64,
        isolation: Isolation,
        positions: &mut Positions,
    ) -> Result<(), ClientError> {
        let names: BTreeSet<&str> = partitions.iter().map(|partition| partition.topic.as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let topics = self.topics(&names.into_iter().collect::<Vec<_>>())?;
        let mut by_leader: BTreeMap<i32, BTreeMap<&str, Vec<i32>>> = BTreeMap::new();
        for partition in partitions {
            match leader(&topics, partition) {
                Ok(leader) => {
                    let of_leader = by_leader.entry(leader).or_default();
                    of_leader.entry(&partition.topic).or_default().push(partition.partition);
                }
                Err(error) => {
                    positions.insert(partition.clone(), Err(error));
                }
            }
        }
        for (leader, of_leader) in by_leader {
            for (&topic, partitions) in &of_leader {
                for &partition in partitions {
                    let unanswered = Err(ErrorCode::NetworkException);
                    positions.insert(TopicPartition::new(topic, partition), unanswered);
                }
            }
            match self.positions_of_leader(leader, &of_leader, timestamp_ms, isolation) {
                Ok(answered) => positions.extend(answered),
                Err(ClientError::Interrupted) => return Err(ClientError::Interrupted),
                Err(error) => {
                    tracing::warn!(broker = leader, %error, "this leader does not tell its offsets")
                }
            }
        }
        Ok(())
    }

    fn positions_of_leader(
        &mut self,
        leader: i32,
        partitions: &BTreeMap<&str, Vec<i32>>,
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<Positions, ClientError> {
        let asked = |&partition_index: &i32| ListOffsetsPartition {
            partition_index,
            timestamp: timestamp_ms,
            ..ListOffsetsPartition::default()
        };
        let topics = partitions
            .iter()
            .map(|(&name, partitions)| ListOffsetsTopic {
                name: name.to_owned(),
                partitions: partitions.iter().map(asked).collect(),
            })
            .collect();
        let answer = self.call_node(leader, |version| ListOffsetsRequest {
            replica_id: -1,
            isolation_level: if version >= 2 { isolation.level() } else { 0 },
            topics,
            ..ListOffsetsRequest::default()
        })?;
        let mut positions = Positions::new();
        for topic in answer.topics {
            for partition in topic.partitions {
                let outcome = match ErrorCode::from_i16(partition.error_code) {
                    ErrorCode::None => Ok((partition.offset >= 0).then_some(partition.offset)),
                    error => Err(error),
                };
                positions.insert(TopicPartition::new(&topic.name, partition.partition_index), outcome);
            }
        }
        Ok(positions)
    }
}

pub(super) fn leader(
    topics: &BTreeMap<String, Result<TopicMetadata, ErrorCode>>,
    partition: &TopicPartition,
) -> Result<i32, ErrorCode> {
    let topic = match topics.get(&partition.topic) {
        Some(Ok(topic)) => topic,
        Some(Err(error)) => return Err(*error),
        None => return Err(ErrorCode::UnknownTopicOrPartition),
    };
    let found = topic.partitions.iter().find(|found| found.index == partition.partition);
    found.ok_or(ErrorCode::UnknownTopicOrPartition)?.leader.ok_or(ErrorCode::LeaderNotAvailable)
}

#[cfg(test)]
mod tests {
    use jackdaw_core::uuid::Uuid;

    use super::*;
    use crate::cli::client::metadata::PartitionMetadata;

    #[test]
    fn a_partition_without_a_leader_has_its_own_reason() {
        let partition = |index, leader| PartitionMetadata {
            index,
            leader,
            leader_epoch: 0,
            replicas: vec![],
            in_sync_replicas: vec![],
            offline_replicas: vec![],
        };
        let topic = TopicMetadata {
            name: "a".to_owned(),
            id: Uuid::ZERO,
            is_internal: false,
            partitions: vec![partition(0, Some(7)), partition(1, None)],
        };
        let topics = BTreeMap::from([
            ("a".to_owned(), Ok(topic)),
            ("b".to_owned(), Err(ErrorCode::TopicAuthorizationFailed)),
        ]);
        let cases = [
            ("a", 0, Ok(7)),
            ("a", 1, Err(ErrorCode::LeaderNotAvailable)),
            ("a", 2, Err(ErrorCode::UnknownTopicOrPartition)),
            ("b", 0, Err(ErrorCode::TopicAuthorizationFailed)),
            ("c", 0, Err(ErrorCode::UnknownTopicOrPartition)),
        ];
        for (name, index, expected) in cases {
            assert_eq!(leader(&topics, &TopicPartition::new(name, index)), expected, "{name} {index}");
        }
    }
}
