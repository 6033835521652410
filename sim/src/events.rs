//! What will happen and when: a queue in order of time; equal times in an order that the seed chooses.

use std::{cmp::Ordering, collections::BinaryHeap};

use crate::{disk::DiskWork, host::OperationId, network::NetworkEvent, prng::Random};

/// Something that happens at a point in time.
#[derive(Debug)]
pub(crate) enum Event {
    /// A core looks at its completions and timers and runs a task.
    Run { host: usize, incarnation: u64, core: usize },
    /// The disk has done an operation's work.
    Disk { operation: OperationId, work: DiskWork },
    /// Something reaches the far end of a link.
    Network(NetworkEvent),
    /// What a test asked for.
    Planned { number: u64 },
}

#[derive(Debug)]
struct Scheduled {
    at_ns: u64,
    tie: u64,
    number: u64,
    event: Event,
}

impl Scheduled {
    fn key(&self) -> (u64, u64, u64) {
        (self.at_ns, self.tie, self.number)
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    /// The earliest is the greatest, as the heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Events {
    waiting: BinaryHeap<Scheduled>,
    next_number: u64,
    ties: Random,
}

impl Events {
    pub(crate) fn new(seed: u64) -> Self {
        Self { waiting: BinaryHeap::new(), next_number: 0, ties: Random::stream(seed, "ties") }
    }

    pub(crate) fn push(&mut self, at_ns: u64, event: Event) {
        let scheduled = Scheduled { at_ns, tie: self.ties.next_u64(), number: self.next_number, event };
        self.next_number += 1;
        self.waiting.push(scheduled);
    }

    /// The first event, if it is due at `until_ns` or before.
    pub(crate) fn pop(&mut self, until_ns: u64) -> Option<(u64, Event)> {
        if self.waiting.peek()?.at_ns > until_ns {
            return None;
        }
        self.waiting.pop().map(|scheduled| (scheduled.at_ns, scheduled.event))
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}
