//! `jackdaw cluster describe`.

use clap::Args;
use jackdaw_core::protocol::messages::describe_cluster::DescribeClusterResponse;
use serde_json::{Value, json};

use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

/// Show the brokers.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw cluster describe
  jackdaw cluster describe --bootstrap-server broker-2:9092 --format json")]
pub(crate) struct DescribeCluster {
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl DescribeCluster {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let cluster = self.cluster.client()?.describe_cluster()?;
        match self.output.format {
            Format::Json => output::print_json(&to_json(&cluster)),
            Format::Text => output::print(&to_text(&cluster)),
        }
    }
}

fn to_text(cluster: &DescribeClusterResponse) -> String {
    let mut table = Table::new(&[
        ("BROKER", Align::Right),
        ("ADDRESS", Align::Left),
        ("RACK", Align::Left),
        ("STATE", Align::Left),
    ]);
    for broker in &cluster.brokers {
        table.row([
            broker.broker_id.to_string(),
            format!("{}:{}", broker.host, broker.port),
            broker.rack.clone().unwrap_or_else(|| "-".to_owned()),
            if broker.is_fenced { "fenced" } else { "active" }.to_owned(),
        ]);
    }
    format!(
        "Cluster {}: {}. Requests for the controller go to broker {}.\n\n{}",
        cluster.cluster_id,
        output::count(cluster.brokers.len(), "broker"),
        cluster.controller_id,
        table.to_text()
    )
}

fn to_json(cluster: &DescribeClusterResponse) -> Value {
    let brokers = cluster.brokers.iter().map(|broker| {
        json!({
            "id": broker.broker_id,
            "host": broker.host,
            "port": broker.port,
            "rack": broker.rack,
            "fenced": broker.is_fenced,
        })
    });
    json!({
        "cluster_id": cluster.cluster_id,
        "controller_id": cluster.controller_id,
        "brokers": brokers.collect::<Vec<Value>>(),
    })
}
