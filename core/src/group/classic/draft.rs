//! A decision about one group while it is made: a copy of the group that has already changed, and what it took.

use std::sync::Arc;

use super::{Change, ClassicGroup};
use crate::{
    config::ClassicGroupConfig,
    group::{CallId, Context, Effect, GroupRecord, Outcome, Response},
};

/// The copy changes by the same changes that `Coordinator::accept` later makes to the group itself, so that a
/// decision of several steps sees its own effect. Records come after all changes, as they do for the group.
pub(crate) struct Draft<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) settings: &'a ClassicGroupConfig,
    pub(crate) group_id: Arc<str>,
    pub(crate) group: ClassicGroup,
    changes: Vec<Change>,
    outcome: Outcome,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        context: &'a Context<'a>,
        settings: &'a ClassicGroupConfig,
        group_id: Arc<str>,
        group: ClassicGroup,
    ) -> Self {
        Self { context, settings, group_id, group, changes: Vec::new(), outcome: Outcome::default() }
    }

    pub(crate) fn change(&mut self, change: Change) {
        debug_assert!(self.outcome.records.is_empty(), "a record is replayed after all changes");
        self.group.apply(&change);
        self.changes.push(change);
    }

    pub(crate) fn record(&mut self, record: GroupRecord) {
        self.outcome.records.push(record);
    }

    pub(crate) fn respond(&mut self, call: CallId, response: Response) {
        self.outcome.responses.push((call, response));
    }

    /// Nothing was found that has to change.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }

    /// The group as it has become, for a decision that consists of changes alone.
    ///
    /// # Panics
    /// Where there are records or answers, which would be lost.
    pub(crate) fn into_group(self) -> ClassicGroup {
        assert!(self.outcome.is_empty(), "nothing but the group has changed");
        self.group
    }

    pub(crate) fn finish(mut self) -> Outcome {
        if !self.changes.is_empty() {
            self.outcome.effects.push(Effect::classic(&self.group_id, self.changes));
        }
        self.outcome
    }
}
