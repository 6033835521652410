//! The search for offsets that have expired, and for groups that are left with nothing.

use std::sync::Arc;

use super::{
    Context, Coordinator, Effect, GroupRecord, Outcome, groups::Group, offsets::offset_tombstone,
    outcome::SoftChange,
};
use crate::{
    limits::{GROUP_SWEEP_GROUPS_MAX, GROUP_SWEEP_RECORDS_MAX},
    uuid::Uuid,
};

/// Where the search is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sweep {
    progress: Option<SweepProgress>,
}

/// The next step of the search.
#[derive(Clone, Debug)]
pub(crate) struct SweepProgress {
    at_ms: u64,
    /// The group to begin with; empty at the beginning of a search.
    group_id: Arc<str>,
}

impl Sweep {
    pub(crate) fn start(&mut self, now_ms: u64, interval_ms: i64) {
        self.progress = Some(SweepProgress::next_search(now_ms, interval_ms));
    }

    pub(crate) fn advance(&mut self, progress: SweepProgress) {
        self.progress = Some(progress);
    }

    pub(crate) fn at_ms(&self) -> Option<u64> {
        self.progress.as_ref().map(|progress| progress.at_ms)
    }

    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        self.at_ms().is_some_and(|at_ms| at_ms <= now_ms)
    }

    fn group_id(&self) -> &str {
        self.progress.as_ref().map_or("", |progress| &progress.group_id)
    }
}

impl SweepProgress {
    fn next_search(now_ms: u64, interval_ms: i64) -> Self {
        Self { at_ms: now_ms + u64::try_from(interval_ms).unwrap_or(0).max(1), group_id: "".into() }
    }
}

impl Coordinator {
    /// One step of the search: some groups and some records, then requests have their turn.
    pub(super) fn sweep_offsets(&self, context: &Context<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut groups = self.groups.iter_from(self.sweep.group_id());
        let mut next = None;
        for (index, (group_id, group)) in groups.by_ref().enumerate() {
            let is_enough =
                index == GROUP_SWEEP_GROUPS_MAX || outcome.records.len() >= GROUP_SWEEP_RECORDS_MAX;
            if is_enough || !self.sweep_group(context, group_id, group, &mut outcome.records) {
                next = Some(Arc::clone(group_id));
                break;
            }
        }
        let now_ms = context.now_ms;
        let progress = match next {
            Some(group_id) => SweepProgress { at_ms: now_ms, group_id },
            None => SweepProgress::next_search(now_ms, self.settings.offsets.retention_check_interval_ms),
        };
        outcome.effects.push(Effect(SoftChange::Swept(progress)));
        outcome
    }

    /// False where the group has more than may be written at once.
    fn sweep_group(
        &self,
        context: &Context<'_>,
        group_id: &Arc<str>,
        group: &Group,
        records: &mut Vec<GroupRecord>,
    ) -> bool {
        let (expiry, subscription) = (group.expiry(), group.subscription());
        let retention_ms = self.settings.offsets.retention_ms;
        // Neither a group nor an offset goes while a transaction may commit something there.
        let pending = self.offsets.pending();
        let mut has_offsets = pending.has_group(group_id);
        for (topic, partitions) in self.offsets.of_group(group_id).into_iter().flatten() {
            let is_subscribed = subscription.contains(topic);
            let topic_id = context.image.topics.id_of(topic).unwrap_or(Uuid::ZERO);
            for (partition, offset) in partitions {
                let has_expired = !is_subscribed && expiry.has_expired(offset, context.unix_ms, retention_ms);
                let is_old = has_expired || offset.is_of_other_topic(topic_id);
                if !is_old || pending.contains(group_id, topic, *partition) {
                    has_offsets = true;
                    continue;
                }
                if records.len() >= GROUP_SWEEP_RECORDS_MAX {
                    return false;
                }
                records.push(offset_tombstone(group_id, topic, *partition));
            }
        }
        if !has_offsets && group.is_deletable() {
            records.extend(group.tombstones(group_id));
        }
        true
    }

    /// Topics are gone: so are the offsets in them. The host calls it again as long as there are records in the
    /// outcome.
    pub fn topics_deleted(&self, names: &[String]) -> Outcome {
        let groups = self.offsets.groups();
        let tombstones = groups.flat_map(|(group_id, topics)| {
            let deleted = names.iter().filter_map(|name| topics.get_key_value(name.as_str()));
            deleted.flat_map(move |(topic, partitions)| {
                partitions.keys().map(move |partition| offset_tombstone(group_id, topic, *partition))
            })
        });
        let tombstones = tombstones.chain(self.offsets.pending_tombstones_of(names));
        Outcome { records: tombstones.take(GROUP_SWEEP_RECORDS_MAX).collect(), ..Outcome::default() }
    }
}
