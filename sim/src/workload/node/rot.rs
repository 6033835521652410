//! Which bit of a stopped node's flushed files the disk changes.

use jackdaw_core::records::{BatchView, Frame, batch_header::HEADER_SIZE_BYTES};

use crate::{Host, Random};

const RECOVERY_POINTS: &str = "data/recovery-point-offset-checkpoint";
/// Base offset and leader epoch of a batch, which its CRC does not cover: nobody can notice what changes there.
const UNCOVERED: [std::ops::Range<usize>; 2] = [0..8, 12..16];

/// A bit of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) path: String,
    pub(super) position: u64,
    pub(super) mask: u8,
}

/// The kind of file that is to rot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Segment,
    Index,
    ProducerSnapshot,
    MetadataLog,
}

/// A bit that was flushed, below the partition's recovery point; `None` where there is nothing like that.
pub(super) fn pick(
    node: &Host,
    target: Target,
    topic: &str,
    partition: i32,
    random: &mut Random,
) -> Option<Spot> {
    let directory = match target {
        Target::MetadataLog => "data/__cluster_metadata-0/".to_owned(),
        _ => format!("data/{topic}-{partition}/"),
    };
    let mut files: Vec<(String, u64)> =
        node.files().into_iter().filter(|(path, size)| path.starts_with(&directory) && *size > 0).collect();
    files.sort();
    let of_kind = |ends: &str| -> Vec<(String, u64)> {
        files.iter().filter(|(path, _)| path.ends_with(ends)).cloned().collect()
    };
    let mask = 1 << random.below(8);
    let (path, position) = match target {
        Target::Segment => {
            let recovery_point = recovery_point(node, topic, partition)?;
            let segments = of_kind(".log");
            covered(node, &segments, recovery_point, random)?
        }
        Target::MetadataLog => {
            let mut segments = of_kind(".log");
            // The last batches may be taken for a torn end.
            segments.pop()?;
            covered(node, &segments, i64::MAX, random)?
        }
        Target::Index => {
            let mut indexes = of_kind(if random.one_in(2) { ".index" } else { ".timeindex" });
            indexes.pop()?;
            any_byte(&indexes, random)?
        }
        Target::ProducerSnapshot => any_byte(&of_kind(".snapshot"), random)?,
    };
    Some(Spot { path, position, mask })
}

fn any_byte(files: &[(String, u64)], random: &mut Random) -> Option<(String, u64)> {
    if files.is_empty() {
        return None;
    }
    let (path, size) = random.pick(files);
    Some((path.clone(), random.below(*size)))
}

/// A byte of a batch that is whole and below `end_offset`.
fn covered(
    node: &Host,
    segments: &[(String, u64)],
    end_offset: i64,
    random: &mut Random,
) -> Option<(String, u64)> {
    let mut batches = Vec::new();
    for (path, _) in segments {
        let bytes = node.contents_of(path.as_ref())?;
        let mut position = 0;
        while let Frame::Complete(batch) = BatchView::parse(&bytes[position..]) {
            if batch.header().last_offset() < end_offset {
                batches.push((path, position, batch.size_bytes()));
            }
            position += batch.size_bytes();
        }
    }
    if batches.is_empty() {
        return None;
    }
    let (path, start, size_bytes) = *random.pick(&batches);
    // A broken header is noticed by the node, a broken record by its reader.
    let length = if random.one_in(2) { HEADER_SIZE_BYTES } else { size_bytes };
    let mut within = random.index(length);
    while UNCOVERED.iter().any(|range| range.contains(&within)) {
        within = random.index(length);
    }
    Some((path.clone(), (start + within) as u64))
}

fn recovery_point(node: &Host, topic: &str, partition: i32) -> Option<i64> {
    let text = String::from_utf8(node.contents_of(RECOVERY_POINTS.as_ref())?).ok()?;
    let line = format!("{topic} {partition} ");
    text.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok())
}
