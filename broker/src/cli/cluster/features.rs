//! `jackdaw cluster features`.

use clap::Args;
use jackdaw_core::protocol::messages::api_versions::ApiVersionsResponse;
use serde_json::{Value, json};

use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

/// Show the levels of features, and which are supported.
#[derive(Args, Debug)]
#[command(
    after_help = "A level decides what the cluster writes and serves; 0 is off. `kafka-features` changes it.

Examples:
  jackdaw cluster features
  jackdaw cluster features --format json"
)]
pub(crate) struct DescribeFeatures {
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

/// A feature's level, and the levels that the broker supports.
struct Feature {
    name: String,
    level: i16,
    supported: Option<(i16, i16)>,
}

impl DescribeFeatures {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let answer = self.cluster.client()?.any()?.ask_api_versions()?;
        let features = features(&answer);
        match self.output.format {
            Format::Json => output::print_json(&to_json(&features, answer.finalized_features_epoch)),
            Format::Text => output::print(&to_table(&features).to_text()),
        }
    }
}

/// By name; those that are off are only among the supported ones.
fn features(answer: &ApiVersionsResponse) -> Vec<Feature> {
    let level = |name: &str| {
        answer.finalized_features.iter().find(|found| found.name == name).map(|found| found.max_version_level)
    };
    let supported = answer.supported_features.iter().map(|feature| Feature {
        name: feature.name.clone(),
        level: level(&feature.name).unwrap_or(0),
        supported: Some((feature.min_version, feature.max_version)),
    });
    let is_unsupported = |name: &str| answer.supported_features.iter().all(|other| other.name != name);
    let others = answer.finalized_features.iter().filter(|feature| is_unsupported(&feature.name));
    let others = others.map(|feature| Feature {
        name: feature.name.clone(),
        level: feature.max_version_level,
        supported: None,
    });
    let mut features: Vec<Feature> = supported.chain(others).collect();
    features.sort_by(|one, other| one.name.cmp(&other.name));
    features
}

fn to_table(features: &[Feature]) -> Table {
    let mut table =
        Table::new(&[("FEATURE", Align::Left), ("LEVEL", Align::Right), ("SUPPORTED", Align::Left)]);
    for feature in features {
        let supported = feature.supported.map_or("-".to_owned(), |(min, max)| format!("{min} to {max}"));
        table.row([feature.name.clone(), feature.level.to_string(), supported]);
    }
    table
}

fn to_json(features: &[Feature], epoch: i64) -> Value {
    let feature = |feature: &Feature| {
        json!({
            "name": feature.name,
            "level": feature.level,
            "supported_min": feature.supported.map(|(min, _)| min),
            "supported_max": feature.supported.map(|(_, max)| max),
        })
    };
    json!({ "epoch": epoch, "features": features.iter().map(feature).collect::<Vec<Value>>() })
}
