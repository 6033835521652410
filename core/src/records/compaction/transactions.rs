//! Transactions as both passes of compaction meet them: whose data is aborted, and which markers have none left.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::records::{BatchView, ControlType, control::control_records};

/// An aborted transaction, as the log's index has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbortedRange {
    pub producer_id: i64,
    pub first_offset: i64,
    /// The abort marker's offset.
    pub last_offset: i64,
}

/// What a marker says of the transaction that it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marker {
    /// Batches of the transaction are there, perhaps empty: the marker stays, and its entry where it aborts one.
    Needed(Option<AbortedRange>),
    /// None is left: the marker may go when its time has come.
    Idle,
}

/// The transactions of the batches seen so far. All of them are completed: compaction ends below the first unstable
/// offset.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// By first offset; those that have not begun.
    ahead: VecDeque<AbortedRange>,
    /// Begun, with whether a batch was met.
    aborted: BTreeMap<i64, (AbortedRange, bool)>,
    /// Producers with batches since their last marker.
    committed: BTreeSet<i64>,
}

impl Transactions {
    /// With the aborted transactions of the log that lie in the range of the pass, in any order.
    pub(super) fn new(mut aborted: Vec<AbortedRange>) -> Self {
        aborted.sort_by_key(|range| range.first_offset);
        Self { ahead: aborted.into(), ..Self::default() }
    }

    /// Note a batch of data; whether it belongs to an aborted transaction.
    pub(super) fn on_data(&mut self, batch: &BatchView<'_>) -> bool {
        let header = batch.header();
        self.begin_up_to(header.last_offset());
        if !header.is_transactional() {
            return false;
        }
        if let Some((_, is_met)) = self.aborted.get_mut(&header.producer_id()) {
            *is_met = true;
            return true;
        }
        self.committed.insert(header.producer_id());
        false
    }

    /// Note a control batch.
    pub(super) fn on_control(&mut self, batch: &BatchView<'_>) -> Marker {
        let header = batch.header();
        self.begin_up_to(header.last_offset());
        let Some(Ok(record)) = control_records(batch).next() else {
            // Emptied before.
            return Marker::Idle;
        };
        match record.control_type {
            Some(ControlType::Abort) => match self.aborted.remove(&header.producer_id()) {
                Some((range, true)) => Marker::Needed(Some(range)),
                _ => Marker::Idle,
            },
            Some(ControlType::Commit) if !self.committed.remove(&header.producer_id()) => Marker::Idle,
            _ => Marker::Needed(None),
        }
    }

    fn begin_up_to(&mut self, offset: i64) {
        while let Some(range) = self.ahead.pop_front_if(|range| range.first_offset <= offset) {
            self.aborted.entry(range.producer_id).or_insert((range, false));
        }
    }
}
