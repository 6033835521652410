//! What this core refused to whom, counted by kind, and told in the log at most once in a while for each kind.

use std::{cell::Cell, rc::Rc, time::Duration};

use jackdaw_ring::{Instant, local, now};

/// Between two lines of one kind. Somebody who makes thousands of mistakes a second fills no disk with them.
const QUIET: Duration = Duration::from_secs(10);

/// A kind of refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// `max.connections`: closed at once.
    MaxConnections,
    /// `max.connections.per.ip` and its overrides: closed at once.
    MaxConnectionsPerIp,
    /// `max.connection.creation.rate`: accepted later.
    CreationRate,
    /// No descriptor for a connection: accepted later, or closed to leave some to files.
    Descriptors,
    /// `connections.max.idle.ms`.
    Idle,
    /// `socket.request.max.bytes`, or a negative length.
    RequestSize,
    /// The stream ended within a request.
    Truncated,
    /// A request stopped in the middle.
    Stalled,
    /// A request that cannot be read or answered.
    BadRequest,
    /// `queued.max.request.bytes`: what follows is read later.
    RequestMemory,
}

impl Refusal {
    pub const ALL: [Self; 10] = [
        Self::MaxConnections,
        Self::MaxConnectionsPerIp,
        Self::CreationRate,
        Self::Descriptors,
        Self::Idle,
        Self::RequestSize,
        Self::Truncated,
        Self::Stalled,
        Self::BadRequest,
        Self::RequestMemory,
    ];

    /// As it is called in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxConnections => "max.connections",
            Self::MaxConnectionsPerIp => "max.connections.per.ip",
            Self::CreationRate => "max.connection.creation.rate",
            Self::Descriptors => "descriptors",
            Self::Idle => "connections.max.idle.ms",
            Self::RequestSize => "socket.request.max.bytes",
            Self::Truncated => "truncated",
            Self::Stalled => "stalled",
            Self::BadRequest => "request",
            Self::RequestMemory => "queued.max.request.bytes",
        }
    }
}

/// The counts of one core.
#[derive(Default)]
pub struct Refusals([Count; Refusal::ALL.len()]);

#[derive(Default)]
struct Count {
    total: Cell<u64>,
    told: Cell<Option<Instant>>,
    told_total: Cell<u64>,
}

impl Refusals {
    /// Those of the running core.
    pub fn own() -> Rc<Self> {
        local()
    }

    /// How many there were since the start, by [`Refusal::ALL`].
    pub fn totals(&self) -> [u64; Refusal::ALL.len()] {
        std::array::from_fn(|index| self.0[index].total.get())
    }

    /// Count one. If it is time for a line in the log: how many others of the kind no line has told of.
    pub fn count(&self, refusal: Refusal) -> Option<u64> {
        let count = &self.0[refusal as usize];
        let total = count.total.get() + 1;
        count.total.set(total);
        let now = now();
        if count.told.get().is_some_and(|told| now.since(told) < QUIET) {
            return None;
        }
        let untold = total - 1 - count.told_total.get();
        count.told.set(Some(now));
        count.told_total.set(total);
        Some(untold)
    }
}

#[cfg(test)]
mod tests {
    use jackdaw_ring::{Executor, UringConfig, UringDriver};

    use super::*;

    #[test]
    fn many_of_a_kind_make_one_line() {
        let driver = Rc::new(UringDriver::new(&UringConfig::default()).unwrap());
        Executor::new(driver).run(async {
            let refusals = Refusals::own();
            assert_eq!(refusals.count(Refusal::Idle), Some(0));
            assert!((0..100).all(|_| refusals.count(Refusal::Idle).is_none()));
            assert_eq!(refusals.count(Refusal::Truncated), Some(0));
            refusals.0[Refusal::Idle as usize].told.set(None);
            assert_eq!(refusals.count(Refusal::Idle), Some(100));
            assert_eq!(Refusals::own().totals()[Refusal::Idle as usize], 102);
        });
    }

    #[test]
    fn each_has_its_place_and_a_name() {
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
            assert!(Refusal::ALL[..index].iter().all(|other| other.name() != refusal.name()));
        }
    }
}
