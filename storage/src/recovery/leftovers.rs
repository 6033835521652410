//! Files of a deletion or a compaction that a stop interrupted.
//!
//! Compaction renames a complete segment's files to `.swap`, then the old ones to `.deleted`, then the new log to its
//! last name, then its indexes, and flushes the directory after each step (`cleaner/swap.rs`); what is done here follows
//! the same order, so that a crash within leaves nothing else than one there does.

use std::{ops::Range, path::Path, rc::Rc};

use jackdaw_ring::file;

use crate::{
    batch_scan::{BatchScan, Scanned},
    error::{During, Result},
    layout::{FileKind, FileName, FileState},
};

/// Remove what is out of use and what compaction had not finished; put in place what it had. How many files went.
pub(super) async fn finish_or_remove(dir: &Rc<Path>) -> Result<usize> {
    let names = list(dir)?;
    let in_state = |state: FileState| names.iter().copied().filter(move |name| name.state == state);
    // Swap files at or above an unfinished one are of the same, unfinished, replacement.
    let lowest_cleaned = in_state(FileState::Cleaned).map(|name| name.offset).min().unwrap_or(i64::MAX);
    let (stale, swaps): (Vec<FileName>, Vec<FileName>) =
        in_state(FileState::Swap).partition(|name| name.offset >= lowest_cleaned);
    // Before the unfinished ones go: without them these would look complete.
    let mut removed_count = remove_all(dir, stale).await?;
    removed_count += remove_all(dir, in_state(FileState::Cleaned)).await?;
    removed_count += remove_all(dir, in_state(FileState::Deleted)).await?;
    if !swaps.is_empty() {
        removed_count += finish_swaps(dir, &names, &swaps).await?;
    }
    Ok(removed_count)
}

async fn finish_swaps(dir: &Rc<Path>, names: &[FileName], swaps: &[FileName]) -> Result<usize> {
    let (logs, indexes): (Vec<FileName>, Vec<FileName>) =
        swaps.iter().partition(|name| name.kind == FileKind::Log);
    let mut removed_count = 0;
    if let Some(range) = swapped_range(dir, &logs).await? {
        let is_replaced = |name: &&FileName| {
            name.state == FileState::Live
                && range.contains(&name.offset)
                && name.kind != FileKind::ProducerSnapshot
        };
        removed_count += remove_all(dir, names.iter().filter(is_replaced).copied()).await?;
    }
    for name in logs {
        put_in_place(dir, name)?;
    }
    sync(dir).await?;
    for name in indexes {
        // An index whose log has its last name, or nobody's.
        let log = FileKind::Log.path(dir, name.offset);
        if file::metadata(&log).during("look up", &log)?.is_some() {
            put_in_place(dir, name)?;
        } else {
            remove(dir, name)?;
            removed_count += 1;
        }
    }
    sync(dir).await?;
    Ok(removed_count)
}

fn list(dir: &Path) -> Result<Vec<FileName>> {
    let entries = file::list_directory(dir).during("list", dir)?;
    Ok(entries.iter().filter_map(|entry| FileName::parse(&entry.name)).collect())
}

/// The offsets that the finished replacements cover.
async fn swapped_range(dir: &Rc<Path>, logs: &[FileName]) -> Result<Option<Range<i64>>> {
    let mut range: Option<Range<i64>> = None;
    for name in logs {
        // The segment of the same base goes even where nothing is left of it.
        let end = end_offset(&name.path(dir), name.offset).await?.max(name.offset + 1);
        let known = range.get_or_insert(name.offset..end);
        known.start = known.start.min(name.offset);
        known.end = known.end.max(end);
    }
    Ok(range)
}

async fn end_offset(path: &Path, base_offset: i64) -> Result<i64> {
    let handle = file::File::open(path, file::OpenOptions::default()).during("open", path)?;
    let size_bytes = handle.size().during("look up", path)?;
    let mut scan = BatchScan::new(handle, path.to_path_buf(), 0, size_bytes);
    let mut end = base_offset;
    while let Scanned::Batch { batch, .. } = scan.next().await? {
        end = end.max(batch.header().last_offset() + 1);
    }
    Ok(end)
}

fn put_in_place(dir: &Path, name: FileName) -> Result<()> {
    let (from, to) = (name.path(dir), FileName { state: FileState::Live, ..name }.path(dir));
    file::rename(&from, &to).during("rename to", &to)
}

/// Remove these files, durably. How many they were.
async fn remove_all(dir: &Path, names: impl IntoIterator<Item = FileName>) -> Result<usize> {
    let mut count = 0;
    for name in names {
        remove(dir, name)?;
        count += 1;
    }
    if count > 0 {
        sync(dir).await?;
    }
    Ok(count)
}

fn remove(dir: &Path, name: FileName) -> Result<()> {
    let path = name.path(dir);
    file::remove_file(&path).during("remove", &path)
}

async fn sync(dir: &Path) -> Result<()> {
    file::sync_directory(dir).await.during("flush the directory", dir)
}
