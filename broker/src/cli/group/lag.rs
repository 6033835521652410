//! `jackdaw group lag`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::{Value, json};

use super::cell;
use super::progress::{PartitionProgress, Progress, owners};
use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::group::{CommittedOffset, ListedGroup};
use crate::cli::client::offsets::{Isolation, LATEST};
use crate::cli::client::positions::{Positions, TopicPartition};
use crate::cli::error::CommandError;
use crate::cli::options::{self, ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

/// The state of a group that has no members.
const STATE_EMPTY: &str = "Empty";

/// Show how far groups are behind.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw group lag                              every group, one a line
  jackdaw group lag billing                      one group, a partition a line
  jackdaw group lag --format json | jq '.[] | select(.max_lag > 1000) | .group'

Lag is the number of records between the committed offset and the log's end.")]
pub(crate) struct Lag {
    /// Only this group, a partition a line
    #[arg(value_parser = options::group_name)]
    group: Option<String>,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl Lag {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        match &self.group {
            Some(group) => self.show_group(&Progress::ask(&mut client, group)?),
            None => self.show_all(&mut client),
        }
    }

    fn show_group(&self, progress: &Progress) -> Result<(), CommandError> {
        match self.output.format {
            Format::Json => output::print_json(&group_json(progress)),
            Format::Text => output::print(&group_text(progress)),
        }
    }

    fn show_all(&self, client: &mut Client) -> Result<(), CommandError> {
        let mut listing = client.list_groups()?;
        listing.groups.retain(ListedGroup::is_of_consumers);
        let (groups, failures) = ask_all(client, listing.groups)?;
        match self.output.format {
            Format::Json => output::print_json(&all_json(&groups))?,
            Format::Text if groups.is_empty() => output::print("There are no groups of consumers.\n")?,
            Format::Text => output::print(&all_text(&groups))?,
        }
        output::report_failures(listing.failures.into_iter().chain(failures).map(Err))
    }
}

/// A group's lag as a whole.
#[derive(Debug)]
struct GroupLag {
    group: ListedGroup,
    topic_count: usize,
    /// Those with a committed offset and those that a member has.
    partition_count: usize,
    /// Those whose lag is not known: nothing committed, or no end told.
    unknown_count: usize,
    total: i64,
    max: i64,
}

/// The ends of all logs are asked for at once, however many groups read them.
fn ask_all(
    client: &mut Client,
    groups: Vec<ListedGroup>,
) -> Result<(Vec<GroupLag>, Vec<ClientError>), ClientError> {
    let mut failures = Vec::new();
    let mut with_offsets = Vec::new();
    for group in groups {
        let asked = assigned(client, &group)
            .and_then(|assigned| Ok((assigned, client.committed_offsets(&group.group)?)));
        match asked {
            Ok((assigned, offsets)) => with_offsets.push((group, assigned, offsets)),
            Err(ClientError::Interrupted) => return Err(ClientError::Interrupted),
            Err(error) => failures.push(error),
        }
    }
    let names: BTreeSet<TopicPartition> =
        with_offsets.iter().flat_map(|(_, _, offsets)| offsets.keys().cloned()).collect();
    let ends = client.positions(&names, LATEST, Isolation::ReadUncommitted)?;
    let lag = |(group, assigned, offsets)| group_lag(group, &assigned, &offsets, &ends);
    Ok((with_offsets.into_iter().map(lag).collect(), failures))
}

/// The partitions that the group's members have. A group that is known to have no members is not asked.
fn assigned(client: &mut Client, group: &ListedGroup) -> Result<BTreeSet<TopicPartition>, ClientError> {
    if group.state.as_deref() == Some(STATE_EMPTY) {
        return Ok(BTreeSet::new());
    }
    match client.describe_group(&group.group) {
        Ok(description) => Ok(owners(&description).into_keys().collect()),
        // It ended since it was listed.
        Err(ClientError::UnknownGroup(_)) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

fn group_lag(
    group: ListedGroup,
    assigned: &BTreeSet<TopicPartition>,
    offsets: &BTreeMap<TopicPartition, CommittedOffset>,
    ends: &Positions,
) -> GroupLag {
    let without_offset = || assigned.iter().filter(|partition| !offsets.contains_key(*partition));
    let partitions = offsets.keys().chain(without_offset());
    let topics: BTreeSet<&str> = partitions.map(|partition| partition.topic.as_str()).collect();
    let unknown_count = without_offset().count();
    let mut lag = GroupLag {
        group,
        topic_count: topics.len(),
        partition_count: offsets.len() + unknown_count,
        unknown_count,
        total: 0,
        max: 0,
    };
    for (partition, committed) in offsets {
        match ends.get(partition) {
            Some(Ok(Some(end))) => {
                let of_partition = end.saturating_sub(committed.offset).max(0);
                lag.total = lag.total.saturating_add(of_partition);
                lag.max = lag.max.max(of_partition);
            }
            _ => lag.unknown_count += 1,
        }
    }
    lag
}

fn all_text(groups: &[GroupLag]) -> String {
    let mut table = Table::new(&[
        ("GROUP", Align::Left),
        ("STATE", Align::Left),
        ("TOPICS", Align::Right),
        ("PARTITIONS", Align::Right),
        ("TOTAL LAG", Align::Right),
        ("LARGEST LAG", Align::Right),
    ]);
    for lag in groups {
        table.row([
            lag.group.group.clone(),
            cell(lag.group.state.as_ref()),
            lag.topic_count.to_string(),
            lag.partition_count.to_string(),
            lag.total.to_string(),
            lag.max.to_string(),
        ]);
    }
    let mut text = table.to_text();
    let unknown: usize = groups.iter().map(|lag| lag.unknown_count).sum();
    if unknown > 0 {
        let count = output::count(unknown, "partition");
        text.push_str(&format!("\nWithout {count} whose lag is not known.\n"));
    }
    text
}

fn all_json(groups: &[GroupLag]) -> Value {
    let group = |lag: &GroupLag| {
        json!({
            "group": lag.group.group,
            "type": lag.group.group_type.as_ref().map(|group_type| group_type.to_lowercase()),
            "state": lag.group.state,
            "topic_count": lag.topic_count,
            "partition_count": lag.partition_count,
            "unknown_count": lag.unknown_count,
            "total_lag": lag.total,
            "max_lag": lag.max,
        })
    };
    Value::Array(groups.iter().map(group).collect())
}

fn group_text(progress: &Progress) -> String {
    if progress.partitions.is_empty() {
        return format!("Group {} has committed no offsets.\n", progress.description.group);
    }
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("PARTITION", Align::Right),
        ("COMMITTED", Align::Right),
        ("LOG END", Align::Right),
        ("LAG", Align::Right),
    ]);
    for partition in &progress.partitions {
        table.row([
            partition.partition.topic.clone(),
            partition.partition.partition.to_string(),
            cell(partition.committed_offset()),
            cell(partition.log_end),
            cell(partition.lag()),
        ]);
    }
    format!("{}\n{}{}", table.to_text(), progress.sum().to_text(), progress.notes())
}

fn group_json(progress: &Progress) -> Value {
    let sum = progress.sum();
    json!({
        "group": progress.description.group,
        "state": progress.description.state,
        "partitions": progress.partitions.iter().map(PartitionProgress::to_json).collect::<Vec<_>>(),
        "total_lag": sum.total,
        "max_lag": sum.max,
    })
}

#[cfg(test)]
mod tests {
    use jackdaw_core::error_code::ErrorCode;

    use super::*;
    use crate::cli::group::progress::tests as sample;

    fn lag_of(assigned: &[(&str, i32)], offsets: &[(&str, i32, i64)], ends: Positions) -> GroupLag {
        let group = ListedGroup {
            group: "billing".to_owned(),
            protocol_type: "consumer".to_owned(),
            state: Some("Empty".to_owned()),
            group_type: Some("Classic".to_owned()),
            coordinator: 1,
        };
        let committed = |offset| CommittedOffset { offset, leader_epoch: None, metadata: String::new() };
        let offsets = offsets.iter().map(|&(t, p, o)| (TopicPartition::new(t, p), committed(o))).collect();
        let assigned = assigned.iter().map(|&(t, p)| TopicPartition::new(t, p)).collect();
        group_lag(group, &assigned, &offsets, &ends)
    }

    #[test]
    fn a_groups_lag_is_summed_over_its_partitions() {
        let ends = Positions::from([
            (TopicPartition::new("a", 0), Ok(Some(100))),
            (TopicPartition::new("a", 1), Ok(Some(10))),
            (TopicPartition::new("b", 0), Err(ErrorCode::LeaderNotAvailable)),
        ]);
        let lag = lag_of(&[("a", 0), ("c", 0)], &[("a", 0, 40), ("a", 1, 12), ("b", 0, 3)], ends);
        assert_eq!((lag.total, lag.max), (60, 60), "an offset past the end is no lag");
        assert_eq!((lag.topic_count, lag.partition_count, lag.unknown_count), (3, 4, 2));
        assert_eq!(
            all_text(&[lag]),
            "\
GROUP    STATE  TOPICS  PARTITIONS  TOTAL LAG  LARGEST LAG
billing  Empty       3           4         60           60

Without 2 partitions whose lag is not known.
"
        );
    }

    #[test]
    fn one_group_shows_its_partitions() {
        assert_eq!(
            group_text(&sample::progress()),
            "\
TOPIC   PARTITION  COMMITTED  LOG END  LAG
orders          0         10      100   90
orders          1          -        7    -
orders          2         20       15   -5
orders          3          9        -    -

Total lag 90, largest 90. The lag of 2 partitions is not known.
The offsets of orders:3 are not known: it does not exist (any more).
"
        );
        assert_eq!(group_json(&sample::progress())["max_lag"], 90);
    }
}
