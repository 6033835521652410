//! Requests about the cluster as a whole: its brokers, its quorum, its features, its directories.

use jackdaw_core::protocol::messages::describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
use jackdaw_core::protocol::messages::describe_log_dirs::{DescribeLogDirsRequest, DescribeLogDirsResult};
use jackdaw_core::protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumRequestPartitionData, DescribeQuorumRequestTopicData,
    DescribeQuorumResponsePartitionData,
};

use super::Client;
use super::error::ClientError;

/// The log that the quorum keeps.
const METADATA_TOPIC: &str = "__cluster_metadata";

impl Client {
    /// The brokers, by id, those that are fenced too where the cluster tells of them.
    pub(crate) fn describe_cluster(&mut self) -> Result<DescribeClusterResponse, ClientError> {
        let request = |version| DescribeClusterRequest {
            include_fenced_brokers: version >= 2,
            ..DescribeClusterRequest::default()
        };
        let mut answer = self.call_any(request)?;
        if answer.error_code != 0 {
            let what = "cannot describe the cluster";
            return Err(ClientError::broker(what, answer.error_code, answer.error_message));
        }
        answer.brokers.sort_by_key(|broker| broker.broker_id);
        Ok(answer)
    }

    /// How the metadata quorum is.
    pub(crate) fn describe_quorum(&mut self) -> Result<DescribeQuorumResponsePartitionData, ClientError> {
        const WHAT: &str = "cannot describe the quorum";
        let partition = DescribeQuorumRequestPartitionData { partition_index: 0 };
        let topic = DescribeQuorumRequestTopicData {
            topic_name: METADATA_TOPIC.to_owned(),
            partitions: vec![partition],
        };
        let answer = self.call_any(|_| DescribeQuorumRequest { topics: vec![topic] })?;
        if answer.error_code != 0 {
            return Err(ClientError::broker(WHAT, answer.error_code, answer.error_message));
        }
        let partition = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
        let missing = || ClientError::Missing {
            what: "the broker tells nothing of a quorum".to_owned(),
            advice: "Is it a cluster of before KRaft? `jackdaw api-versions` shows what it serves.",
        };
        let partition = partition.ok_or_else(missing)?;
        if partition.error_code != 0 {
            return Err(ClientError::broker(WHAT, partition.error_code, partition.error_message));
        }
        Ok(partition)
    }

    /// The directories of one broker, with all partitions.
    pub(crate) fn describe_log_dirs(
        &mut self,
        node_id: i32,
    ) -> Result<Vec<DescribeLogDirsResult>, ClientError> {
        let answer = self.call_node(node_id, |_| DescribeLogDirsRequest { topics: None })?;
        if answer.error_code != 0 {
            let what = format!("cannot describe the directories of broker {node_id}");
            return Err(ClientError::broker(what, answer.error_code, None));
        }
        Ok(answer.results)
    }
}
