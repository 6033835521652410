//! Directory entries: what the running system sees, and what a power cut leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Component, Path},
};

use jackdaw_ring::driver::DirectoryEntry;

use super::{Inode, error};
use crate::marks::reach;

/// The directory that holds all others.
pub(super) const ROOT: Inode = 0;

/// One directory's entries.
type Entries = BTreeMap<String, Inode>;

/// A place in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    directory: Inode,
    name: String,
}

/// A change to directory entries that is not durable yet.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Link {
        place: Place,
        inode: Inode,
    },
    Unlink {
        place: Place,
    },
    /// Atomic: after a power cut the old name or the new one is there, never neither.
    Rename {
        from: Place,
        to: Place,
        inode: Inode,
    },
}

/// All directories.
#[derive(Clone, Debug)]
pub(super) struct Names {
    cached: BTreeMap<Inode, Entries>,
    durable: BTreeMap<Inode, Entries>,
    changes: Vec<(u64, Change)>,
    next_change: u64,
}

impl Default for Names {
    fn default() -> Self {
        let top = BTreeMap::from([(ROOT, Entries::new())]);
        Self { cached: top.clone(), durable: top, changes: Vec::new(), next_change: 0 }
    }
}

/// A path's parts. A leading `/` and `.` mean nothing: a host has one tree.
fn parts(path: &Path) -> Vec<String> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect()
}

fn apply(directories: &mut BTreeMap<Inode, Entries>, change: &Change) {
    match change {
        Change::Link { place, inode } => {
            directories.entry(place.directory).or_default().insert(place.name.clone(), *inode);
        }
        Change::Unlink { place } => {
            directories.entry(place.directory).or_default().remove(&place.name);
        }
        Change::Rename { from, to, inode } => {
            let old = directories.entry(from.directory).or_default();
            if old.get(&from.name) == Some(inode) {
                old.remove(&from.name);
            }
            directories.entry(to.directory).or_default().insert(to.name.clone(), *inode);
        }
    }
}

impl Change {
    fn touches(&self, directory: Inode) -> bool {
        match self {
            Self::Link { place, .. } | Self::Unlink { place } => place.directory == directory,
            Self::Rename { from, to, .. } => from.directory == directory || to.directory == directory,
        }
    }

    fn inode(&self) -> Option<Inode> {
        match self {
            Self::Link { inode, .. } | Self::Rename { inode, .. } => Some(*inode),
            Self::Unlink { .. } => None,
        }
    }
}

impl Names {
    pub(super) fn find(&self, path: &Path) -> Option<Inode> {
        parts(path).iter().try_fold(ROOT, |inode, name| self.cached.get(&inode)?.get(name).copied())
    }

    pub(super) fn is_directory(&self, inode: Inode) -> bool {
        self.cached.contains_key(&inode)
    }

    fn place(&self, path: &Path) -> io::Result<Place> {
        let mut parts = parts(path);
        let name = parts.pop().ok_or_else(|| error(libc::EINVAL))?;
        let mut directory = ROOT;
        for part in &parts {
            let entries = self.cached.get(&directory).ok_or_else(|| error(libc::ENOTDIR))?;
            directory = *entries.get(part).ok_or_else(|| error(libc::ENOENT))?;
        }
        if !self.is_directory(directory) {
            return Err(error(libc::ENOTDIR));
        }
        Ok(Place { directory, name })
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.cached, &change);
        self.changes.push((self.next_change, change));
        self.next_change += 1;
    }

    pub(super) fn link(&mut self, path: &Path, inode: Inode) -> io::Result<()> {
        let place = self.place(path)?;
        self.change(Change::Link { place, inode });
        Ok(())
    }

    pub(super) fn link_directory(&mut self, path: &Path, inode: Inode) -> io::Result<()> {
        self.link(path, inode)?;
        self.cached.insert(inode, Entries::new());
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let place = self.place(path)?;
        let inode = self.find(path).ok_or_else(|| error(libc::ENOENT))?;
        if self.is_directory(inode) {
            return Err(error(libc::EISDIR));
        }
        self.change(Change::Unlink { place });
        Ok(())
    }

    pub(super) fn remove_directory(&mut self, path: &Path) -> io::Result<()> {
        let place = self.place(path)?;
        let inode = self.find(path).ok_or_else(|| error(libc::ENOENT))?;
        let entries = self.cached.get(&inode).ok_or_else(|| error(libc::ENOTDIR))?;
        if !entries.is_empty() {
            return Err(error(libc::ENOTEMPTY));
        }
        // Its own entries stay known: a power cut may bring it back.
        self.change(Change::Unlink { place });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from).ok_or_else(|| error(libc::ENOENT))?;
        let (old, new) = (self.place(from)?, self.place(to)?);
        if let Some(replaced) = self.find(to) {
            match (self.cached.get(&replaced), self.is_directory(inode)) {
                (Some(entries), true) if entries.is_empty() => {}
                (Some(_), true) => return Err(error(libc::ENOTEMPTY)),
                (Some(_), false) => return Err(error(libc::EISDIR)),
                (None, true) => return Err(error(libc::ENOTDIR)),
                (None, false) => {}
            }
        }
        if old != new {
            self.change(Change::Rename { from: old, to: new, inode });
        }
        Ok(())
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<DirectoryEntry>> {
        let inode = self.find(path).ok_or_else(|| error(libc::ENOENT))?;
        let entries = self.cached.get(&inode).ok_or_else(|| error(libc::ENOTDIR))?;
        let entry = |(name, inode): (&String, &Inode)| DirectoryEntry {
            name: name.clone(),
            is_dir: self.is_directory(*inode),
        };
        Ok(entries.iter().map(entry).collect())
    }

    /// The number of the next change.
    pub(super) fn mark(&self) -> u64 {
        self.next_change
    }

    /// Make the changes to one directory that came before `mark` durable.
    pub(super) fn make_durable(&mut self, path: &Path, mark: u64) -> io::Result<()> {
        let directory = self.find(path).ok_or_else(|| error(libc::ENOENT))?;
        let durable = &mut self.durable;
        self.changes.retain(|(number, change)| {
            let settled = *number < mark && change.touches(directory);
            if settled {
                apply(durable, change);
            }
            !settled
        });
        Ok(())
    }

    /// Every file with its path.
    pub(super) fn paths(&self) -> Vec<(Inode, String)> {
        let mut paths = Vec::new();
        let mut next = vec![(ROOT, String::new())];
        while let Some((directory, prefix)) = next.pop() {
            for (name, inode) in self.cached.get(&directory).into_iter().flatten() {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
                if self.is_directory(*inode) {
                    next.push((*inode, path));
                } else {
                    paths.push((*inode, path));
                }
            }
        }
        paths
    }

    /// Every inode that a name leads to, or may lead to after a power cut.
    pub(super) fn referenced(&self) -> BTreeSet<Inode> {
        let named =
            self.cached.values().chain(self.durable.values()).flat_map(|entries| entries.values().copied());
        named.chain(self.changes.iter().filter_map(|(_, change)| change.inode())).collect()
    }

    /// Keep of the changes that are not durable those for which `keeps` says so, and forget what was seen besides.
    pub(super) fn settle(&mut self, mut keeps: impl FnMut() -> bool) -> String {
        let mut lost = String::from("changes to names lost:");
        for (_, change) in std::mem::take(&mut self.changes) {
            if keeps() {
                apply(&mut self.durable, &change);
            } else {
                reach("power cut: a change of names lost");
                lost.push_str(&format!(" {change:?}"));
            }
        }
        let known: BTreeSet<Inode> = self.cached.keys().copied().collect();
        let mut reached = BTreeMap::new();
        let mut next = vec![ROOT];
        while let Some(directory) = next.pop() {
            let entries = self.durable.get(&directory).cloned().unwrap_or_default();
            next.extend(
                entries.values().filter(|inode| known.contains(*inode) || self.durable.contains_key(*inode)),
            );
            reached.insert(directory, entries);
        }
        self.durable.clone_from(&reached);
        self.cached = reached;
        lost
    }
}
