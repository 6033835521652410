//! Requests that wait: long polls for data, acks=all for replicas. They cost nothing while they wait; what
//! happens to a key wakes those that watch it, and a deadline ends the others.

mod deadlines;
mod watches;

use std::hash::Hash;

use self::{deadlines::Deadlines, watches::Watches};
use crate::limits;

/// Names a waiting operation until it is gone; never given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaitId {
    index: u32,
    generation: u32,
}

/// One slot of the table; a free one remembers its generation.
#[derive(Clone, Debug)]
struct Slot<T> {
    generation: u32,
    operation: Option<T>,
}

/// Operations of type `T` that wait for something to happen to keys of type `K`. Insertion and removal take
/// constant time for each key; the table's memory is used again.
#[derive(Clone, Debug)]
pub struct Purgatory<K, T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    watches: Watches<K>,
    deadlines: Deadlines,
}

impl<K: Hash + Eq + Clone, T> Default for Purgatory<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Hash + Eq + Clone, T> Purgatory<K, T> {
    pub fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), watches: Watches::new(), deadlines: Deadlines::new() }
    }

    /// Operations that wait.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an operation with `keys_count` keys finds room. One that must not be refused, as its records
    /// are appended, asks before they are.
    pub fn has_room(&self, keys_count: usize) -> bool {
        self.len() < limits::PURGATORY_OPERATIONS_MAX
            && self.watches.len() + keys_count <= limits::PURGATORY_WATCHES_MAX
    }

    /// Lets an operation wait on `keys` until `deadline_ms`. Without room it comes back: answer it now.
    ///
    /// The caller looks at the keys' state after this, not before: what happened in between woke nobody.
    pub fn insert(&mut self, operation: T, keys: &[K], deadline_ms: i64) -> Result<WaitId, T> {
        if !self.has_room(keys.len()) {
            return Err(operation);
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(Slot { generation: 0, operation: None });
                (self.slots.len() - 1) as u32
            }
        };
        let slot = &mut self.slots[index as usize];
        slot.operation = Some(operation);
        let generation = slot.generation;
        for key in keys {
            self.watches.add(index, key);
        }
        self.deadlines.insert(index, deadline_ms);
        Ok(WaitId { index, generation })
    }

    /// The operation, where it still waits.
    pub fn get_mut(&mut self, id: WaitId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation == id.generation { slot.operation.as_mut() } else { None }
    }

    /// Ends an operation's wait, for a connection that closed or a request answered on another way.
    pub fn remove(&mut self, id: WaitId) -> Option<T> {
        self.get_mut(id)?;
        self.take(id.index)
    }

    /// Something happened to `key`: asks each operation that watches it, those that wait longest first, whether
    /// it is done, and moves the done ones to `done`.
    pub fn wake(&mut self, key: &K, mut is_done: impl FnMut(&mut T) -> bool, done: &mut Vec<T>) {
        let mut cursor = self.watches.first(key);
        while let Some(watch) = cursor {
            let index = self.watches.operation(watch);
            // An operation may watch a key twice: the next watch is found before this one goes.
            cursor = self.watches.next_of_other(watch, index);
            let Some(operation) = self.slots[index as usize].operation.as_mut() else { continue };
            if is_done(operation) {
                done.extend(self.take(index));
            }
        }
    }

    /// When to call `expire` next: the earliest deadline, or, where that is far, a moment before it. `None`
    /// while nothing waits.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.next_ms()
    }

    /// Moves the operations whose deadline has come to `expired`, earliest first.
    pub fn expire(&mut self, now_ms: i64, expired: &mut Vec<T>) {
        while let Some(index) = self.deadlines.pop_due(now_ms) {
            expired.extend(self.take(index));
        }
    }

    fn take(&mut self, index: u32) -> Option<T> {
        let slot = &mut self.slots[index as usize];
        let operation = slot.operation.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.watches.remove_all(index);
        self.deadlines.remove(index);
        self.free.push(index);
        Some(operation)
    }
}

#[cfg(test)]
mod tests;
