//! `jackdaw cluster quorum`.

use clap::Args;
use jackdaw_core::protocol::messages::describe_quorum::{
    DescribeQuorumResponsePartitionData as Quorum, ReplicaState,
};
use serde_json::{Value, json};

use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};
use crate::utc;

/// Show who keeps the metadata, and how far everybody is.
#[derive(Args, Debug)]
#[command(after_help = "LAG counts the records of the metadata log that a node has not fetched yet.

Examples:
  jackdaw cluster quorum
  jackdaw cluster quorum --format json")]
pub(crate) struct DescribeQuorum {
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl DescribeQuorum {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let quorum = self.cluster.client()?.describe_quorum()?;
        match self.output.format {
            Format::Json => output::print_json(&to_json(&quorum)),
            Format::Text => output::print(&to_text(&quorum)),
        }
    }
}

/// The nodes in order, each with its role.
fn nodes(quorum: &Quorum) -> Vec<(&ReplicaState, &'static str)> {
    let role = |voter: &ReplicaState| {
        if voter.replica_id == quorum.leader_id { "leader" } else { "follower" }
    };
    let voters = quorum.current_voters.iter().map(|voter| (voter, role(voter)));
    let observers = quorum.observers.iter().map(|observer| (observer, "observer"));
    let mut nodes: Vec<_> = voters.chain(observers).collect();
    nodes.sort_by_key(|(node, role)| (*role == "observer", node.replica_id));
    nodes
}

/// Behind the leader; `None` where the log's end is not known.
fn lag(quorum: &Quorum, node: &ReplicaState) -> Option<i64> {
    let leader = quorum.current_voters.iter().find(|voter| voter.replica_id == quorum.leader_id)?;
    let is_known = leader.log_end_offset >= 0 && node.log_end_offset >= 0;
    is_known.then(|| (leader.log_end_offset - node.log_end_offset).max(0))
}

fn to_text(quorum: &Quorum) -> String {
    let mut table = Table::new(&[
        ("NODE", Align::Right),
        ("ROLE", Align::Left),
        ("LOG END", Align::Right),
        ("LAG", Align::Right),
        ("CAUGHT UP", Align::Left),
        ("DIRECTORY", Align::Left),
    ]);
    let or_dash = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
    for (node, role) in nodes(quorum) {
        let caught_up = (node.last_caught_up_timestamp >= 0).then_some(node.last_caught_up_timestamp);
        table.row([
            node.replica_id.to_string(),
            role.to_owned(),
            or_dash((node.log_end_offset >= 0).then_some(node.log_end_offset)),
            or_dash(lag(quorum, node)),
            caught_up.map_or("-".to_owned(), utc::to_text),
            if node.replica_directory_id.is_zero() {
                "-".to_owned()
            } else {
                node.replica_directory_id.to_string()
            },
        ]);
    }
    format!(
        "Node {} leads in epoch {}; records below {} are committed.\n\n{}",
        quorum.leader_id,
        quorum.leader_epoch,
        quorum.high_watermark,
        table.to_text()
    )
}

fn to_json(quorum: &Quorum) -> Value {
    let node = |(node, role): (&ReplicaState, &str)| {
        json!({
            "id": node.replica_id,
            "role": role,
            "directory": node.replica_directory_id.to_string(),
            "log_end_offset": node.log_end_offset,
            "lag": lag(quorum, node),
            "last_fetch_timestamp": node.last_fetch_timestamp,
            "last_caught_up_timestamp": node.last_caught_up_timestamp,
        })
    };
    json!({
        "leader_id": quorum.leader_id,
        "leader_epoch": quorum.leader_epoch,
        "high_watermark": quorum.high_watermark,
        "nodes": nodes(quorum).into_iter().map(node).collect::<Vec<Value>>(),
    })
}
