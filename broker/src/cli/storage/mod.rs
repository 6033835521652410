//! `jackdaw storage`: a server's directories, without a server.

mod check;
mod dump;
mod format;

use std::{future::Future, rc::Rc};

use clap::Subcommand;
use jackdaw_ring::{Executor, UringConfig, UringDriver};

use super::error::CommandError;

/// Prepare a server's directories, and look into them.
#[derive(Subcommand, Debug)]
pub(crate) enum StorageCommand {
    /// Format the log directories that a configuration names
    ///
    /// A server on its own formats empty directories itself when it starts. Nodes that form one cluster need
    /// the same cluster id: format each with it before the first start.
    Format(format::FormatStorage),
    /// Look through the log directories of a stopped server and report damage
    ///
    /// Every batch's CRC and records, offsets, indexes, snapshots, checkpoints and the metadata log are read; nothing is
    /// changed. Directories of Apache Kafka are read as well.
    Check(check::CheckStorage),
    /// Print what is in segments, indexes, snapshots and checkpoints
    Dump(dump::DumpStorage),
}

impl StorageCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Format(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Dump(command) => command.run(),
        }
    }
}

/// Runs a future that reads files through a ring of its own.
fn on_a_ring<T: 'static>(future: impl Future<Output = T> + 'static) -> Result<T, CommandError> {
    let driver = UringDriver::new(&UringConfig::default()).map_err(|error| CommandError::Failed {
        what: format!("cannot set up io_uring: {error}"),
        advice: "The same is needed to serve: docs/operations/running.md says how to allow it.",
    })?;
    Ok(Executor::new(Rc::new(driver)).run(future))
}
