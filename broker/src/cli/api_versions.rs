//! `jackdaw api-versions`: what a broker serves.

use clap::Args;
use jackdaw_core::protocol::ApiKey;
use jackdaw_core::protocol::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use serde_json::{Value, json};

use super::error::CommandError;
use super::options::{ClusterOptions, Format, FormatOptions};
use super::output;
use super::output::table::{Align, Table};

/// Show which requests a broker serves, in which versions.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw api-versions
  jackdaw api-versions --bootstrap-server broker-2:9092 --format json")]
pub(crate) struct ApiVersions {
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl ApiVersions {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let connection = client.any()?;
        let address = connection.address().to_string();
        let mut answer = connection.ask_api_versions()?;
        answer.api_keys.sort_by_key(|api| api.api_key);
        match self.output.format {
            Format::Json => output::print_json(&to_json(&address, &answer)),
            Format::Text => output::print(&to_text(&address, &answer)),
        }
    }
}

fn name(api: &ApiVersion) -> &'static str {
    ApiKey::from_code(api.api_key).map_or("?", |key| key.info().name)
}

/// The highest version that this client speaks, too.
fn used(api: &ApiVersion) -> Option<i16> {
    let info = ApiKey::from_code(api.api_key)?.info();
    let version = api.max_version.min(info.stable_max_version);
    (version >= api.min_version.max(info.min_version)).then_some(version)
}

fn to_text(address: &str, answer: &ApiVersionsResponse) -> String {
    let mut table = Table::new(&[
        ("KEY", Align::Right),
        ("API", Align::Left),
        ("VERSIONS", Align::Left),
        ("USED BY US", Align::Right),
    ]);
    for api in &answer.api_keys {
        table.row([
            api.api_key.to_string(),
            name(api).to_owned(),
            format!("{} to {}", api.min_version, api.max_version),
            used(api).map_or("-".to_owned(), |version| version.to_string()),
        ]);
    }
    let mut text =
        format!("{address} serves {}.\n\n{}", output::count(answer.api_keys.len(), "API"), table.to_text());
    if !answer.finalized_features.is_empty() {
        let mut table =
            Table::new(&[("FEATURE", Align::Left), ("LEVEL", Align::Right), ("SUPPORTED", Align::Left)]);
        for feature in &answer.finalized_features {
            let supported = answer.supported_features.iter().find(|supported| supported.name == feature.name);
            table.row([
                feature.name.clone(),
                feature.max_version_level.to_string(),
                supported.map_or("-".to_owned(), |s| format!("{} to {}", s.min_version, s.max_version)),
            ]);
        }
        text.push('\n');
        text.push_str(&table.to_text());
    }
    text
}

fn to_json(address: &str, answer: &ApiVersionsResponse) -> Value {
    let apis: Vec<Value> = answer
        .api_keys
        .iter()
        .map(|api| {
            json!({
                "key": api.api_key,
                "name": ApiKey::from_code(api.api_key).map(|key| key.info().name),
                "min_version": api.min_version,
                "max_version": api.max_version,
                "used_version": used(api),
            })
        })
        .collect();
    let features: Vec<Value> = answer
        .finalized_features
        .iter()
        .map(|feature| json!({ "name": feature.name, "level": feature.max_version_level }))
        .collect();
    json!({ "broker": address, "apis": apis, "finalized_features": features })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apis_are_named_with_the_version_in_use() {
        let version = |api_key, min_version, max_version| ApiVersion { api_key, min_version, max_version };
        let answer = ApiVersionsResponse {
            api_keys: vec![version(0, 0, 99), version(1, 0, 2), version(999, 0, 0)],
            ..Default::default()
        };
        let json = to_json("b:1", &answer);
        assert_eq!(json["apis"][0]["name"], "Produce");
        assert_eq!(json["apis"][0]["used_version"], 13);
        assert_eq!(json["apis"][1]["used_version"], Value::Null);
        assert_eq!(json["apis"][2]["name"], Value::Null);
        assert!(
            to_text("b:1", &answer).contains("  0  Produce  0 to 99           13\n"),
            "{}",
            to_text("b:1", &answer)
        );
    }
}
