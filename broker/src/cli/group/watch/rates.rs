//! How fast a group consumes and its topics grow, from one look to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::client::positions::TopicPartition;
use crate::cli::group::progress::{PartitionProgress, Progress};

/// Records a second; `None` where there is nothing to compare with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    /// By which the committed offset moves; below zero where it was moved back.
    pub(super) consumed: Option<f64>,
    /// By which the log grows.
    pub(super) produced: Option<f64>,
}

/// The offsets of the last look.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: BTreeMap<TopicPartition, (Option<i64>, Option<i64>)>,
}

impl Looks {
    /// The rates since the last look, in the order of the partitions, and their sum. `elapsed` is since that look.
    pub(super) fn next(&mut self, progress: &Progress, elapsed: Duration) -> (Vec<Rates>, Rates) {
        let seconds = elapsed.as_secs_f64();
        let of_partition = |now: &PartitionProgress| {
            let (committed, end) = self.last.get(&now.partition).copied().unwrap_or_default();
            Rates {
                consumed: rate(committed, now.committed_offset(), seconds),
                produced: rate(end, now.log_end, seconds),
            }
        };
        let rates: Vec<Rates> = progress.partitions.iter().map(of_partition).collect();
        let sum = rates.iter().fold(Rates::default(), |sum, rates| Rates {
            consumed: add(sum.consumed, rates.consumed),
            produced: add(sum.produced, rates.produced),
        });
        let offsets =
            |now: &PartitionProgress| (now.partition.clone(), (now.committed_offset(), now.log_end));
        self.last = progress.partitions.iter().map(offsets).collect();
        (rates, sum)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with one digit after the point")]
fn rate(before: Option<i64>, now: Option<i64>, seconds: f64) -> Option<f64> {
    let moved = now?.saturating_sub(before?) as f64;
    (seconds > 0.0).then(|| moved / seconds)
}

fn add(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

/// `0`, `1.5`, `250`; `-` where it is not known.
pub(super) fn rate_text(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(rate) if rate.abs() >= 100.0 => format!("{rate:.0}"),
        Some(rate) => format!("{rate:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::group::progress::tests as sample;

    #[test]
    fn rates_are_differences_over_time() {
        let mut looks = Looks::default();
        let mut progress = sample::progress();
        let (rates, sum) = looks.next(&progress, Duration::ZERO);
        assert_eq!(sum, Rates::default(), "nothing to compare with yet");
        assert_eq!(rates.len(), 4);
        if let Some(committed) = &mut progress.partitions[0].committed {
            committed.offset += 30;
        }
        progress.partitions[0].log_end = Some(110);
        progress.partitions[1].log_end = Some(8);
        let (rates, sum) = looks.next(&progress, Duration::from_secs(2));
        assert_eq!(rates[0], Rates { consumed: Some(15.0), produced: Some(5.0) });
        assert_eq!(rates[1], Rates { consumed: None, produced: Some(0.5) });
        assert_eq!(rates[3], Rates { consumed: Some(0.0), produced: None });
        assert_eq!(sum, Rates { consumed: Some(15.0), produced: Some(5.5) });
    }

    #[test]
    fn rates_are_short() {
        let cases = [
            (None, "-"),
            (Some(0.0), "0"),
            (Some(1.52), "1.5"),
            (Some(-3.0), "-3.0"),
            (Some(1234.5), "1234"),
        ];
        for (rate, text) in cases {
            assert_eq!(rate_text(rate), text);
        }
    }
}
