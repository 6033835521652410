//! What a power cut leaves of changes that nobody had flushed.

use super::{
    contents::{Change, Contents, apply, write},
    names::Names,
};
use crate::{marks::reach, prng::Random};

/// What a disk writes whole, if it writes it.
const SECTOR_BYTES: usize = 512;

/// Of the changes to names keep all, none, the first few (a journalled file system), or any (what POSIX allows).
pub(super) fn names(names: &mut Names, in_order: bool, random: &mut Random) -> String {
    match random.below(if in_order { 3 } else { 4 }) {
        0 => names.settle(|| true),
        1 => names.settle(|| false),
        2 => {
            let mut keeps = true;
            names.settle(|| {
                keeps &= !random.one_in(4);
                keeps
            })
        }
        _ => names.settle(|| random.one_in(2)),
    }
}

/// The ways below, each a mark.
const WAYS: [&str; 6] = [
    "power cut: unsynced writes all lost",
    "power cut: unsynced writes all kept",
    "power cut: the first few unsynced writes kept",
    "power cut: any sectors of unsynced writes kept",
    "power cut: any unsynced writes kept",
    "power cut: size kept, data zeros",
];

/// Of the changes to a file keep what one of the known ways of losing them leaves; says which, if there were any.
pub(super) fn contents(contents: &mut Contents, random: &mut Random) -> Option<String> {
    let changes = std::mem::take(&mut contents.changes);
    let mut image = std::mem::take(&mut contents.durable);
    let (flushed, written) = (image.len(), contents.cached.len());
    let mut way = None;
    if !changes.is_empty() {
        let drawn = random.below(6);
        way = Some(WAYS[drawn as usize]);
        reach(WAYS[drawn as usize]);
        match drawn {
            0 => {}
            1 => changes.iter().for_each(|change| apply(&mut image, change)),
            2 => first_few(&mut image, &changes, random),
            3 => any_sectors(&mut image, &changes, random),
            4 => any_changes(&mut image, &changes, random),
            _ => size_without_data(&mut image, &changes, random),
        }
    }
    let what = way.map(|way| {
        format!(
            "{way}: {flushed} bytes flushed, {written} written in {} more changes, {} left",
            changes.len(),
            image.len()
        )
    });
    *contents = Contents::durable(image);
    what
}

/// The first changes, and a piece of the one after.
fn first_few(image: &mut Vec<u8>, changes: &[Change], random: &mut Random) {
    let count = random.index(changes.len());
    changes[..count].iter().for_each(|change| apply(image, change));
    if let Change::Write { position, data } = &changes[count] {
        let cut = match random.below(3) {
            0 => random.index(data.len() + 1),
            1 => sector_border(*position, random.index(data.len() + 1)),
            _ => 0,
        };
        if cut > 0 {
            write(image, *position, &data[..cut.min(data.len())]);
        }
    }
}

/// The length at or below `length` that ends on a border of the file's sectors.
fn sector_border(position: u64, length: usize) -> usize {
    let end = position as usize + length;
    (end - end % SECTOR_BYTES).saturating_sub(position as usize)
}

/// Each sector of each change or not, on its own.
fn any_sectors(image: &mut Vec<u8>, changes: &[Change], random: &mut Random) {
    for change in changes {
        let Change::Write { position, data } = change else {
            apply(image, change);
            continue;
        };
        let mut start = 0;
        while start < data.len() {
            let in_sector = (*position as usize + start) % SECTOR_BYTES;
            let end = (start + SECTOR_BYTES - in_sector).min(data.len());
            if random.one_in(2) {
                write(image, *position + start as u64, &data[start..end]);
            }
            start = end;
        }
    }
}

/// Each change or not, on its own: later ones may be there when earlier ones are not.
fn any_changes(image: &mut Vec<u8>, changes: &[Change], random: &mut Random) {
    for change in changes {
        if random.one_in(2) {
            apply(image, change);
        }
    }
}

/// The length was written and the data behind it was not: zeros, as delayed allocation leaves them.
fn size_without_data(image: &mut Vec<u8>, changes: &[Change], random: &mut Random) {
    let mut whole = image.clone();
    changes.iter().for_each(|change| apply(&mut whole, change));
    let count = random.index(changes.len() + 1);
    changes[..count].iter().for_each(|change| apply(image, change));
    image.resize(whole.len().max(image.len()), 0);
}
