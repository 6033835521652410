//! Which transactions hold the last stable offset back.

use std::collections::BTreeMap;

use super::{CompletedTransaction, Producers};

/// Transactions by their first offset, of which no two are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenTransactions {
    /// First offset to producer id.
    open: BTreeMap<i64, i64>,
    /// First offset to marker offset, where the high watermark has not passed the marker.
    unreplicated: BTreeMap<i64, i64>,
}

impl OpenTransactions {
    pub(super) fn begin(&mut self, first_offset: i64, producer_id: i64) {
        self.open.insert(first_offset, producer_id);
    }

    pub(super) fn complete(&mut self, completed: &CompletedTransaction) {
        let producer_id = self.open.remove(&completed.first_offset);
        assert_eq!(producer_id, Some(completed.producer_id), "a transaction must be open to be completed");
        self.unreplicated.insert(completed.first_offset, completed.last_offset);
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }
}

impl Producers {
    /// The first offset that a reader of committed records must not see yet: the last stable offset is this or
    /// the high watermark, whichever is lower. `None` where nothing holds it back.
    pub fn first_unstable_offset(&self) -> Option<i64> {
        let open = self.transactions.open.keys().next();
        let unreplicated = self.transactions.unreplicated.keys().next();
        open.into_iter().chain(unreplicated).min().copied()
    }

    /// Forgets completed transactions whose marker lies below the high watermark.
    pub fn on_high_watermark(&mut self, high_watermark: i64) {
        if !self.transactions.unreplicated.is_empty() {
            self.transactions.unreplicated.retain(|_, marker_offset| *marker_offset >= high_watermark);
        }
    }

    /// Forgets completed transactions that DeleteRecords or retention removed. Producers stay.
    pub fn on_log_start_offset(&mut self, log_start_offset: i64) {
        self.transactions.unreplicated.retain(|_, marker_offset| *marker_offset >= log_start_offset);
        self.advance_to(log_start_offset);
    }

    /// The last stable offset that the transaction index stores with an aborted transaction: the first offset
    /// of the oldest one that stays open, or the offset after the marker.
    pub fn last_stable_offset_after(&self, completed: &CompletedTransaction) -> i64 {
        let others = self.transactions.open.iter().find(|(_, id)| **id != completed.producer_id);
        others.map_or(completed.last_offset + 1, |(first_offset, _)| *first_offset)
    }
}
