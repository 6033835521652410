//! `jackdaw config diff`: what differs from the defaults.

use clap::Args;
use jackdaw_core::protocol::messages::describe_configs::DescribeConfigsResourceResult as Config;
use serde_json::{Value, json};

use super::{RESOURCES, default_of, value_or_dash, value_text};
use crate::cli::client::configs::{ConfigResource, SOURCE_DEFAULT, source_text};
use crate::cli::client::error::ClientError;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

const EXAMPLES: &str = "Examples:
  jackdaw config diff topic/orders
  jackdaw config diff topic/orders topic/payments
  jackdaw config diff broker/1 --format json";

/// Show what differs from the defaults.
#[derive(Args, Debug)]
#[command(after_help = format!("{RESOURCES}\n\n{EXAMPLES}"))]
pub(crate) struct DiffConfig {
    /// What to look at: KIND/NAME, see below
    #[arg(required = true, value_name = "RESOURCE")]
    resources: Vec<ConfigResource>,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl DiffConfig {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let mut ask = |resource: &ConfigResource| {
            let mut configs = client.describe_configs(resource, false)?;
            configs.retain(|config| differs(resource, config));
            Ok::<_, ClientError>(configs)
        };
        let results: Vec<_> = self.resources.iter().map(|resource| (resource, ask(resource))).collect();
        if self.output.format == Format::Json {
            output::print_json(
                &results.iter().map(|(resource, result)| to_json(resource, result)).collect(),
            )?;
        } else {
            let found =
                results.iter().filter_map(|(resource, result)| Some((resource, result.as_ref().ok()?)));
            let texts: Vec<String> = found.map(|(resource, configs)| to_text(resource, configs)).collect();
            output::print(&texts.join("\n"))?;
        }
        output::report_failures(results.into_iter().map(|(_, result)| result.map(drop)))
    }
}

/// Secrets are not told; one that is set is taken for another than the default.
fn differs(resource: &ConfigResource, config: &Config) -> bool {
    let is_set = config.config_source != SOURCE_DEFAULT;
    is_set && (config.is_sensitive || config.value != default_of(resource, config))
}

fn to_text(resource: &ConfigResource, configs: &[Config]) -> String {
    if configs.is_empty() {
        return format!("{resource} has the defaults.\n");
    }
    let mut table = Table::new(&[
        ("KEY", Align::Left),
        ("VALUE", Align::Left),
        ("DEFAULT", Align::Left),
        ("SET BY", Align::Left),
    ]);
    for config in configs {
        table.row([
            config.name.clone(),
            value_text(config).to_owned(),
            value_or_dash(default_of(resource, config).as_deref()).to_owned(),
            source_text(config.config_source).to_owned(),
        ]);
    }
    format!("{resource}\n{}", table.to_text())
}

fn to_json(resource: &ConfigResource, result: &Result<Vec<Config>, ClientError>) -> Value {
    let configs = match result {
        Ok(configs) => configs,
        Err(error) => return json!({ "resource": resource.to_string(), "error": error.to_string() }),
    };
    let config = |config: &Config| {
        json!({
            "key": config.name,
            "value": config.value,
            "default": default_of(resource, config),
            "source": source_text(config.config_source),
        })
    };
    let differences: Vec<Value> = configs.iter().map(config).collect();
    json!({ "resource": resource.to_string(), "differences": differences })
}

#[cfg(test)]
mod tests {
    use jackdaw_core::protocol::messages::describe_configs::DescribeConfigsSynonym;

    use super::*;

    fn config(value: &str, source: i8, default: &str) -> Config {
        let synonym = |value: &str, source| DescribeConfigsSynonym {
            name: "k".to_owned(),
            value: Some(value.to_owned()),
            source,
        };
        Config {
            name: "k".to_owned(),
            value: Some(value.to_owned()),
            config_source: source,
            synonyms: vec![synonym(value, source), synonym(default, SOURCE_DEFAULT)],
            ..Default::default()
        }
    }

    #[test]
    fn a_value_that_was_set_to_the_default_is_no_difference() {
        let topic = ConfigResource::Topic("t".to_owned());
        assert!(differs(&topic, &config("2", 1, "1")));
        assert!(!differs(&topic, &config("1", 1, "1")));
        assert!(!differs(&topic, &config("1", SOURCE_DEFAULT, "1")));
        assert!(differs(
            &topic,
            &Config { is_sensitive: true, value: None, config_source: 4, ..Config::default() }
        ));
        let text = "topic/t\nKEY  VALUE  DEFAULT  SET BY\nk    2      1        topic\n";
        assert_eq!(to_text(&topic, &[config("2", 1, "1")]), text);
    }
}
