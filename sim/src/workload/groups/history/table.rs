//! A compacted topic: what was written to each key, and what a reader of the whole log may find.

use std::collections::{BTreeMap, BTreeSet};

use super::super::broken;

/// One record with a key.
#[derive(Clone, Copy, Debug)]
struct Write {
    number: u64,
    is_tombstone: bool,
    sent_ms: u64,
    /// Where it is; `None` while there is no answer, or where there was none.
    offset: Option<i64>,
}

/// What a reader found last of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Last {
    pub(in super::super) offset: i64,
    pub(in super::super) number: u64,
    pub(in super::super) is_tombstone: bool,
}

#[derive(Default)]
pub(in super::super) struct Table {
    keys: BTreeMap<u64, Vec<Write>>,
    delete_retention_ms: u64,
    /// What stands where.
    seen: BTreeMap<i64, Last>,
}

/// What was known when a reader began: of each key the last acknowledged offset.
pub(in super::super) type Known = BTreeMap<u64, i64>;

impl Table {
    pub(super) fn new(delete_retention_ms: u64) -> Self {
        Self { delete_retention_ms, ..Self::default() }
    }

    pub(in super::super) fn on_sent(&mut self, key: u64, number: u64, is_tombstone: bool, sent_ms: u64) {
        let write = Write { number, is_tombstone, sent_ms, offset: None };
        self.keys.entry(key).or_default().push(write);
    }

    pub(in super::super) fn on_acknowledged(&mut self, key: u64, number: u64, offset: i64) {
        for write in self.keys.entry(key).or_default() {
            if write.number == number {
                write.offset = Some(offset);
            }
        }
    }

    pub(in super::super) fn known(&self) -> Known {
        let last = |writes: &Vec<Write>| writes.iter().filter_map(|write| write.offset).max();
        self.keys.iter().filter_map(|(key, writes)| Some((*key, last(writes)?))).collect()
    }

    /// A record was read.
    pub(in super::super) fn on_read(&mut self, key: u64, record: Last) {
        let before = self.seen.insert(record.offset, record);
        let writes = self.keys.get(&key).map(Vec::as_slice).unwrap_or_default();
        let is_known = writes.iter().any(|write| {
            (write.number, write.is_tombstone) == (record.number, record.is_tombstone)
                && write.offset.is_none_or(|offset| offset == record.offset)
        });
        if before != Some(record) && (before.is_some() || !is_known) {
            broken("records stay", &format!("key {key}: {record:?}, before {before:?}, written {writes:?}"));
        }
    }

    /// The whole log was read, from a moment on at which `known` was known. The keys of which an old value was found
    /// and a tombstone was not that may be gone: the cleaner may have taken both while the reader was between them,
    /// but then a second look finds neither.
    pub(in super::super) fn check(
        &self,
        known: &Known,
        found: &BTreeMap<u64, Last>,
        now_ms: u64,
        doubted: &BTreeSet<u64>,
    ) -> BTreeSet<u64> {
        let mut doubts = BTreeSet::new();
        for (key, offset) in known {
            let writes = self.keys.get(key).map(Vec::as_slice).unwrap_or_default();
            let last = found.get(key);
            // The reader had passed before a later one came, for which the cleaner took what it looked for.
            let is_overtaken = |write: &Write| write.offset.is_some_and(|later| later > *offset);
            if last.is_some_and(|last| last.offset >= *offset) || writes.iter().any(is_overtaken) {
                continue;
            }
            // Also one that nobody answered may be there, or have been there.
            let may_have_gone = |write: &Write| {
                write.is_tombstone
                    && write.offset.is_none_or(|there| there >= *offset)
                    && now_ms >= write.sent_ms + self.delete_retention_ms
            };
            let has_gone = writes.iter().any(may_have_gone);
            if !has_gone || (last.is_some() && doubted.contains(key)) {
                let detail =
                    format!("key {key} at {now_ms} ms: found {last:?} instead of {offset}: {writes:?}");
                broken("a compacted log keeps the last value of every key", &detail);
            }
            if last.is_some() {
                doubts.insert(*key);
            }
        }
        doubts
    }

    /// The whole log was read while nobody wrote: nothing else is known from then on.
    pub(in super::super) fn on_audited(&mut self, found: &BTreeMap<u64, Last>) {
        for (key, writes) in &mut self.keys {
            let last = found.get(key);
            writes.retain(|write| last.is_some_and(|last| last.number == write.number));
            for write in writes {
                write.offset = last.map(|last| last.offset);
            }
        }
    }
}
