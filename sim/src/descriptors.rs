//! One process's descriptors, numbered as Unix does: the lowest that is free.

use std::{collections::BTreeMap, io};

use jackdaw_ring::driver::Descriptor;

use crate::{
    disk::{Inode, error},
    network::StreamId,
};

/// The first three belong to the standard streams.
const FIRST: i32 = 3;

/// What a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    File { inode: Inode, writes: bool },
    Listener(u64),
    Stream(StreamId),
}

/// The table.
#[derive(Debug)]
pub(crate) struct Descriptors {
    open: BTreeMap<i32, Open>,
    pub(crate) limit: usize,
}

impl Descriptors {
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: BTreeMap::new(), limit }
    }

    /// # Errors
    /// `EMFILE` when the limit is reached.
    pub(crate) fn insert(&mut self, what: Open) -> io::Result<Descriptor> {
        self.check()?;
        let mut free = FIRST;
        for number in self.open.keys() {
            if *number != free {
                break;
            }
            free += 1;
        }
        self.open.insert(free, what);
        Ok(Descriptor(free))
    }

    /// `EMFILE` if there is no room for another.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.open.len() >= self.limit { Err(error(libc::EMFILE)) } else { Ok(()) }
    }

    pub(crate) fn get(&self, descriptor: Descriptor) -> io::Result<Open> {
        self.open.get(&descriptor.0).copied().ok_or_else(|| error(libc::EBADF))
    }

    pub(crate) fn remove(&mut self, descriptor: Descriptor) -> Option<Open> {
        self.open.remove(&descriptor.0)
    }

    pub(crate) fn take_all(&mut self) -> Vec<Open> {
        std::mem::take(&mut self.open).into_values().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}
