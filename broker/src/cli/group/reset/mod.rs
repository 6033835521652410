//! `jackdaw group reset`: a plan, and with `--execute` its execution.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use clap::{ArgGroup, Args};
use jackdaw_core::error_code::ErrorCode;
use serde_json::{Value, json};

use self::plan::{Move, NoPlan, Plan, Planned};
use super::cell;
use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::group::CommittedOffset;
use crate::cli::client::positions::TopicPartition;
use crate::cli::error::CommandError;
use crate::cli::options::{self, ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};
use crate::cli::selection::TopicSelection;
use crate::cli::target::Target;

/// Move the offsets of a group that has no active members.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("topics to reset").required(true).args(["topics", "all_topics"]))]
#[command(group = ArgGroup::new("move").required(true).args(["to", "shift_by"]))]
#[command(
    after_help = "Without --execute it shows what it would do. A group with active members is refused, for they would \
overwrite the offsets: stop them first.

Examples:
  jackdaw group reset billing --topic orders --to earliest
  jackdaw group reset billing --topic orders --to earliest --execute
  jackdaw group reset billing --topic orders:0-3 --topic payments --to 1500
  jackdaw group reset billing --all-topics --to 2h                     what came in the last two hours
  jackdaw group reset billing --all-topics --to 2026-11-24T10:00:00Z
  jackdaw group reset billing --topic orders --shift-by -10            the last ten records again"
)]
pub(crate) struct Reset {
    /// The group's name
    #[arg(value_parser = options::group_name)]
    group: String,

    /// All partitions of this topic, or some; may be repeated
    #[arg(short, long = "topic", value_name = "TOPIC[:PARTITIONS]")]
    topics: Vec<TopicSelection>,

    /// Every partition in which the group has an offset
    #[arg(long)]
    all_topics: bool,

    /// Where the group goes on in each partition
    ///
    /// earliest; latest; current, which is where it stands (the end where it has no offset); an offset; the first
    /// record at or after a time: a date such as 2026-11-24T10:00:00Z, time: and milliseconds since 1970 or a date, or
    /// how long ago (90s, 15m, 2h, 7d, 1w, 1h30m). What lies outside a log becomes its begin or end; an offset beyond
    /// the end only with --clamp.
    #[arg(long, value_name = "WHERE")]
    to: Option<Target>,

    /// By how many records the group moves forward, or back where N is negative
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    shift_by: Option<i64>,

    /// Do it
    #[arg(long)]
    execute: bool,

    /// Where a log ends before the offset that --to names, go to its end: else --execute refuses
    #[arg(long, requires = "to")]
    clamp: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

impl Reset {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let member_count = match client.describe_group(&self.group) {
            Ok(description) => Some(description.members.len()),
            // It comes into being with its first offset.
            Err(ClientError::UnknownGroup(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let is_active = member_count.is_some_and(|count| count > 0);
        if self.execute && is_active {
            return Err(ClientError::GroupHasMembers(self.group).into());
        }
        let committed = client.committed_offsets(&self.group)?;
        let partitions = self.partitions(&mut client, &committed)?;
        let mut plan = plan::make(&mut client, &partitions, &committed, self.movement())?;
        if self.all_topics {
            self.leave_out_absent(&mut plan)?;
        }
        let gaps = gaps(&plan);
        if !gaps.is_empty() {
            gaps.iter().for_each(output::print_error);
            return Err(CommandError::Reported);
        }
        if self.execute && !self.clamp {
            self.refuse_beyond(&plan)?;
        }
        let outcomes = if self.execute { Some(self.commit(&mut client, &plan)?) } else { None };
        match self.output.format {
            Format::Json => output::print_json(&self.to_json(&plan, outcomes.as_ref()))?,
            Format::Text => output::print(&self.to_text(&plan, outcomes.as_ref(), member_count.is_some()))?,
        }
        if is_active {
            // The plan is worth seeing; that it cannot be carried out yet must be told.
            let error = ClientError::GroupHasMembers(self.group);
            let _ = writeln!(std::io::stderr(), "warning: {error}: --execute would be refused now.");
        }
        match outcomes.is_some_and(|outcomes| outcomes.values().any(|code| !code.is_ok())) {
            true => Err(CommandError::Reported),
            false => Ok(()),
        }
    }

    fn movement(&self) -> Move {
        match (self.to, self.shift_by) {
            (Some(target), _) => Move::To(target),
            (None, count) => Move::ShiftBy(count.unwrap_or(0)),
        }
    }

    /// The offsets of a topic that was deleted go by themselves, a little later.
    fn leave_out_absent(&self, plan: &mut Plan) -> Result<(), CommandError> {
        let absent = plan::leave_out_absent(plan);
        if !absent.is_empty() && plan.is_empty() {
            return Err(CommandError::Failed {
                what: format!(
                    "group {:?} has offsets only in what does not exist: {}",
                    self.group,
                    listed(&absent)
                ),
                advice: "They go by themselves. --topic TOPIC names another topic.",
            });
        }
        for partition in &absent {
            let _ = writeln!(std::io::stderr(), "note: {partition} does not exist any more and is left out.");
        }
        Ok(())
    }

    /// An offset beyond the end is rather a slip than a wish: it would skip all there is.
    fn refuse_beyond(&self, plan: &Plan) -> Result<(), CommandError> {
        let Some(Target::Offset(offset)) = self.to else { return Ok(()) };
        let Some((partition, planned)) = planned(plan).find(|(_, planned)| offset > planned.log_end) else {
            return Ok(());
        };
        let hint = time_hint(offset).map_or_else(String::new, |hint| format!("; did you mean {hint}?"));
        Err(CommandError::Failed {
            what: format!("offset {offset} is beyond {partition}, which ends at {}{hint}", planned.log_end),
            advice: "Nothing was changed. --to latest goes to the ends; --clamp does so where a log is shorter.",
        })
    }

    fn partitions(
        &self,
        client: &mut Client,
        committed: &BTreeMap<TopicPartition, CommittedOffset>,
    ) -> Result<BTreeSet<TopicPartition>, CommandError> {
        if self.all_topics {
            if committed.is_empty() {
                return Err(CommandError::Failed {
                    what: format!("group {:?} has no offsets", self.group),
                    advice: "--topic TOPIC gives it some.",
                });
            }
            return Ok(committed.keys().cloned().collect());
        }
        let mut partitions = BTreeSet::new();
        for selection in &self.topics {
            let topic = client.topic(&selection.topic, false)?;
            let indexes = match &selection.partitions {
                Some(indexes) => {
                    indexes.iter().try_for_each(|&index| topic.partition(index).map(drop))?;
                    indexes.clone()
                }
                None => topic.partitions.iter().map(|partition| partition.index).collect(),
            };
            partitions.extend(indexes.iter().map(|&index| TopicPartition::new(&selection.topic, index)));
        }
        Ok(partitions)
    }

    /// The outcome by partition; what failed is told.
    fn commit(
        &self,
        client: &mut Client,
        plan: &Plan,
    ) -> Result<BTreeMap<TopicPartition, ErrorCode>, CommandError> {
        let offsets = planned(plan).map(|(partition, planned)| (partition.clone(), planned.new)).collect();
        let outcomes = client.commit_offsets(&self.group, &offsets)?;
        // A member may have come since the group was described.
        let is_of_members = |code: &ErrorCode| {
            matches!(
                code,
                ErrorCode::UnknownMemberId
                    | ErrorCode::IllegalGeneration
                    | ErrorCode::RebalanceInProgress
                    | ErrorCode::StaleMemberEpoch
            )
        };
        if outcomes.values().any(is_of_members) {
            return Err(ClientError::GroupHasMembers(self.group.clone()).into());
        }
        for (partition, code) in outcomes.iter().filter(|(_, code)| !code.is_ok()) {
            let what = format!("cannot set the offset in {partition}");
            output::print_error(&ClientError::broker(what, code.code(), None).into());
        }
        Ok(outcomes)
    }

    fn to_text(
        &self,
        plan: &Plan,
        outcomes: Option<&BTreeMap<TopicPartition, ErrorCode>>,
        exists: bool,
    ) -> String {
        let mut text = format!("{}\n{}", to_table(plan).to_text(), clamped(plan));
        let group = &self.group;
        let is_beyond = |offset| planned(plan).any(|(_, planned)| offset > planned.log_end);
        if let Some(Target::Offset(offset)) = self.to.filter(|_| outcomes.is_none())
            && is_beyond(offset)
        {
            let hint = time_hint(offset).map_or_else(String::new, |hint| format!("Did you mean {hint}?\n"));
            text.push_str(&hint);
            if !self.clamp {
                text.push_str("--execute refuses an offset beyond an end, unless --clamp is given.\n");
            }
        }
        match outcomes {
            Some(outcomes) => {
                let count = outcomes.values().filter(|code| code.is_ok()).count();
                text.push_str(&format!("Set {} of group {group}.\n", output::count(count, "offset")));
            }
            None => {
                if !exists {
                    text.push_str(&format!("Group {group} does not exist yet; this would make it.\n"));
                }
                text.push_str("Nothing was changed. --execute does it.\n");
            }
        }
        text
    }

    fn to_json(&self, plan: &Plan, outcomes: Option<&BTreeMap<TopicPartition, ErrorCode>>) -> Value {
        let partition = |(partition, planned): (&TopicPartition, &Planned)| {
            let code = outcomes.and_then(|outcomes| outcomes.get(partition)).filter(|code| !code.is_ok());
            json!({
                "topic": partition.topic,
                "partition": partition.partition,
                "committed": planned.committed,
                "new": planned.new,
                "asked": planned.asked.unwrap_or(planned.new),
                "log_start": planned.log_start,
                "log_end": planned.log_end,
                "error": code.map(|code| code.name()),
            })
        };
        json!({
            "group": self.group,
            "executed": outcomes.is_some(),
            "partitions": planned(plan).map(partition).collect::<Vec<_>>(),
        })
    }
}

fn listed(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(TopicPartition::to_string).collect::<Vec<_>>().join(", ")
}

/// For an offset that looks like milliseconds since 1970: of 2001 and later.
fn time_hint(offset: i64) -> Option<String> {
    (offset >= 1_000_000_000_000).then(|| format!("time:{offset}"))
}

/// A plan with a gap is not carried out.
fn gaps(plan: &Plan) -> Vec<CommandError> {
    let gap = |(partition, planned): (&TopicPartition, &Result<Planned, NoPlan>)| {
        let reason = planned.as_ref().err()?;
        Some(CommandError::Failed {
            what: format!("{partition} cannot be reset: {reason}"),
            advice: "Nothing was changed. --topic names the partitions that can.",
        })
    };
    plan.iter().filter_map(gap).collect()
}

fn planned(plan: &Plan) -> impl Iterator<Item = (&TopicPartition, &Planned)> {
    plan.iter().filter_map(|(partition, planned)| Some((partition, planned.as_ref().ok()?)))
}

fn to_table(plan: &Plan) -> Table {
    let mut table = Table::new(&[
        ("TOPIC", Align::Left),
        ("PARTITION", Align::Right),
        ("COMMITTED", Align::Right),
        ("NEW", Align::Right),
        ("MOVES BY", Align::Right),
        ("LOG START", Align::Right),
        ("LOG END", Align::Right),
        ("LAG THEN", Align::Right),
    ]);
    for (partition, planned) in planned(plan) {
        let moves_by = planned.committed.map(|committed| match planned.new.saturating_sub(committed) {
            0 => "0".to_owned(),
            by => format!("{by:+}"),
        });
        table.row([
            partition.topic.clone(),
            partition.partition.to_string(),
            cell(planned.committed),
            planned.new.to_string(),
            cell(moves_by),
            planned.log_start.to_string(),
            planned.log_end.to_string(),
            planned.log_end.saturating_sub(planned.new).to_string(),
        ]);
    }
    table
}

/// A sentence for each partition that does not have what was asked for.
fn clamped(plan: &Plan) -> String {
    let sentence = |(partition, planned): (&TopicPartition, &Planned)| {
        let asked = planned.asked?;
        let place = if asked < planned.log_start { "begins" } else { "ends" };
        Some(format!("{partition} has no offset {asked}: it {place} at {}.\n", planned.new))
    };
    planned(plan).filter_map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let planned = |committed, new, asked| Planned { committed, log_start: 5, log_end: 100, new, asked };
        Plan::from([
            (TopicPartition::new("orders", 0), Ok(planned(Some(40), 60, None))),
            (TopicPartition::new("orders", 1), Ok(planned(Some(70), 5, Some(2)))),
            (TopicPartition::new("orders", 2), Ok(planned(None, 100, Some(200)))),
        ])
    }

    #[test]
    fn a_plan_is_shown_for_people() {
        let text = format!("{}\n{}", to_table(&plan()).to_text(), clamped(&plan()));
        assert_eq!(
            text,
            "\
TOPIC   PARTITION  COMMITTED  NEW  MOVES BY  LOG START  LOG END  LAG THEN
orders          0         40   60       +20          5      100        40
orders          1         70    5       -65          5      100        95
orders          2          -  100         -          5      100         0

orders:1 has no offset 2: it begins at 5.
orders:2 has no offset 200: it ends at 100.
"
        );
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        reset: Reset,
    }

    fn reset(arguments: &str) -> Reset {
        let words = ["reset", "g", "--topic", "orders"].into_iter().chain(arguments.split_whitespace());
        <Line as clap::Parser>::try_parse_from(words).unwrap().reset
    }

    #[test]
    fn an_offset_beyond_an_end_is_refused() {
        for within in ["--to 100", "--to 0", "--to latest", "--to time:1795533538932", "--shift-by 1000"] {
            assert!(reset(within).refuse_beyond(&plan()).is_ok(), "{within}");
        }
        let refused = |arguments| reset(arguments).refuse_beyond(&plan()).unwrap_err().to_string();
        assert_eq!(refused("--to 101"), "offset 101 is beyond orders:0, which ends at 100");
        assert!(refused("--to 1795533538932").ends_with("ends at 100; did you mean time:1795533538932?"));
    }

    #[test]
    fn the_plan_says_that_an_offset_beyond_an_end_is_refused() {
        let text = |arguments| reset(arguments).to_text(&plan(), None, true);
        assert!(
            text("--to 1795533538932").contains("\nDid you mean time:1795533538932?\n--execute refuses ")
        );
        assert!(text("--to 101").contains("--clamp") && !text("--to 101").contains("Did you mean"));
        assert!(!text("--to 101 --clamp").contains("--execute refuses"));
        assert!(!text("--to 60").contains("--execute refuses"));
    }

    #[test]
    fn a_plan_with_a_gap_is_refused() {
        assert!(gaps(&plan()).is_empty());
        let mut plan = plan();
        plan.insert(TopicPartition::new("a", 0), Err(NoPlan::NothingToShift));
        let texts: Vec<Option<String>> = gaps(&plan).iter().map(CommandError::text).collect();
        assert_eq!(texts.len(), 1);
        assert!(texts[0].as_ref().is_some_and(|text| text.starts_with("a:0 cannot be reset: ")), "{texts:?}");
    }
}
