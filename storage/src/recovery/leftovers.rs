//! Files of a deletion or a compaction that a stop interrupted.

use std::{path::Path, rc::Rc};

use jackdaw_ring::file;

use crate::{
    batch_scan::{BatchScan, Scanned},
    error::{During, Result},
    layout::{FileKind, FileName, FileState},
};

/// Remove what is out of use and what compaction had not finished; put in place what it had. How many files went.
pub(super) async fn finish_or_remove(dir: &Rc<Path>) -> Result<usize> {
    let entries = file::list_directory(dir).during("list", dir)?;
    let names: Vec<FileName> = entries.iter().filter_map(|entry| FileName::parse(&entry.name)).collect();
    let in_state = |state: FileState| names.iter().copied().filter(move |name| name.state == state);
    let mut removed_count = 0;
    for name in in_state(FileState::Deleted).chain(in_state(FileState::Cleaned)) {
        remove(dir, name)?;
        removed_count += 1;
    }
    // Swap files at or above an unfinished one are of the same, unfinished, replacement.
    let lowest_cleaned = in_state(FileState::Cleaned).map(|name| name.offset).min().unwrap_or(i64::MAX);
    let (stale, swaps): (Vec<FileName>, Vec<FileName>) =
        in_state(FileState::Swap).partition(|name| name.offset >= lowest_cleaned);
    for name in stale {
        remove(dir, name)?;
        removed_count += 1;
    }
    let Some(range) = swapped_range(dir, &swaps).await? else { return Ok(removed_count) };
    for name in in_state(FileState::Live) {
        let is_replaced = range.contains(&name.offset) && name.kind != FileKind::ProducerSnapshot;
        if is_replaced && file::metadata(&name.path(dir)).during("look up", dir)?.is_some() {
            remove(dir, name)?;
            removed_count += 1;
        }
    }
    for name in swaps {
        let (from, to) = (name.path(dir), FileName { state: FileState::Live, ..name }.path(dir));
        file::rename(&from, &to).during("rename to", &to)?;
    }
    file::sync_directory(dir).await.during("flush the directory", dir)?;
    Ok(removed_count)
}

/// The offsets that the finished replacements cover.
async fn swapped_range(dir: &Rc<Path>, swaps: &[FileName]) -> Result<Option<std::ops::Range<i64>>> {
    let mut range: Option<std::ops::Range<i64>> = None;
    for name in swaps.iter().filter(|name| name.kind == FileKind::Log) {
        let end = end_offset(&name.path(dir), name.offset).await?;
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

fn remove(dir: &Path, name: FileName) -> Result<()> {
    let path = name.path(dir);
    file::remove_file(&path).during("remove", &path)
}
