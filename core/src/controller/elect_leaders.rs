//! ElectLeaders (43): the preferred replica leads again, or, where nobody may lead, one that may lack records.

use super::{
    Context, Controller, Outcome,
    config_change::Refusal,
    partition_change::{Election, PartitionChange},
};
use crate::{
    error_code::ErrorCode,
    metadata::{Topic, VersionedRecord},
    protocol::messages::elect_leaders::{
        ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
    },
};

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

impl Controller {
    pub(super) fn elect_leaders(
        &self,
        _context: &Context,
        request: &ElectLeadersRequest,
    ) -> Outcome<ElectLeadersResponse> {
        let election = match request.election_type {
            PREFERRED => Ok(Election::Preferred),
            UNCLEAN => Ok(Election::Unclean),
            other => Err((ErrorCode::InvalidRequest, format!("Unknown election type {other}"))),
        };
        let error_code = election.as_ref().map_or_else(|(error, _)| error.code(), |_| 0);
        let mut records = Vec::new();
        let mut elect = |topic: &str, id: i32| {
            let election = election.clone()?;
            records.push(self.elect_one(topic, id, election)?);
            Ok(())
        };
        let results: Vec<ReplicaElectionResult> = match &request.topic_partitions {
            Some(topics) => topics
                .iter()
                .map(|asked| ReplicaElectionResult {
                    topic: asked.topic.clone(),
                    partition_result: asked
                        .partitions
                        .iter()
                        .map(|id| partition_result(*id, elect(&asked.topic, *id)))
                        .collect(),
                })
                .collect(),
            // Of all partitions only those are told that an election was needed for.
            None => self
                .image()
                .topics
                .iter()
                .map(|topic| ReplicaElectionResult {
                    topic: topic.name.clone(),
                    partition_result: topic
                        .partitions()
                        .map(|(id, _)| partition_result(id, elect(&topic.name, id)))
                        .filter(|result| result.error_code != ErrorCode::ElectionNotNeeded.code())
                        .collect(),
                })
                .collect(),
        };
        let response =
            ElectLeadersResponse { error_code, replica_election_results: results, ..Default::default() };
        Outcome::with(records, response).in_parts()
    }

    fn elect_one(&self, name: &str, id: i32, election: Election) -> Result<VersionedRecord, Refusal> {
        let unknown = |text: String| (ErrorCode::UnknownTopicOrPartition, text);
        let topic = self.image().topics.by_name(name);
        let topic: &Topic = topic.ok_or_else(|| unknown(format!("No such topic as {name}")))?;
        let partition =
            topic.partition(id).ok_or_else(|| unknown(format!("No such partition as {name}-{id}")))?;
        let is_needed = match election {
            Election::Preferred => Some(&partition.leader) != partition.replicas.first(),
            _ => !partition.has_leader(),
        };
        if !is_needed {
            let text = "Leader election not needed for topic partition.";
            return Err((ErrorCode::ElectionNotNeeded, text.to_owned()));
        }
        let may_lead = |id: i32| self.image().cluster.broker(id).is_some_and(|broker| broker.is_active());
        let rules = self.rules(topic, &may_lead);
        let change = PartitionChange::new(&rules, partition).election(election);
        change.build(topic.id, id).ok_or_else(|| match election {
            Election::Preferred => {
                (ErrorCode::PreferredLeaderNotAvailable, "The preferred leader was not available.".to_owned())
            }
            _ => (
                ErrorCode::EligibleLeadersNotAvailable,
                "Eligible topic partition leaders are not available.".to_owned(),
            ),
        })
    }
}

fn partition_result(partition_id: i32, elected: Result<(), Refusal>) -> PartitionResult {
    match elected {
        Ok(()) => PartitionResult { partition_id, error_code: 0, error_message: None },
        Err((error, text)) => {
            PartitionResult { partition_id, error_code: error.code(), error_message: Some(text) }
        }
    }
}
