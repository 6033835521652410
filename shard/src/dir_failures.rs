//! Which of `log.dirs` have failed: their partitions are offline until the next start, and the others serve.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use jackdaw_core::config::BrokerConfig;
use jackdaw_storage::StorageError;

/// The failed directories of a node, known to all its shards. Asked at starts, failures and changes of the metadata, never
/// for a produce or a fetch.
#[derive(Clone, Default)]
pub(crate) struct DirFailures(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// In the order of `log.dirs`.
    dirs: Vec<PathBuf>,
    /// The one that has the metadata log, if it is one of them.
    metadata: Option<usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failed: BTreeSet<usize>,
    has_news: bool,
    waiting: Option<Waker>,
}

/// What a failure means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Failed {
    /// It is the last one, or has the metadata log: the node cannot go on.
    Vital,
    /// It had failed before.
    Before,
    Now(PathBuf),
}

impl DirFailures {
    pub(crate) fn new(config: &BrokerConfig) -> Self {
        let dirs = &config.log.dirs;
        Self(Arc::new(Shared {
            dirs: dirs.iter().map(PathBuf::from).collect(),
            metadata: dirs.iter().position(|dir| *dir == config.metadata_log.dir),
            state: Mutex::default(),
        }))
    }

    /// Whether the node can go on without this one.
    pub(crate) fn may_fail(&self, dir: usize) -> bool {
        self.can_spare(&self.state(), dir)
    }

    fn can_spare(&self, state: &State, dir: usize) -> bool {
        let gone = state.failed.iter().filter(|failed| **failed != dir).count() + 1;
        self.0.metadata != Some(dir) && gone < self.0.dirs.len()
    }

    /// Note that a directory has failed.
    pub(crate) fn fail(&self, dir: usize) -> Failed {
        // One look at the state: of the last two, failing at once on two shards, one is vital.
        let mut state = self.state();
        if state.failed.contains(&dir) {
            return Failed::Before;
        }
        if !self.can_spare(&state, dir) {
            return Failed::Vital;
        }
        state.failed.insert(dir);
        state.has_news = true;
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        Failed::Now(self.0.dirs[dir].clone())
    }

    pub(crate) fn is_failed(&self, dir: usize) -> bool {
        self.state().failed.contains(&dir)
    }

    /// The first of the failed ones.
    pub(crate) fn first(&self) -> Option<usize> {
        self.state().failed.first().copied()
    }

    pub(crate) fn count(&self) -> usize {
        self.state().failed.len()
    }

    /// Wait, in one task of the node, for a failure that was not told yet.
    pub(crate) async fn next(&self) {
        std::future::poll_fn(|context| {
            let mut state = self.state();
            if std::mem::take(&mut state.has_news) {
                return Poll::Ready(());
            }
            state.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while holding it aborts the process.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a whole directory is in doubt: neither damage in one file nor a want of descriptors or memory says so.
pub(crate) fn is_of_the_disk(error: &StorageError) -> bool {
    let StorageError::Io { source, .. } = error else { return false };
    let is_of_the_process = error.is_out_of_descriptors() || source.kind() == ErrorKind::OutOfMemory;
    source.raw_os_error().is_some() && !is_of_the_process
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(dirs: usize, metadata: Option<usize>) -> DirFailures {
        let dirs = (0..dirs).map(|index| PathBuf::from(format!("/{index}"))).collect();
        DirFailures(Arc::new(Shared { dirs, metadata, state: Mutex::default() }))
    }

    #[test]
    fn the_last_and_the_metadata_are_vital() {
        assert_eq!(failures(1, Some(0)).fail(0), Failed::Vital);
        assert_eq!(failures(1, None).fail(0), Failed::Vital);
        assert_eq!(DirFailures::default().fail(0), Failed::Vital);
        let three = failures(3, Some(1));
        assert_eq!(three.fail(2), Failed::Now("/2".into()));
        assert_eq!(three.fail(2), Failed::Before);
        assert_eq!(three.fail(1), Failed::Vital);
        assert_eq!(three.fail(0), Failed::Now("/0".into()));
        assert_eq!((three.count(), three.first(), three.is_failed(1)), (2, Some(0), false));
        let elsewhere = failures(2, None);
        assert_eq!(elsewhere.fail(0), Failed::Now("/0".into()));
        assert_eq!(elsewhere.fail(1), Failed::Vital);
    }
}
