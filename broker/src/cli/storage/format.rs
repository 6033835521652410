//! `jackdaw storage format`: an empty directory becomes a server's.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    rc::Rc,
};

use clap::Args;
use jackdaw_core::uuid::Uuid;
use jackdaw_ring::{Executor, UringConfig, UringDriver};
use jackdaw_shard::format::{Formatted, format};

use super::super::{error::CommandError, server};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw storage format --config server.properties
  jackdaw storage format --override log.dirs=/data
  jackdaw storage format --config server.properties --cluster-id MkU3OEVBNTcwNTJENDM2Qg")]
pub(crate) struct FormatStorage {
    /// The server's configuration; log.dirs names the directories
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Sets one key, above the file and the environment; may be repeated
    #[arg(long = "override", value_name = "KEY=VALUE")]
    overrides: Vec<String>,

    /// The cluster the node will belong to; a new one is made up when this is left out
    #[arg(long, value_name = "UUID")]
    pub(crate) cluster_id: Option<Uuid>,

    /// Leave directories alone that are formatted already
    #[arg(long)]
    pub(crate) ignore_formatted: bool,
}

impl FormatStorage {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let (config, notices) = server::load(self.config.as_deref(), &self.overrides)?;
        for notice in notices {
            tracing::warn!("{notice}");
        }
        let failed = |what: String| CommandError::Failed {
            what: format!("cannot format: {what}"),
            advice: "`jackdaw storage format --help` shows examples.",
        };
        let driver = UringDriver::new(&UringConfig::default()).map_err(|error| failed(error.to_string()))?;
        let cluster_id = self.cluster_id.map(|id| id.to_string());
        let format = async move { format(&config, cluster_id, self.ignore_formatted).await };
        let done = Executor::new(Rc::new(driver)).run(format).map_err(|error| failed(error.to_string()))?;
        report(&done).map_err(CommandError::Output)
    }
}

fn report(done: &Formatted) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for path in &done.formatted {
        writeln!(output, "Formatted {} for cluster {}.", path.display(), done.cluster_id)?;
    }
    for path in &done.skipped {
        writeln!(output, "{} is formatted already, for cluster {}.", path.display(), done.cluster_id)?;
    }
    Ok(())
}
