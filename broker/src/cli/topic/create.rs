//! `jackdaw topic create`.

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult,
};
use serde_json::{Value, json};

use crate::cli::client::error::ClientError;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions, key_value};
use crate::cli::output;

/// Create topics.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw topic create orders
  jackdaw topic create orders payments --partitions 6 --replication-factor 3
  jackdaw topic create events --config retention.ms=86400000 --config compression.type=zstd
  jackdaw topic create orders --if-not-exists
  jackdaw topic create pinned --replica-assignment 1:2,2:3      (partition 0 on brokers 1 and 2, 1 on 2 and 3)")]
pub(crate) struct CreateTopics {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// Number of partitions [default: the broker's num.partitions]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// Replicas of each partition [default: the broker's default.replication.factor]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// A topic configuration; may be repeated
    #[arg(short, long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    configs: Vec<(String, String)>,

    /// Which brokers hold which partition: broker ids joined by colons, partitions by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = broker_ids)]
    #[arg(conflicts_with_all = ["partitions", "replication_factor"])]
    replica_assignment: Vec<BrokerIds>,

    /// Topics that exist already are left as they are, and that is no error
    #[arg(long)]
    if_not_exists: bool,

    /// Check everything, create nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

/// The brokers of one partition, the preferred leader first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrokerIds(pub(super) Vec<i32>);

pub(super) fn broker_ids(text: &str) -> Result<BrokerIds, String> {
    let ids: Result<Vec<i32>, _> = text.split(':').map(str::parse).collect();
    ids.map(BrokerIds).map_err(|_| "write broker ids such as 1:2:3".to_owned())
}

impl CreateTopics {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let topics = self.topics.iter().map(|name| self.creatable(name)).collect();
        let results = client.create_topics(topics, self.validate_only)?;
        if self.output.format == Format::Json {
            let topics: Vec<Value> = results.iter().map(|result| self.to_json(result)).collect();
            output::print_json(&json!({ "topics": topics, "validate_only": self.validate_only }))?;
        }
        let mut all_is_well = true;
        for result in &results {
            all_is_well &= self.report(result)?;
        }
        if all_is_well { Ok(()) } else { Err(CommandError::Reported) }
    }

    fn creatable(&self, name: &str) -> CreatableTopic {
        let config = |(name, value): &(String, String)| CreatableTopicConfig {
            name: name.clone(),
            value: Some(value.clone()),
        };
        let assignment = |(index, ids): (usize, &BrokerIds)| CreatableReplicaAssignment {
            partition_index: i32::try_from(index).unwrap_or(i32::MAX),
            broker_ids: ids.0.clone(),
        };
        CreatableTopic {
            name: name.to_owned(),
            // -1: the broker's default, or what the assignment says.
            num_partitions: self.partitions.unwrap_or(-1),
            replication_factor: self.replication_factor.unwrap_or(-1),
            assignments: self.replica_assignment.iter().enumerate().map(assignment).collect(),
            configs: self.configs.iter().map(config).collect(),
        }
    }

    fn is_well(&self, result: &CreatableTopicResult) -> bool {
        result.error_code == 0 || self.existed(result)
    }

    fn existed(&self, result: &CreatableTopicResult) -> bool {
        self.if_not_exists && result.error_code == ErrorCode::TopicAlreadyExists.code()
    }

    /// Says what became of one topic; whether it went well.
    fn report(&self, result: &CreatableTopicResult) -> Result<bool, CommandError> {
        let name = &result.name;
        if !self.is_well(result) {
            let what = format!("cannot create topic {name:?}");
            let error = ClientError::broker(what, result.error_code, result.error_message.clone());
            output::print_error(&error.into());
            return Ok(false);
        }
        if self.output.format == Format::Json {
            return Ok(true);
        }
        let text = match (self.existed(result), self.validate_only) {
            (true, _) => format!("Topic {name} exists already.\n"),
            (false, true) => format!("Topic {name} could be created{}.\n", extent(result)),
            (false, false) => format!("Created topic {name}{}.\n", extent(result)),
        };
        output::print(&text)?;
        Ok(true)
    }

    fn to_json(&self, result: &CreatableTopicResult) -> Value {
        let has_extent = result.error_code == 0 && result.num_partitions >= 0;
        json!({
            "name": result.name,
            "created": result.error_code == 0 && !self.validate_only,
            "id": (!result.topic_id.is_zero()).then(|| result.topic_id.to_string()),
            "partitions": has_extent.then_some(result.num_partitions),
            "replication_factor": has_extent.then_some(result.replication_factor),
            "error": (result.error_code != 0).then(|| ErrorCode::from_i16(result.error_code).name()),
            "error_message": result.error_message,
        })
    }
}

/// ` with 6 partitions on 3 replicas each`, where the broker says so.
fn extent(result: &CreatableTopicResult) -> String {
    let (partitions, replicas) =
        (usize::try_from(result.num_partitions), usize::try_from(result.replication_factor));
    match (partitions, replicas) {
        (Ok(partitions), Ok(replicas)) => {
            let (partitions, replicas) =
                (output::count(partitions, "partition"), output::count(replicas, "replica"));
            format!(" with {partitions}, {replicas} each")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broker_ids_are_read() {
        assert_eq!(broker_ids("1:2:3"), Ok(BrokerIds(vec![1, 2, 3])));
        assert!(broker_ids("1:").is_err());
        assert!(broker_ids("a").is_err());
    }
}
