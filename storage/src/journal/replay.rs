//! After a crash: the commit journals' entries, written into the segments that lack them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::IoSlice,
    path::{Path, PathBuf},
};

use jackdaw_core::{
    records::{BatchView, Frame},
    uuid::Uuid,
};
use jackdaw_ring::{File, file};

use super::block::{ALIGN_BYTES, EntryHeader, FoundBlock};
use crate::{
    atomic_file::sync_parent,
    error::{During, Result, StorageError},
    layout::{self, FileKind, PartitionDirName, PartitionDirState},
    partition_metadata,
    side_by_side::side_by_side,
};

/// The file is read whole; more than any configuration allows is no journal.
const FILE_MAX_BYTES: usize = 2 << 30;

/// Segments that are flushed at a time: they wait for the disk together.
const FLUSHED_AT_ONCE: usize = 32;

const ADVICE: &str = "What it held was promised to producers and may be in no segment. To give up what is in it alone, \
     remove the file and start again";

/// Remove the journals of a directory that was stopped cleanly: by another program, for our own stop leaves none.
pub(crate) async fn discard(dir: &Path) -> Result<()> {
    for path in journals(dir)? {
        tracing::warn!(path = %path.display(), "another program has used this directory since: its journal is void");
        remove(&path).await?;
    }
    Ok(())
}

/// Write what the directory's journals hold into the segments that lack it, durably, and remove the journals. If this
/// is interrupted it begins anew.
///
/// # Errors
/// `Corrupt` where a block is missing that recovery needs.
pub(crate) async fn replay(dir: &Path) -> Result<()> {
    let journals = journals(dir)?;
    if journals.is_empty() {
        return Ok(());
    }
    let mut partitions = None;
    for path in journals {
        let content = file::read_all(&path, FILE_MAX_BYTES).during("read", &path)?;
        let blocks = needed_blocks(&path, &content)?;
        if !blocks.is_empty() {
            let known = match partitions.take() {
                Some(known) => known,
                None => partitions_of(dir)?,
            };
            merge(&path, &blocks, &known).await?;
            partitions = Some(known);
        }
        remove(&path).await?;
    }
    Ok(())
}

async fn merge(path: &Path, blocks: &[FoundBlock<'_>], partitions: &Partitions) -> Result<()> {
    let mut merge = Merge { partitions, segments: BTreeMap::new(), void: BTreeSet::new() };
    let mut entry_count = 0;
    for (header, bytes) in blocks.iter().flat_map(FoundBlock::entries) {
        merge.entry(&header, bytes)?;
        entry_count += 1;
    }
    let written_bytes = merge.finish().await?;
    tracing::info!(path = %path.display(), entry_count, written_bytes, "merged the commit journal into the segments");
    Ok(())
}

fn journals(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = file::list_directory(dir).during("list", dir)?;
    let is_journal = |name: &str| name.starts_with(layout::JOURNAL_PREFIX);
    let found = entries.iter().filter(|entry| !entry.is_dir && is_journal(&entry.name));
    Ok(found.map(|entry| dir.join(&entry.name)).collect())
}

async fn remove(path: &Path) -> Result<()> {
    file::remove_file(path).during("remove", path)?;
    sync_parent(path).await
}

/// Where the partitions in use are.
type Partitions = BTreeMap<(Uuid, i32), PathBuf>;

fn partitions_of(dir: &Path) -> Result<Partitions> {
    let mut found = Partitions::new();
    for entry in file::list_directory(dir).during("list", dir)? {
        let name = PartitionDirName::parse(&entry.name).ok().flatten();
        let Some(name) = name.filter(|name| entry.is_dir && name.state == PartitionDirState::Current) else {
            continue;
        };
        let path = dir.join(&entry.name);
        if let Some(topic_id) = partition_metadata::read(&path)? {
            found.insert((topic_id, name.partition), path);
        }
    }
    Ok(found)
}

/// The blocks that the last one says are needed, in order. A block that was being written is none.
fn needed_blocks<'a>(path: &Path, content: &'a [u8]) -> Result<Vec<FoundBlock<'a>>> {
    let damage = |reason: String| StorageError::Corrupt {
        path: path.to_path_buf(),
        position: 0,
        reason,
        advice: ADVICE,
    };
    let run = FoundBlock::parse(content).map(|first| first.header.run);
    let mut found = BTreeMap::new();
    let mut position = ALIGN_BYTES;
    while let Some(rest) = content.get(position..).filter(|rest| !rest.is_empty()) {
        match FoundBlock::parse(rest) {
            // Records may hold what looks like a block, but not the number, which nobody else knows.
            Some(block) if run.is_none_or(|run| run == block.header.run) => {
                position += block.size_bytes();
                found.insert(block.header.sequence, block);
            }
            _ => position += ALIGN_BYTES,
        }
    }
    let Some(last) = found.last_entry() else { return Ok(Vec::new()) };
    if run.is_none() {
        return Err(damage("its first block is no more, and others are there".to_owned()));
    }
    let (needed_from, last) = (last.get().header.needed_from, *last.key());
    let found = found.split_off(&needed_from);
    let needed_count = last.saturating_sub(needed_from).saturating_add(1);
    if found.len() as u64 != needed_count {
        return Err(damage(format!("{} of the blocks {needed_from} to {last} are there", found.len())));
    }
    Ok(found.into_values().collect())
}

/// The merge of one journal.
struct Merge<'a> {
    partitions: &'a Partitions,
    segments: BTreeMap<PathBuf, Segment>,
    /// Partitions whose logs are another program's by now.
    void: BTreeSet<(Uuid, i32)>,
}

/// A segment that entries name.
struct Segment {
    file: File,
    size_bytes: u64,
    written_bytes: u64,
}

impl Merge<'_> {
    fn entry(&mut self, header: &EntryHeader, bytes: &[u8]) -> Result<()> {
        let key = (header.topic_id, header.partition);
        // Deleted since, like a segment that is gone.
        let Some(dir) = self.partitions.get(&key).filter(|_| !self.void.contains(&key)) else {
            return Ok(());
        };
        let path = FileKind::Log.path(dir, header.segment_base_offset);
        if !self.segments.contains_key(&path) {
            let Some(segment) = Segment::open(&path)? else { return Ok(()) };
            self.segments.insert(path.clone(), segment);
        }
        let Some(segment) = self.segments.get_mut(&path) else { return Ok(()) };
        if !segment.merge(&path, u64::from(header.position), bytes)? {
            tracing::warn!(
                path = %path.display(), position = header.position,
                "another program has written or cut this segment since: the journal's records for it are void"
            );
            self.void.insert(key);
        }
        Ok(())
    }

    /// Make it durable. How many bytes the segments had lacked.
    async fn finish(self) -> Result<u64> {
        let written_bytes = self.segments.values().map(|segment| segment.written_bytes).sum();
        let segments = self.segments.into_iter().collect();
        // Also what was there already: perhaps in the page cache only.
        let flush = |(path, segment): (PathBuf, Segment)| async move {
            segment.file.sync_data().await.during("flush", &path)
        };
        let flushed = side_by_side(segments, FLUSHED_AT_ONCE, flush).await;
        flushed.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(written_bytes)
    }
}

impl Segment {
    fn open(path: &Path) -> Result<Option<Self>> {
        let Some(found) = file::metadata(path).during("look up", path)? else { return Ok(None) };
        let options = file::OpenOptions { write: true, ..Default::default() };
        let file = File::open(path, options).during("open", path)?;
        Ok(Some(Self { file, size_bytes: found.size_bytes, written_bytes: 0 }))
    }

    /// Write the bytes unless they are there; false where the segment is not as we left it.
    fn merge(&mut self, path: &Path, position: u64, bytes: &[u8]) -> Result<bool> {
        if position > self.size_bytes {
            return Ok(false);
        }
        let mut present = vec![0; bytes.len()];
        let count = self.file.read_at(&mut present, position).during("read", path)?;
        let (present, mut same_bytes) = (&present[..count], 0);
        // A batch that is torn in the segment does not check; a whole one that differs is not ours.
        while let Frame::Complete(batch) = BatchView::parse(&bytes[same_bytes..]) {
            let there = &present[same_bytes.min(count)..];
            if !there.starts_with(batch.bytes()) {
                if matches!(BatchView::parse(there), Frame::Complete(other) if other.check().is_ok()) {
                    return Ok(false);
                }
                break;
            }
            same_bytes += batch.size_bytes();
        }
        let lacking = &bytes[same_bytes..];
        let position = position + same_bytes as u64;
        self.file.write_all_at(&mut [IoSlice::new(lacking)], position).during("write to", path)?;
        self.size_bytes = self.size_bytes.max(position + lacking.len() as u64);
        self.written_bytes += lacking.len() as u64;
        Ok(true)
    }
}
