//! `jackdaw` without a subcommand: the server's options, its configuration, and the start.

use std::path::PathBuf;

use clap::Args;

use crate::exit_code::ExitCode;
use crate::serve;

/// What a server is started with.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Serving")]
pub(crate) struct ServerOptions {
    /// A file in the form of Kafka's server.properties
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Sets one key, above the file and the environment; may be repeated
    ///
    /// A variable of the environment, JACKDAW_ and the key in upper case with underscores for dots, sets a key
    /// above the file: JACKDAW_LOG_DIRS=/data.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
}

impl ServerOptions {
    pub(crate) fn is_empty(&self) -> bool {
        self.config.is_none() && self.overrides.is_empty()
    }
}

/// Serves until told to stop.
pub(crate) fn run(_options: &ServerOptions) -> ExitCode {
    serve::serve()
}
