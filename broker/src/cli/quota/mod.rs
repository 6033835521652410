//! `jackdaw quota`: describe, set, unset.

mod describe;
mod set;
mod unset;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Client;
use super::client::quotas::QuotaEntity;
use super::error::CommandError;
use super::options::Format;
use super::output;

/// Limit what users, clients and addresses take.
#[derive(Subcommand, Debug)]
pub(crate) enum QuotaCommand {
    /// Show the quotas there are
    Describe(describe::DescribeQuotas),
    /// Set quotas
    Set(set::SetQuotas),
    /// Take quotas away
    Unset(unset::UnsetQuotas),
}

impl QuotaCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Describe(command) => command.run(),
            Self::Set(command) => command.run(),
            Self::Unset(command) => command.run(),
        }
    }
}

/// What the commands call things by.
const ENTITIES: &str = "\
Whom a quota binds:
  user=NAME              a user; ANONYMOUS is whoever does not say who he is
  client=NAME            a client id
  user=NAME,client=NAME  a client id of a user
  ip=ADDRESS             an address
  Without a name (user= or client= or ip=) each one that has no quota of his own.
  The most particular quota binds, each key on its own.

Quotas:
  producer_byte_rate        bytes a second produced through one broker
  consumer_byte_rate        bytes a second fetched through one broker
  request_percentage        of a core's time that requests may take
  controller_mutation_rate  partitions a second made or deleted
  connection_creation_rate  connections a second, of addresses";

/// Does the changes, or only checks them, and tells.
fn apply(
    client: &mut Client,
    entity: &QuotaEntity,
    changes: &[(String, Option<f64>)],
    validate_only: bool,
    format: Format,
) -> Result<(), CommandError> {
    client.alter_quotas(entity, changes, validate_only)?;
    if format == Format::Json {
        let document: Value = json!({ "entity": entity.parts(), "changed": !validate_only });
        return output::print_json(&document);
    }
    if validate_only {
        return output::print(&format!("The quotas of {entity} could be changed so.\n"));
    }
    let told = |(key, value): &(String, Option<f64>)| match value {
        Some(value) => format!("{entity}: {key} is {value} now.\n"),
        None => format!("{entity}: {key} is not set now.\n"),
    };
    output::print(&changes.iter().map(told).collect::<String>())
}
