//! `jackdaw quota set`.

use clap::Args;

use super::{ENTITIES, apply};
use crate::cli::client::quotas::QuotaEntity;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, FormatOptions, key_value};

const EXAMPLES: &str = "Examples:
  jackdaw quota set client=billing producer_byte_rate=1048576
  jackdaw quota set user= producer_byte_rate=1048576 consumer_byte_rate=4194304
  jackdaw quota set user=ann,client= request_percentage=50
  jackdaw quota set ip= connection_creation_rate=10 --validate-only";

/// Set quotas.
#[derive(Args, Debug)]
#[command(after_help = format!("All changes are done, or none.\n\n{ENTITIES}\n\n{EXAMPLES}"))]
pub(crate) struct SetQuotas {
    /// Whom they bind, see below
    entity: QuotaEntity,

    /// Quotas and their new values
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_number)]
    quotas: Vec<(String, f64)>,

    /// Check everything, change nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl SetQuotas {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let changes: Vec<_> = self.quotas.into_iter().map(|(key, value)| (key, Some(value))).collect();
        let mut client = self.cluster.client()?;
        apply(&mut client, &self.entity, &changes, self.validate_only, self.output.format)
    }
}

fn key_number(text: &str) -> Result<(String, f64), String> {
    let (key, value) = key_value(text)?;
    let value = value.parse().map_err(|_| "write KEY=VALUE with a number for a value".to_owned())?;
    Ok((key, value))
}
