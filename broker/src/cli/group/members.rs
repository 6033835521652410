//! `jackdaw group members`.

use clap::Args;
use serde_json::{Value, json};

use super::describe::{description_json, heading};
use super::{cell, text_cell};
use crate::cli::client::group::{Assignment, GroupDescription, GroupMember, GroupType};
use crate::cli::error::CommandError;
use crate::cli::options::{self, ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};
use crate::cli::selection::assignment_text;

/// Show a group's members and what is assigned to each.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw group members billing
  jackdaw group members billing --format json

INSTANCE is a static member's group.instance.id. In a group of the consumer protocol members have epochs,
and TARGET shows what a member shall have where that is not what it has.")]
pub(crate) struct Members {
    /// The group's name
    #[arg(value_parser = options::group_name)]
    group: String,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl Members {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let description = self.cluster.client()?.describe_group(&self.group)?;
        match self.output.format {
            Format::Json => output::print_json(&to_json(&description)),
            Format::Text => output::print(&to_text(&description)),
        }
    }
}

fn partition_count(assignment: &Assignment) -> usize {
    assignment.values().map(Vec::len).sum()
}

fn is_on_target(member: &GroupMember) -> bool {
    let held = |assignment: &Option<Assignment>| {
        let topics = assignment.iter().flatten().filter(|(_, partitions)| !partitions.is_empty());
        topics.map(|(topic, partitions)| (topic.clone(), partitions.clone())).collect::<Assignment>()
    };
    member.target.is_none() || held(&member.target) == held(&member.assignment)
}

fn to_text(description: &GroupDescription) -> String {
    let mut text = heading(description);
    text.push('\n');
    if description.members.is_empty() {
        text.push_str("It has no members.\n");
        return text;
    }
    let has_epochs = description.group_type == GroupType::Consumer;
    let has_targets = !description.members.iter().all(is_on_target);
    let mut columns = vec![
        ("MEMBER", Align::Left),
        ("INSTANCE", Align::Left),
        ("HOST", Align::Left),
        ("CLIENT ID", Align::Left),
    ];
    if has_epochs {
        columns.extend([("PROTOCOL", Align::Left), ("EPOCH", Align::Right)]);
    }
    columns.extend([("PARTITIONS", Align::Right), ("ASSIGNMENT", Align::Left)]);
    if has_targets {
        columns.push(("TARGET", Align::Left));
    }
    let mut table = Table::new(&columns);
    for member in &description.members {
        let mut cells = vec![
            member.member_id.clone(),
            cell(member.instance_id.as_ref()),
            text_cell(&member.host),
            text_cell(&member.client_id),
        ];
        if has_epochs {
            cells.extend([protocol(member).to_owned(), cell(member.epoch)]);
        }
        let assignment = member.assignment.as_ref();
        cells.extend([
            cell(assignment.map(partition_count)),
            assignment.map_or_else(|| "(not of a consumer)".to_owned(), assignment_text),
        ]);
        if has_targets {
            let target = if is_on_target(member) { None } else { member.target.as_ref() };
            cells.push(target.map_or_else(|| "(the same)".to_owned(), assignment_text));
        }
        table.row(cells);
    }
    text.push_str(&table.to_text());
    text
}

fn protocol(member: &GroupMember) -> &'static str {
    if member.is_classic { GroupType::Classic.name() } else { GroupType::Consumer.name() }
}

fn to_json(description: &GroupDescription) -> Value {
    let mut json = description_json(description);
    let member = |member: &GroupMember| {
        let protocol = match description.group_type {
            GroupType::Classic => GroupType::Classic.name(),
            GroupType::Consumer => protocol(member),
        };
        json!({
            "member": member.member_id,
            "instance": member.instance_id,
            "client_id": member.client_id,
            "host": member.host,
            "rack": member.rack,
            "protocol": protocol,
            "epoch": member.epoch,
            "subscribed_topics": member.topics,
            "subscribed_pattern": member.topic_pattern,
            "assignment": member.assignment,
            "target": member.target,
        })
    };
    json["members"] = Value::Array(description.members.iter().map(member).collect());
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::group::progress::tests as sample;

    #[test]
    fn members_of_a_classic_group_have_assignments() {
        let mut description = sample::description();
        description.members[0].instance_id = Some("i-1".to_owned());
        description.members[1].assignment = None;
        assert_eq!(
            to_text(&description),
            "\
Group billing, classic, Stable, 2 members, assignor range, coordinator 1 (127.0.0.1:9092)

MEMBER  INSTANCE  HOST      CLIENT ID  PARTITIONS  ASSIGNMENT
app-a   i-1       10.0.0.1  app                 1  orders:0
app-b   -         10.0.0.1  app                 -  (not of a consumer)
"
        );
    }

    #[test]
    fn members_of_the_consumer_protocol_have_epochs_and_targets_that_differ() {
        let text = to_text(&sample::reconciling());
        let table: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            table,
            [
                "MEMBER  INSTANCE  HOST      CLIENT ID  PROTOCOL  EPOCH  PARTITIONS  ASSIGNMENT  TARGET",
                "app-a   -         10.0.0.1  app        consumer      6           1  orders:0    orders:0-1",
                "app-b   -         10.0.0.1  app        consumer      5           1  orders:1    -",
            ]
        );
        let json = to_json(&sample::reconciling());
        assert_eq!(json["epoch"], 6);
        assert_eq!(json["members"][1]["epoch"], 5);
        assert_eq!(json["members"][1]["assignment"]["orders"], json!([1]));
    }

    #[test]
    fn a_group_without_members_says_so() {
        let mut description = sample::description();
        description.members.clear();
        assert!(to_text(&description).ends_with("It has no members.\n"));
        assert_eq!(to_json(&description)["members"], json!([]));
    }
}
