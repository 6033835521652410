//! `jackdaw quota describe`.

use clap::Args;
use serde_json::{Value, json};

use super::ENTITIES;
use crate::cli::client::quotas::{QuotaEntity, Quotas};
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

const EXAMPLES: &str = "Examples:
  jackdaw quota describe
  jackdaw quota describe client=billing
  jackdaw quota describe user= --format json";

/// Show the quotas there are.
#[derive(Args, Debug)]
#[command(after_help = format!("{ENTITIES}\n\n{EXAMPLES}"))]
pub(crate) struct DescribeQuotas {
    /// Only the quotas of this one, see below
    entity: Option<QuotaEntity>,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl DescribeQuotas {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let found = self.cluster.client()?.describe_quotas(self.entity.as_ref())?;
        if self.output.format == Format::Json {
            let one = |quotas: &Quotas| json!({ "entity": quotas.entity.parts(), "quotas": quotas.values });
            return output::print_json(&found.iter().map(one).collect::<Value>());
        }
        match (&self.entity, found.is_empty()) {
            (Some(entity), true) => output::print(&format!("{entity} has no quotas.\n")),
            (None, true) => output::print("Nobody has quotas.\n"),
            _ => output::print(&to_table(&found).to_text()),
        }
    }
}

fn to_table(found: &[Quotas]) -> Table {
    let mut table = Table::new(&[("ENTITY", Align::Left), ("QUOTA", Align::Left), ("VALUE", Align::Right)]);
    for quotas in found {
        for (key, value) in &quotas.values {
            table.row([quotas.entity.to_string(), key.clone(), value.to_string()]);
        }
    }
    table
}
