//! `jackdaw topic`: create, list, describe, delete.

mod create;
mod delete;
mod describe;
mod list;

use clap::Subcommand;

use super::error::CommandError;

/// Create, list, describe and delete topics.
#[derive(Subcommand, Debug)]
pub(crate) enum TopicCommand {
    /// Create topics
    Create(create::CreateTopics),
    /// List the topics of a cluster
    List(list::ListTopics),
    /// Show partitions, replicas and configuration of topics
    Describe(describe::DescribeTopics),
    /// Delete topics and all their records
    Delete(delete::DeleteTopics),
}

impl TopicCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Create(command) => command.run(),
            Self::List(command) => command.run(),
            Self::Describe(command) => command.run(),
            Self::Delete(command) => command.run(),
        }
    }
}

/// One topic's part of a command that names several.
struct TopicResult<T> {
    topic: String,
    result: Result<T, super::client::error::ClientError>,
}
