//! `jackdaw topic delete`.

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::delete_topics::DeletableTopicResult;
use serde_json::{Value, json};

use crate::cli::client::error::ClientError;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;

/// The topics that brokers make for themselves.
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// Delete topics and all their records.
#[derive(Args, Debug)]
#[command(after_help = "Deleting cannot be undone.

Examples:
  jackdaw topic delete orders
  jackdaw topic delete orders payments --if-exists")]
pub(crate) struct DeleteTopics {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// Topics that do not exist are no error
    #[arg(long)]
    if_exists: bool,

    /// Also topics of the broker's own: with __consumer_offsets go the offsets of all groups
    #[arg(long)]
    internal: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl DeleteTopics {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        if let Some(topic) =
            self.topics.iter().find(|topic| !self.internal && INTERNAL.contains(&topic.as_str()))
        {
            return Err(CommandError::Failed {
                what: format!("{topic} is the broker's own topic"),
                advice: "Nothing was deleted. --internal deletes it, and what it holds of all groups or transactions.",
            });
        }
        let results = self.cluster.client()?.delete_topics(&self.topics)?;
        if self.output.format == Format::Json {
            let topics: Vec<Value> = results.iter().map(to_json).collect();
            output::print_json(&json!({ "topics": topics }))?;
        }
        for result in results.iter().filter(|_| self.output.format == Format::Text) {
            let name = result.name.as_deref().unwrap_or_default();
            match ErrorCode::from_i16(result.error_code) {
                ErrorCode::None => output::print(&format!("Deleted topic {name}.\n"))?,
                _ if self.is_well(result) => output::print(&format!("Topic {name} does not exist.\n"))?,
                _ => {}
            }
        }
        output::report_failures(
            results.iter().map(|result| if self.is_well(result) { Ok(()) } else { Err(failure(result)) }),
        )
    }

    fn is_well(&self, result: &DeletableTopicResult) -> bool {
        match ErrorCode::from_i16(result.error_code) {
            ErrorCode::None => true,
            ErrorCode::UnknownTopicOrPartition => self.if_exists,
            _ => false,
        }
    }
}

fn failure(result: &DeletableTopicResult) -> ClientError {
    let name = result.name.clone().unwrap_or_default();
    match ErrorCode::from_i16(result.error_code) {
        ErrorCode::UnknownTopicOrPartition => ClientError::NothingToDelete(name),
        _ => {
            let what = format!("cannot delete topic {name:?}");
            ClientError::broker(what, result.error_code, result.error_message.clone())
        }
    }
}

fn to_json(result: &DeletableTopicResult) -> Value {
    json!({
        "name": result.name,
        "deleted": result.error_code == 0,
        "error": (result.error_code != 0).then(|| ErrorCode::from_i16(result.error_code).name()),
        "error_message": result.error_message,
    })
}
