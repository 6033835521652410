//! A batch that passed validation and waits for its place in a log.

use bytes::Bytes;

use super::{BatchHeader, HEADER_SIZE_BYTES};

/// One batch, ready to append: a copy of its header, and its body, which is a slice of the produce request
/// wherever nothing in it had to change.
///
/// Invariant: the header's CRC fits header and body; `assign` touches only fields outside the CRC.
#[derive(Clone, Debug)]
pub struct ValidatedBatch {
    header: BatchHeader,
    body: Bytes,
    offset_delta_of_max_timestamp: i32,
}

impl ValidatedBatch {
    /// A batch of these parts. The caller has sealed the header over the body.
    ///
    /// # Panics
    /// Where the header's size is not that of the parts.
    pub fn new(header: BatchHeader, body: Bytes, offset_delta_of_max_timestamp: i32) -> Self {
        assert_eq!(
            header.size_bytes(),
            HEADER_SIZE_BYTES + body.len(),
            "a header must give the size of its batch"
        );
        debug_assert_eq!(header.crc(), header.compute_crc(&body), "a header must carry the CRC of its batch");
        Self { header, body, offset_delta_of_max_timestamp }
    }

    /// Gives the batch its place: the log's next offset, and the epoch of the leader that appends it.
    pub fn assign(&mut self, base_offset: i64, partition_leader_epoch: i32) {
        self.header.set_base_offset(base_offset);
        self.header.set_partition_leader_epoch(partition_leader_epoch);
    }

    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The 61 bytes to write in front of `body`.
    pub fn header_bytes(&self) -> &[u8] {
        self.header.as_bytes()
    }

    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Bytes of the whole batch.
    pub fn size_bytes(&self) -> usize {
        HEADER_SIZE_BYTES + self.body.len()
    }

    pub fn base_offset(&self) -> i64 {
        self.header.base_offset()
    }

    pub fn last_offset(&self) -> i64 {
        self.header.last_offset()
    }

    /// Records, and so offsets, that the batch takes.
    pub fn records_count(&self) -> i32 {
        self.header.records_count()
    }

    /// The largest timestamp in ms; -1 where no record has one.
    pub fn max_timestamp(&self) -> i64 {
        self.header.max_timestamp()
    }

    /// The first record with the largest timestamp, counted from the base offset.
    pub fn offset_delta_of_max_timestamp(&self) -> i32 {
        self.offset_delta_of_max_timestamp
    }

    /// The whole batch in one piece, for tests and tools: the hot path writes header and body as two.
    pub fn to_vec(&self) -> Vec<u8> {
        [self.header_bytes(), &self.body].concat()
    }
}
