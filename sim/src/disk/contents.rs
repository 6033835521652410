//! One file's bytes: the page cache's image, the durable image, and the changes between the two.

use crate::prng::Random;

/// Changes kept apart; beyond that the oldest are written back, as a kernel does under load.
const KEPT_CHANGES: usize = 4096;

/// A change that is not durable yet.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { position: u64, data: Vec<u8> },
    SetSize(u64),
}

/// Invariant: `cached` is `durable` with all of `changes` applied in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) cached: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) changes: Vec<Change>,
    /// Changes that were made durable so far: the number of the first in `changes`.
    settled: u64,
}

pub(super) fn apply(image: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { position, data } => write(image, *position, data),
        Change::SetSize(size_bytes) => image.resize(*size_bytes as usize, 0),
    }
}

/// Write `data` at `position`, with zeros before it if the image is shorter.
pub(super) fn write(image: &mut Vec<u8>, position: u64, data: &[u8]) {
    let start = position as usize;
    let end = start + data.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[start..end].copy_from_slice(data);
}

impl Contents {
    /// Contents of which nothing is left to flush.
    pub(super) fn durable(image: Vec<u8>) -> Self {
        Self { cached: image.clone(), durable: image, ..Self::default() }
    }

    pub(super) fn write(&mut self, position: u64, data: Vec<u8>) {
        if !data.is_empty() {
            self.change(Change::Write { position, data });
        }
    }

    pub(super) fn set_size(&mut self, size_bytes: u64) {
        if size_bytes != self.cached.len() as u64 {
            self.change(Change::SetSize(size_bytes));
        }
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.cached, &change);
        self.changes.push(change);
        if self.changes.len() > KEPT_CHANGES {
            self.make_durable(self.settled + KEPT_CHANGES as u64 / 2);
        }
    }

    /// Change bits of a flushed byte by itself; the byte then.
    pub(super) fn flip(&mut self, position: u64, mask: u8) -> Option<u8> {
        let position = usize::try_from(position).ok()?;
        let durable = self.durable.get_mut(position)?;
        let cached = self.cached.get_mut(position).filter(|cached| **cached == *durable)?;
        *durable ^= mask;
        *cached = *durable;
        Some(*cached)
    }

    /// The byte is as it was left, where files are only written behind their end.
    pub(super) fn is_still(&self, position: u64, byte: u8) -> bool {
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        self.durable.get(at) == Some(&byte) && self.cached.get(at) == Some(&byte)
    }

    /// The number of the next change.
    pub(super) fn mark(&self) -> u64 {
        self.settled + self.changes.len() as u64
    }

    /// Make the changes before `mark` durable. How many bytes that wrote.
    pub(super) fn make_durable(&mut self, mark: u64) -> u64 {
        let mut written_bytes = 0;
        let count = usize::try_from(mark.saturating_sub(self.settled)).unwrap_or(0).min(self.changes.len());
        for change in self.changes.drain(..count) {
            apply(&mut self.durable, &change);
            if let Change::Write { data, .. } = change {
                written_bytes += data.len() as u64;
            }
        }
        self.settled += count as u64;
        written_bytes
    }

    /// A flush up to `mark` failed: the kernel calls the pages clean, whether the disk has them or not.
    pub(super) fn lose_some(&mut self, mark: u64, random: &mut Random) {
        let count = usize::try_from(mark.saturating_sub(self.settled)).unwrap_or(0).min(self.changes.len());
        for change in self.changes.drain(..count) {
            if random.one_in(2) {
                apply(&mut self.durable, &change);
            }
        }
        self.settled += count as u64;
    }
}
