//! `jackdaw storage`: a server's directories, without a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jackdaw_core::uuid::Uuid;

use super::error::CommandError;

/// Prepare a server's directories.
#[derive(Subcommand, Debug)]
pub(crate) enum StorageCommand {
    /// Format the log directories that a configuration names
    ///
    /// A server on its own formats empty directories itself when it starts. Nodes that form one cluster need
    /// the same cluster id: format each with it before the first start.
    Format(FormatStorage),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw storage format --config server.properties
  jackdaw storage format --config server.properties --cluster-id MkU3OEVBNTcwNTJENDM2Qg")]
pub(crate) struct FormatStorage {
    /// The server's configuration; log.dirs names the directories
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The cluster the node will belong to; a new one is made up when this is left out
    #[arg(long, value_name = "UUID")]
    pub(crate) cluster_id: Option<Uuid>,

    /// Leave directories alone that are formatted already
    #[arg(long)]
    pub(crate) ignore_formatted: bool,
}

impl StorageCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Format(command) => command.run(),
        }
    }
}

impl FormatStorage {
    fn run(self) -> Result<(), CommandError> {
        Err(CommandError::Failed {
            what: "this build cannot format directories by hand yet".to_owned(),
            advice: "A server formats empty directories when it starts: run `jackdaw`.",
        })
    }
}
