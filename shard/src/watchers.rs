//! The fetches that wait for one partition, and how many there are of them on a shard.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
};

use crate::{fetch_wait::FetchToken, limits::WATCHES_MAX};

/// One waiting fetch: the shard it waits on, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Watcher {
    pub(crate) shard: usize,
    pub(crate) fetch: FetchToken,
}

/// How many watchers the partitions of one shard have together.
#[derive(Clone, Default)]
pub(crate) struct WatchCount(Rc<Cell<usize>>);

/// The watchers of one partition.
pub(crate) struct Watchers {
    waiting: RefCell<BTreeSet<Watcher>>,
    count: WatchCount,
}

impl WatchCount {
    pub(crate) fn get(&self) -> usize {
        self.0.get()
    }

    fn subtract(&self, count: usize) {
        self.0.set(self.0.get() - count);
    }
}

impl Watchers {
    pub(crate) fn new(count: WatchCount) -> Self {
        Self { waiting: RefCell::default(), count }
    }

    /// False if the shard has too many watchers already: the fetch must not wait.
    pub(crate) fn add(&self, watcher: Watcher) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        if self.count.get() >= WATCHES_MAX {
            return waiting.contains(&watcher);
        }
        if waiting.insert(watcher) {
            self.count.0.set(self.count.get() + 1);
        }
        true
    }

    pub(crate) fn remove(&self, watcher: Watcher) {
        if self.waiting.borrow_mut().remove(&watcher) {
            self.count.subtract(1);
        }
    }

    /// Take all, to wake them.
    pub(crate) fn take(&self) -> BTreeSet<Watcher> {
        let taken = self.waiting.take();
        self.count.subtract(taken.len());
        taken
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        self.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch_wait::FetchWaits;

    #[test]
    fn watchers_are_counted_from_the_first_to_the_last() {
        let (count, waits) = (WatchCount::default(), FetchWaits::default());
        let watches: Vec<_> = (0..3).map(|_| waits.begin()).collect();
        let watcher = |index: usize| Watcher { shard: 0, fetch: watches[index].token() };
        let (one, other) = (Watchers::new(count.clone()), Watchers::new(count.clone()));
        assert!(one.add(watcher(0)) && one.add(watcher(0)) && one.add(watcher(1)) && other.add(watcher(2)));
        assert_eq!(count.get(), 3);
        one.remove(watcher(1));
        one.remove(watcher(1));
        assert_eq!(count.get(), 2);
        assert_eq!(one.take().into_iter().collect::<Vec<_>>(), [watcher(0)]);
        assert_eq!((count.get(), one.take().len()), (1, 0));
        drop(other);
        assert_eq!(count.get(), 0);
    }

    #[test]
    fn at_the_bound_nobody_new_waits() {
        let (count, waits) = (WatchCount::default(), FetchWaits::default());
        let (known, new) = (waits.begin(), waits.begin());
        let watchers = Watchers::new(count.clone());
        assert!(watchers.add(Watcher { shard: 0, fetch: known.token() }));
        count.0.set(WATCHES_MAX);
        assert!(!watchers.add(Watcher { shard: 0, fetch: new.token() }));
        assert!(watchers.add(Watcher { shard: 0, fetch: known.token() }), "it waits already");
        watchers.remove(Watcher { shard: 0, fetch: known.token() });
        assert!(watchers.add(Watcher { shard: 0, fetch: new.token() }));
        count.0.set(1);
    }
}
