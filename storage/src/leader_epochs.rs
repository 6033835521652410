//! Which leader epoch began at which offset: `leader-epoch-checkpoint` and its copy in memory.

use std::{fmt::Write, path::Path};

use jackdaw_core::limits;

use crate::{
    atomic_file::read_text,
    checkpoint::{entries, header, malformed},
    error::Result,
    layout,
};

/// The first offset written under an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochStart {
    pub epoch: i32,
    pub start_offset: i64,
}

/// The epochs of a log, ascending in epoch and, not strictly, in start offset.
///
/// Changes are in memory until the next flush, which goes before the recovery point moves: what a crash loses,
/// recovery finds again in the batches.
#[derive(Clone, Default, Debug)]
pub struct LeaderEpochs {
    entries: Vec<EpochStart>,
    is_dirty: bool,
}

impl LeaderEpochs {
    /// Read a partition's checkpoint; none where it is absent.
    pub fn read(partition_dir: &Path) -> Result<Self> {
        let path = partition_dir.join(layout::LEADER_EPOCHS);
        let Some(text) = read_text(&path, limits::CHECKPOINT_SIZE_MAX_BYTES)? else {
            return Ok(Self::default());
        };
        let mut epochs = Self::default();
        for line in entries(&path, &text)? {
            let entry = parse(line).ok_or_else(|| malformed(&path, "an entry", line))?;
            epochs.assign(entry.epoch, entry.start_offset);
        }
        epochs.is_dirty = false;
        Ok(epochs)
    }

    /// The checkpoint's text.
    pub fn to_text(&self) -> String {
        let mut text = header(self.entries.len());
        for entry in &self.entries {
            _ = writeln!(text, "{} {}", entry.epoch, entry.start_offset);
        }
        text
    }

    /// Note that `epoch` began at `start_offset`, unless it is known or unknown (negative). Entries that this
    /// contradicts go: the newer leader is right.
    #[inline]
    pub fn assign(&mut self, epoch: i32, start_offset: i64) {
        if epoch < 0 || self.entries.last().is_some_and(|last| last.epoch == epoch) {
            return;
        }
        self.insert(EpochStart { epoch, start_offset });
    }

    /// The same for a batch read again after a crash. The newest epoch may have begun without a
    /// record; older ones are known already. A higher epoch that began before this batch cannot have: the epoch of a batch
    /// lies outside its CRC, so one may have been damaged.
    pub(crate) fn assign_recovered(&mut self, epoch: i32, start_offset: i64) {
        if epoch >= 0 {
            let count = self.entries.len();
            self.entries.retain(|entry| entry.epoch <= epoch || entry.start_offset > start_offset);
            self.is_dirty |= self.entries.len() < count;
        }
        if self.entries.last().is_none_or(|last| epoch > last.epoch) {
            self.assign(epoch, start_offset);
        }
    }

    fn insert(&mut self, new: EpochStart) {
        while let Some(last) = self.entries.last()
            && (last.epoch >= new.epoch || last.start_offset >= new.start_offset)
        {
            self.entries.pop();
        }
        self.entries.push(new);
        self.is_dirty = true;
    }

    /// The newest epoch.
    pub fn latest(&self) -> Option<EpochStart> {
        self.entries.last().copied()
    }

    /// All of them, oldest first.
    pub fn entries(&self) -> &[EpochStart] {
        &self.entries
    }

    /// The epoch that the record at `offset` was written under.
    pub fn epoch_at(&self, offset: i64) -> Option<i32> {
        let after = self.entries.partition_point(|entry| entry.start_offset <= offset);
        Some(self.entries[..after].last()?.epoch)
    }

    /// The largest known epoch not above `epoch`, and where it ended (OffsetForLeaderEpoch, diverging epochs);
    /// `None` where this log cannot tell.
    pub fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> Option<(i32, i64)> {
        let latest = self.latest()?;
        if epoch < 0 || epoch > latest.epoch {
            return None;
        }
        if epoch == latest.epoch {
            return Some((epoch, log_end_offset));
        }
        let after = self.entries.partition_point(|entry| entry.epoch <= epoch);
        match after {
            // Older than all that is known: its end is where the oldest known one began.
            0 => Some((epoch, self.entries[0].start_offset)),
            _ => Some((self.entries[after - 1].epoch, self.entries[after].start_offset)),
        }
    }

    /// Forget what began at or above `end_offset`.
    pub fn truncate_from_end(&mut self, end_offset: i64) {
        let keep = self.entries.partition_point(|entry| entry.start_offset < end_offset);
        if keep < self.entries.len() {
            self.entries.truncate(keep);
            self.is_dirty = true;
        }
    }

    /// Forget what ended at or below `start_offset`; the epoch that covers it now begins there.
    pub fn truncate_from_start(&mut self, start_offset: i64) {
        let after = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        if after == 0 || (after == 1 && self.entries[0].start_offset == start_offset) {
            return;
        }
        self.entries.drain(..after - 1);
        self.entries[0].start_offset = start_offset;
        self.is_dirty = true;
    }

    /// Forget all.
    pub fn clear(&mut self) {
        self.is_dirty |= !self.entries.is_empty();
        self.entries.clear();
    }

    /// Whether the file has to be written; asking marks it as taken care of.
    pub(crate) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }
}

pub(crate) fn parse(line: &str) -> Option<EpochStart> {
    let (epoch, start_offset) = line.split_once(' ')?;
    Some(EpochStart { epoch: epoch.parse().ok()?, start_offset: start_offset.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(pairs: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for &(epoch, start_offset) in pairs {
            epochs.assign(epoch, start_offset);
        }
        epochs
    }

    fn pairs(epochs: &LeaderEpochs) -> Vec<(i32, i64)> {
        epochs.entries().iter().map(|entry| (entry.epoch, entry.start_offset)).collect()
    }

    #[test]
    fn an_epoch_that_a_later_batch_contradicts_was_damaged() {
        let mut epochs = LeaderEpochs::default();
        for (epoch, offset) in [(0, 0), (1_375_731_712, 2), (0, 3), (0, 4), (1, 9)] {
            epochs.assign_recovered(epoch, offset);
        }
        let expected = [(0, 0), (1, 9)].map(|(epoch, start_offset)| EpochStart { epoch, start_offset });
        assert_eq!(epochs.entries(), expected);
        // One that is known and begins later stays.
        epochs.assign_recovered(0, 5);
        assert_eq!(epochs.entries(), expected);
    }

    #[test]
    fn assigns_in_order_and_drops_what_it_contradicts() {
        let mut known = epochs(&[(0, 0), (0, 5), (2, 10), (-1, 11), (3, 20)]);
        assert_eq!(pairs(&known), [(0, 0), (2, 10), (3, 20)]);
        assert!(known.take_dirty() && !known.take_dirty());
        // A leader without a record is followed by another at the same offset.
        known.assign(5, 20);
        assert_eq!(pairs(&known), [(0, 0), (2, 10), (5, 20)]);
        known.assign(6, 7);
        assert_eq!(pairs(&known), [(0, 0), (6, 7)]);
    }

    #[test]
    fn finds_epochs_and_their_ends() {
        let known = epochs(&[(1, 0), (3, 10), (4, 20)]);
        assert_eq!(known.epoch_at(-1), None);
        assert_eq!(known.epoch_at(9), Some(1));
        assert_eq!(known.epoch_at(10), Some(3));
        assert_eq!(known.epoch_at(99), Some(4));
        for (epoch, end) in [
            (-1, None),
            (0, Some((0, 0))),
            (1, Some((1, 10))),
            (2, Some((1, 10))),
            (3, Some((3, 20))),
            (4, Some((4, 30))),
            (5, None),
        ] {
            assert_eq!(known.end_offset_for(epoch, 30), end, "epoch {epoch}");
        }
        assert_eq!(LeaderEpochs::default().end_offset_for(0, 0), None);
    }

    #[test]
    fn truncates_at_both_ends() {
        let mut known = epochs(&[(1, 0), (3, 10), (4, 20)]);
        known.truncate_from_end(20);
        assert_eq!(pairs(&known), [(1, 0), (3, 10)]);
        known.take_dirty();
        known.truncate_from_start(0);
        known.truncate_from_end(11);
        assert!(!known.take_dirty());
        known.truncate_from_start(12);
        assert_eq!(pairs(&known), [(3, 12)]);
        assert!(known.take_dirty());
        known.clear();
        assert!(known.entries().is_empty() && known.take_dirty());
    }

    #[test]
    fn text_is_kafkas() {
        assert_eq!(epochs(&[(0, 0), (2, 1000)]).to_text(), "0\n2\n0 0\n2 1000\n");
        assert_eq!(parse("2 1000"), Some(EpochStart { epoch: 2, start_offset: 1000 }));
        assert_eq!(parse("2"), None);
    }
}
