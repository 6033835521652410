//! `jackdaw topic`: create, list, describe, alter, partitions, offsets, delete-records, delete.

mod alter;
mod create;
mod delete;
mod delete_records;
mod describe;
mod list;
mod log_range;
mod offsets;
mod partitions;

use clap::Subcommand;

use super::error::CommandError;

/// Create, list, describe, alter and delete topics, and their records.
#[derive(Subcommand, Debug)]
pub(crate) enum TopicCommand {
    /// Create topics
    Create(create::CreateTopics),
    /// List the topics of a cluster
    List(list::ListTopics),
    /// Show partitions, replicas and configuration of topics
    Describe(describe::DescribeTopics),
    /// Change the configuration of topics
    Alter(alter::AlterTopics),
    /// Add partitions to topics
    Partitions(partitions::AddPartitions),
    /// Show where partitions begin and end
    Offsets(offsets::TopicOffsets),
    /// Delete the oldest records of topics
    DeleteRecords(delete_records::DeleteRecords),
    /// Delete topics and all their records
    Delete(delete::DeleteTopics),
}

impl TopicCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Create(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Describe(command) => command.run(),
            Self::Alter(command) => command.run(),
            Self::Partitions(command) => command.run(),
            Self::Offsets(command) => command.run(),
            Self::DeleteRecords(command) => command.run(),
            Self::Delete(command) => command.run(),
        }
    }
}

/// One topic's part of a command that names several.
struct TopicResult<T> {
    topic: String,
    result: Result<T, super::client::error::ClientError>,
}
