//! `jackdaw quota unset`.

use clap::Args;

use super::{ENTITIES, apply};
use crate::cli::client::error::ClientError;
use crate::cli::client::quotas::QuotaEntity;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, FormatOptions};

const EXAMPLES: &str = "Examples:
  jackdaw quota unset client=billing producer_byte_rate
  jackdaw quota unset user=          all that it has";

/// Take quotas away.
#[derive(Args, Debug)]
#[command(after_help = format!("{ENTITIES}\n\n{EXAMPLES}"))]
pub(crate) struct UnsetQuotas {
    /// Whom they bind, see below
    entity: QuotaEntity,

    /// The quotas; all of them where none is named
    #[arg(value_name = "KEY")]
    quotas: Vec<String>,

    /// Check everything, change nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl UnsetQuotas {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let found = client.describe_quotas(Some(&self.entity))?;
        let there: Vec<String> = found.into_iter().flat_map(|quotas| quotas.values.into_keys()).collect();
        let missing = self.quotas.iter().find(|&key| !there.contains(key));
        if there.is_empty() || missing.is_some() {
            let what = match missing {
                Some(key) => format!("{} has no quota {key}", self.entity),
                None => format!("{} has no quotas", self.entity),
            };
            let advice = "`jackdaw quota describe` shows the quotas there are.";
            return Err(ClientError::Missing { what, advice }.into());
        }
        let keys = if self.quotas.is_empty() { there } else { self.quotas };
        let changes: Vec<_> = keys.into_iter().map(|key| (key, None)).collect();
        apply(&mut client, &self.entity, &changes, self.validate_only, self.output.format)
    }
}
