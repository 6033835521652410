//! What a partition's log must hold after a crash: the batches as they were written, and how many were promised.

use jackdaw_core::{
    producer_state::{BatchInfo, ProducerEntry, Producers},
    records::{BatchView, Frame},
};
use jackdaw_storage::Log;

use super::single_log::Model;

/// A batch as it was appended.
struct Appended {
    base_offset: i64,
    last_offset: i64,
    bytes: Vec<u8>,
}

/// The log as the world outside knows it.
#[derive(Default)]
pub(super) struct LogModel {
    /// All that was ever handed to the log and has not been found missing after a crash.
    batches: Vec<Appended>,
    /// Appends below have returned: a killed process has left them in the page cache.
    completed_end: i64,
    /// A flush that covers all below has returned: a power cut leaves them.
    promised_end: i64,
    appended_count: u64,
}

impl Model for LogModel {
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

    /// The log was opened again and all below `required_end` must be there. What is there must be what was written.
    fn on_opened(&mut self, log: &Log, required_end: i64) {
        let end = log.log_end_offset();
        assert!(end >= required_end, "the log ends at {end}, all below {required_end} was promised");
        let mut kept = 0;
        let mut next_offset = 0;
        while next_offset < end {
            let bytes = read_batches(log, next_offset);
            let mut position = 0;
            while position < bytes.len() {
                let Frame::Complete(found) = BatchView::parse(&bytes[position..]) else {
                    panic!("a read ends inside a batch at offset {next_offset}");
                };
                assert_eq!(found.header().base_offset(), next_offset, "offsets are dense");
                let Some(expected) = self.batches.get(kept) else {
                    panic!("offset {next_offset} was never written");
                };
                assert_eq!(expected.base_offset, next_offset);
                assert!(expected.bytes == found.bytes(), "the batch at {next_offset} is not as written");
                next_offset = found.header().last_offset() + 1;
                position += found.size_bytes();
                kept += 1;
            }
        }
        self.batches.truncate(kept);
        self.completed_end = end;
        self.promised_end = self.promised_end.min(end);
        self.check_producers(log);
    }

    fn can_go_on(&self) -> bool {
        true
    }
}

impl LogModel {
    /// A batch was appended; `counts` if its process was alive when that returned.
    pub(super) fn on_appended(&mut self, bytes: Vec<u8>, counts: bool) {
        let Frame::Complete(batch) = BatchView::parse(&bytes) else { panic!("a built batch is whole") };
        let (base_offset, last_offset) = (batch.header().base_offset(), batch.header().last_offset());
        let expected = self.batches.last().map_or(0, |last| last.last_offset + 1);
        assert_eq!(base_offset, expected, "offsets are dense");
        self.batches.push(Appended { base_offset, last_offset, bytes });
        if counts {
            self.completed_end = last_offset + 1;
            self.appended_count += 1;
        }
    }

    /// What the log knows of idempotent producers is what its batches say. A snapshot holds the last batch of each, so
    /// after a restart older ones may be missing.
    fn check_producers(&self, log: &Log) {
        let mut expected = Producers::new(0);
        for appended in &self.batches {
            let Frame::Complete(batch) = BatchView::parse(&appended.bytes) else { continue };
            if let Some(info) = BatchInfo::of(batch.header()) {
                expected.update(&info);
            }
        }
        assert_eq!(log.producers().len(), expected.len(), "the number of idempotent producers");
        for (id, known) in log.producers().iter() {
            let Some(wanted) = expected.get(id) else { panic!("nothing was written by producer {id}") };
            let states = |entry: &ProducerEntry| -> Vec<(i32, i64)> {
                entry.batches().iter().map(|batch| (batch.first_sequence(), batch.base_offset())).collect()
            };
            let (known_batches, wanted_batches) = (states(known), states(wanted));
            assert!(
                !known_batches.is_empty() && wanted_batches.ends_with(&known_batches),
                "producer {id}: the log knows {known_batches:?}, written were {wanted_batches:?}"
            );
        }
    }

    /// Reading from any offset begins with the batch that holds it.
    pub(super) fn check_read(&self, log: &Log, offset: i64) {
        let bytes = read_batches(log, offset);
        let Frame::Complete(found) = BatchView::parse(&bytes) else { panic!("no batch at {offset}") };
        let index = self.batches.partition_point(|batch| batch.last_offset < offset);
        assert!(self.batches[index].bytes == found.bytes(), "the batch at {offset} is not as written");
    }
}

fn read_batches(log: &Log, offset: i64) -> Vec<u8> {
    let read = log.read(offset, 4096, i64::MAX, true);
    let read = read.unwrap_or_else(|error| panic!("reading at {offset}: {error}"));
    let Some(read) = read else { panic!("nothing to read at {offset} below the end") };
    let mut bytes = vec![0; read.length];
    let count = read.file.read_at(&mut bytes, read.position);
    assert_eq!(count.ok(), Some(read.length), "the file is shorter than the log thinks");
    let mut whole = 0;
    while let Frame::Complete(batch) = BatchView::parse(&bytes[whole..]) {
        whole += batch.size_bytes();
    }
    bytes.truncate(whole);
    bytes
}
