//! `jackdaw config`: describe, set, unset, diff.

pub(crate) mod change;
mod describe;
mod diff;
mod set;
mod unset;

use clap::Subcommand;
use jackdaw_core::config::table;
use jackdaw_core::protocol::messages::describe_configs::DescribeConfigsResourceResult;

use super::client::configs::{ConfigResource, SOURCE_DEFAULT};
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

/// The value that is in effect where nobody sets one; `None` where there is none. Brokers do not tell it of every key
/// that is set: then it is the one that Kafka 4.4 has.
fn default_of(resource: &ConfigResource, config: &DescribeConfigsResourceResult) -> Option<String> {
    if config.config_source == SOURCE_DEFAULT {
        return config.value.clone();
    }
    let mut defaults = config.synonyms.iter().filter(|synonym| synonym.source == SOURCE_DEFAULT);
    let told =
        defaults.find_map(|synonym| in_unit_of(&config.name, &synonym.name, synonym.value.as_deref()?));
    let row = match resource {
        ConfigResource::Topic(_) => table::topic_key(&config.name),
        ConfigResource::Broker(_) | ConfigResource::Cluster => table::broker_key(&config.name),
        ConfigResource::Group(_) => table::group_key(&config.name),
        ConfigResource::ClientMetrics(_) => table::client_metrics_key(&config.name),
    };
    told.or_else(|| row?.default_for(false).map(str::to_owned))
}

/// A synonym may count hours or minutes where the key counts milliseconds.
fn in_unit_of(key: &str, synonym: &str, value: &str) -> Option<String> {
    let factor: i64 = match synonym.rsplit('.').next() {
        Some("hours") if key.ends_with(".ms") => 3_600_000,
        Some("minutes") if key.ends_with(".ms") => 60_000,
        _ => return Some(value.to_owned()),
    };
    Some(value.parse::<i64>().ok()?.checked_mul(factor)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_the_unit_of_the_key() {
        assert_eq!(
            in_unit_of("log.retention.ms", "log.retention.hours", "168").as_deref(),
            Some("604800000")
        );
        assert_eq!(in_unit_of("retention.ms", "log.retention.minutes", "2").as_deref(), Some("120000"));
        assert_eq!(in_unit_of("log.retention.hours", "log.retention.hours", "168").as_deref(), Some("168"));
        assert_eq!(in_unit_of("cleanup.policy", "log.cleanup.policy", "delete").as_deref(), Some("delete"));
    }

    #[test]
    fn what_a_broker_does_not_tell_is_known() {
        let of = |resource: &str, name: &str| {
            let config = DescribeConfigsResourceResult { name: name.to_owned(), ..Default::default() };
            default_of(&resource.parse().unwrap(), &config)
        };
        assert_eq!(of("topic/t", "retention.ms").as_deref(), Some("604800000"));
        assert_eq!(of("client-metrics/m", "interval.ms").as_deref(), Some("300000"));
        assert_eq!(of("broker/1", "no.such.key"), None);
    }
}
