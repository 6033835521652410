//! The offsets of deleted topics, which go after them: a batch at a time.

use std::{collections::BTreeMap, mem::take, sync::Arc};

use super::{
    Context, Coordinator, Effect, GroupRecord, Outcome,
    budget::Budget,
    offsets::{CommittedOffset, GroupOffsets, offset_tombstone},
    outcome::SoftChange,
};
use crate::{
    limits::{GROUP_DELETED_TOPICS_MAX, GROUP_POSTPONE_MS, GROUP_SWEEP_GROUPS_MAX},
    uuid::Uuid,
};

/// Topics by name, with their ids and when each was seen to be gone, by the calendar. A name may come and go again.
type Names = BTreeMap<String, Vec<(Uuid, i64)>>;

/// What is still to be looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeletedTopics {
    /// Of the pass through the groups that is under way.
    names: Names,
    /// Came later: they need a pass of their own.
    next: Names,
    /// Where the pass is.
    group_id: Arc<str>,
    at_ms: u64,
    budget: Budget,
}

impl DeletedTopics {
    fn add(&mut self, context: &Context<'_>, name: &str, id: Uuid) {
        if self.next.len() < GROUP_DELETED_TOPICS_MAX {
            self.next.entry(name.to_owned()).or_default().push((id, context.unix_ms));
        }
    }

    fn begin_if_idle(&mut self, now_ms: u64) {
        if self.names.is_empty() {
            let names = take(&mut self.next);
            *self = Self { names, at_ms: now_ms, ..Self::default() };
        }
    }

    pub(crate) fn at_ms(&self) -> Option<u64> {
        (!self.names.is_empty()).then_some(self.at_ms)
    }

    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        self.at_ms().is_some_and(|at_ms| at_ms <= now_ms)
    }

    /// As far as this group; `None` is the end.
    pub(crate) fn advance(&mut self, group_id: Option<Arc<str>>, now_ms: u64) {
        self.budget = self.budget.after_success();
        match group_id {
            Some(group_id) => self.group_id = group_id,
            None => {
                self.names.clear();
                self.begin_if_idle(now_ms);
            }
        }
    }

    /// As for the sweep; what is left out here the sweep finds.
    pub(crate) fn postpone(&mut self, now_ms: u64) {
        self.at_ms = now_ms + GROUP_POSTPONE_MS;
        self.budget = self.budget.after_failure();
    }
}

/// By the id, which is never used again; an older record has none, and goes if it was there before.
fn is_gone(offset: &CommittedOffset, deleted: &[(Uuid, i64)]) -> bool {
    deleted.iter().any(|(id, unix_ms)| match offset.topic_id {
        Uuid::ZERO => offset.commit_timestamp_ms <= *unix_ms,
        topic_id => topic_id == *id,
    })
}

/// False where the group has more than may be written at once.
fn tombstones(
    names: &Names,
    group_id: &str,
    topics: &GroupOffsets,
    left: &mut Budget,
    records: &mut Vec<GroupRecord>,
) -> bool {
    for (topic, partitions) in topics {
        let Some(deleted) = names.get(&**topic) else { continue };
        for (partition, _) in partitions.iter().filter(|(_, offset)| is_gone(offset, deleted)) {
            if !left.take_tombstone(records.is_empty(), group_id, topic) {
                return false;
            }
            records.push(offset_tombstone(group_id, topic, *partition));
        }
    }
    true
}

impl Coordinator {
    /// Topics are gone: `poll` takes the offsets in them away.
    pub fn topics_deleted(&mut self, context: &Context<'_>, topics: &[(String, Uuid)]) {
        for (name, id) in topics {
            self.deleted_topics.add(context, name, *id);
        }
        self.deleted_topics.begin_if_idle(context.now_ms);
    }

    /// One step: some groups and some records.
    pub(super) fn sweep_deleted_topics(&self) -> Outcome {
        let DeletedTopics { names, group_id, budget, .. } = &self.deleted_topics;
        let mut outcome = Outcome::default();
        let mut left = *budget;
        let mut next = None;
        for (index, (group_id, topics)) in self.offsets.groups_from(group_id).enumerate() {
            let length_before = outcome.records.len();
            let is_whole = index < GROUP_SWEEP_GROUPS_MAX
                && tombstones(names, group_id, topics, &mut left, &mut outcome.records);
            if left.skips > 0 && outcome.records.len() > length_before {
                outcome.records.truncate(length_before);
                left = Budget { skips: left.skips - 1, ..*budget };
            } else if !is_whole {
                next = Some(Arc::clone(group_id));
                break;
            }
        }
        outcome.effects.push(Effect(SoftChange::SweptDeletedTopics(next)));
        outcome
    }
}
