//! AlterPartitionReassignments (45). Nothing is replicated yet, so an assignment is taken only where it is the one that
//! is in force.

use super::{Context, Controller, Outcome, config_change::Refusal};
use crate::{
    error_code::ErrorCode,
    protocol::messages::alter_partition_reassignments::{
        AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
        ReassignablePartitionResponse, ReassignableTopicResponse,
    },
};

impl Controller {
    pub(super) fn alter_partition_reassignments(
        &self,
        _context: &Context,
        request: &AlterPartitionReassignmentsRequest,
    ) -> Outcome<AlterPartitionReassignmentsResponse> {
        let topics = request.topics.iter().map(|topic| ReassignableTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| {
                    let (error, text) = match self.check_reassignment(&topic.name, partition) {
                        Ok(()) => (ErrorCode::None, None),
                        Err((error, text)) => (error, Some(text).filter(|text| !text.is_empty())),
                    };
                    ReassignablePartitionResponse {
                        partition_index: partition.partition_index,
                        error_code: error.code(),
                        error_message: text,
                    }
                })
                .collect(),
        });
        Outcome::only(AlterPartitionReassignmentsResponse {
            allow_replication_factor_change: request.allow_replication_factor_change,
            // Null and empty as Kafka has them.
            error_message: request.topics.is_empty().then(String::new),
            responses: topics.collect(),
            ..Default::default()
        })
    }

    fn check_reassignment(&self, name: &str, asked: &ReassignablePartition) -> Result<(), Refusal> {
        let id = asked.partition_index;
        let unknown = |text: String| (ErrorCode::UnknownTopicOrPartition, text);
        let topic = self.image().topics.by_name(name);
        let topic = topic.ok_or_else(|| unknown(format!("Unable to find a topic named {name}.")))?;
        let partition =
            topic.partition(id).ok_or_else(|| unknown(format!("Unable to find partition {name}:{id}.")))?;
        let Some(replicas) = &asked.replicas else {
            return Err((ErrorCode::NoReassignmentInProgress, String::new()));
        };
        self.check_assignment(id, replicas, None)?;
        if *replicas == partition.replicas {
            return Ok(());
        }
        let text = "This release does not move partitions between brokers.";
        Err((ErrorCode::InvalidReplicaAssignment, text.to_owned()))
    }
}
