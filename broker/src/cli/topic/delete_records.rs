//! `jackdaw topic delete-records`: from the front of partitions.

use std::collections::BTreeMap;

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use serde_json::{Value, json};

use super::log_range::{self, LogRange, target};
use crate::cli::client::Client;
use crate::cli::client::configs::ConfigResource;
use crate::cli::client::error::ClientError;
use crate::cli::client::positions::TopicPartition;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};
use crate::cli::selection::TopicSelection;
use crate::cli::target::Target;

const CLEANUP_POLICY: &str = "cleanup.policy";

/// Delete the oldest records of topics.
#[derive(Args, Debug)]
#[command(
    after_help = "Without --execute it shows what it would do. Deleting cannot be undone. Files go when all their records are \
deleted.

Examples:
  jackdaw topic delete-records orders --before 7d
  jackdaw topic delete-records orders --before 7d --execute
  jackdaw topic delete-records orders:0 --before 1500 --execute
  jackdaw topic delete-records orders payments --before latest --execute      all records"
)]
pub(crate) struct DeleteRecords {
    /// Topics, or some of their partitions
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]")]
    topics: Vec<TopicSelection>,

    /// The first record that stays
    ///
    /// latest, which leaves none; an offset; the first record at or after a time: a date such as 2026-11-24T10:00:00Z,
    /// or how long ago (90s, 15m, 2h, 7d, 1h30m). What lies outside a log becomes its begin or end; an offset beyond
    /// the end only with --clamp.
    #[arg(long, value_name = "WHERE", value_parser = target)]
    before: Target,

    /// Do it
    #[arg(long)]
    execute: bool,

    /// Where a log ends before the offset that --before names, delete all of it: else --execute refuses
    #[arg(long)]
    clamp: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

/// One partition's part of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Planned {
    begin: i64,
    end: i64,
    /// Where it begins afterwards.
    new_begin: i64,
}

type Plan = BTreeMap<TopicPartition, Planned>;
type Outcomes = BTreeMap<TopicPartition, Result<i64, ErrorCode>>;

impl DeleteRecords {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let partitions = log_range::selected(&mut client, &self.topics)?;
        let mut plan = Plan::new();
        let mut unknown = Vec::new();
        for (partition, range) in log_range::ask(&mut client, &partitions, Some(self.before))? {
            match range {
                Ok(range) => drop(plan.insert(partition, planned(range))),
                Err(error) => {
                    let what = format!("offsets of {partition}");
                    unknown.push(Err(ClientError::broker(what, error.code(), None)));
                }
            }
        }
        // All or nothing is known before anything goes.
        output::report_failures(unknown)?;
        self.refuse_compacted(&mut client)?;
        if self.execute && !self.clamp {
            self.refuse_beyond(&plan)?;
        }
        let outcomes = if self.execute { Some(client.delete_records(&new_begins(&plan))?) } else { None };
        match self.output.format {
            Format::Json => output::print_json(&to_json(&plan, outcomes.as_ref()))?,
            Format::Text => output::print(&self.to_text(&plan, outcomes.as_ref()))?,
        }
        output::report_failures(outcomes.unwrap_or_default().into_iter().map(|(partition, outcome)| {
            let what = format!("cannot delete records of {partition}");
            outcome.map(drop).map_err(|error| ClientError::broker(what, error.code(), None))
        }))
    }

    /// The broker refuses it, too, but only once it is to be done.
    fn refuse_compacted(&self, client: &mut Client) -> Result<(), CommandError> {
        for selection in &self.topics {
            let resource = ConfigResource::Topic(selection.topic.clone());
            let described = client.describe_configs(&resource, false)?;
            let is_kept = described.iter().any(|config| {
                config.name == CLEANUP_POLICY
                    && config.value.as_deref().is_some_and(|policy| !policy.contains("delete"))
            });
            if is_kept {
                return Err(CommandError::Failed {
                    what: format!(
                        "records of topic {:?} cannot be deleted: it is compacted",
                        selection.topic
                    ),
                    advice: "Its cleanup.policy must contain delete; `jackdaw config set` changes it.",
                });
            }
        }
        Ok(())
    }

    /// An offset beyond the end is more often a slip than the wish to lose all.
    fn refuse_beyond(&self, plan: &Plan) -> Result<(), CommandError> {
        let Some((partition, planned)) = self.beyond(plan) else { return Ok(()) };
        Err(CommandError::Failed {
            what: format!("the offset is beyond {partition}, which ends at {}", planned.end),
            advice: "Nothing was deleted. --before latest deletes all; --clamp does so where a log is shorter.",
        })
    }

    fn beyond<'a>(&self, plan: &'a Plan) -> Option<(&'a TopicPartition, &'a Planned)> {
        let Target::Offset(offset) = self.before else { return None };
        plan.iter().find(|(_, planned)| offset > planned.end)
    }

    fn to_text(&self, plan: &Plan, outcomes: Option<&Outcomes>) -> String {
        let end = match outcomes {
            Some(outcomes) => {
                let count = outcomes.values().filter(|outcome| outcome.is_ok()).count();
                format!("Deleted records of {}.\n", output::count(count, "partition"))
            }
            None if new_begins(plan).is_empty() => "There is nothing to delete.\n".to_owned(),
            None if !self.clamp && self.beyond(plan).is_some() => {
                "Nothing was deleted. --execute refuses an offset beyond an end, unless --clamp is given.\n"
                    .to_owned()
            }
            None => "Nothing was deleted. --execute does it.\n".to_owned(),
        };
        format!("{}\n{end}", to_table(plan).to_text())
    }
}

/// Of the partitions that lose records.
fn new_begins(plan: &Plan) -> BTreeMap<TopicPartition, i64> {
    let goes = plan.iter().filter(|(_, planned)| planned.new_begin > planned.begin);
    goes.map(|(partition, planned)| (partition.clone(), planned.new_begin)).collect()
}

fn planned(LogRange { begin, end, place }: LogRange) -> Planned {
    // No record is young enough to stay.
    let new_begin = place.unwrap_or(end).clamp(begin, end.max(begin));
    Planned { begin, end, new_begin }
}

fn to_table(plan: &Plan) -> Table {
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("PARTITION", Align::Right),
        ("BEGIN", Align::Right),
        ("NEW BEGIN", Align::Right),
        ("END", Align::Right),
        ("DELETED", Align::Right),
    ]);
    for (TopicPartition { topic, partition }, planned) in plan {
        let mut row = vec![topic.clone(), partition.to_string()];
        let Planned { begin, end, new_begin } = *planned;
        row.extend([begin, new_begin, end, new_begin - begin].map(|number| number.to_string()));
        table.row(row);
    }
    table
}

fn to_json(plan: &Plan, outcomes: Option<&Outcomes>) -> Value {
    let one = |(name, planned): (&TopicPartition, &Planned)| {
        let outcome = outcomes.and_then(|outcomes| outcomes.get(name));
        json!({
            "topic": name.topic,
            "partition": name.partition,
            "begin": planned.begin,
            "new_begin": planned.new_begin,
            "end": planned.end,
            "error": outcome.and_then(|outcome| outcome.err()).map(|error| error.name()),
        })
    };
    json!({ "executed": outcomes.is_some(), "partitions": plan.iter().map(one).collect::<Vec<Value>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_begin_is_within_the_log() {
        let cases = [(Some(50), 50), (Some(5), 10), (Some(500), 100), (Some(10), 10), (None, 100)];
        for (place, expected) in cases {
            assert_eq!(planned(LogRange { begin: 10, end: 100, place }).new_begin, expected, "{place:?}");
        }
    }
}
