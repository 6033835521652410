//! The target assignment: made anew when it is older than the group.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{
    GroupSettings, Member,
    assignor::{Assignment, Subscriber},
    draft::Draft,
};
use crate::uuid::Uuid;

/// The assignor that most members ask for; the broker's first where nobody asks, and of equals the first by name.
pub(super) fn effective_assignor<'a>(
    votes: impl Iterator<Item = (&'a str, usize)>,
    settings: &GroupSettings<'a>,
) -> &'a str {
    let valid = votes.filter(|(name, count)| *count > 0 && settings.has_assignor(name));
    let winner = valid
        .max_by(|(left, left_votes), (right, right_votes)| left_votes.cmp(right_votes).then(right.cmp(left)));
    winner.map_or(settings.default_assignor(), |(name, _)| name)
}

impl Draft<'_> {
    /// Makes a new target where the group has moved on, not more often than the group's assignment interval
    /// allows; a later heartbeat catches up.
    pub(super) fn update_target(&mut self) {
        if self.epoch > self.target_epoch && self.may_assign() {
            self.assign();
        }
    }

    pub(super) fn may_assign(&self) -> bool {
        let last_ms = self.group.target_timestamp_ms;
        let age_ms = self.scope.context.unix_ms - last_ms;
        // A clock that was set back must not stop assignments.
        last_ms == 0 || age_ms < 0 || age_ms >= i64::from(self.scope.settings.assignment_interval_ms)
    }

    fn assign(&mut self) {
        let image = self.scope.context.image;
        let mut members: Vec<&Member> = self.members().collect();
        members.sort_unstable_by(|left, right| left.id.cmp(&right.id));
        let mut topics_by_subscription: BTreeMap<(&BTreeSet<String>, &str), Rc<BTreeSet<Uuid>>> =
            BTreeMap::new();
        let subscribers = members.iter().map(|member| {
            let subscription = (&member.subscribed_topic_names, member.subscribed_topic_regex.as_str());
            let topics = topics_by_subscription.entry(subscription);
            Subscriber {
                member_id: &member.id,
                instance_id: member.instance_id.as_deref(),
                topics: Rc::clone(topics.or_insert_with(|| self.subscribed_topic_ids(member).into())),
                current: self.target_of(&member.id),
            }
        });
        let subscribers: Vec<Subscriber<'_>> = subscribers.collect();
        let topics = topics_by_subscription.values().flat_map(|topics| &**topics);
        let count = |topic_id: Uuid| {
            let topic = image.topics.by_id(topic_id);
            topic.map_or(0, |topic| i32::try_from(topic.partition_count()).unwrap_or(i32::MAX))
        };
        let partition_counts = topics.map(|topic_id| (*topic_id, count(*topic_id))).collect();
        let assignment = Assignment { subscribers, partition_counts };
        let targets = assignment.assign(self.assignor());
        let changed: Vec<_> = members
            .iter()
            .zip(targets)
            .filter(|(member, target)| self.target_of(&member.id) != Some(target))
            .map(|(member, target)| (member.id.clone(), target))
            .collect();
        for (member_id, target) in changed {
            self.put_target(&member_id, target);
        }
        self.put_target_epoch(self.epoch, self.scope.context.unix_ms);
    }

    /// The topics that exist and that the member asks for.
    fn subscribed_topic_ids(&self, member: &Member) -> BTreeSet<Uuid> {
        let resolved = self.resolved(&member.subscribed_topic_regex);
        let by_regex = resolved.into_iter().flat_map(|resolved| &resolved.topics);
        let names = member.subscribed_topic_names.iter().chain(by_regex);
        names.filter_map(|name| self.scope.context.image.topics.id_of(name)).collect()
    }
}
