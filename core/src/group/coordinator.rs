//! The coordinator's face to its host.

use std::collections::BTreeSet;

use super::{
    CallId, Context, Effect, GroupRecord, Outcome, Request,
    classic::Draft,
    consumer,
    deleted_topics::DeletedTopics,
    groups::{Group, Groups},
    offsets::{CommittedOffset, Offsets},
    outcome::SoftChange,
    sweep::Sweep,
};
use crate::{
    config::GroupConfig,
    limits::GROUP_POSTPONE_MS,
    protocol::records::{GroupKey, GroupValue},
};

/// The coordinator of all groups whose records are in one partition.
#[derive(Debug)]
pub struct Coordinator {
    pub(super) settings: GroupConfig,
    pub(super) groups: Groups,
    pub(super) offsets: Offsets,
    pub(super) consumer: consumer::SoftState,
    pub(super) sweep: Sweep,
    pub(super) deleted_topics: DeletedTopics,
    /// The log has been read to its end.
    is_active: bool,
}

/// The kinds of things that become due, in the order in which they have their turn.
enum Due {
    ClassicGroup,
    ConsumerTimer,
    DeletedTopics,
    Sweep,
}

impl Coordinator {
    pub fn new(settings: GroupConfig) -> Self {
        Self {
            settings,
            groups: Groups::default(),
            offsets: Offsets::default(),
            consumer: consumer::SoftState::default(),
            sweep: Sweep::default(),
            deleted_topics: DeletedTopics::default(),
            is_active: false,
        }
    }

    /// Decides about one request.
    pub fn handle(&self, context: &Context<'_>, call: CallId, request: &Request) -> Outcome {
        match request {
            Request::JoinGroup { version, client, request } => {
                self.join(context, call, *version, client, request)
            }
            Request::SyncGroup { version, request } => self.sync(context, call, *version, request),
            Request::Heartbeat { request } => self.heartbeat(context, call, request),
            Request::LeaveGroup { version, request } => self.leave(context, call, *version, request),
            Request::OffsetCommit { version, request } => {
                self.commit_offsets(context, call, *version, request)
            }
            Request::OffsetFetch { version, request } => self.fetch_offsets(context, call, *version, request),
            Request::OffsetDelete { request } => self.delete_offsets(context, call, request),
            Request::DescribeGroups { version, request } => self.describe_groups(call, *version, request),
            Request::ListGroups { request } => self.list_groups(call, request),
            Request::DeleteGroups { request } => self.delete_groups(call, request),
            Request::ConsumerGroupHeartbeat { version, client, request } => {
                self.consumer_heartbeat(context, call, *version, client, request)
            }
            Request::ConsumerGroupDescribe { version, request } => {
                self.describe_consumer_groups(context, call, *version, request)
            }
        }
    }

    /// Takes over an outcome of which the first `written` records are in the log: all, or as many as there was room for
    /// where the outcome may be cut.
    pub fn take(
        &mut self,
        context: &Context<'_>,
        records: &[GroupRecord],
        written: usize,
        effects: Vec<Effect>,
    ) {
        if written < records.len() {
            records.iter().take(written).for_each(|record| self.replay(record));
            self.start_over(context, records);
        } else {
            self.accept(context, effects);
            records.iter().for_each(|record| self.replay(record));
        }
    }

    /// What the outcome said about soft state does not hold, as not all of it is written: the groups that it was about
    /// go on from their records, as when they are loaded. Only consumer groups have outcomes that may be cut and say
    /// something about soft state.
    fn start_over(&mut self, context: &Context<'_>, records: &[GroupRecord]) {
        let group_ids: BTreeSet<&str> =
            records.iter().filter_map(|record| consumer::group_of(&record.key)).collect();
        for group_id in group_ids {
            self.consumer.forget_group(group_id);
            let effects = self.consumer_group_loaded(context, group_id);
            self.accept(context, effects);
        }
    }

    /// Takes over what an outcome says about soft state, before its records are replayed.
    fn accept(&mut self, context: &Context<'_>, effects: Vec<Effect>) {
        for Effect(change) in effects {
            match change {
                SoftChange::Classic { group_id, changes } => {
                    self.groups.apply(&group_id, &changes, context.unix_ms);
                }
                SoftChange::Consumer(effect) => self.consumer.accept(effect),
                SoftChange::BecameClassic { group_id, group } => {
                    self.groups.become_classic(group_id, *group);
                }
                SoftChange::Swept(progress) => self.sweep.advance(progress),
                SoftChange::SweptDeletedTopics(next) => self.deleted_topics.advance(next, context.now_ms),
            }
        }
    }

    /// Applies a record: one that was just appended, or one that is read when the partition is loaded.
    pub fn replay(&mut self, record: &GroupRecord) {
        match (&record.key, &record.value) {
            (GroupKey::OffsetCommit(key), Some(GroupValue::OffsetCommit(value))) => {
                let offset = CommittedOffset::from_record(value);
                self.replay_offset(&key.group, &key.topic, key.partition, Some(offset));
            }
            (GroupKey::OffsetCommit(key), _) => {
                self.replay_offset(&key.group, &key.topic, key.partition, None);
            }
            (GroupKey::LegacyOffsetCommit(key), Some(GroupValue::LegacyOffsetCommit(value))) => {
                let offset = CommittedOffset::from_legacy_record(value);
                self.replay_offset(&key.group, &key.topic, key.partition, Some(offset));
            }
            (GroupKey::LegacyOffsetCommit(key), _) => {
                self.replay_offset(&key.group, &key.topic, key.partition, None);
            }
            (GroupKey::GroupMetadata(key), value) => {
                let value = match value {
                    Some(GroupValue::GroupMetadata(value)) => Some(value),
                    _ => None,
                };
                self.groups.replay(&key.group, value, self.is_active);
            }
            (key, _) => {
                if let Some(group_id) = consumer::group_of(key)
                    && self.groups.replay_consumer(group_id, record)
                {
                    self.consumer.forget_group(group_id);
                }
            }
        }
    }

    fn replay_offset(
        &mut self,
        group_id: &str,
        topic: &str,
        partition: i32,
        offset: Option<CommittedOffset>,
    ) {
        match offset {
            None => self.offsets.remove(group_id, topic, partition),
            Some(offset) => {
                self.groups.ensure(group_id, offset.commit_timestamp_ms);
                self.offsets.set(group_id, topic, partition, offset);
            }
        }
    }

    /// All records of the log are replayed: members that were found get a full session from now on.
    pub fn activate(&mut self, context: &Context<'_>) -> Outcome {
        self.is_active = true;
        self.groups.restart_sessions(context.now_ms);
        self.sweep.start(context.now_ms, self.settings.offsets.retention_check_interval_ms);
        self.consumer_groups_loaded(context)
    }

    /// What `poll` does next.
    fn first_due(&self, now_ms: u64) -> Option<Due> {
        let is_due = |at_ms: Option<u64>| at_ms.is_some_and(|at_ms| at_ms <= now_ms);
        if is_due(self.groups.first_due().map(|(due_ms, _)| due_ms)) {
            Some(Due::ClassicGroup)
        } else if is_due(self.consumer.next_timeout_ms()) {
            Some(Due::ConsumerTimer)
        } else if self.deleted_topics.is_due(now_ms) {
            Some(Due::DeletedTopics)
        } else {
            self.sweep.is_due(now_ms).then_some(Due::Sweep)
        }
    }

    /// What is due by now: sessions, rebalances, offsets that expire. One thing at a time: the host asks again while
    /// `next_timeout_ms` is not in the future.
    pub fn poll(&self, context: &Context<'_>) -> Outcome {
        match self.first_due(context.now_ms) {
            Some(Due::ClassicGroup) => self.classic_timeout(context),
            Some(Due::ConsumerTimer) => self.consumer_timers(context),
            Some(Due::DeletedTopics) => self.sweep_deleted_topics(),
            Some(Due::Sweep) => self.sweep_offsets(context),
            None => Outcome::default(),
        }
    }

    fn classic_timeout(&self, context: &Context<'_>) -> Outcome {
        let due = self.groups.first_due().and_then(|(_, group_id)| self.groups.get(group_id));
        let Some((group_id, Group::Classic(group))) = due else {
            panic!("only classic groups that are there have a time in `Groups::due`");
        };
        let mut draft = Draft::new(context, &self.settings.classic, group_id.clone(), (**group).clone());
        draft.on_timeout();
        draft.finish()
    }

    /// What `poll` at this moment came to could not be written: it is put off, so that others have their turn.
    pub fn postpone(&mut self, now_ms: u64) {
        let at_ms = now_ms + GROUP_POSTPONE_MS;
        match self.first_due(now_ms) {
            Some(Due::ClassicGroup) => self.groups.postpone_first(at_ms),
            Some(Due::ConsumerTimer) => {
                let timers: Vec<_> = self.consumer.due_of_one_group(now_ms).into_iter().cloned().collect();
                for timer in timers {
                    self.consumer.accept(consumer::Effect::Set { timer, deadline_ms: at_ms });
                }
            }
            Some(Due::DeletedTopics) => self.deleted_topics.postpone(now_ms),
            Some(Due::Sweep) => self.sweep.postpone(now_ms),
            None => {}
        }
    }

    /// When `poll` has something to do, by the clock that never goes back.
    pub fn next_timeout_ms(&self) -> Option<u64> {
        let first = self.groups.first_due().map(|(due_ms, _)| due_ms);
        let searches = self.sweep.at_ms().into_iter().chain(self.deleted_topics.at_ms());
        first.into_iter().chain(searches).chain(self.consumer.next_timeout_ms()).min()
    }
}
