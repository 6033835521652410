//! A group while a request is decided: its state, what the request changes, and the records that say so.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    ConsumerGroup, Effect, GroupSettings, Member, SoftState, Timer, TimerKind, TopicPartitions, records,
    regex::ResolvedRegex, target::effective_assignor,
};
use crate::{
    config::ClassicGroupConfig,
    group::{Context, GroupRecord, classic::ClassicGroup},
    limits::GROUP_ATOMIC_BYTES_MAX,
    protocol::records::GroupKey,
    uuid::Uuid,
};

/// What a record takes beside its texts and lists, at most.
const RECORD_BYTES: usize = 48;
/// What a topic takes beside its partitions.
const TOPIC_BYTES: usize = 24;

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
    /// Any prefix of the records is a valid state; otherwise all of them or none have to be written.
    pub may_be_cut: bool,
    /// The classic group that the group becomes: at once, before the records are replayed.
    pub(crate) downgraded: Option<Box<ClassicGroup>>,
}

impl Changes {
    pub(crate) fn followed_by(mut self, next: Self) -> Self {
        self.records.extend(next.records);
        self.effects.extend(next.effects);
        // The first part has to be there as a whole before the next.
        Self { downgraded: next.downgraded, may_be_cut: false, ..self }
    }
}

/// Changes lie over the group; the group itself stays as it is until its records are replayed.
pub(super) struct Draft<'a> {
    pub(super) group: &'a ConsumerGroup,
    pub(super) scope: &'a Scope<'a>,
    /// `None` for a member that is taken away.
    members: BTreeMap<String, Option<Member>>,
    targets: BTreeMap<String, TopicPartitions>,
    pub(super) regexes: BTreeMap<String, Option<ResolvedRegex>>,
    pub(super) epoch: i32,
    pub(super) target_epoch: i32,
    changes: Changes,
    /// What targets and tombstones take in the log, about.
    bytes: usize,
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
            bytes: 0,
        }
    }

    /// More than one batch may take is ordered so that any prefix of it is a state that the group goes on from: the
    /// group epoch stands first, so that a target of which not all is written is made anew.
    pub(super) fn into_changes(mut self) -> Changes {
        if self.bytes > GROUP_ATOMIC_BYTES_MAX {
            self.changes.may_be_cut = true;
            let is_epoch = |record: &GroupRecord| matches!(record.key, GroupKey::ConsumerGroupMetadata(_));
            self.changes.records.sort_by_key(|record| !is_epoch(record));
        }
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
        if self.member(&member.id).is_some_and(|known| known.same_metadata(member)) {
            return;
        }
        self.record(records::member(&self.group.id, member));
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
        self.bytes += RECORD_BYTES + member_id.len() + self.group.id.len();
        self.bytes +=
            target.topics().map(|(_, partitions)| TOPIC_BYTES + 4 * partitions.len()).sum::<usize>();
        self.record(records::target(&self.group.id, member_id, &target));
        self.targets.insert(member_id.to_owned(), target);
    }

    pub(super) fn put_target_epoch(&mut self, epoch: i32, timestamp_ms: i64) {
        self.record(records::target_epoch(&self.group.id, epoch, timestamp_ms));
        self.target_epoch = epoch;
    }

    pub(super) fn remove_member(&mut self, member_id: &str) {
        self.bytes += 3 * (RECORD_BYTES + member_id.len() + self.group.id.len());
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

    /// How many more or fewer members ask for each than the group's own counts say.
    pub(super) fn changed_counts<'b, I: Iterator<Item = &'b str>>(
        &'b self,
        asks: impl Fn(&'b Member) -> I,
    ) -> BTreeMap<&'b str, isize> {
        let mut changes: BTreeMap<&str, isize> = BTreeMap::new();
        for (member_id, member) in &self.members {
            for (member, change) in [(self.group.member(member_id), -1), (member.as_ref(), 1)] {
                for name in member.into_iter().flat_map(&asks) {
                    *changes.entry(name).or_default() += change;
                }
            }
        }
        changes.retain(|_, change| *change != 0);
        changes
    }

    /// The assignor that the group uses.
    pub(super) fn assignor(&self) -> &str {
        let mut votes: BTreeMap<&str, isize> =
            self.changed_counts(|member| member.server_assignor.as_deref().into_iter());
        for (name, count) in self.group.subscriptions.assignors.iter() {
            *votes.entry(name).or_default() += count as isize;
        }
        let votes = votes.into_iter().filter_map(|(name, count)| Some((name, usize::try_from(count).ok()?)));
        effective_assignor(votes, &self.scope.settings)
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
