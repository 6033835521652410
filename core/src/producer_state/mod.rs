//! Idempotent producers of one partition: what each wrote last, so that a batch sent twice is appended once,
//! and which of them have a transaction open here. Kafka's ProducerStateManager.

mod batch_info;
mod entry;
mod error;
mod marker;
mod snapshot;
mod transactions;

use std::collections::BTreeMap;

pub use self::{
    batch_info::BatchInfo,
    entry::{BatchMetadata, ProducerEntry},
    error::ProducerError,
    marker::{CompletedTransaction, EndMarker, EndMarkerRules},
    snapshot::{CorruptSnapshot, SnapshotEntry, decode_snapshot},
};
use self::{entry::Placement, transactions::OpenTransactions};
use crate::limits;

/// Who appends a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A producer.
    Client {
        /// Whether the transaction coordinator vouched for this partition, or was not asked to
        /// (`transaction.partition.verification.enable`). Of no meaning outside transactions.
        is_verified: bool,
    },
    /// A group or transaction coordinator, whose batches have no sequences.
    Coordinator,
    /// The partition's leader: it has checked already.
    Replication,
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Append,
    /// It is in the log: answer with these offsets and append nothing.
    Duplicate(BatchMetadata),
}

/// The producers of one partition.
///
/// Invariant: a producer is in `transactions` exactly where its entry has a first offset of a transaction.
#[derive(Clone, Debug, Default)]
pub struct Producers {
    /// Ordered, so that neither a snapshot nor an eviction depends on a hasher's seed, and ids that a client
    /// invents cannot collide.
    entries: BTreeMap<i64, ProducerEntry>,
    transactions: OpenTransactions,
    /// All batches below this offset are reflected.
    end_offset: i64,
}

impl Producers {
    /// No producers, for a log that begins at `end_offset`.
    pub fn new(end_offset: i64) -> Self {
        Self { end_offset, ..Self::default() }
    }

    /// The producers that a snapshot file tells of, whose name is `end_offset`. Those that expired are left
    /// out. Only the last batch of each is known.
    pub fn from_snapshot(
        bytes: &[u8],
        end_offset: i64,
        now_ms: i64,
        expiration_ms: i64,
    ) -> Result<Self, CorruptSnapshot> {
        let mut producers = Self::new(end_offset);
        for snapshot_entry in decode_snapshot(bytes)? {
            let entry = ProducerEntry::from_snapshot(&snapshot_entry);
            if entry.is_expired(now_ms, expiration_ms) {
                continue;
            }
            if let Some(first_offset) = entry.transaction_first_offset() {
                producers.transactions.begin(first_offset, snapshot_entry.producer_id);
            }
            producers.entries.insert(snapshot_entry.producer_id, entry);
        }
        Ok(producers)
    }

    /// The content of a snapshot file whose name is `end_offset()`.
    pub fn encode_snapshot(&self) -> Vec<u8> {
        let entries = self.entries.iter().map(|(producer_id, entry)| entry.to_snapshot(*producer_id));
        snapshot::encode_snapshot(entries)
    }

    /// Whether a batch may be appended, was appended before, or breaks a rule. Batches without a producer id
    /// are not asked about.
    pub fn check(&self, batch: &BatchInfo, origin: Origin) -> Result<Verdict, ProducerError> {
        let entry = self.entries.get(&batch.producer_id);
        match origin {
            Origin::Replication => return Ok(Verdict::Append),
            Origin::Coordinator => return self.check_of_coordinator(batch, entry),
            Origin::Client { is_verified } => {
                let is_without_transaction =
                    entry.is_none_or(|entry| entry.transaction_first_offset().is_none());
                if let Some(duplicate) = entry.and_then(|entry| entry.duplicate(batch)) {
                    return Ok(Verdict::Duplicate(*duplicate));
                }
                if let Some(entry) = entry {
                    entry.check_epoch(batch)?;
                }
                if batch.is_transactional && is_without_transaction && !is_verified {
                    return Err(ProducerError::NotVerified { producer_id: batch.producer_id });
                }
            }
        }
        match entry {
            Some(entry) => entry.check_sequence(batch)?,
            None => self.check_room(batch.producer_id)?,
        }
        self.check_transaction(batch, entry)?;
        Ok(Verdict::Append)
    }

    fn check_of_coordinator(
        &self,
        batch: &BatchInfo,
        entry: Option<&ProducerEntry>,
    ) -> Result<Verdict, ProducerError> {
        if let Some(entry) = entry {
            entry.check_epoch(batch)?;
        }
        self.check_transaction(batch, entry)?;
        Ok(Verdict::Append)
    }

    fn check_transaction(
        &self,
        batch: &BatchInfo,
        entry: Option<&ProducerEntry>,
    ) -> Result<(), ProducerError> {
        match entry.and_then(ProducerEntry::transaction_first_offset) {
            Some(first_offset) if !batch.is_transactional => {
                Err(ProducerError::TransactionOpen { producer_id: batch.producer_id, first_offset })
            }
            _ => Ok(()),
        }
    }

    /// A new producer needs room, or an idle one that can be forgotten for it.
    fn check_room(&self, producer_id: i64) -> Result<(), ProducerError> {
        let is_full = self.entries.len() >= limits::PRODUCERS_PER_PARTITION_MAX;
        if is_full && self.transactions.open_count() >= self.entries.len() {
            return Err(ProducerError::Full { producer_id, count: self.entries.len() });
        }
        Ok(())
    }

    /// Takes note of a batch of data that was appended, or that is read again after a start. Its offsets are
    /// those of the log.
    pub fn update(&mut self, batch: &BatchInfo) {
        if !self.entries.contains_key(&batch.producer_id) {
            self.make_room();
        }
        let entry =
            self.entries.entry(batch.producer_id).or_insert_with(|| ProducerEntry::new(batch.producer_epoch));
        if entry.place(batch) == Placement::BeginsTransaction {
            self.transactions.begin(batch.first_offset, batch.producer_id);
        }
        self.advance_to(batch.last_offset + 1);
    }

    /// Takes note that the log goes on to `end_offset`, batches without producer included.
    pub fn advance_to(&mut self, end_offset: i64) {
        self.end_offset = self.end_offset.max(end_offset);
    }

    /// All batches below this offset are reflected: the name of the next snapshot.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Number of producers known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn get(&self, producer_id: i64) -> Option<&ProducerEntry> {
        self.entries.get(&producer_id)
    }

    /// The producers in order of their ids (DescribeProducers).
    pub fn iter(&self) -> impl Iterator<Item = (i64, &ProducerEntry)> {
        self.entries.iter().map(|(producer_id, entry)| (*producer_id, entry))
    }

    /// Forgets producers that wrote nothing for `producer.id.expiration.ms`, except those with an open
    /// transaction.
    pub fn remove_expired(&mut self, now_ms: i64, expiration_ms: i64) {
        self.entries.retain(|_, entry| !entry.is_expired(now_ms, expiration_ms));
    }

    /// Forgets the sixteenth of the producers that wrote longest ago, so that the search is not repeated for
    /// each new one. Transactions keep their producers, whatever the bound.
    fn make_room(&mut self) {
        if self.entries.len() < limits::PRODUCERS_PER_PARTITION_MAX {
            return;
        }
        let mut idle: Vec<(i64, i64)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.transaction_first_offset().is_none())
            .map(|(producer_id, entry)| (entry.last_timestamp(), *producer_id))
            .collect();
        let count = (limits::PRODUCERS_PER_PARTITION_MAX / 16).max(1).min(idle.len());
        if count < idle.len() {
            idle.select_nth_unstable(count);
        }
        for (_, producer_id) in &idle[..count] {
            self.entries.remove(producer_id);
        }
    }
}

#[cfg(test)]
mod tests;
