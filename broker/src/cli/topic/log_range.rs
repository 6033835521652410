//! What the logs of partitions hold, and where a place is in each.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::error_code::ErrorCode;

use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::offsets::{EARLIEST, Isolation, LATEST};
use crate::cli::client::positions::TopicPartition;
use crate::cli::selection::TopicSelection;
use crate::cli::target::Target;
use crate::utc;

/// A partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogRange {
    /// Of its first record.
    pub(super) begin: i64,
    /// Of the next record.
    pub(super) end: i64,
    /// Of the place that was asked for; `None` where no record is that young.
    pub(super) place: Option<i64>,
}

pub(super) type LogRanges = BTreeMap<TopicPartition, Result<LogRange, ErrorCode>>;

/// The partitions that were selected.
///
/// # Errors
/// A topic or partition that does not exist.
pub(super) fn selected(
    client: &mut Client,
    selections: &[TopicSelection],
) -> Result<BTreeSet<TopicPartition>, ClientError> {
    let mut partitions = BTreeSet::new();
    for selection in selections {
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

/// Asks what these partitions hold.
pub(super) fn ask(
    client: &mut Client,
    partitions: &BTreeSet<TopicPartition>,
    place: Option<Target>,
) -> Result<LogRanges, ClientError> {
    let mut ask = |time_ms| client.positions(partitions, time_ms, Isolation::ReadUncommitted);
    let time_ms = match place {
        Some(Target::Time(time_ms)) => Some(time_ms),
        Some(Target::Ago(ago_ms)) => Some(utc::now_ms().saturating_sub(ago_ms)),
        _ => None,
    };
    // A time before 1970 would be taken for one of the special places.
    let mut at_time = time_ms.map(|time_ms| ask(time_ms.max(0))).transpose()?.unwrap_or_default();
    let (mut begins, mut ends) = (ask(EARLIEST)?, ask(LATEST)?);
    let mut take = |partition: &TopicPartition| {
        let begin = begins.remove(partition).unwrap_or(Ok(None))?.unwrap_or(0);
        let end = ends.remove(partition).unwrap_or(Ok(None))?.unwrap_or(begin);
        let place = match place {
            None => None,
            Some(Target::Earliest) => Some(begin),
            Some(Target::Latest | Target::Current) => Some(end),
            Some(Target::Offset(offset)) => Some(offset),
            Some(Target::Time(_) | Target::Ago(_)) => at_time.remove(partition).unwrap_or(Ok(None))?,
        };
        Ok(LogRange { begin, end, place })
    };
    Ok(partitions.iter().map(|partition| (partition.clone(), take(partition))).collect())
}

/// A place that a command has a use for.
pub(super) fn target(text: &str) -> Result<Target, String> {
    const WRITE: &str = "write earliest, latest, an offset, a date such as 2026-11-24T10:00:00Z, or a time ago such as \
        90s, 15m, 2h, 7d";
    match text.parse() {
        Ok(Target::Current) | Err(_) => Err(WRITE.to_owned()),
        Ok(target) => Ok(target),
    }
}
