//! What a compacted log must hold: for each key what a reader of all that was written would hold for the newest, above
//! the compacted part every batch as it was written, and of every transaction the truth.

use std::collections::BTreeMap;

use jackdaw_core::records::{BatchView, ControlType, Frame, Records, control::control_records};
use jackdaw_storage::Log;

use super::single_log::Model;

/// A batch as it was appended.
struct Appended {
    base_offset: i64,
    last_offset: i64,
    bytes: Vec<u8>,
}

/// A record of data: key, and value where it is no tombstone.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Stored {
    offset: i64,
    timestamp: i64,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

/// The log as the world outside knows it.
#[derive(Default)]
pub(super) struct CompactionModel {
    /// All that was ever appended and not lost in a crash.
    batches: Vec<Appended>,
    /// Appends below have returned: a killed process has left them in the page cache.
    completed_end: i64,
    /// A flush that covers all below has returned: a power cut leaves them.
    promised_end: i64,
    /// Compaction may have touched what is below.
    cleaned_end: i64,
    /// Batches in the middle of the log were lost with the power.
    has_hole: bool,
    appended_count: u64,
}

impl Model for CompactionModel {
    fn completed_end(&self) -> i64 {
        self.completed_end
    }

    fn appended_count(&self) -> u64 {
        self.appended_count
    }

    fn on_flushed(&mut self, up_to_offset: i64) {
        self.promised_end = self.promised_end.max(up_to_offset);
    }

    /// The power went: what was not flushed may be gone, until the next opening tells.
    fn on_power_cut(&mut self) {
        self.completed_end = self.promised_end;
    }

    /// The log was opened again. All below `required_end` must be there, as far as compaction leaves it.
    fn on_opened(&mut self, log: &Log, required_end: i64) {
        let end = log.log_end_offset();
        assert!(end >= required_end, "the log ends at {end}, all below {required_end} was promised");
        let found: Vec<i64> = read_all(log).iter().map(|bytes| view(bytes).header().base_offset()).collect();
        let is_kept = |batch: &Appended| {
            batch.base_offset < required_end || found.binary_search(&batch.base_offset).is_ok()
        };
        self.has_hole |= self.batches.iter().any(|batch| !is_kept(batch) && batch.base_offset < end);
        self.batches.retain(is_kept);
        self.completed_end = end;
        self.promised_end = self.promised_end.min(end);
        if !self.has_hole {
            self.check(log);
        }
    }

    fn can_go_on(&self) -> bool {
        !self.has_hole
    }
}

impl CompactionModel {
    /// A batch was appended; `counts` if its process was alive when that returned.
    pub(super) fn on_appended(&mut self, bytes: Vec<u8>, counts: bool) {
        let header = *view(&bytes).header();
        let (base_offset, last_offset) = (header.base_offset(), header.last_offset());
        assert!(self.batches.last().is_none_or(|last| last.last_offset < base_offset));
        self.batches.push(Appended { base_offset, last_offset, bytes });
        if counts {
            self.completed_end = last_offset + 1;
            self.appended_count += 1;
        }
    }

    /// A round begins that ends there. Only what is promised may be compacted.
    pub(super) fn on_cleaning(&mut self, end_offset: i64) {
        assert!(
            end_offset <= self.promised_end,
            "compaction up to {end_offset}, flushed {}",
            self.promised_end
        );
        self.cleaned_end = self.cleaned_end.max(end_offset);
    }

    /// Compare the log with what was written.
    pub(super) fn check(&self, log: &Log) {
        let found = read_all(log);
        let mut next_offset = 0;
        for bytes in &found {
            let header = view(bytes).header();
            assert!(header.base_offset() >= next_offset, "offsets ascend");
            next_offset = header.last_offset() + 1;
            self.check_batch(bytes);
        }
        self.check_untouched(&found);
        self.check_newest(&found);
        self.check_transactions(log, &found);
        assert_eq!(log.log_end_offset(), self.batches.last().map_or(0, |last| last.last_offset + 1));
    }

    fn original(&self, base_offset: i64) -> &Appended {
        match self.batches.binary_search_by_key(&base_offset, |batch| batch.base_offset) {
            Ok(index) => &self.batches[index],
            Err(_) => panic!("a batch at offset {base_offset} was never written"),
        }
    }

    /// A batch has its offsets and its producer, and no records but those that were written there.
    fn check_batch(&self, bytes: &[u8]) {
        let batch = view(bytes);
        assert_eq!(batch.check(), Ok(()));
        let header = batch.header();
        let original = self.original(header.base_offset());
        let old = view(&original.bytes);
        assert_eq!(header.last_offset(), old.header().last_offset());
        assert_eq!(header.producer_id(), old.header().producer_id());
        assert_eq!(header.base_sequence(), old.header().base_sequence());
        let written = records(&original.bytes);
        for record in records(bytes) {
            assert!(written.contains(&record), "offset {} is not as written", record.offset);
        }
    }

    /// Above the part that was ever compacted all is as it was written.
    fn check_untouched(&self, found: &[Vec<u8>]) {
        let is_above = |base_offset: i64| base_offset >= self.cleaned_end;
        let found = found.iter().filter(|bytes| is_above(view(bytes).header().base_offset()));
        let written = self.batches.iter().filter(|batch| is_above(batch.base_offset));
        assert!(
            found.eq(written.map(|batch| &batch.bytes)),
            "batches above {} are not as written",
            self.cleaned_end
        );
    }

    /// A reader of committed records holds the same for each key as one of all that was written.
    fn check_newest(&self, found: &[Vec<u8>]) {
        let newest = |batches: &mut dyn Iterator<Item = &Vec<u8>>| {
            let mut newest: BTreeMap<Vec<u8>, (i64, Vec<u8>)> = BTreeMap::new();
            for bytes in batches {
                let header = view(bytes).header();
                if self.is_aborted(header.producer_id(), header.base_offset(), header.is_transactional()) {
                    continue;
                }
                for record in records(bytes) {
                    match record.value {
                        Some(value) => newest.insert(record.key, (record.offset, value)),
                        None => newest.remove(&record.key),
                    };
                }
            }
            newest
        };
        let kept = newest(&mut found.iter());
        let wanted = newest(&mut self.batches.iter().map(|batch| &batch.bytes));
        for (key, (offset, _)) in &wanted {
            let key_text = String::from_utf8_lossy(key);
            assert!(
                kept.get(key).is_some_and(|(kept, _)| kept == offset),
                "{key_text}: offset {offset} is lost"
            );
        }
        for key in kept.keys() {
            let key_text = String::from_utf8_lossy(key);
            assert!(wanted.contains_key(key), "{key_text} was deleted and is there again");
        }
    }

    /// Whether the transaction with this batch was aborted; false while it is open.
    fn is_aborted(&self, producer_id: i64, base_offset: i64, is_transactional: bool) -> bool {
        if !is_transactional {
            return false;
        }
        let after = self.batches.partition_point(|batch| batch.base_offset <= base_offset);
        let marker = self.batches[after..].iter().find_map(|batch| {
            let batch = view(&batch.bytes);
            let is_here = batch.header().is_control() && batch.header().producer_id() == producer_id;
            is_here.then(|| control_records(&batch).next()).flatten()
        });
        matches!(marker, Some(Ok(record)) if record.control_type == Some(ControlType::Abort))
    }

    /// The index of aborted transactions covers the data of those and of no others.
    fn check_transactions(&self, log: &Log, found: &[Vec<u8>]) {
        let aborted = log.aborted_transactions(log.log_start_offset(), i64::MAX);
        for bytes in found {
            let header = view(bytes).header();
            if header.is_control() || !header.is_transactional() || header.records_count() == 0 {
                continue;
            }
            let (producer_id, base_offset) = (header.producer_id(), header.base_offset());
            let is_covered = aborted.iter().any(|entry| {
                let range = entry.first_offset..entry.last_offset;
                entry.producer_id == producer_id && range.contains(&base_offset)
            });
            let is_aborted = self.is_aborted(producer_id, base_offset, true);
            assert_eq!(is_covered, is_aborted, "the transaction of producer {producer_id} at {base_offset}");
        }
    }
}

fn view(bytes: &[u8]) -> BatchView<'_> {
    match BatchView::parse(bytes) {
        Frame::Complete(batch) => batch,
        _ => panic!("not a whole batch"),
    }
}

fn records(bytes: &[u8]) -> Vec<Stored> {
    let batch = view(bytes);
    let header = batch.header();
    if header.is_control() {
        return Vec::new();
    }
    Records::new(batch.body(), header.records_count())
        .map(|record| {
            let record = record.unwrap_or_else(|error| panic!("at {}: {error}", header.base_offset()));
            Stored {
                offset: header.base_offset() + i64::from(record.offset_delta),
                timestamp: header.base_timestamp() + record.timestamp_delta,
                key: record.key.map(<[u8]>::to_vec).unwrap_or_default(),
                value: record.value.map(<[u8]>::to_vec),
            }
        })
        .collect()
}

/// All batches, each read from where the one before ended.
fn read_all(log: &Log) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut offset = log.log_start_offset();
    while offset < log.log_end_offset() {
        let read = log.read(offset, 4096, i64::MAX, true);
        let read = read.unwrap_or_else(|error| panic!("reading at {offset}: {error}"));
        // Compaction leaves nothing before the end only where the active segment is empty.
        let Some(read) = read else { break };
        let mut bytes = vec![0; read.length];
        let count = read.file.read_at(&mut bytes, read.position);
        assert_eq!(count.ok(), Some(read.length), "the file is shorter than the log thinks");
        let mut whole = 0;
        while let Frame::Complete(batch) = BatchView::parse(&bytes[whole..]) {
            assert!(batch.header().last_offset() >= offset, "a read goes back");
            offset = batch.header().last_offset() + 1;
            whole += batch.size_bytes();
            found.push(batch.bytes().to_vec());
        }
        assert!(whole > 0, "a read ends inside its first batch at {offset}");
    }
    found
}
