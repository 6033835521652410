//! Deleting records from the front of partitions.

use std::collections::BTreeMap;

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};

use super::Client;
use super::admin::timeout_ms;
use super::error::ClientError;
use super::positions::{TopicPartition, leader};

impl Client {
    /// Deletes all records below these offsets; where each partition begins then, or why not.
    ///
    /// # Errors
    /// Nobody tells the leaders; an interrupt. What concerns one partition is its own outcome.
    pub(crate) fn delete_records(
        &mut self,
        offsets: &BTreeMap<TopicPartition, i64>,
    ) -> Result<BTreeMap<TopicPartition, Result<i64, ErrorCode>>, ClientError> {
        let mut names: Vec<&str> = offsets.keys().map(|partition| partition.topic.as_str()).collect();
        names.dedup();
        let topics = self.topics(&names)?;
        let mut outcomes = BTreeMap::new();
        let mut by_leader: BTreeMap<i32, BTreeMap<&str, Vec<DeleteRecordsPartition>>> = BTreeMap::new();
        for (partition, &offset) in offsets {
            match leader(&topics, partition) {
                Ok(leader) => {
                    let of_topic = by_leader.entry(leader).or_default().entry(&partition.topic).or_default();
                    of_topic.push(DeleteRecordsPartition { partition_index: partition.partition, offset });
                }
                Err(error) => {
                    outcomes.insert(partition.clone(), Err(error));
                }
            }
        }
        let timeout_ms = timeout_ms(self.timeout());
        for (leader, topics) in by_leader {
            let of_topic = |(name, partitions): (&str, Vec<DeleteRecordsPartition>)| DeleteRecordsTopic {
                name: name.to_owned(),
                partitions,
            };
            let topics: Vec<DeleteRecordsTopic> = topics.into_iter().map(of_topic).collect();
            let answer = self.call_node(leader, |_| DeleteRecordsRequest { topics, timeout_ms })?;
            for topic in answer.topics {
                for partition in topic.partitions {
                    let outcome = match ErrorCode::from_i16(partition.error_code) {
                        ErrorCode::None => Ok(partition.low_watermark),
                        error => Err(error),
                    };
                    outcomes.insert(TopicPartition::new(&topic.name, partition.partition_index), outcome);
                }
            }
        }
        Ok(outcomes)
    }
}
