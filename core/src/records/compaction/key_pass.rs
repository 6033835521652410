//! The first pass: the keys of the dirty part.

use super::{AbortedRange, CompactionError, OffsetMap, section, transactions::Transactions};
use crate::records::{BatchView, Records, compression::Decompressor};

/// Puts the keys of batches, given in offset order, into a map.
pub struct KeyPass<'a> {
    map: &'a mut OffsetMap,
    decompressor: &'a mut Decompressor,
    transactions: Transactions,
    /// Records below are clean already.
    first_dirty_offset: i64,
}

impl<'a> KeyPass<'a> {
    /// A pass from where the map begins; `aborted` are the aborted transactions of the dirty part.
    pub fn new(
        map: &'a mut OffsetMap,
        decompressor: &'a mut Decompressor,
        aborted: Vec<AbortedRange>,
    ) -> Self {
        let first_dirty_offset = map.end_offset();
        Self { map, decompressor, transactions: Transactions::new(aborted), first_dirty_offset }
    }

    /// Note the keys of a batch; false where the map is full: its end offset says how far it came.
    ///
    /// # Errors
    /// Where the batch is damaged.
    pub fn add(&mut self, batch: &BatchView<'_>) -> Result<bool, CompactionError> {
        let header = batch.header();
        // Records of an aborted transaction replace nothing.
        if header.is_control() {
            self.transactions.on_control(batch);
        } else if !self.transactions.on_data(batch) {
            let section = section(batch, self.decompressor)?;
            for record in Records::new(section, header.records_count()) {
                let record = record?;
                let offset = header.base_offset() + i64::from(record.offset_delta);
                if let Some(key) = record.key.filter(|_| offset >= self.first_dirty_offset)
                    && !self.map.put(key, offset)
                {
                    return Ok(false);
                }
            }
        }
        self.map.advance_to(header.last_offset() + 1);
        Ok(true)
    }
}
