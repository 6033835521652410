//! CreatePartitions (37): a topic grows to a count of partitions; what is there stays as it is.

use std::collections::BTreeMap;

use super::{Context, Controller, Outcome, config_change::Refusal, random::Draws};
use crate::{
    error_code::ErrorCode,
    limits::METADATA_BATCH_RECORDS_MAX,
    metadata::{Topic, VersionedRecord},
    protocol::messages::create_partitions::{
        CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
        CreatePartitionsTopicResult,
    },
};

fn refuse<T>(error: ErrorCode, text: impl Into<String>) -> Result<T, Refusal> {
    Err((error, text.into()))
}

impl Controller {
    pub(super) fn create_partitions(
        &self,
        context: &Context,
        request: &CreatePartitionsRequest,
    ) -> Outcome<CreatePartitionsResponse> {
        let mut topics: BTreeMap<&str, Vec<&CreatePartitionsTopic>> = BTreeMap::new();
        for topic in &request.topics {
            topics.entry(&topic.name).or_default().push(topic);
        }
        let too_many = self.too_many_additional(&topics);
        let mut draws = Draws::new(context.random);
        let mut records = Vec::new();
        let results = topics.into_iter().map(|(name, asked)| {
            let grown = match asked[..] {
                [_] if too_many => {
                    let text = "Excessively large number of additional partitions per request.";
                    refuse(ErrorCode::PolicyViolation, text)
                }
                [asked] => self.grow(asked, &mut draws),
                _ => refuse(ErrorCode::InvalidRequest, "Duplicate topic name."),
            };
            let (error, text) = match grown {
                Ok(new) => {
                    if !request.validate_only {
                        records.extend(new);
                    }
                    (ErrorCode::None, None)
                }
                Err((error, text)) => (error, Some(text).filter(|text| !text.is_empty())),
            };
            CreatePartitionsTopicResult {
                name: name.to_owned(),
                error_code: error.code(),
                error_message: text,
            }
        });
        let response = CreatePartitionsResponse { results: results.collect(), ..Default::default() };
        // A topic must not be left with a gap; requests are bounded to fit in one batch.
        Outcome::with(records, response)
    }

    fn too_many_additional(&self, topics: &BTreeMap<&str, Vec<&CreatePartitionsTopic>>) -> bool {
        let additional = |asked: &&CreatePartitionsTopic| {
            let count = usize::try_from(asked.count).unwrap_or(0);
            self.image().topics.by_name(&asked.name).map_or(0, |t| count.saturating_sub(t.partition_count()))
        };
        let total = topics.values().flatten().map(additional).fold(0usize, usize::saturating_add);
        total > METADATA_BATCH_RECORDS_MAX
    }

    fn grow(
        &self,
        asked: &CreatePartitionsTopic,
        draws: &mut Draws,
    ) -> Result<Vec<VersionedRecord>, Refusal> {
        let name = &asked.name;
        let Some(topic) = self.image().topics.by_name(name) else {
            return refuse(ErrorCode::UnknownTopicOrPartition, "");
        };
        let before = topic.partition_count();
        let after = usize::try_from(asked.count).unwrap_or(0);
        if before == after {
            return refuse(ErrorCode::InvalidPartitions, format!("Topic already has {before} partition(s)."));
        }
        if after < before {
            let text = format!(
                "The topic {name} currently has {before} partition(s); {} would not be an increase.",
                asked.count
            );
            return refuse(ErrorCode::InvalidPartitions, text);
        }
        let replica_count = topic.partition(0).map_or(1, |partition| partition.replicas.len());
        let replicas = match &asked.assignments {
            Some(assignments) => {
                self.assigned_additional(topic, after - before, replica_count, assignments)?
            }
            None => self.place_partitions(after - before, replica_count, draws)?,
        };
        let metadata_version = self.image().features.metadata_version();
        let partitions = (before as i32..).zip(replicas);
        let record = |(id, replicas)| self.new_partition(replicas).to_record(topic.id, id, metadata_version);
        Ok(partitions.map(record).collect())
    }

    fn assigned_additional(
        &self,
        topic: &Topic,
        additional: usize,
        replica_count: usize,
        assignments: &[CreatePartitionsAssignment],
    ) -> Result<Vec<Vec<i32>>, Refusal> {
        if assignments.len() != additional {
            let text = format!(
                "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            );
            return refuse(ErrorCode::InvalidReplicaAssignment, text);
        }
        for (partition, assignment) in (topic.partition_count() as i32..).zip(assignments) {
            self.check_assignment(partition, &assignment.broker_ids, Some(replica_count))?;
        }
        Ok(assignments.iter().map(|assignment| assignment.broker_ids.clone()).collect())
    }
}
