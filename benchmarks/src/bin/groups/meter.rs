//! What the members saw: latencies, errors, how many of them stand in their groups.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use hdrhistogram::Histogram;
use jackdaw_core::error_code::ErrorCode;
use jackdaw_ring::{Instant, now};

/// What takes longer counts as this long.
const LONGEST_NS: u64 = 600_000_000_000;

/// What a member asks of its coordinator again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Heartbeat,
    Commit,
}

/// Nanoseconds from the moment when a request was due.
pub(crate) struct Latencies {
    /// Until its answer was there.
    pub(crate) answered: Histogram<u64>,
    /// Until it was sent. Large figures are the load generator's fault, or that of a request before it.
    pub(crate) sent: Histogram<u64>,
    pub(crate) errors: u64,
}

pub(crate) struct Meter {
    heartbeats: RefCell<Latencies>,
    commits: RefCell<Latencies>,
    window: Cell<Option<(Instant, Instant)>>,
    /// Members that have joined and hold what is theirs.
    pub(crate) settled: Cell<usize>,
    /// Ever, not only in the window.
    pub(crate) joins: Cell<u64>,
    pub(crate) lost_connections: Cell<u64>,
    errors: RefCell<BTreeMap<(&'static str, i16), u64>>,
}

impl Meter {
    pub(crate) fn new() -> Result<Self, hdrhistogram::CreationError> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST_NS, 3);
        let latencies =
            || Ok(RefCell::new(Latencies { answered: histogram()?, sent: histogram()?, errors: 0 }));
        Ok(Self {
            heartbeats: latencies()?,
            commits: latencies()?,
            window: Cell::new(None),
            settled: Cell::new(0),
            joins: Cell::new(0),
            lost_connections: Cell::new(0),
            errors: RefCell::default(),
        })
    }

    /// Count what is due from now on, until `end`.
    pub(crate) fn open_window(&self, end: Instant) {
        self.window.set(Some((now(), end)));
    }

    pub(crate) fn record(&self, kind: Kind, due: Instant, sent: Instant, error_code: i16) {
        let Some((begin, end)) = self.window.get() else { return };
        if due < begin || due >= end {
            return;
        }
        let mut latencies = self.of(kind).borrow_mut();
        let ns = |moment: Instant| u64::try_from((moment - due).as_nanos()).unwrap_or(u64::MAX).max(1);
        latencies.sent.saturating_record(ns(sent));
        if error_code == 0 {
            latencies.answered.saturating_record(ns(now()));
        } else {
            latencies.errors += 1;
        }
    }

    pub(crate) fn of(&self, kind: Kind) -> &RefCell<Latencies> {
        match kind {
            Kind::Heartbeat => &self.heartbeats,
            Kind::Commit => &self.commits,
        }
    }

    /// Remember an error for the notes at the end, in the window or not.
    pub(crate) fn note_error(&self, api: &'static str, error_code: i16) {
        *self.errors.borrow_mut().entry((api, error_code)).or_default() += 1;
    }

    pub(crate) fn errors(&self) -> String {
        let errors = self.errors.borrow();
        let texts = errors
            .iter()
            .map(|((api, code), count)| format!("{count} x {api} {}", ErrorCode::from_i16(*code).name()));
        texts.collect::<Vec<String>>().join(", ")
    }
}

pub(crate) fn increment(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}
