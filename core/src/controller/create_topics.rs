//! CreateTopics (19): names, configuration, placement; every topic succeeds or fails on its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Context, Controller, Outcome, check_topic_name,
    placement::{Place, place},
    random::Draws,
    topic_name::{may_collide, unified},
};
use crate::{
    error_code::ErrorCode,
    limits::METADATA_BATCH_RECORDS_MAX,
    metadata::{Broker, Partition, VersionedRecord},
    protocol::{
        messages::create_topics::{
            CreatableTopic, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
        },
        records::metadata::TopicRecord,
    },
    uuid::Uuid,
};

/// The log of the quorum is not a topic that anybody makes.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// Why a topic is not created: the code and Kafka's text.
type Refusal = (ErrorCode, String);

fn refuse<T>(error: ErrorCode, text: impl Into<String>) -> Result<T, Refusal> {
    Err((error, text.into()))
}

/// What is taken: by existing topics, and by those that the same request creates.
struct Taken {
    /// Names that may collide, as `unified` gives them, with the name itself.
    unified_names: BTreeMap<String, String>,
    ids: BTreeSet<Uuid>,
}

/// A topic that will be created.
struct NewTopic {
    id: Uuid,
    partitions: Vec<Partition>,
    configs: BTreeMap<String, String>,
}

impl Controller {
    pub(super) fn create_topics(
        &self,
        context: &Context,
        request: &CreateTopicsRequest,
    ) -> Outcome<CreateTopicsResponse> {
        let mut draws = Draws::new(context.random);
        let may_any_collide = request.topics.iter().any(|topic| may_collide(&topic.name));
        let mut taken = Taken { unified_names: BTreeMap::new(), ids: BTreeSet::new() };
        if may_any_collide {
            let existing = self.image().topics.iter().filter(|topic| may_collide(&topic.name));
            taken.unified_names = existing.map(|topic| (unified(&topic.name), topic.name.clone())).collect();
        }
        let counts = counts_by_name(request);
        let mut records = Vec::new();
        let too_many = self.too_many_partitions(request);
        let mut topics = Vec::new();
        for topic in once_each(request) {
            let created = if counts.get(topic.name.as_str()).is_some_and(|count| *count > 1) {
                refuse(ErrorCode::InvalidRequest, "Duplicate topic name.")
            } else if too_many {
                let text = "Excessively large number of partitions per request.";
                refuse(ErrorCode::PolicyViolation, text)
            } else {
                self.create_topic(topic, &mut taken, &mut draws)
            };
            topics.push(match created {
                Ok(created) => {
                    if !request.validate_only {
                        records.extend(self.records_of(&topic.name, &created));
                    }
                    self.created(&topic.name, &created)
                }
                Err((error, text)) => refused(&topic.name, error, text),
            });
        }
        let response = CreateTopicsResponse { topics, ..Default::default() };
        // Topics are independent, but a topic must not be cut in two; requests are bounded to fit in one batch.
        Outcome::with(records, response)
    }

    fn too_many_partitions(&self, request: &CreateTopicsRequest) -> bool {
        let default_count = self.settings.broker.topics.num_partitions;
        let count_of = |topic: &CreatableTopic| match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len(),
            -1 => usize::try_from(default_count).unwrap_or(0),
            count => usize::try_from(count).unwrap_or(0),
        };
        // A configured value is one record more, and the topic itself another.
        let records = |topic: &CreatableTopic| 1 + topic.configs.len() + count_of(topic);
        let partitions = request.topics.iter().map(count_of).fold(0usize, usize::saturating_add);
        let all_records = request.topics.iter().map(records).fold(0usize, usize::saturating_add);
        partitions > METADATA_BATCH_RECORDS_MAX || all_records > 2 * METADATA_BATCH_RECORDS_MAX
    }

    fn create_topic(
        &self,
        topic: &CreatableTopic,
        taken: &mut Taken,
        draws: &mut Draws,
    ) -> Result<NewTopic, Refusal> {
        self.check_name(&topic.name, taken)?;
        let configs =
            self.check_topic_configs(&topic.configs).map_err(|text| (ErrorCode::InvalidConfig, text))?;
        let replicas =
            if topic.assignments.is_empty() { self.place_new(topic, draws)? } else { self.assigned(topic)? };
        let partitions = replicas.into_iter().map(|replicas| self.new_partition(replicas)).collect();
        let is_taken = |id| self.image().topics.by_id(id).is_some() || taken.ids.contains(&id);
        let id = draws.uuid(is_taken);
        taken.ids.insert(id);
        taken.unified_names.insert(unified(&topic.name), topic.name.clone());
        Ok(NewTopic { id, partitions, configs })
    }

    fn check_name(&self, name: &str, taken: &Taken) -> Result<(), Refusal> {
        if name == METADATA_TOPIC {
            let text = format!("Creation of internal topic {name} is prohibited.");
            return refuse(ErrorCode::InvalidRequest, text);
        }
        check_topic_name(name).map_err(|error| (ErrorCode::InvalidTopicException, error.to_string()))?;
        if self.image().topics.by_name(name).is_some() {
            return refuse(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists."));
        }
        if may_collide(name)
            && let Some(other) = taken.unified_names.get(&unified(name))
        {
            let text = format!("Topic '{name}' collides with existing topic: {other}");
            return refuse(ErrorCode::InvalidTopicException, text);
        }
        Ok(())
    }

    /// Placement by the controller.
    fn place_new(&self, topic: &CreatableTopic, draws: &mut Draws) -> Result<Vec<Vec<i32>>, Refusal> {
        let defaults = &self.settings.broker.topics;
        let replication_factor = match topic.replication_factor {
            -1 => defaults.default_replication_factor,
            factor => i32::from(factor),
        };
        let Some(replication_factor) = usize::try_from(replication_factor).ok().filter(|factor| *factor > 0)
        else {
            let text = "Replication factor must be larger than 0, or -1 to use the default value.";
            return refuse(ErrorCode::InvalidReplicationFactor, text);
        };
        let partition_count = match topic.num_partitions {
            -1 => defaults.num_partitions,
            count => count,
        };
        let Some(partition_count) = usize::try_from(partition_count).ok().filter(|count| *count > 0) else {
            let text = "Number of partitions was set to an invalid non-positive value.";
            return refuse(ErrorCode::InvalidPartitions, text);
        };
        self.place_partitions(partition_count, replication_factor, draws)
    }

    pub(super) fn place_partitions(
        &self,
        partition_count: usize,
        replication_factor: usize,
        draws: &mut Draws,
    ) -> Result<Vec<Vec<i32>>, Refusal> {
        let brokers = self.image().cluster.brokers();
        let places: Vec<Place> =
            brokers.filter(|broker| broker.takes_new_partitions()).map(Place::of).collect();
        place(&places, partition_count, replication_factor, draws).map_err(|error| {
            let text = format!("Unable to replicate the partition {replication_factor} time(s): {error}");
            (ErrorCode::InvalidReplicationFactor, text)
        })
    }

    /// Placement by the client.
    fn assigned(&self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        let begin = "A manual partition assignment was specified, but";
        if topic.replication_factor != -1 {
            let text = format!("{begin} replication factor was not set to -1.");
            return refuse(ErrorCode::InvalidRequest, text);
        }
        if topic.num_partitions != -1 {
            return refuse(ErrorCode::InvalidRequest, format!("{begin} numPartitions was not set to -1."));
        }
        let mut replicas: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        let mut replica_count = None;
        for assignment in &topic.assignments {
            let index = assignment.partition_index;
            if replicas.contains_key(&index) {
                let text = format!("Found multiple manual partition assignments for partition {index}");
                return refuse(ErrorCode::InvalidReplicaAssignment, text);
            }
            self.check_assignment(index, &assignment.broker_ids, replica_count)?;
            replica_count = Some(assignment.broker_ids.len());
            replicas.insert(index, assignment.broker_ids.clone());
        }
        if !replicas.keys().copied().eq(0..replicas.len() as i32) {
            let text = "partitions should be a consecutive 0-based integer sequence";
            return refuse(ErrorCode::InvalidReplicaAssignment, text);
        }
        Ok(replicas.into_values().collect())
    }

    /// Whether a client may place a partition on these brokers; `replica_count` is that of the topic's other partitions.
    pub(super) fn check_assignment(
        &self,
        partition: i32,
        ids: &[i32],
        replica_count: Option<usize>,
    ) -> Result<(), Refusal> {
        let error = ErrorCode::InvalidReplicaAssignment;
        if ids.is_empty() {
            return refuse(error, "The manual partition assignment includes an empty replica list.");
        }
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        for (index, id) in sorted.iter().enumerate() {
            if index > 0 && sorted[index - 1] == *id {
                let text =
                    format!("The manual partition assignment includes the broker {id} more than once.");
                return refuse(error, text);
            }
            if self.image().cluster.broker(*id).is_none() {
                let text = format!(
                    "The manual partition assignment includes broker {id}, but no such broker is registered."
                );
                return refuse(error, text);
            }
        }
        if let Some(before) = replica_count.filter(|before| *before != ids.len()) {
            let text = format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent with previous partitions, which have {before} replica(s).",
                ids.len()
            );
            return refuse(error, text);
        }
        if !ids.iter().any(|id| self.is_active(*id)) {
            let text = format!(
                "All brokers specified in the manual partition assignment for partition {partition} are fenced or in controlled shutdown."
            );
            return refuse(error, text);
        }
        Ok(())
    }

    fn is_active(&self, broker_id: i32) -> bool {
        self.image().cluster.broker(broker_id).is_some_and(Broker::is_active)
    }

    pub(super) fn new_partition(&self, replicas: Vec<i32>) -> Partition {
        let isr: Vec<i32> = replicas.iter().copied().filter(|id| self.is_active(*id)).collect();
        let directories = replicas.iter().map(|id| self.default_directory(*id)).collect();
        assert!(!isr.is_empty(), "a new partition has somebody who can lead it");
        Partition { leader: isr[0], replicas, isr, directories, ..Partition::default() }
    }

    /// A broker with one directory has no choice; any other picks one itself and tells.
    fn default_directory(&self, broker_id: i32) -> Uuid {
        const UNASSIGNED: Uuid = Uuid::METADATA_TOPIC;
        match self.image().cluster.broker(broker_id).map(|broker| broker.log_dirs.as_slice()) {
            Some([only]) => *only,
            _ => UNASSIGNED,
        }
    }

    fn records_of(&self, name: &str, topic: &NewTopic) -> Vec<VersionedRecord> {
        let metadata_version = self.image().features.metadata_version();
        let record = TopicRecord { name: name.to_owned(), topic_id: topic.id };
        let mut records = vec![VersionedRecord::new(record, 0)];
        records.extend(self.topic_config_records(name, &topic.configs));
        let partitions = (0..).zip(&topic.partitions);
        records.extend(partitions.map(|(id, partition)| partition.to_record(topic.id, id, metadata_version)));
        records
    }

    fn created(&self, name: &str, topic: &NewTopic) -> CreatableTopicResult {
        CreatableTopicResult {
            name: name.to_owned(),
            topic_id: topic.id,
            error_code: ErrorCode::None.code(),
            error_message: None,
            topic_config_error_code: ErrorCode::None.code(),
            num_partitions: topic.partitions.len() as i32,
            replication_factor: topic.partitions.first().map_or(0, |first| first.replicas.len()) as i16,
            configs: Some(self.describe_topic_configs(&topic.configs)),
        }
    }
}

fn refused(name: &str, error: ErrorCode, text: String) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.to_owned(),
        error_code: error.code(),
        error_message: Some(text),
        num_partitions: -1,
        replication_factor: -1,
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

/// The topics of a request, those named twice only the first time.
fn once_each(request: &CreateTopicsRequest) -> impl Iterator<Item = &CreatableTopic> {
    let mut seen = BTreeSet::new();
    request.topics.iter().filter(move |topic| seen.insert(topic.name.as_str()))
}

fn counts_by_name(request: &CreateTopicsRequest) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for topic in &request.topics {
        *counts.entry(topic.name.as_str()).or_default() += 1;
    }
    counts
}
