//! Damage in the metadata log that is no torn end. Recovery would cut the log there and forget what was committed; the
//! node must not start instead.

use std::path::Path;

use jackdaw_core::records::{BatchView, Frame};
use jackdaw_ring::{
    File,
    file::{self, OpenOptions},
};

use crate::{
    error::{During, Result, StorageError},
    layout::{FileKind, FileName, FileState},
};

/// Read at a time.
const WINDOW_BYTES: usize = 1 << 20;
/// A batch may be this large: the controller's own limit is 8 MiB.
const BATCH_MAX_BYTES: usize = 16 << 20;
/// Looked through behind a bad batch for one that is whole: a torn end is shorter.
const SEARCH_BYTES: usize = 32 << 20;

const ADVICE: &str = "This lies in metadata that had been flushed, so a disk or another program changed it. Restore \
     __cluster_metadata-0 from a backup or another node; starting without it would forget topics";

/// Look through all segments of a metadata log.
///
/// # Errors
/// `Corrupt` at the first damaged batch, except in the last segment after a stop that was not clean. A last batch that
/// is cut short is a torn end.
pub(crate) async fn check(dir: &Path, was_clean: bool) -> Result<()> {
    let entries = file::list_directory(dir).during("list", dir)?;
    let segments: Vec<FileName> = entries
        .iter()
        .filter_map(|entry| FileName::parse(&entry.name))
        .filter(|name| name.kind == FileKind::Log && name.state == FileState::Live)
        .collect();
    for (index, name) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        if is_last && !was_clean {
            // After a kill or a power cut, writes that were not flushed may be there in any order: a sound batch
            // behind a bad one proves nothing, and recovery cuts there.
            continue;
        }
        check_segment(&name.path(dir), was_clean, is_last).await?;
    }
    Ok(())
}

async fn check_segment(path: &Path, was_clean: bool, is_last: bool) -> Result<()> {
    let segment = File::open(path, OpenOptions::default()).during("open", path)?;
    let size = segment.size().during("look up the size of", path)?;
    let mut position = 0;
    let mut wanted = WINDOW_BYTES;
    while position < size {
        let window = segment.read(position, wanted).await.during("read", path)?;
        let (whole, short) = whole_batches(&window);
        position += whole as u64;
        match short {
            Some(missing) if whole == 0 => {
                let is_there = missing <= BATCH_MAX_BYTES && position + missing as u64 <= size;
                if is_there && missing > wanted {
                    wanted = missing;
                    continue;
                }
                return judge(&segment, path, position, !is_last).await;
            }
            None if whole < window.len() => {
                return judge(&segment, path, position, was_clean || !is_last).await;
            }
            _ => wanted = WINDOW_BYTES,
        }
    }
    Ok(())
}

/// Bytes of whole, sound batches at the start; and what the next one needs if it is only cut short.
fn whole_batches(window: &[u8]) -> (usize, Option<usize>) {
    let mut whole = 0;
    while whole < window.len() {
        match BatchView::parse(&window[whole..]) {
            Frame::Complete(batch) if batch.check().is_ok() => whole += batch.size_bytes(),
            Frame::Short { size_bytes } => return (whole, Some(size_bytes)),
            Frame::Complete(_) | Frame::Corrupt(_) => return (whole, None),
        }
    }
    (whole, None)
}

/// A bad batch at `position`: a torn end, or damage?
async fn judge(segment: &File, path: &Path, position: u64, must_be_whole: bool) -> Result<()> {
    let behind = segment.read(position, SEARCH_BYTES).await.during("read", path)?;
    let follows = (1..behind.len()).find(|start| {
        matches!(BatchView::parse(&behind[*start..]), Frame::Complete(batch) if batch.check().is_ok())
    });
    let reason = match follows {
        Some(distance) => format!("a batch is damaged, and a sound one follows {distance} bytes later"),
        None if must_be_whole => {
            "a batch is damaged or cut short although nothing was being written".to_owned()
        }
        None => return Ok(()),
    };
    Err(StorageError::Corrupt { path: path.to_path_buf(), position, reason, advice: ADVICE })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::{batch, in_dir};

    fn batches() -> Vec<Vec<u8>> {
        let batch = |offset: i64| {
            let mut batch = batch(1, 20, 1);
            batch.assign(offset, 1);
            batch.to_vec()
        };
        (0..4).map(batch).collect()
    }

    /// Whether a log of this content passes.
    fn judged(content: &[u8], was_clean: bool) -> bool {
        let content = content.to_vec();
        let passed = std::rc::Rc::new(std::cell::Cell::new(false));
        let result = std::rc::Rc::clone(&passed);
        in_dir(move |dir| async move {
            std::fs::write(FileKind::Log.path(&dir, 0), content).unwrap();
            result.set(check(&dir, was_clean).await.is_ok());
        });
        passed.get()
    }

    #[test]
    fn a_torn_end_is_no_damage_and_a_flipped_bit_is() {
        let batches = batches();
        let all = batches.concat();
        let last = all.len() - batches[3].len();
        assert!(judged(&all, true) && judged(&all, false));
        for cut in [1, 30, batches[3].len() - 1] {
            assert!(judged(&all[..last + cut], false), "a torn end of {cut} bytes");
        }
        // Base offset and leader epoch lie outside the CRC.
        for position in [8, 20, 70, batches[0].len() + 16, batches[0].len() + 75] {
            let mut damaged = all.clone();
            damaged[position] ^= 0x10;
            assert!(judged(&damaged, false), "writes of a killed node may be there in any order");
            assert!(!judged(&damaged, true), "a bit at {position} with sound batches behind it");
        }
        let mut damaged = all.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(judged(&damaged, false), "the last batch of a killed node may be torn");
        assert!(!judged(&damaged, true), "that of a stopped node may not");
    }
}
