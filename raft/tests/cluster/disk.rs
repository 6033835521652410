//! What survives a node: its log as far as it was flushed, and its quorum-state file.

use jackdaw_raft::{EpochStart, FetchedBatches, LogBounds, QuorumState};

use super::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    LeaderChange,
    Value(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub epoch: i32,
    pub payload: Payload,
}

#[derive(Default)]
pub struct Disk {
    pub log: Vec<Entry>,
    /// The number of entries that a crash cannot take.
    pub flushed: usize,
    pub quorum_state: Option<String>,
}

impl Disk {
    pub fn quorum_state(&self) -> Option<QuorumState> {
        self.quorum_state.as_ref().map(|text| QuorumState::from_json(text.as_bytes()).unwrap())
    }

    pub fn bounds(&self) -> LogBounds {
        let end_offset = self.log.len() as i64;
        LogBounds { start_offset: 0, end_offset, epochs: epochs(&self.log, 0), snapshot: None }
    }

    pub fn lose_unflushed(&mut self, random: &mut Random) {
        let unflushed = (self.log.len() - self.flushed) as u64;
        self.log.truncate(self.flushed + random.below(unflushed + 1) as usize);
    }

    pub fn flush_all(&mut self) {
        self.flushed = self.log.len();
    }

    pub fn truncate(&mut self, end_offset: i64) {
        self.log.truncate(end_offset as usize);
        self.flushed = self.flushed.min(self.log.len());
    }

    /// At most eight entries, as a fetch has a byte limit.
    pub fn read(&self, start_offset: i64, end_offset: i64) -> (FetchedBatches, Vec<Entry>) {
        let end_offset = end_offset.min(start_offset + 8);
        let entries = self.log[start_offset as usize..end_offset as usize].to_vec();
        let epochs = epochs(&entries, start_offset);
        (FetchedBatches { start_offset, end_offset, epochs, voters: Vec::new() }, entries)
    }
}

fn epochs(entries: &[Entry], start_offset: i64) -> Vec<EpochStart> {
    let mut epochs: Vec<EpochStart> = Vec::new();
    for (offset, entry) in (start_offset..).zip(entries) {
        if epochs.last().is_none_or(|last| last.epoch < entry.epoch) {
            epochs.push(EpochStart { epoch: entry.epoch, start_offset: offset });
        }
    }
    epochs
}
