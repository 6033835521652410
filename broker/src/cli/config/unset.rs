//! `jackdaw config unset`.

use clap::Args;

use super::{RESOURCES, change};
use crate::cli::client::configs::{ConfigChange, ConfigResource};
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, FormatOptions};

const EXAMPLES: &str = "Examples:
  jackdaw config unset topic/orders retention.ms
  jackdaw config unset cluster log.retention.ms log.segment.bytes
  jackdaw config unset group/billing consumer.session.timeout.ms";

/// Take values away, so that the next in line is in effect.
#[derive(Args, Debug)]
#[command(after_help = format!("A topic then takes its broker's value, a broker the cluster's, the file's or the \
default.\n\n{RESOURCES}\n\n{EXAMPLES}"))]
pub(crate) struct UnsetConfig {
    /// What to configure: KIND/NAME, see below
    resource: ConfigResource,

    /// The keys
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,

    /// Check everything, change nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl UnsetConfig {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let changes: Vec<ConfigChange> = self.keys.into_iter().map(ConfigChange::Unset).collect();
        let mut client = self.cluster.client()?;
        change::apply(&mut client, &[self.resource], &changes, self.validate_only, self.output.format)
    }
}
