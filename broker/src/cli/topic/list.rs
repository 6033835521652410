//! `jackdaw topic list`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::client::metadata::TopicMetadata;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

/// List the topics of a cluster.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw topic list
  jackdaw topic list --names | grep '^orders'
  jackdaw topic list --internal --format json")]
pub(crate) struct ListTopics {
    /// Internal topics, too (__consumer_offsets and the like)
    #[arg(long)]
    internal: bool,

    /// Names only, one a line
    #[arg(long, conflicts_with = "format")]
    names: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl ListTopics {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut topics = self.cluster.client()?.all_topics()?;
        topics.retain(|topic| self.internal || !topic.is_internal);
        match self.output.format {
            Format::Json => output::print_json(&to_json(&topics)),
            Format::Text if self.names => {
                output::print(&topics.iter().map(|topic| format!("{}\n", topic.name)).collect::<String>())
            }
            Format::Text if topics.is_empty() => {
                output::print("There are no topics. `jackdaw topic create NAME` creates one.\n")
            }
            Format::Text => output::print(&to_table(&topics).to_text()),
        }
    }
}

fn replication_factor(topic: &TopicMetadata) -> usize {
    topic.partitions.first().map_or(0, |partition| partition.replicas.len())
}

/// What keeps a topic from being whole, in one or two words.
fn state(topic: &TopicMetadata) -> &'static str {
    if topic.partitions.iter().any(|partition| partition.leader.is_none()) {
        "offline"
    } else if topic.partitions.iter().any(|p| p.in_sync_replicas.len() < p.replicas.len()) {
        "under-replicated"
    } else {
        "ok"
    }
}

fn to_table(topics: &[TopicMetadata]) -> Table {
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("PARTITIONS", Align::Right),
        ("REPLICAS", Align::Right),
        ("STATE", Align::Left),
        ("ID", Align::Left),
    ]);
    for topic in topics {
        table.row([
            topic.name.clone(),
            topic.partitions.len().to_string(),
            replication_factor(topic).to_string(),
            state(topic).to_owned(),
            if topic.id.is_zero() { "-".to_owned() } else { topic.id.to_string() },
        ]);
    }
    table
}

fn to_json(topics: &[TopicMetadata]) -> Value {
    let topic = |topic: &TopicMetadata| {
        json!({
            "name": topic.name,
            "id": (!topic.id.is_zero()).then(|| topic.id.to_string()),
            "internal": topic.is_internal,
            "partitions": topic.partitions.len(),
            "replication_factor": replication_factor(topic),
            "state": state(topic),
        })
    };
    Value::Array(topics.iter().map(topic).collect())
}
