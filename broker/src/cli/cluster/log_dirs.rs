//! `jackdaw cluster log-dirs`.

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::describe_log_dirs::DescribeLogDirsResult;
use serde_json::{Value, json};

use crate::cli::client::error::ClientError;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::size_text;
use crate::cli::output::table::{Align, Table};

/// Show the log directories, and what lies in them.
#[derive(Args, Debug)]
#[command(after_help = "TOTAL and USABLE are those of the file system, where the broker tells them.

Examples:
  jackdaw cluster log-dirs
  jackdaw cluster log-dirs --partitions
  jackdaw cluster log-dirs --broker 1 --format json")]
pub(crate) struct DescribeLogDirs {
    /// Only the directories of this broker; may be repeated
    #[arg(long, value_name = "ID")]
    broker: Vec<i32>,

    /// Each partition with its size
    #[arg(long)]
    partitions: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

/// A directory and whose it is.
type Found = (i32, DescribeLogDirsResult);

impl DescribeLogDirs {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        client.refresh_nodes()?;
        let all = client.metadata.node_ids();
        if let Some(id) = self.broker.iter().find(|&id| !all.contains(id)) {
            return Err(ClientError::Missing {
                what: format!("there is no broker {id}; there are {all:?}"),
                advice: "`jackdaw cluster describe` shows the brokers.",
            }
            .into());
        }
        let mut found: Vec<Found> = Vec::new();
        for id in all.into_iter().filter(|id| self.broker.is_empty() || self.broker.contains(id)) {
            found.extend(client.describe_log_dirs(id)?.into_iter().map(|dir| (id, dir)));
        }
        match self.output.format {
            Format::Json => output::print_json(&found.iter().map(to_json).collect::<Value>()),
            Format::Text if self.partitions => output::print(&partitions(&found).to_text()),
            Format::Text => output::print(&directories(&found).to_text()),
        }
    }
}

fn directories(found: &[Found]) -> Table {
    let mut table = Table::new(&[
        ("BROKER", Align::Right),
        ("DIRECTORY", Align::Left),
        ("PARTITIONS", Align::Right),
        ("SIZE", Align::Right),
        ("TOTAL", Align::Right),
        ("USABLE", Align::Right),
        ("STATE", Align::Left),
    ]);
    for (broker, dir) in found {
        let partitions = || dir.topics.iter().flat_map(|topic| &topic.partitions);
        table.row([
            broker.to_string(),
            dir.log_dir.clone(),
            partitions().count().to_string(),
            size_text(partitions().map(|partition| partition.partition_size as f64).sum()),
            known_size(dir.total_bytes),
            known_size(dir.usable_bytes),
            state(dir),
        ]);
    }
    table
}

fn state(dir: &DescribeLogDirsResult) -> String {
    match ErrorCode::from_i16(dir.error_code) {
        ErrorCode::None if dir.is_cordoned => "cordoned".to_owned(),
        ErrorCode::None => "online".to_owned(),
        error => error.to_string(),
    }
}

fn partitions(found: &[Found]) -> Table {
    let mut table = Table::new(&[
        ("BROKER", Align::Right),
        ("TOPIC", Align::Left),
        ("PARTITION", Align::Right),
        ("SIZE", Align::Right),
        ("LAG", Align::Right),
        ("DIRECTORY", Align::Left),
    ]);
    for (broker, dir) in found {
        for topic in &dir.topics {
            for partition in &topic.partitions {
                table.row([
                    broker.to_string(),
                    topic.name.clone(),
                    partition.partition_index.to_string(),
                    size_text(partition.partition_size as f64),
                    partition.offset_lag.to_string(),
                    dir.log_dir.clone(),
                ]);
            }
        }
    }
    table
}

fn known_size(bytes: i64) -> String {
    if bytes < 0 { "-".to_owned() } else { size_text(bytes as f64) }
}

fn to_json((broker, dir): &Found) -> Value {
    let partition = |topic: &str, partition: &_| {
        let partition: &jackdaw_core::protocol::messages::describe_log_dirs::DescribeLogDirsPartition =
            partition;
        json!({
            "topic": topic,
            "partition": partition.partition_index,
            "size_bytes": partition.partition_size,
            "offset_lag": partition.offset_lag,
            "future": partition.is_future_key,
        })
    };
    let partitions = dir
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(move |found| partition(&topic.name, found)));
    json!({
        "broker": broker,
        "directory": dir.log_dir,
        "error": (dir.error_code != 0).then(|| ErrorCode::from_i16(dir.error_code).to_string()),
        "total_bytes": (dir.total_bytes >= 0).then_some(dir.total_bytes),
        "usable_bytes": (dir.usable_bytes >= 0).then_some(dir.usable_bytes),
        "cordoned": dir.is_cordoned,
        "partitions": partitions.collect::<Vec<Value>>(),
    })
}
