//! The share of the last minute that the shards slept, from what they had slept at earlier looks.

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use jackdaw_ring::{Instant, Usage};

/// As far back as Kafka's own average looks.
const WINDOW: Duration = Duration::from_secs(60);

/// Looks that are kept; who looks more often than every few seconds sees less than a minute.
const LOOKS_MAX: usize = 16;

/// Earlier looks: when, and what all shards together had slept and worked.
#[derive(Default)]
pub(super) struct IdleShare(RefCell<VecDeque<(Instant, u64, u64)>>);

impl IdleShare {
    /// The share from 0 to 1; since the start at the first look.
    pub(super) fn next(&self, now: Instant, usages: impl Iterator<Item = Usage>) -> f64 {
        let (idle_ns, busy_ns) =
            usages.fold((0, 0), |(idle, busy), usage| (idle + usage.idle_ns, busy + usage.busy_ns));
        let mut looks = self.0.borrow_mut();
        // The newest of those that are old enough stays.
        while looks.len() >= LOOKS_MAX || looks.get(1).is_some_and(|(at, ..)| now.since(*at) >= WINDOW) {
            looks.pop_front();
        }
        let (_, idle_before, busy_before) = looks.front().copied().unwrap_or_default();
        looks.push_back((now, idle_ns, busy_ns));
        let (idle, busy) = (idle_ns.saturating_sub(idle_before), busy_ns.saturating_sub(busy_before));
        if idle + busy == 0 { 1.0 } else { idle as f64 / (idle + busy) as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_the_last_minute() {
        let share = IdleShare::default();
        let look = |second: u64, idle_ns, busy_ns| {
            let usage = Usage { idle_ns, busy_ns, ..Usage::default() };
            share.next(Instant(second * 1_000_000_000), std::iter::once(usage))
        };
        assert_eq!(look(0, 0, 0), 1.0);
        assert_eq!(look(30, 10, 30), 0.25);
        assert_eq!(look(60, 40, 40), 0.5);
        // From the look at 30 s on.
        assert_eq!(look(90, 110, 30), 1.0);
    }
}
