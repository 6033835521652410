//! The batches of a `.log` or snapshot file, one after the other; a bad one is named, and the next sound one looked for.

use std::path::{Path, PathBuf};

use jackdaw_core::records::{BatchView, Frame};
use jackdaw_ring::{File, file::OpenOptions};

use crate::{
    batch_scan::{BatchScan, Scanned},
    error::{During, Result},
};

/// Looked through behind bytes that are no batch for one that is.
const SEARCH_BYTES: usize = 32 << 20;

/// What stands at a position of the file.
#[derive(Debug)]
pub enum SegmentItem<'a> {
    /// A batch; whether it is sound is for [`BatchView::check`] to say.
    Batch { position: u64, batch: BatchView<'a> },
    /// Bytes that are no batch, up to the next sound batch or the end of the file.
    Bad { position: u64, size_bytes: u64, reason: String },
}

/// A reader of one file from its begin to its end.
pub struct SegmentReader {
    file: File,
    path: PathBuf,
    size_bytes: u64,
    scan: BatchScan,
}

impl SegmentReader {
    /// Open a file for reading only.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path, OpenOptions::default()).during("open", path)?;
        let size_bytes = file.size().during("look up the size of", path)?;
        let scan = BatchScan::new(file.clone(), path.to_path_buf(), 0, size_bytes);
        Ok(Self { file, path: path.to_path_buf(), size_bytes, scan })
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The next batch or gap; `None` at the end.
    ///
    /// # Errors
    /// `Io`.
    pub async fn next(&mut self) -> Result<Option<SegmentItem<'_>>> {
        let (position, reason) = match self.scan.next().await? {
            Scanned::End => return Ok(None),
            // Asked for again below: the borrow of the first answer would last too long.
            Scanned::Batch { .. } => {
                return Ok(self
                    .scan
                    .current()
                    .map(|(position, batch)| SegmentItem::Batch { position, batch }));
            }
            Scanned::Bad { position, reason } => (position, reason.to_string()),
        };
        let next = self.next_sound(position + 1).await?.unwrap_or(self.size_bytes);
        self.scan = BatchScan::new(self.file.clone(), self.path.clone(), next, self.size_bytes);
        Ok(Some(SegmentItem::Bad { position, size_bytes: next - position, reason }))
    }

    /// The position of the next batch, from `position` on, whose CRC is right.
    async fn next_sound(&self, position: u64) -> Result<Option<u64>> {
        let behind = self.file.read(position, SEARCH_BYTES).await.during("read", &self.path)?;
        let found = (0..behind.len()).find(|start| {
            matches!(BatchView::parse(&behind[*start..]), Frame::Complete(batch) if batch.check().is_ok())
        });
        Ok(found.map(|start| position + start as u64))
    }
}
