//! The coordinator's face to its host.

use super::{
    CallId, Context, Effect, GroupRecord, Outcome, Request,
    classic::Draft,
    consumer,
    groups::{Group, Groups},
    offsets::{CommittedOffset, Offsets},
    outcome::SoftChange,
    sweep::Sweep,
};
use crate::{
    config::GroupConfig,
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
    /// The log has been read to its end.
    is_active: bool,
}

impl Coordinator {
    pub fn new(settings: GroupConfig) -> Self {
        Self {
            settings,
            groups: Groups::default(),
            offsets: Offsets::default(),
            consumer: consumer::SoftState::default(),
            sweep: Sweep::default(),
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
            Request::Heartbeat { request, .. } => self.heartbeat(context, call, request),
            Request::LeaveGroup { version, request } => self.leave(context, call, *version, request),
            Request::OffsetCommit { version, request } => {
                self.commit_offsets(context, call, *version, request)
            }
            Request::OffsetFetch { version, request } => self.fetch_offsets(context, call, *version, request),
            Request::OffsetDelete { request, .. } => self.delete_offsets(context, call, request),
            Request::DescribeGroups { version, request } => self.describe_groups(call, *version, request),
            Request::ListGroups { request, .. } => self.list_groups(call, request),
            Request::DeleteGroups { request, .. } => self.delete_groups(call, request),
            Request::ConsumerGroupHeartbeat { version, client, request } => {
                self.consumer_heartbeat(context, call, *version, client, request)
            }
            Request::ConsumerGroupDescribe { version, request } => {
                self.describe_consumer_groups(context, call, *version, request)
            }
        }
    }

    /// Takes over what an outcome says about soft state: for every outcome, after its records are in the log and
    /// before they are replayed.
    pub fn accept(&mut self, context: &Context<'_>, effects: Vec<Effect>) {
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
                if let Some(group_id) = consumer::group_of(key) {
                    self.groups.replay_consumer(group_id, record);
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

    /// What is due by now: sessions, rebalances, offsets that expire. One group at a time: the host asks again while
    /// `next_timeout_ms` is not in the future.
    pub fn poll(&self, context: &Context<'_>) -> Outcome {
        match self.groups.first_due() {
            Some((due_ms, group_id)) if due_ms <= context.now_ms => match self.groups.get(group_id) {
                Some((group_id, Group::Classic(group))) => {
                    let mut draft =
                        Draft::new(context, &self.settings.classic, group_id.clone(), group.clone());
                    draft.on_timeout();
                    draft.finish()
                }
                Some((_, Group::Consumer(_))) | None => Outcome::default(),
            },
            _ if self.consumer.next_timeout_ms().is_some_and(|at_ms| at_ms <= context.now_ms) => {
                self.consumer_timer(context)
            }
            _ if self.sweep.is_due(context.now_ms) => self.sweep_offsets(context),
            _ => Outcome::default(),
        }
    }

    /// When `poll` has something to do, by the clock that never goes back.
    pub fn next_timeout_ms(&self) -> Option<u64> {
        let first = self.groups.first_due().map(|(due_ms, _)| due_ms);
        first.into_iter().chain(self.sweep.at_ms()).chain(self.consumer.next_timeout_ms()).min()
    }
}
