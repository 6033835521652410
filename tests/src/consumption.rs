//! What a group has consumed, checked as it is told: nothing skipped, and nothing twice but what at-least-once allows.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::group_view::Partition;
use crate::members::Event;

/// Follows the events of one group, whose members begin at offset 0 and commit what they get.
#[derive(Default)]
pub struct Consumption {
    group: String,
    partitions: BTreeMap<Partition, Progress>,
    /// The next offset of each member at each of its partitions.
    positions: HashMap<(String, Partition), i64>,
    /// Partitions that a member was given and has not yet received from.
    fresh: HashSet<(String, Partition)>,
    /// Members that tell their assignments.
    telling: HashSet<String>,
    left: HashSet<String>,
    warnings: Vec<String>,
}

/// One partition.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// One more than the greatest offset received.
    pub next: i64,
    /// The greatest committed offset that a member was told of.
    pub committed: i64,
    /// Records received again.
    pub repeated: i64,
}

impl Consumption {
    pub fn of(group: &str) -> Self {
        Self { group: group.to_owned(), ..Self::default() }
    }

    /// Checks and takes in further events.
    pub fn follow(&mut self, events: Vec<(String, Event)>) {
        for (member, event) in events {
            match event {
                Event::Got(at, offset) => self.got(member, at, offset),
                Event::Committed(at, offset) => {
                    let progress = self.partitions.entry(at).or_default();
                    progress.committed = progress.committed.max(offset);
                }
                Event::Assigned(_, list) => {
                    self.fresh.extend(list.into_iter().map(|at| (member.clone(), at)));
                    self.telling.insert(member);
                }
                Event::Revoked(_) => {}
                Event::Left => drop(self.left.insert(member)),
                Event::Warned(text) => self.warnings.push(format!("{member}: {text}")),
                Event::Failed(text) => {
                    panic!("{}: {member} failed: {text}\n{:#?}", self.group, self.warnings)
                }
            }
        }
    }

    fn got(&mut self, member: String, at: Partition, offset: i64) {
        let place = (member, at);
        let progress = self.partitions.entry(place.1.clone()).or_default();
        let position = self.positions.get(&place).copied();
        if position != Some(offset) {
            let told =
                || format!("{}: {place:?} at {offset}, expected {position:?}, {progress:?}", self.group);
            let fresh = self.fresh.contains(&place) || !self.telling.contains(&place.0);
            assert!(fresh, "a jump without an assignment: {}", told());
            assert!(offset <= progress.next, "records are skipped: {}", told());
            assert!(offset >= progress.committed, "what was committed comes again: {}", told());
        }
        progress.repeated += i64::from(offset < progress.next);
        progress.next = progress.next.max(offset + 1);
        self.fresh.remove(&place);
        self.positions.insert(place, offset + 1);
    }

    /// How far each of a topic's partitions has come.
    pub fn next_offsets(&self, topic: &str, partitions: i32) -> Vec<i64> {
        (0..partitions).map(|p| self.progress(topic, p).next).collect()
    }

    pub fn progress(&self, topic: &str, partition: i32) -> Progress {
        self.partitions.get(&(topic.to_owned(), partition)).copied().unwrap_or_default()
    }

    /// Records received more than once.
    pub fn repeated(&self) -> i64 {
        self.partitions.values().map(|progress| progress.repeated).sum()
    }

    pub fn has_left(&self, member: &str) -> bool {
        self.left.contains(member)
    }

    /// What members told of trouble that passed, for a failure's message.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

#[cfg(test)]
mod tests {
    use super::{Consumption, Event};

    fn follow(events: &[(&str, Event)]) -> bool {
        let events: Vec<_> = events.iter().map(|(m, e)| ((*m).to_owned(), e.clone())).collect();
        std::panic::catch_unwind(|| Consumption::of("g").follow(events)).is_ok()
    }

    #[test]
    fn what_at_least_once_allows() {
        let at = || ("t".to_owned(), 0);
        let got = |offset| Event::Got(at(), offset);
        let assigned = || Event::Assigned(None, vec![at()]);
        let committed = |offset| Event::Committed(at(), offset);
        let first = [("a", assigned()), ("a", got(0)), ("a", got(1)), ("a", committed(1))];
        let then = |more: &[(&'static str, Event)]| [&first[..], more].concat();
        assert!(follow(&then(&[("a", got(2))])));
        assert!(follow(&then(&[("b", assigned()), ("b", got(1))])), "from the commit on");
        assert!(!follow(&then(&[("b", assigned()), ("b", got(0))])), "before the commit");
        assert!(!follow(&then(&[("b", assigned()), ("b", got(3))])), "a gap");
        assert!(!follow(&then(&[("a", got(1))])), "again without a new assignment");
        assert!(!follow(&then(&[("a", got(3))])), "a gap within");
    }
}
