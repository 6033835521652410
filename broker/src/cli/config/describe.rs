//! `jackdaw config describe`.

use clap::Args;
use jackdaw_core::protocol::messages::describe_configs::DescribeConfigsResourceResult as Config;
use serde_json::{Map, Value, json};

use super::{RESOURCES, default_of, value_or_dash, value_text};
use crate::cli::client::configs::{ConfigResource, SOURCE_DEFAULT, source_text};
use crate::cli::client::error::ClientError;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

const EXAMPLES: &str = "Examples:
  jackdaw config describe topic/orders
  jackdaw config describe topic/orders retention.ms cleanup.policy --docs
  jackdaw config describe broker/1 --set-only
  jackdaw config describe cluster
  jackdaw config describe group/billing --format json";

/// Show the values that are in effect, and where each comes from.
#[derive(Args, Debug)]
#[command(after_help = format!("{RESOURCES}\n\n{EXAMPLES}"))]
pub(crate) struct DescribeConfig {
    /// What to describe: KIND/NAME, see below
    resource: ConfigResource,

    /// Only these keys
    #[arg(value_name = "KEY")]
    keys: Vec<String>,

    /// Only keys that somebody has set, here or in a file
    #[arg(long)]
    set_only: bool,

    /// What each key means, its type and its default
    #[arg(long)]
    docs: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl DescribeConfig {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let is_json = self.output.format == Format::Json;
        let mut configs = self.cluster.client()?.describe_configs(&self.resource, self.docs || is_json)?;
        let unknown = self.keys.iter().find(|&key| configs.iter().all(|config| config.name != *key));
        if let Some(key) = unknown {
            return Err(ClientError::Missing {
                what: format!("{} has no key {key:?}", self.resource),
                advice: "Without keys the command shows all there are.",
            }
            .into());
        }
        configs.retain(|config| self.keys.is_empty() || self.keys.contains(&config.name));
        configs.retain(|config| !self.set_only || config.config_source != SOURCE_DEFAULT);
        if is_json {
            output::print_json(&to_json(&self.resource, &configs))
        } else if configs.is_empty() {
            output::print(&format!("Nothing is set for {}.\n", self.resource))
        } else if self.docs {
            let texts: Vec<String> =
                configs.iter().map(|config| explanation(&self.resource, config)).collect();
            output::print(&texts.join("\n"))
        } else {
            output::print(&to_table(&configs).to_text())
        }
    }
}

fn to_table(configs: &[Config]) -> Table {
    let mut table = Table::new(&[("KEY", Align::Left), ("VALUE", Align::Left), ("SET BY", Align::Left)]);
    for config in configs {
        let set_by = source_text(config.config_source);
        table.row([config.name.clone(), value_text(config).to_owned(), set_by.to_owned()]);
    }
    table
}

/// A key with all that is known of it.
fn explanation(resource: &ConfigResource, config: &Config) -> String {
    let mut text = format!("{} = {}", config.name, value_text(config));
    text.push_str(&format!("\n  set by {}", source_text(config.config_source)));
    if config.config_source != SOURCE_DEFAULT && !config.is_sensitive {
        text.push_str(&format!(", default {}", value_or_dash(default_of(resource, config).as_deref())));
    }
    text.push_str(&format!(", {}", type_text(config.config_type)));
    if config.read_only {
        text.push_str(", cannot change while the broker runs");
    }
    text.push('\n');
    if let Some(documentation) = config.documentation.as_deref().filter(|text| !text.is_empty()) {
        text.push_str(&format!("  {documentation}\n"));
    }
    text
}

/// Kafka's `ConfigType` in words.
fn type_text(config_type: i8) -> &'static str {
    match config_type {
        1 => "boolean",
        2 => "string",
        3 => "int",
        4 => "short",
        5 => "long",
        6 => "double",
        7 => "list",
        8 => "class",
        9 => "password",
        _ => "of an unknown type",
    }
}

fn to_json(resource: &ConfigResource, configs: &[Config]) -> Value {
    let config = |config: &Config| {
        let synonym =
            |synonym: &jackdaw_core::protocol::messages::describe_configs::DescribeConfigsSynonym| json!({ "key": synonym.name, "value": synonym.value, "source": source_text(synonym.source) });
        let value = json!({
            "value": config.value,
            "source": source_text(config.config_source),
            "default": default_of(resource, config),
            "type": type_text(config.config_type),
            "read_only": config.read_only,
            "sensitive": config.is_sensitive,
            "synonyms": config.synonyms.iter().map(synonym).collect::<Vec<Value>>(),
            "documentation": config.documentation,
        });
        (config.name.clone(), value)
    };
    let configs: Map<String, Value> = configs.iter().map(config).collect();
    json!({ "resource": resource.to_string(), "configs": configs })
}
