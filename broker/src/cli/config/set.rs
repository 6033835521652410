//! `jackdaw config set`.

use clap::{ArgGroup, Args};

use super::{RESOURCES, change};
use crate::cli::client::configs::{ConfigChange, ConfigResource};
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, FormatOptions, key_value};

const EXAMPLES: &str = "Examples:
  jackdaw config set topic/orders retention.ms=86400000 cleanup.policy=compact,delete
  jackdaw config set topic/orders --append cleanup.policy=compact
  jackdaw config set cluster log.retention.ms=604800000
  jackdaw config set broker/1 max.connections=5000 --validate-only
  jackdaw config set group/billing consumer.session.timeout.ms=50000
  jackdaw config set client-metrics/all interval.ms=60000";

/// Set values.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["values", "append", "subtract"]))]
#[command(after_help = format!("All changes are done, or none.\n\n{RESOURCES}\n\n{EXAMPLES}"))]
pub(crate) struct SetConfig {
    /// What to configure: KIND/NAME, see below
    resource: ConfigResource,

    /// Keys and their new values
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    values: Vec<(String, String)>,

    /// Add to the list of a key; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    append: Vec<(String, String)>,

    /// Take away from the list of a key; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    subtract: Vec<(String, String)>,

    /// Check everything, change nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl SetConfig {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let set = self.values.into_iter().map(|(key, value)| ConfigChange::Set(key, value));
        let append = self.append.into_iter().map(|(key, value)| ConfigChange::Append(key, value));
        let subtract = self.subtract.into_iter().map(|(key, value)| ConfigChange::Subtract(key, value));
        let changes: Vec<ConfigChange> = set.chain(append).chain(subtract).collect();
        let mut client = self.cluster.client()?;
        change::apply(&mut client, &[self.resource], &changes, self.validate_only, self.output.format)
    }
}
