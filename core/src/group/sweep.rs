//! The search for offsets that have expired or whose topic is gone, and for groups that are left with nothing.

use std::sync::Arc;

use super::{
    Context, Coordinator, Effect, GroupRecord, Outcome,
    budget::Budget,
    groups::Group,
    offsets::{CommittedOffset, Subscription, offset_tombstone},
    outcome::SoftChange,
};
use crate::limits::{GROUP_IMAGE_SETTLED_MS, GROUP_POSTPONE_MS, GROUP_SWEEP_GROUPS_MAX};

/// Where the search is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sweep {
    progress: Option<SweepProgress>,
    started_ms: u64,
}

/// The next step of the search.
#[derive(Clone, Debug)]
pub(crate) struct SweepProgress {
    at_ms: u64,
    /// The group to begin with; empty at the beginning of a search.
    group_id: Arc<str>,
    budget: Budget,
}

impl Sweep {
    pub(crate) fn start(&mut self, now_ms: u64, interval_ms: i64) {
        self.started_ms = now_ms;
        self.progress = Some(SweepProgress::next_search(now_ms, interval_ms));
    }

    pub(crate) fn advance(&mut self, progress: SweepProgress) {
        self.progress = Some(progress);
    }

    /// The step that is due could not be written: it is made smaller, and where it is small already its first group
    /// is left to the next search.
    pub(crate) fn postpone(&mut self, now_ms: u64) {
        let Some(progress) = &mut self.progress else { return };
        progress.at_ms = now_ms + GROUP_POSTPONE_MS;
        progress.budget = progress.budget.after_failure();
    }

    pub(crate) fn at_ms(&self) -> Option<u64> {
        self.progress.as_ref().map(|progress| progress.at_ms)
    }

    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        self.at_ms().is_some_and(|at_ms| at_ms <= now_ms)
    }
}

impl SweepProgress {
    fn next_search(now_ms: u64, interval_ms: i64) -> Self {
        let at_ms = now_ms + u64::try_from(interval_ms).unwrap_or(0).max(1);
        Self { at_ms, group_id: "".into(), budget: Budget::default() }
    }
}

impl Coordinator {
    /// One step of the search: some groups and some records, then requests have their turn.
    pub(super) fn sweep_offsets(&self, context: &Context<'_>) -> Outcome {
        let Some(progress) = &self.sweep.progress else { return Outcome::default() };
        let mut outcome = Outcome::default();
        let mut left = progress.budget;
        let mut next = None;
        for (index, (group_id, group)) in self.groups.iter_from(&progress.group_id).enumerate() {
            if index == GROUP_SWEEP_GROUPS_MAX {
                next = Some(Arc::clone(group_id));
                break;
            }
            let length_before = outcome.records.len();
            let is_whole = self.sweep_group(context, group_id, group, &mut left, &mut outcome.records);
            if left.skips > 0 && outcome.records.len() > length_before {
                outcome.records.truncate(length_before);
                left = Budget { skips: left.skips - 1, ..progress.budget };
            } else if !is_whole {
                next = Some(Arc::clone(group_id));
                break;
            }
        }
        let now_ms = context.now_ms;
        let progress = match next {
            Some(group_id) => {
                SweepProgress { at_ms: now_ms, group_id, budget: progress.budget.after_success() }
            }
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
        left: &mut Budget,
        records: &mut Vec<GroupRecord>,
    ) -> bool {
        let expiry = group.expiry();
        let retention_ms = self.settings.offsets.retention_ms;
        let offsets = self.offsets.of_group(group_id);
        // Costly: every member's subscription is decoded.
        let subscription = offsets.map_or_else(Subscription::default, |_| group.subscription());
        // Neither a group nor an offset goes while a transaction may commit something there.
        let pending = self.offsets.pending();
        let mut has_offsets = pending.has_group(group_id);
        for (topic, partitions) in offsets.into_iter().flatten() {
            let is_subscribed = subscription.contains(topic);
            for (partition, offset) in partitions {
                let has_expired = !is_subscribed && expiry.has_expired(offset, context.unix_ms, retention_ms);
                let is_old = has_expired || self.has_lost_topic(context, offset);
                if !is_old || pending.contains(group_id, topic, *partition) {
                    has_offsets = true;
                    continue;
                }
                if !left.take_tombstone(records.is_empty(), group_id, topic) {
                    return false;
                }
                records.push(offset_tombstone(group_id, topic, *partition));
            }
        }
        if !has_offsets && group.is_deletable() {
            let tombstones = group.tombstones(group_id);
            for _ in &tombstones {
                if !left.take_tombstone(records.is_empty(), group_id, "") {
                    return false;
                }
            }
            records.extend(tombstones);
        }
        true
    }

    /// Whether the topic that it was committed for is gone, by its id, which is never used again. The commit was
    /// taken by a coordinator whose metadata had the topic. Ours may be older than that just after the partition
    /// came here or the node started; so that it counts only when we have served for minutes, and the commit is as
    /// old. Metadata that lags for that long is that of a node out of touch with the controller, whose leadership
    /// ended long before: what it writes is never committed. Nothing hurries: while we are there,
    /// `topics_deleted` tells.
    fn has_lost_topic(&self, context: &Context<'_>, offset: &CommittedOffset) -> bool {
        let settled_ms = i64::try_from(GROUP_IMAGE_SETTLED_MS).unwrap_or(i64::MAX);
        !offset.topic_id.is_zero()
            && context.now_ms.saturating_sub(self.sweep.started_ms) >= GROUP_IMAGE_SETTLED_MS
            && context.unix_ms.saturating_sub(offset.commit_timestamp_ms) >= settled_ms
            && context.image.topics.by_id(offset.topic_id).is_none()
    }
}
