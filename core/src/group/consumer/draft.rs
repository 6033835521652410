//! A group while a request is decided: its state, what the request changes, and the records that say so.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    ConsumerGroup, Effect, GroupSettings, Member, SeenImage, SoftState, Timer, TimerKind, TopicPartitions,
    metadata_hash::metadata_hash,
    records,
    regex::{ResolvedRegex, TopicRegex},
};
use crate::{
    config::ClassicGroupConfig,
    group::{Context, GroupRecord, classic::ClassicGroup},
    limits::GROUP_REGEX_REFRESH_MIN_MS,
    uuid::Uuid,
};

/// What a decision about a group is made from, beside the group.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub context: &'a Context<'a>,
    pub settings: GroupSettings<'a>,
    pub soft: &'a SoftState,
    /// For a group that may become a classic one.
    pub classic: &'a ClassicGroupConfig,
}

/// The records and effects of a decision.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub records: Vec<GroupRecord>,
    pub effects: Vec<Effect>,
    /// The classic group that the group becomes: at once, before the records are replayed.
    pub(crate) downgraded: Option<Box<ClassicGroup>>,
}

impl Changes {
    pub(crate) fn followed_by(mut self, next: Self) -> Self {
        self.records.extend(next.records);
        self.effects.extend(next.effects);
        Self { downgraded: next.downgraded, ..self }
    }
}

/// Changes lie over the group; the group itself stays as it is until its records are replayed.
pub(super) struct Draft<'a> {
    pub(super) group: &'a ConsumerGroup,
    pub(super) scope: &'a Scope<'a>,
    /// `None` for a member that is taken away.
    members: BTreeMap<String, Option<Member>>,
    targets: BTreeMap<String, TopicPartitions>,
    regexes: BTreeMap<String, Option<ResolvedRegex>>,
    pub(super) epoch: i32,
    pub(super) target_epoch: i32,
    changes: Changes,
}

impl<'a> Draft<'a> {
    pub(super) fn new(group: &'a ConsumerGroup, scope: &'a Scope<'a>) -> Self {
        Self {
            group,
            scope,
            members: BTreeMap::new(),
            targets: BTreeMap::new(),
            regexes: BTreeMap::new(),
            epoch: group.epoch,
            target_epoch: group.target_epoch,
            changes: Changes::default(),
        }
    }

    pub(super) fn into_changes(self) -> Changes {
        self.changes
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.changes.effects.push(effect);
    }

    pub(super) fn record(&mut self, record: GroupRecord) {
        self.changes.records.push(record);
    }

    /// In no particular order.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        let unchanged = self.group.members().filter(|member| !self.members.contains_key(&member.id));
        unchanged.chain(self.members.values().flatten())
    }

    pub(super) fn member(&self, member_id: &str) -> Option<&Member> {
        match self.members.get(member_id) {
            Some(changed) => changed.as_ref(),
            None => self.group.member(member_id),
        }
    }

    pub(super) fn target_of(&self, member_id: &str) -> Option<&TopicPartitions> {
        self.targets.get(member_id).or_else(|| self.group.targets.get(member_id))
    }

    /// Writes what differs from the member as it was.
    pub(super) fn put_metadata(&mut self, member: &Member) {
        if self.member(&member.id).is_none_or(|known| !known.same_metadata(member)) {
            self.record(records::member(&self.group.id, member));
        }
        self.members.insert(member.id.clone(), Some(member.clone()));
    }

    pub(super) fn put_current(&mut self, member: &Member) {
        if self.member(&member.id).is_none_or(|known| !known.same_current_assignment(member)) {
            self.record(records::current(&self.group.id, member));
        }
        self.members.insert(member.id.clone(), Some(member.clone()));
    }

    /// Whether or not it differs from the target as it was.
    pub(super) fn put_target(&mut self, member_id: &str, target: TopicPartitions) {
        self.record(records::target(&self.group.id, member_id, &target));
        self.targets.insert(member_id.to_owned(), target);
    }

    pub(super) fn put_target_epoch(&mut self, epoch: i32, timestamp_ms: i64) {
        self.record(records::target_epoch(&self.group.id, epoch, timestamp_ms));
        self.target_epoch = epoch;
    }

    pub(super) fn remove_member(&mut self, member_id: &str) {
        self.changes.records.extend(records::member_tombstones(&self.group.id, member_id));
        self.members.insert(member_id.to_owned(), None);
        self.targets.insert(member_id.to_owned(), TopicPartitions::default());
        self.effect(Effect::ForgetMember {
            group_id: self.group.id.clone(),
            member_id: member_id.to_owned(),
        });
    }

    /// No member has this partition, not even one that has yet to give it up.
    pub(super) fn is_free(&self, topic_id: Uuid, partition: i32) -> bool {
        let has = |member: &Member| {
            member.assigned.contains(topic_id, partition)
                || member.pending_revocation.contains(topic_id, partition)
        };
        let owner = self.group.owners.get(&(topic_id, partition));
        owner.is_none_or(|owner| self.members.contains_key(owner))
            && !self.members.values().flatten().any(has)
    }

    /// Whether this member asks for this topic, by name or by a regular expression that is looked up.
    pub(super) fn subscribes(&self, member: &Member, topic: &str) -> bool {
        member.subscribed_topic_names.contains(topic)
            || self.resolved(&member.subscribed_topic_regex).is_some_and(|found| found.topics.contains(topic))
    }

    pub(super) fn resolved(&self, regex: &str) -> Option<&ResolvedRegex> {
        match self.regexes.get(regex) {
            Some(changed) => changed.as_ref(),
            None => self.group.regexes.get(regex),
        }
    }

    /// The member's target without topics that it does not ask for (any more): it may have changed its mind since
    /// the target was made.
    pub(super) fn wanted_target(&self, member: &Member) -> TopicPartitions {
        let wants = |topic_id: Uuid| {
            let topic = self.scope.context.image.topics.by_id(topic_id);
            topic.is_some_and(|topic| self.subscribes(member, &topic.name))
        };
        let target = self.target_of(&member.id).map(Cow::Borrowed).unwrap_or_default();
        let topics = target.topics().filter(|(topic_id, _)| wants(*topic_id));
        topics.flat_map(|(id, partitions)| partitions.iter().map(move |partition| (id, *partition))).collect()
    }

    /// Looks up the expressions that nobody has looked up yet, all of them again when the topics have changed, and
    /// forgets those that nobody uses any more. Returns whether any now stands for other topics.
    pub(super) fn update_regexes(&mut self) -> bool {
        let mut in_use: Vec<String> = self
            .members()
            .map(|member| &member.subscribed_topic_regex)
            .filter(|regex| !regex.is_empty())
            .cloned()
            .collect();
        in_use.sort_unstable();
        in_use.dedup();
        let mut changed = self.drop_regexes(&in_use);
        if in_use.is_empty() {
            return changed;
        }
        let refresh = self.regexes_are_stale();
        for regex in in_use {
            if refresh || self.resolved(&regex).is_none() {
                changed |= self.resolve(regex);
            }
        }
        if refresh {
            let at_ms = self.scope.context.now_ms;
            self.effect(Effect::ResolvedRegexes { group_id: self.group.id.clone(), at_ms });
        }
        changed
    }

    fn drop_regexes(&mut self, in_use: &[String]) -> bool {
        let is_used = |regex: &&String| in_use.binary_search(regex).is_ok();
        let unused: Vec<String> =
            self.group.regexes.keys().filter(|regex| !is_used(regex)).cloned().collect();
        for regex in &unused {
            if self.resolved(regex).is_some() {
                self.record(records::regex_tombstone(&self.group.id, regex));
                self.regexes.insert(regex.clone(), None);
            }
        }
        !unused.is_empty()
    }

    /// The topics have changed since the expressions were looked up, or they were not looked up for long.
    fn regexes_are_stale(&self) -> bool {
        let Scope { context, soft, settings, .. } = *self.scope;
        let age_ms = context.now_ms.saturating_sub(soft.regexes_resolved_at_ms(&self.group.id));
        let interval_ms = u64::try_from(settings.broker.regex_refresh_interval_ms).unwrap_or(u64::MAX);
        age_ms >= interval_ms
            || (age_ms >= GROUP_REGEX_REFRESH_MIN_MS && !soft.has_seen(&self.group.id, context.image))
    }

    fn resolve(&mut self, regex: String) -> bool {
        let context = self.scope.context;
        // It was valid when the member came with it; another release may know more.
        let resolved = TopicRegex::new(&regex)
            .map(|regex| regex.resolve(context.image, context.unix_ms))
            .unwrap_or_default();
        let known = self.resolved(&regex);
        let changed = known.is_none_or(|known| known.topics != resolved.topics);
        if changed {
            self.record(records::regex(&self.group.id, &regex, &resolved));
            self.regexes.insert(regex, Some(resolved));
        }
        changed
    }

    /// The hash over all topics that a member asks for.
    fn metadata_hash(&self) -> i64 {
        let by_name = self.members().flat_map(|member| &member.subscribed_topic_names);
        let by_regex = self.members().filter_map(|member| self.resolved(&member.subscribed_topic_regex));
        let by_regex = by_regex.flat_map(|resolved| &resolved.topics);
        metadata_hash(self.scope.context.image, by_name.chain(by_regex).map(String::as_str))
    }

    /// Raises the group epoch where `must`, or where the topics are not what they were.
    pub(super) fn update_epoch(&mut self, must: bool) {
        let image = self.scope.context.image;
        let seen = self.scope.soft.has_seen(&self.group.id, image);
        if !must && seen {
            return;
        }
        let hash = self.metadata_hash();
        if must || hash != self.group.metadata_hash {
            self.put_epoch(self.epoch + 1, hash);
        }
        // Expressions that are not looked up yet have not seen this image.
        let waits = self.members().any(|member| !member.subscribed_topic_regex.is_empty())
            && self.regexes_are_too_young();
        if !seen && !waits {
            let seen = SeenImage::new(image);
            self.effect(Effect::SawImage { group_id: self.group.id.clone(), seen });
        }
    }

    fn regexes_are_too_young(&self) -> bool {
        let Scope { context, soft, .. } = *self.scope;
        let age_ms = context.now_ms.saturating_sub(soft.regexes_resolved_at_ms(&self.group.id));
        age_ms < GROUP_REGEX_REFRESH_MIN_MS
    }

    pub(super) fn put_epoch(&mut self, epoch: i32, metadata_hash: i64) {
        self.record(records::epoch(&self.group.id, epoch, metadata_hash));
        self.epoch = epoch;
    }

    pub(super) fn set_timer(&mut self, member_id: &str, kind: TimerKind, timeout_ms: i32) {
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(0);
        let timer = self.timer(member_id, kind);
        self.effect(Effect::Set { timer, deadline_ms: self.scope.context.now_ms + timeout_ms });
    }

    pub(super) fn cancel_timer(&mut self, member_id: &str, kind: TimerKind) {
        let timer = self.timer(member_id, kind);
        if self.scope.soft.deadline_ms(&timer).is_some() {
            self.effect(Effect::Cancel(timer));
        }
    }

    /// A timer that runs already goes on.
    pub(super) fn set_timer_once(&mut self, member_id: &str, kind: TimerKind, timeout_ms: i32) {
        if self.scope.soft.deadline_ms(&self.timer(member_id, kind)).is_none() {
            self.set_timer(member_id, kind, timeout_ms);
        }
    }

    fn timer(&self, member_id: &str, kind: TimerKind) -> Timer {
        Timer { group_id: self.group.id.clone(), member_id: member_id.to_owned(), kind }
    }
}
