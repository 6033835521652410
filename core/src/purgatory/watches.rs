//! Who watches which key: for each key a list in order of arrival, for each operation a list of its watches.

use std::{collections::HashMap, hash::Hash};

/// No watch.
const NIL: u32 = u32::MAX;

/// One operation's watch on one key; it stands in two lists.
#[derive(Clone, Debug)]
struct Watch<K> {
    /// `None` while the watch is free.
    key: Option<K>,
    operation: u32,
    /// Neighbours in the key's list.
    previous: u32,
    next: u32,
    /// The operation's next watch.
    next_of_operation: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u32,
    last: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Watches<K> {
    watches: Vec<Watch<K>>,
    free: Vec<u32>,
    keys: HashMap<K, Ends>,
    /// The first watch of each operation, by its index.
    first_of_operation: Vec<u32>,
}

impl<K: Hash + Eq + Clone> Watches<K> {
    pub(super) fn new() -> Self {
        Self { watches: Vec::new(), free: Vec::new(), keys: HashMap::new(), first_of_operation: Vec::new() }
    }

    /// Watches of all operations.
    pub(super) fn len(&self) -> usize {
        self.watches.len() - self.free.len()
    }

    /// Keys that somebody watches.
    #[cfg(test)]
    pub(super) fn keys_count(&self) -> usize {
        self.keys.len()
    }

    /// Adds a watch at the end of the key's list.
    pub(super) fn add(&mut self, operation: u32, key: &K) {
        if self.first_of_operation.len() <= operation as usize {
            self.first_of_operation.resize(operation as usize + 1, NIL);
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => self.watches.len() as u32,
        };
        let previous = match self.keys.get_mut(key) {
            Some(ends) => std::mem::replace(&mut ends.last, index),
            None => {
                self.keys.insert(key.clone(), Ends { first: index, last: index });
                NIL
            }
        };
        if previous != NIL {
            self.watches[previous as usize].next = index;
        }
        let next_of_operation = std::mem::replace(&mut self.first_of_operation[operation as usize], index);
        let watch = Watch { key: Some(key.clone()), operation, previous, next: NIL, next_of_operation };
        match self.watches.get_mut(index as usize) {
            Some(slot) => *slot = watch,
            None => self.watches.push(watch),
        }
    }

    /// The first watch on a key.
    pub(super) fn first(&self, key: &K) -> Option<u32> {
        self.keys.get(key).map(|ends| ends.first)
    }

    pub(super) fn operation(&self, watch: u32) -> u32 {
        self.watches[watch as usize].operation
    }

    /// The next watch on the same key that is of another operation.
    pub(super) fn next_of_other(&self, watch: u32, operation: u32) -> Option<u32> {
        let mut next = self.watches[watch as usize].next;
        while next != NIL && self.watches[next as usize].operation == operation {
            next = self.watches[next as usize].next;
        }
        (next != NIL).then_some(next)
    }

    /// Removes the watches of an operation.
    pub(super) fn remove_all(&mut self, operation: u32) {
        let Some(first) = self.first_of_operation.get_mut(operation as usize) else { return };
        let mut index = std::mem::replace(first, NIL);
        while index != NIL {
            let watch = &mut self.watches[index as usize];
            let next_of_operation = watch.next_of_operation;
            self.unlink(index);
            self.free.push(index);
            index = next_of_operation;
        }
    }

    fn unlink(&mut self, index: u32) {
        let watch = &mut self.watches[index as usize];
        let (key, previous, next) = (watch.key.take(), watch.previous, watch.next);
        if previous != NIL {
            self.watches[previous as usize].next = next;
        }
        if next != NIL {
            self.watches[next as usize].previous = previous;
        }
        if previous != NIL && next != NIL {
            return;
        }
        let Some(key) = key else { return };
        if previous == NIL && next == NIL {
            self.keys.remove(&key);
        } else if let Some(ends) = self.keys.get_mut(&key) {
            if previous == NIL {
                ends.first = next;
            } else {
                ends.last = previous;
            }
        }
    }
}
