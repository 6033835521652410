//! Bits that the disk changes by itself, in what was written and flushed.

use std::path::Path;

use super::{Disk, Inode};

/// A changed bit, by which it can be changed back.
#[derive(Clone, Copy, Debug)]
pub struct Rot {
    inode: Inode,
    position: u64,
    /// The byte with the changed bit.
    byte: u8,
    mask: u8,
    /// How far the file's changes went then.
    mark: u64,
}

impl Disk {
    /// Change a bit of a file, on the disk and in the page cache. `None` where no flushed byte is there.
    pub(crate) fn rot(&mut self, path: &Path, position: u64, mask: u8) -> Option<Rot> {
        let inode = self.names.find(path)?;
        let contents = &mut self.files.get_mut(&inode)?.contents;
        let byte = contents.flip(position, mask)?;
        Some(Rot { inode, position, byte, mask, mark: contents.mark() })
    }

    /// Change it back, as a backup would; false where the file is gone or was written since.
    pub(crate) fn heal(&mut self, rot: Rot) -> bool {
        let is_log =
            self.names.paths().iter().any(|(inode, path)| *inode == rot.inode && path.ends_with(".log"));
        let Some(file) = self.files.get_mut(&rot.inode) else { return false };
        let contents = &mut file.contents;
        let is_it = contents.mark() == rot.mark || is_log && contents.is_still(rot.position, rot.byte);
        is_it && contents.flip(rot.position, rot.mask).is_some()
    }
}
