//! `jackdaw topic alter`: the configuration of topics.

use clap::{ArgGroup, Args};

use crate::cli::client::configs::{ConfigChange, ConfigResource};
use crate::cli::config::change;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, FormatOptions, key_value};

/// Change the configuration of topics.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["configs", "unset"]))]
#[command(
    after_help = "All changes to a topic are done, or none. `jackdaw topic partitions` adds partitions.

Examples:
  jackdaw topic alter orders --config retention.ms=86400000
  jackdaw topic alter orders payments --config cleanup.policy=compact --unset retention.ms
  jackdaw topic alter orders --config segment.bytes=1000 --validate-only"
)]
pub(crate) struct AlterTopics {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// A value to set; may be repeated
    #[arg(short, long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    configs: Vec<(String, String)>,

    /// A key whose value the topic takes from its broker again; may be repeated
    #[arg(short, long, value_name = "KEY")]
    unset: Vec<String>,

    /// Check everything, change nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl AlterTopics {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let set = self.configs.into_iter().map(|(key, value)| ConfigChange::Set(key, value));
        let changes: Vec<ConfigChange> = set.chain(self.unset.into_iter().map(ConfigChange::Unset)).collect();
        let topics: Vec<ConfigResource> = self.topics.into_iter().map(ConfigResource::Topic).collect();
        let mut client = self.cluster.client()?;
        change::apply(&mut client, &topics, &changes, self.validate_only, self.output.format)
    }
}
