//! What a reset would do, partition by partition.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::error_code::ErrorCode;

use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::group::CommittedOffset;
use crate::cli::client::offsets::{EARLIEST, Isolation, LATEST};
use crate::cli::client::positions::{Positions, TopicPartition};
use crate::cli::target::Target;
use crate::utc;

/// How the new offsets are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    To(Target),
    /// Forward, or back where it is negative.
    ShiftBy(i64),
}

/// One partition's part of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) committed: Option<i64>,
    pub(super) log_start: i64,
    pub(super) log_end: i64,
    /// Where the group is to go on.
    pub(super) new: i64,
    /// What was asked for, where the log does not have it.
    pub(super) asked: Option<i64>,
}

/// Why a partition has no place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlan {
    #[error("its offsets are not known: {0}")]
    Unknown(ErrorCode),
    #[error("the group has committed no offset there that could be shifted; use --to")]
    NothingToShift,
}

pub(super) type Plan = BTreeMap<TopicPartition, Result<Planned, NoPlan>>;

/// Asks what the logs hold and plans each partition.
pub(super) fn make(
    client: &mut Client,
    partitions: &BTreeSet<TopicPartition>,
    committed: &BTreeMap<TopicPartition, CommittedOffset>,
    movement: Move,
) -> Result<Plan, ClientError> {
    let time_ms = match movement {
        Move::To(Target::Time(time_ms)) => Some(time_ms),
        Move::To(Target::Ago(ago_ms)) => Some(utc::now_ms().saturating_sub(ago_ms)),
        _ => None,
    };
    let mut ask = |time_ms| client.positions(partitions, time_ms, Isolation::ReadUncommitted);
    // A time before 1970 would be taken for one of the special places.
    let at_time = time_ms.map(|time_ms| ask(time_ms.max(0))).transpose()?;
    let logs = Logs { starts: ask(EARLIEST)?, ends: ask(LATEST)?, at_time };
    let planned = |partition: &TopicPartition| {
        let committed = committed.get(partition).map(|committed| committed.offset);
        (partition.clone(), logs.plan(partition, committed, movement))
    };
    Ok(partitions.iter().map(planned).collect())
}

/// Takes the partitions that do not exist out of the plan.
pub(super) fn leave_out_absent(plan: &mut Plan) -> Vec<TopicPartition> {
    let is_absent = |planned: &Result<Planned, NoPlan>| {
        *planned == Err(NoPlan::Unknown(ErrorCode::UnknownTopicOrPartition))
    };
    let absent =
        plan.iter().filter(|(_, planned)| is_absent(planned)).map(|(partition, _)| partition.clone());
    let absent: Vec<TopicPartition> = absent.collect();
    plan.retain(|_, planned| !is_absent(planned));
    absent
}

struct Logs {
    starts: Positions,
    ends: Positions,
    /// Only where the reset goes to a time.
    at_time: Option<Positions>,
}

impl Logs {
    fn plan(
        &self,
        partition: &TopicPartition,
        committed: Option<i64>,
        movement: Move,
    ) -> Result<Planned, NoPlan> {
        let log_start = known(&self.starts, partition)?.unwrap_or(0);
        let log_end = known(&self.ends, partition)?.unwrap_or(log_start);
        let wanted = match movement {
            Move::To(Target::Earliest) => log_start,
            Move::To(Target::Latest) => log_end,
            Move::To(Target::Current) => committed.unwrap_or(log_end),
            Move::To(Target::Offset(offset)) => offset,
            // No record is that young: go on with the next one.
            Move::To(Target::Time(_) | Target::Ago(_)) => match &self.at_time {
                Some(at_time) => known(at_time, partition)?.unwrap_or(log_end),
                None => log_end,
            },
            Move::ShiftBy(count) => committed.ok_or(NoPlan::NothingToShift)?.saturating_add(count),
        };
        // The end may have grown between the two questions, never shrunk below an answer.
        let log_end = if self.at_time.is_some() { log_end.max(wanted) } else { log_end };
        let new = wanted.clamp(log_start, log_end.max(log_start));
        Ok(Planned { committed, log_start, log_end, new, asked: (new != wanted).then_some(wanted) })
    }
}

fn known(positions: &Positions, partition: &TopicPartition) -> Result<Option<i64>, NoPlan> {
    match positions.get(partition) {
        Some(Ok(offset)) => Ok(*offset),
        Some(Err(error)) => Err(NoPlan::Unknown(*error)),
        None => Err(NoPlan::Unknown(ErrorCode::UnknownTopicOrPartition)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> TopicPartition {
        TopicPartition::new("orders", 0)
    }

    /// A log of the offsets 10 to 99.
    fn logs(at_time: Option<Option<i64>>) -> Logs {
        let of = |offset| Positions::from([(name(), Ok(offset))]);
        Logs { starts: of(Some(10)), ends: of(Some(100)), at_time: at_time.map(of) }
    }

    #[test]
    fn every_move_ends_within_the_log() {
        let cases = [
            (Move::To(Target::Earliest), Some(50), 10, None),
            (Move::To(Target::Latest), Some(50), 100, None),
            (Move::To(Target::Current), Some(50), 50, None),
            (Move::To(Target::Current), None, 100, None),
            (Move::To(Target::Current), Some(3), 10, Some(3)),
            (Move::To(Target::Offset(60)), None, 60, None),
            (Move::To(Target::Offset(100)), None, 100, None),
            (Move::To(Target::Offset(101)), None, 100, Some(101)),
            (Move::To(Target::Offset(0)), None, 10, Some(0)),
            (Move::ShiftBy(5), Some(50), 55, None),
            (Move::ShiftBy(-5), Some(50), 45, None),
            (Move::ShiftBy(-45), Some(50), 10, Some(5)),
            (Move::ShiftBy(i64::MAX), Some(50), 100, Some(i64::MAX)),
        ];
        for (movement, committed, new, asked) in cases {
            let planned = logs(None).plan(&name(), committed, movement);
            let expected = Planned { committed, log_start: 10, log_end: 100, new, asked };
            assert_eq!(planned, Ok(expected), "{movement:?} from {committed:?}");
        }
    }

    #[test]
    fn a_time_after_the_last_record_means_the_end() {
        let plan = |at_time| logs(Some(at_time)).plan(&name(), None, Move::To(Target::Time(1)));
        assert_eq!(plan(Some(42)).map(|planned| planned.new), Ok(42));
        assert_eq!(plan(None).map(|planned| planned.new), Ok(100));
    }

    #[test]
    fn what_cannot_be_planned_says_why() {
        assert_eq!(logs(None).plan(&name(), None, Move::ShiftBy(1)), Err(NoPlan::NothingToShift));
        let other = TopicPartition::new("orders", 1);
        let unknown = NoPlan::Unknown(ErrorCode::UnknownTopicOrPartition);
        assert_eq!(logs(None).plan(&other, None, Move::To(Target::Latest)), Err(unknown));
    }
}
