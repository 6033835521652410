//! `jackdaw topic partitions`: more of them.

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use serde_json::{Value, json};

use super::create::{BrokerIds, broker_ids};
use crate::cli::client::error::ClientError;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;

/// Add partitions to topics.
#[derive(Args, Debug)]
#[command(
    after_help = "Partitions cannot be taken away again, and records with keys go to other partitions from then on.

Examples:
  jackdaw topic partitions orders --to 12
  jackdaw topic partitions orders payments --to 12 --validate-only
  jackdaw topic partitions pinned --to 4 --replica-assignment 1:2,2:3      (of the new ones)"
)]
pub(crate) struct AddPartitions {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// How many partitions each has then
    #[arg(long, required = true, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    to: i32,

    /// Which brokers hold the new partitions: broker ids joined by colons, partitions by commas
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = broker_ids)]
    replica_assignment: Vec<BrokerIds>,

    /// Check everything, add nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl AddPartitions {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let topics = self.topics.iter().map(|name| self.wanted(name)).collect();
        let results = self.cluster.client()?.create_partitions(topics, self.validate_only)?;
        match self.output.format {
            Format::Json => output::print_json(&results.iter().map(|result| self.to_json(result)).collect())?,
            Format::Text => {
                let done = results.iter().filter(|result| result.error_code == 0);
                output::print(&done.map(|result| self.to_text(result)).collect::<String>())?;
            }
        }
        output::report_failures(results.into_iter().map(outcome))
    }

    fn wanted(&self, name: &str) -> CreatePartitionsTopic {
        let assignment = |ids: &BrokerIds| CreatePartitionsAssignment { broker_ids: ids.0.clone() };
        let assignments: Vec<_> = self.replica_assignment.iter().map(assignment).collect();
        CreatePartitionsTopic {
            name: name.to_owned(),
            count: self.to,
            assignments: (!assignments.is_empty()).then_some(assignments),
        }
    }

    fn to_text(&self, result: &CreatePartitionsTopicResult) -> String {
        let count = output::count(usize::try_from(self.to).unwrap_or(0), "partition");
        let verb = if self.validate_only { "could have" } else { "has" };
        let now = if self.validate_only { "" } else { " now" };
        format!("Topic {} {verb} {count}{now}.\n", result.name)
    }

    fn to_json(&self, result: &CreatePartitionsTopicResult) -> Value {
        let is_well = result.error_code == 0;
        json!({
            "name": result.name,
            "changed": is_well && !self.validate_only,
            "partitions": is_well.then_some(self.to),
            "error": (!is_well).then(|| ErrorCode::from_i16(result.error_code).name()),
            "error_message": result.error_message,
        })
    }
}

fn outcome(result: CreatePartitionsTopicResult) -> Result<(), ClientError> {
    let CreatePartitionsTopicResult { name, error_code, error_message } = result;
    match ErrorCode::from_i16(error_code) {
        ErrorCode::None => Ok(()),
        ErrorCode::UnknownTopicOrPartition => Err(ClientError::UnknownTopic(name)),
        _ => {
            let what = format!("cannot add partitions to topic {name:?}");
            Err(ClientError::broker(what, error_code, error_message))
        }
    }
}
