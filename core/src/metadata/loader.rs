//! Applies the log to an image, and holds metadata transactions back until they end.

use std::sync::Arc;

use super::{Image, ReplayError};
use crate::protocol::records::MetadataRecord;

/// The image as far as it may be seen, and the one that a transaction is building.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    image: Image,
    in_transaction: Option<Image>,
}

impl Loader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on from an image that was loaded before.
    pub fn from_image(image: Image) -> Self {
        Self { image, in_transaction: None }
    }

    /// What may be seen: without the records of a transaction that has not ended.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// A copy to hand to other threads.
    pub fn publish(&self) -> Arc<Image> {
        Arc::new(self.image.clone())
    }

    pub fn is_in_transaction(&self) -> bool {
        self.in_transaction.is_some()
    }

    /// With the records of an open transaction: what the controller that writes it decides by.
    pub fn newest(&self) -> &Image {
        self.in_transaction.as_ref().unwrap_or(&self.image)
    }

    /// Applies the record at `offset`, written in raft epoch `epoch`. An error means that the log is not one that
    /// this release can have written: stop the node.
    pub fn replay(&mut self, offset: i64, epoch: i32, record: &MetadataRecord) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::BeginTransaction(_) if self.is_in_transaction() => {
                return Err(ReplayError::NestedTransaction);
            }
            MetadataRecord::BeginTransaction(_) => self.in_transaction = Some(self.image.clone()),
            MetadataRecord::EndTransaction(_) => {
                let outside = ReplayError::NoTransaction("EndTransactionRecord");
                self.image = self.in_transaction.take().ok_or(outside)?;
            }
            MetadataRecord::AbortTransaction(_) => {
                let outside = ReplayError::NoTransaction("AbortTransactionRecord");
                self.in_transaction.take().ok_or(outside)?;
            }
            record => self.in_transaction.as_mut().unwrap_or(&mut self.image).apply(offset, record)?,
        }
        self.applied(offset, epoch);
        Ok(())
    }

    /// Takes a whole snapshot in, replacing everything. `end_offset` and `epoch` are those of its name.
    pub fn load_snapshot<'a>(
        &mut self,
        end_offset: i64,
        epoch: i32,
        records: impl IntoIterator<Item = &'a MetadataRecord>,
    ) -> Result<(), ReplayError> {
        let mut image = Image::default();
        for record in records {
            image.apply(end_offset - 1, record)?;
        }
        *self = Self::from_image(image);
        self.applied(end_offset - 1, epoch);
        Ok(())
    }

    /// A control record of the raft layer was passed: it counts as seen.
    pub fn skip(&mut self, offset: i64, epoch: i32) {
        self.applied(offset, epoch);
    }

    /// While a transaction is open the visible image stays where it began.
    fn applied(&mut self, offset: i64, epoch: i32) {
        let image = self.in_transaction.as_mut().unwrap_or(&mut self.image);
        image.offset = offset;
        image.epoch = epoch;
    }
}
