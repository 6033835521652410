//! `jackdaw topic describe`.

use clap::Args;
use jackdaw_core::protocol::messages::describe_configs::DescribeConfigsResourceResult;
use serde_json::{Map, Value, json};

use super::TopicResult;
use crate::cli::client::Client;
use crate::cli::client::configs::{SOURCE_TOPIC, source_text};
use crate::cli::client::error::ClientError;
use crate::cli::client::metadata::{PartitionMetadata, TopicMetadata};
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

/// Show partitions, replicas and configuration of topics.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw topic describe orders
  jackdaw topic describe orders --all-configs
  jackdaw topic describe orders payments --format json")]
pub(crate) struct DescribeTopics {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// Every configuration in effect, not only those that were set for the topic
    #[arg(long)]
    all_configs: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

struct Description {
    topic: TopicMetadata,
    /// `None`: the broker does not serve DescribeConfigs.
    configs: Option<Vec<DescribeConfigsResourceResult>>,
}

impl DescribeTopics {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let results: Vec<TopicResult<Description>> = self
            .topics
            .iter()
            .map(|name| TopicResult { topic: name.clone(), result: self.ask(&mut client, name) })
            .collect();
        match self.output.format {
            Format::Json => {
                let topics: Vec<Value> = results.iter().map(to_json).collect();
                output::print_json(&Value::Array(topics))?;
            }
            Format::Text => {
                let found = results.iter().filter_map(|result| result.result.as_ref().ok());
                let texts: Vec<String> = found.map(to_text).collect();
                output::print(&texts.join("\n"))?;
            }
        }
        output::report_failures(results.into_iter().map(|result| result.result.map(|_| ())))
    }

    fn ask(&self, client: &mut Client, name: &str) -> Result<Description, ClientError> {
        let topic = client.topic(name, false)?;
        let mut configs = client.topic_configs(name)?;
        if let Some(configs) = &mut configs {
            configs.retain(|config| self.all_configs || config.config_source == SOURCE_TOPIC);
            configs.sort_by(|one, other| one.name.cmp(&other.name));
        }
        Ok(Description { topic, configs })
    }
}

fn ids(ids: &[i32]) -> String {
    if ids.is_empty() {
        return "-".to_owned();
    }
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn leader_text(partition: &PartitionMetadata) -> String {
    partition.leader.map_or("none".to_owned(), |leader| leader.to_string())
}

fn to_text(description: &Description) -> String {
    let Description { topic, configs } = description;
    let mut text = format!("Topic {}, {}", topic.name, output::count(topic.partitions.len(), "partition"));
    if !topic.id.is_zero() {
        text.push_str(&format!(", id {}", topic.id));
    }
    text.push_str(if topic.is_internal { ", internal\n\n" } else { "\n\n" });
    let mut table = Table::new(&[
        ("PARTITION", Align::Right),
        ("LEADER", Align::Right),
        ("EPOCH", Align::Right),
        ("REPLICAS", Align::Left),
        ("IN SYNC", Align::Left),
        ("OFFLINE", Align::Left),
    ]);
    for partition in &topic.partitions {
        table.row([
            partition.index.to_string(),
            leader_text(partition),
            partition.leader_epoch.to_string(),
            ids(&partition.replicas),
            ids(&partition.in_sync_replicas),
            ids(&partition.offline_replicas),
        ]);
    }
    text.push_str(&table.to_text());
    if let Some(configs) = configs.as_ref().filter(|configs| !configs.is_empty()) {
        let mut table =
            Table::new(&[("CONFIG", Align::Left), ("VALUE", Align::Left), ("SET BY", Align::Left)]);
        for config in configs {
            let value = if config.is_sensitive { "(hidden)" } else { config.value.as_deref().unwrap_or("-") };
            table.row([config.name.clone(), value.to_owned(), source_text(config.config_source).to_owned()]);
        }
        text.push('\n');
        text.push_str(&table.to_text());
    }
    text
}

fn to_json(result: &TopicResult<Description>) -> Value {
    let Description { topic, configs } = match &result.result {
        Ok(description) => description,
        Err(error) => return json!({ "name": result.topic, "error": error.to_string() }),
    };
    let partitions: Vec<Value> = topic
        .partitions
        .iter()
        .map(|partition| {
            json!({
                "partition": partition.index,
                "leader": partition.leader,
                "leader_epoch": partition.leader_epoch,
                "replicas": partition.replicas,
                "in_sync_replicas": partition.in_sync_replicas,
                "offline_replicas": partition.offline_replicas,
            })
        })
        .collect();
    let configs = configs.as_ref().map(|configs| {
        let config = |config: &DescribeConfigsResourceResult| {
            let value = json!({ "value": config.value, "source": source_text(config.config_source) });
            (config.name.clone(), value)
        };
        configs.iter().map(config).collect::<Map<String, Value>>()
    });
    json!({
        "name": topic.name,
        "id": (!topic.id.is_zero()).then(|| topic.id.to_string()),
        "internal": topic.is_internal,
        "partitions": partitions,
        "configs": configs,
    })
}

#[cfg(test)]
mod tests {
    use jackdaw_core::uuid::Uuid;

    use super::*;

    fn description() -> Description {
        let partition = |index, leader| PartitionMetadata {
            index,
            leader,
            leader_epoch: 3,
            replicas: vec![1, 2],
            in_sync_replicas: vec![1],
            offline_replicas: vec![],
        };
        Description {
            topic: TopicMetadata {
                name: "orders".to_owned(),
                id: Uuid::METADATA_TOPIC,
                is_internal: false,
                partitions: vec![partition(0, Some(1)), partition(1, None)],
            },
            configs: Some(vec![DescribeConfigsResourceResult {
                name: "retention.ms".to_owned(),
                value: Some("1000".to_owned()),
                config_source: SOURCE_TOPIC,
                ..Default::default()
            }]),
        }
    }

    #[test]
    fn a_topic_is_described_for_people() {
        assert_eq!(
            to_text(&description()),
            "\
Topic orders, 2 partitions, id AAAAAAAAAAAAAAAAAAAAAQ

PARTITION  LEADER  EPOCH  REPLICAS  IN SYNC  OFFLINE
        0       1      3  1,2       1        -
        1    none      3  1,2       1        -

CONFIG        VALUE  SET BY
retention.ms  1000   topic
"
        );
    }

    #[test]
    fn a_topic_is_described_for_programs() {
        let json = to_json(&TopicResult { topic: "orders".to_owned(), result: Ok(description()) });
        assert_eq!(json["partitions"][0]["leader"], 1);
        assert_eq!(json["partitions"][1]["leader"], Value::Null);
        assert_eq!(json["configs"]["retention.ms"]["value"], "1000");
        let unknown = ClientError::UnknownTopic("x".to_owned());
        let json = to_json(&TopicResult { topic: "x".to_owned(), result: Err(unknown) });
        assert_eq!(json, json!({ "name": "x", "error": "topic \"x\" does not exist" }));
    }
}
