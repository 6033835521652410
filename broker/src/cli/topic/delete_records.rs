//! `jackdaw topic delete-records`: from the front of partitions.

use std::collections::BTreeMap;

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use serde_json::{Value, json};

use super::log_range::{self, LogRange, target};
use crate::cli::client::error::ClientError;
use crate::cli::client::positions::TopicPartition;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};
use crate::cli::selection::TopicSelection;
use crate::cli::target::Target;

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
    /// or how long ago (90s, 15m, 2h, 7d, 1h30m). What lies outside a log becomes its begin or end.
    #[arg(long, value_name = "WHERE", value_parser = target)]
    before: Target,

    /// Do it
    #[arg(long)]
    execute: bool,

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
        let outcomes = match self.execute {
            true => {
                let goes = |(partition, planned): (&TopicPartition, &Planned)| {
                    (planned.new_begin > planned.begin).then(|| (partition.clone(), planned.new_begin))
                };
                Some(client.delete_records(&plan.iter().filter_map(goes).collect())?)
            }
            false => None,
        };
        match self.output.format {
            Format::Json => output::print_json(&to_json(&plan, outcomes.as_ref()))?,
            Format::Text => output::print(&to_text(&plan, outcomes.as_ref()))?,
        }
        output::report_failures(outcomes.unwrap_or_default().into_iter().map(|(partition, outcome)| {
            let what = format!("cannot delete records of {partition}");
            outcome.map(drop).map_err(|error| ClientError::broker(what, error.code(), None))
        }))
    }
}

fn planned(LogRange { begin, end, place }: LogRange) -> Planned {
    // No record is young enough to stay.
    let new_begin = place.unwrap_or(end).clamp(begin, end.max(begin));
    Planned { begin, end, new_begin }
}

fn to_text(plan: &Plan, outcomes: Option<&Outcomes>) -> String {
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
    let end = match outcomes {
        Some(outcomes) => {
            let count = outcomes.values().filter(|outcome| outcome.is_ok()).count();
            format!("Deleted records of {}.\n", output::count(count, "partition"))
        }
        None => "Nothing was deleted. --execute does it.\n".to_owned(),
    };
    format!("{}\n{end}", table.to_text())
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
