//! What a decision is made from, beside the state, and what comes out of it.

use crate::{limits::METADATA_BATCH_RECORDS_MAX, metadata::VersionedRecord};

/// What is true at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// A clock that never goes back.
    pub now_ms: u64,
    /// The offset that the first record of this outcome will get; it becomes a registering broker's epoch.
    pub next_offset: i64,
    /// Fresh random bits for topic ids and placement.
    pub random: [u64; 2],
}

/// What a decision leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<R> {
    /// To be appended, in order. All of them or none where `atomic`; otherwise any prefix is a valid state.
    pub records: Vec<VersionedRecord>,
    pub atomic: bool,
    /// To be sent when the records are committed; at once where there are none and nothing earlier is pending.
    pub response: R,
    pub effects: Vec<Effect>,
}

/// A change of soft state, which is in no log and is rebuilt by a new leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A broker was heard from; it has applied the metadata log up to `metadata_offset`.
    BrokerSeen { broker_id: i32, broker_epoch: i64, metadata_offset: i64 },
    /// A broker began to shut down; others must have seen `offset` before it may stop.
    ShutdownBegun { broker_id: i32, offset: i64 },
    /// Records are written: the log is not idle.
    Written,
}

impl<R> Outcome<R> {
    /// The records by batch: one where they are atomic, else as many as their number needs. Each batch is one
    /// proposal; the response waits for the last.
    pub fn batches(&self) -> impl Iterator<Item = &[VersionedRecord]> {
        let size = if self.atomic { self.records.len() } else { METADATA_BATCH_RECORDS_MAX };
        self.records.chunks(size.max(1))
    }

    /// An answer that changes nothing.
    pub(super) fn only(response: R) -> Self {
        Self { records: Vec::new(), atomic: true, response, effects: Vec::new() }
    }

    pub(super) fn with(records: Vec<VersionedRecord>, response: R) -> Self {
        let effects = if records.is_empty() { Vec::new() } else { vec![Effect::Written] };
        Self { records, atomic: true, response, effects }
    }

    /// Records of which any prefix is a valid state, so that they may go into several batches.
    pub(super) fn in_parts(mut self) -> Self {
        self.atomic = false;
        self
    }

    pub(super) fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    pub(super) fn map<S>(self, map: impl FnOnce(R) -> S) -> Outcome<S> {
        let Self { records, atomic, response, effects } = self;
        Outcome { records, atomic, response: map(response), effects }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::records::metadata::NoOpRecord;

    #[test]
    fn only_what_may_be_cut_is_cut() {
        let records = vec![VersionedRecord::new(NoOpRecord {}, 0); 2 * METADATA_BATCH_RECORDS_MAX + 1];
        let whole = Outcome::with(records, ());
        assert_eq!(whole.batches().count(), 1);
        let sizes: Vec<usize> = whole.in_parts().batches().map(<[_]>::len).collect();
        assert_eq!(sizes, [METADATA_BATCH_RECORDS_MAX, METADATA_BATCH_RECORDS_MAX, 1]);
        assert_eq!(Outcome::only(()).batches().count(), 0);
    }
}
