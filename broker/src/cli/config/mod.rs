//! `jackdaw config`: describe, set, unset, diff.

pub(crate) mod change;
mod describe;
mod diff;
mod set;
mod unset;

use clap::Subcommand;
use jackdaw_core::protocol::messages::describe_configs::DescribeConfigsResourceResult;

use super::client::configs::SOURCE_DEFAULT;
use super::error::CommandError;

/// Show and change configurations.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Show the values that are in effect, and where each comes from
    Describe(describe::DescribeConfig),
    /// Set values
    Set(set::SetConfig),
    /// Take values away, so that the next in line is in effect
    Unset(unset::UnsetConfig),
    /// Show what differs from the defaults
    Diff(diff::DiffConfig),
}

impl ConfigCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Describe(command) => command.run(),
            Self::Set(command) => command.run(),
            Self::Unset(command) => command.run(),
            Self::Diff(command) => command.run(),
        }
    }
}

/// What the commands call things by.
const RESOURCES: &str = "\
Resources:
  topic/NAME
  broker/ID            one broker
  cluster              what all brokers take that have no value of their own
  group/NAME
  client-metrics/NAME  a subscription to metrics of clients";

/// A value as people see it.
fn value_text(config: &DescribeConfigsResourceResult) -> &str {
    if config.is_sensitive { "(hidden)" } else { value_or_dash(config.value.as_deref()) }
}

fn value_or_dash(value: Option<&str>) -> &str {
    value.filter(|value| !value.is_empty()).unwrap_or("-")
}

/// The value that is in effect where nobody sets one; `None` where the broker tells of none.
fn default_of(config: &DescribeConfigsResourceResult) -> Option<&str> {
    if config.config_source == SOURCE_DEFAULT {
        return config.value.as_deref();
    }
    let default = config.synonyms.iter().find(|synonym| synonym.source == SOURCE_DEFAULT)?;
    default.value.as_deref()
}
