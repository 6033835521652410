//! `jackdaw cluster`: describe, quorum, features, log-dirs.

mod describe;
mod features;
mod log_dirs;
mod quorum;

use clap::Subcommand;

use super::error::CommandError;

/// See what a cluster is made of.
#[derive(Subcommand, Debug)]
pub(crate) enum ClusterCommand {
    /// Show the brokers
    Describe(describe::DescribeCluster),
    /// Show who keeps the metadata, and how far everybody is
    Quorum(quorum::DescribeQuorum),
    /// Show the levels of features, and which are supported
    Features(features::DescribeFeatures),
    /// Show the log directories, and what lies in them
    LogDirs(log_dirs::DescribeLogDirs),
}

impl ClusterCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Describe(command) => command.run(),
            Self::Quorum(command) => command.run(),
            Self::Features(command) => command.run(),
            Self::LogDirs(command) => command.run(),
        }
    }
}
