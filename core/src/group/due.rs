//! When each group has to be looked at.

use std::{collections::BTreeSet, sync::Arc};

/// Groups in order of time. A group's moment may be too early, when a heartbeat has moved what it stands for: the
/// group is then looked at once more, and set anew. So a heartbeat costs nothing here.
#[derive(Clone, Debug, Default)]
pub(crate) struct DueGroups {
    by_time: BTreeSet<(u64, Arc<str>)>,
}

impl DueGroups {
    /// Moves a group from the moment that stands for it, if there is one.
    pub(crate) fn set(&mut self, group_id: &Arc<str>, old_ms: Option<u64>, new_ms: Option<u64>) {
        if old_ms == new_ms {
            return;
        }
        if let Some(old_ms) = old_ms {
            self.by_time.remove(&(old_ms, Arc::clone(group_id)));
        }
        if let Some(new_ms) = new_ms {
            self.by_time.insert((new_ms, Arc::clone(group_id)));
        }
    }

    pub(crate) fn first(&self) -> Option<(u64, &Arc<str>)> {
        self.by_time.first().map(|(at_ms, group_id)| (*at_ms, group_id))
    }
}
