//! The records of the consumed topics, and which of them each group has consumed.

use std::collections::BTreeMap;

use jackdaw_core::records::{BatchView, Frame, compression::Decompressor};

use super::{super::broken, Place};
use crate::workload::node::batches::{Key, Stamp, stamp_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Batch {
    last_offset: i64,
    stamp: Stamp,
}

/// One partition. The topics flush each message: nothing that is acknowledged or read is ever lost.
#[derive(Default)]
struct Partition {
    /// By base offset: read or acknowledged.
    batches: BTreeMap<i64, Batch>,
    /// Behind the last acknowledged or read record.
    end: i64,
}

pub(in super::super) struct Log {
    partitions: BTreeMap<Place, Partition>,
    /// By group: what was consumed, from an offset up to another.
    consumed: Vec<BTreeMap<Place, BTreeMap<i64, i64>>>,
    decompressor: Decompressor,
}

impl Log {
    pub(super) fn new(groups: usize) -> Self {
        Self {
            partitions: BTreeMap::new(),
            consumed: vec![BTreeMap::new(); groups],
            decompressor: Decompressor::default(),
        }
    }

    /// Behind the last record that must be there.
    pub(in super::super) fn end(&self, place: Place) -> i64 {
        self.partitions.get(&place).map_or(0, |partition| partition.end)
    }

    pub(in super::super) fn on_acknowledged(&mut self, place: Place, stamp: Stamp, base: i64, records: i64) {
        if base < 0 || records < 1 {
            broken("an acknowledgement names an offset", &format!("{base} of {place:?}"));
        }
        self.note(place, base, Batch { last_offset: base + records - 1, stamp });
    }

    fn note(&mut self, place: Place, base: i64, batch: Batch) {
        let partition = self.partitions.entry(place).or_default();
        partition.end = partition.end.max(batch.last_offset + 1);
        if let Some(known) = partition.batches.insert(base, batch)
            && known != batch
        {
            broken("records stay", &format!("{base} of {place:?}: {known:?}, then {batch:?}"));
        }
    }

    /// A group's member has got and processed these batches: the offset behind them.
    pub(in super::super) fn on_consumed(
        &mut self,
        group: usize,
        place: Place,
        key: Key,
        offset: i64,
        bytes: &[u8],
    ) -> i64 {
        let mut next = offset;
        let mut position = 0;
        while let Frame::Complete(batch) = BatchView::parse(&bytes[position..]) {
            position += batch.size_bytes();
            let (base, last_offset) = (batch.header().base_offset(), batch.header().last_offset());
            if base > next || last_offset < next {
                broken(
                    "offsets are dense",
                    &format!("{base} to {last_offset} of {place:?} instead of {next}"),
                );
            }
            next = last_offset + 1;
            let stamp = stamp_of(&batch, key, &mut self.decompressor);
            self.note(place, base, Batch { last_offset, stamp });
        }
        self.consume(group, place, offset, next);
        next
    }

    fn consume(&mut self, group: usize, place: Place, mut from: i64, mut to: i64) {
        if from == to {
            return;
        }
        let ranges = self.consumed[group].entry(place).or_default();
        while let Some((begin, end)) = ranges.range(..=to).next_back().map(|(begin, end)| (*begin, *end)) {
            if end < from {
                break;
            }
            ranges.remove(&begin);
            (from, to) = (from.min(begin), to.max(end));
        }
        ranges.insert(from, to);
    }

    /// A member goes on from here: all before was consumed.
    pub(in super::super) fn check_consumed(&self, group: usize, place: Place, offset: i64) {
        let ranges = self.consumed[group].get(&place);
        let from_start = ranges.and_then(|ranges| ranges.get(&0)).copied().unwrap_or(0);
        if from_start < offset {
            let detail = format!("group {group} goes on at {offset} of {place:?}, consumed is {ranges:?}");
            broken("every record is consumed at least once", &detail);
        }
    }
}
