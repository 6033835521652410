//! `jackdaw group describe`.

use clap::Args;
use serde_json::{Value, json};

use super::cell;
use super::progress::Progress;
use crate::cli::client::error::ClientError;
use crate::cli::client::group::{Coordinator, GroupDescription};
use crate::cli::error::CommandError;
use crate::cli::options::{self, ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

/// Show a group's state, and where it stands in each partition.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw group describe billing
  jackdaw group describe billing shipping --format json

COMMITTED is the next offset that the group reads; LAG is from there to the log's end.")]
pub(crate) struct DescribeGroups {
    /// The groups' names
    #[arg(required = true, value_name = "GROUP", value_parser = options::group_name)]
    groups: Vec<String>,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl DescribeGroups {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let results: Vec<(&String, Result<Progress, ClientError>)> =
            self.groups.iter().map(|group| (group, Progress::ask(&mut client, group))).collect();
        match self.output.format {
            Format::Json => {
                let groups = results.iter().map(|(group, result)| to_json(group, result));
                output::print_json(&Value::Array(groups.collect()))?;
            }
            Format::Text => {
                let found = results.iter().filter_map(|(_, result)| result.as_ref().ok());
                let texts: Vec<String> = found.map(to_text).collect();
                output::print(&texts.join("\n"))?;
            }
        }
        output::report_failures(results.into_iter().map(|(_, result)| result.map(drop)))
    }
}

/// One line: what the group is.
pub(super) fn heading(description: &GroupDescription) -> String {
    let mut parts = vec![
        format!("Group {}", description.group),
        description.group_type.name().to_owned(),
        description.state.clone(),
        output::count(description.members.len(), "member"),
    ];
    if !matches!(description.protocol_type.as_str(), "" | "consumer") {
        parts.push(format!("protocol type {}", description.protocol_type));
    }
    parts.extend(description.assignor.as_ref().map(|assignor| format!("assignor {assignor}")));
    if let Some(epochs) = description.epochs {
        parts.push(format!("epoch {}", epochs.group));
        if epochs.assignment != epochs.group {
            parts.push(format!("assignment epoch {}", epochs.assignment));
        }
    }
    let Coordinator { node_id, address } = &description.coordinator;
    parts.push(match address {
        Some(address) => format!("coordinator {node_id} ({address})"),
        None => format!("coordinator {node_id}"),
    });
    parts.join(", ") + "\n"
}

fn to_text(progress: &Progress) -> String {
    let Progress { description, partitions } = progress;
    let mut text = heading(description);
    text.push('\n');
    if partitions.is_empty() {
        text.push_str("It has committed no offsets and owns no partitions.\n");
        return text;
    }
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("PARTITION", Align::Right),
        ("COMMITTED", Align::Right),
        ("LOG START", Align::Right),
        ("LOG END", Align::Right),
        ("LAG", Align::Right),
        ("MEMBER", Align::Left),
        ("HOST", Align::Left),
        ("CLIENT ID", Align::Left),
    ]);
    for partition in partitions {
        let member = partition.member(description);
        table.row([
            partition.partition.topic.clone(),
            partition.partition.partition.to_string(),
            cell(partition.committed_offset()),
            cell(partition.log_start),
            cell(partition.log_end),
            cell(partition.lag()),
            cell(member.map(|member| &member.member_id)),
            cell(member.map(|member| &member.host)),
            cell(member.map(|member| &member.client_id)),
        ]);
    }
    text.push_str(&table.to_text());
    text.push('\n');
    text.push_str(&progress.sum().to_text());
    text.push_str(&progress.notes());
    text
}

/// What a group is, without its members.
pub(super) fn description_json(description: &GroupDescription) -> Value {
    let Coordinator { node_id, address } = &description.coordinator;
    json!({
        "group": description.group,
        "type": description.group_type.name(),
        "state": description.state,
        "protocol_type": description.protocol_type,
        "assignor": description.assignor,
        "epoch": description.epochs.map(|epochs| epochs.group),
        "assignment_epoch": description.epochs.map(|epochs| epochs.assignment),
        "coordinator": {
            "id": node_id,
            "host": address.as_ref().map(|address| &address.host),
            "port": address.as_ref().map(|address| address.port),
        },
        "member_count": description.members.len(),
    })
}

fn to_json(group: &str, result: &Result<Progress, ClientError>) -> Value {
    let progress = match result {
        Ok(progress) => progress,
        Err(error) => return json!({ "group": group, "error": error.to_string() }),
    };
    let mut json = description_json(&progress.description);
    let sum = progress.sum();
    let partitions: Vec<Value> = progress
        .partitions
        .iter()
        .map(|partition| {
            let mut json = partition.to_json();
            let member = partition.member(&progress.description);
            json["member"] = json!(member.map(|member| &member.member_id));
            json["instance"] = json!(member.and_then(|member| member.instance_id.as_ref()));
            json["host"] = json!(member.map(|member| &member.host));
            json["client_id"] = json!(member.map(|member| &member.client_id));
            json
        })
        .collect();
    json["partitions"] = Value::Array(partitions);
    json["total_lag"] = json!(sum.total);
    json["max_lag"] = json!(sum.max);
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::group::progress::tests as sample;

    #[test]
    fn a_group_is_described_for_people() {
        assert_eq!(
            to_text(&sample::progress()),
            "\
Group billing, classic, Stable, 2 members, assignor range, coordinator 1 (127.0.0.1:9092)

TOPIC   PARTITION  COMMITTED  LOG START  LOG END  LAG  MEMBER  HOST      CLIENT ID
orders          0         10          5      100   90  app-a   10.0.0.1  app
orders          1          -          0        7    -  app-b   10.0.0.1  app
orders          2         20          0       15   -5  -       -         -
orders          3          9          -        -    -  -       -         -

Total lag 90, largest 90. The lag of 2 partitions is not known.
The offsets of orders:3 are not known: it does not exist (any more).
"
        );
        let empty = Progress { description: sample::reconciling(), partitions: Vec::new() };
        assert_eq!(
            to_text(&empty),
            "\
Group billing, consumer, Reconciling, 2 members, assignor range, epoch 6, coordinator 1 (127.0.0.1:9092)

It has committed no offsets and owns no partitions.
"
        );
    }

    #[test]
    fn a_group_is_described_for_programs() {
        let json = to_json("billing", &Ok(sample::progress()));
        assert_eq!(json["state"], "Stable");
        assert_eq!(json["epoch"], Value::Null);
        assert_eq!(json["coordinator"]["port"], 9092);
        assert_eq!(json["partitions"][0]["lag"], 90);
        assert_eq!(json["partitions"][0]["member"], "app-a");
        assert_eq!(json["partitions"][1]["committed"], Value::Null);
        assert_eq!(json["partitions"][3]["error"], "UNKNOWN_TOPIC_OR_PARTITION");
        assert_eq!(json["total_lag"], 90);
        let json = to_json("x", &Err(ClientError::UnknownGroup("x".to_owned())));
        assert_eq!(json, json!({ "group": "x", "error": "group \"x\" does not exist" }));
    }
}
