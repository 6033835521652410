//! A host of one coordinator, whose log commits at once, and what its clients send.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::{
    config::{BrokerConfig, GroupConfig, Settings},
    error_code::ErrorCode,
    group::{
        CallId, Client, Context, Coordinator, GroupRecord, Outcome, Request, Response, build_group_batches,
        replay_group_batch,
    },
    metadata::{Image, Loader},
    protocol::{
        message::Message,
        messages::{
            describe_groups::{DescribeGroupsRequest, DescribedGroup},
            heartbeat::HeartbeatRequest,
            join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse},
            leave_group::{LeaveGroupRequest, MemberIdentity},
            offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
            offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics},
            sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse},
        },
        records::{
            consumer_protocol::ConsumerProtocolSubscription,
            metadata::{PartitionRecord, RemoveTopicRecord, TopicRecord},
        },
    },
    records::{
        BatchView, Codec, Frame,
        compression::{Compressor, Decompressor},
    },
    uuid::Uuid,
};

pub(super) const TOPIC_ID: Uuid = Uuid([7; 16]);
pub(super) const UNIX_MS: i64 = 1_800_000_000_000;
/// Polls at one moment: more means that a poll does not move what it was due for.
const POLLS_MAX: usize = 10_000;

pub(super) struct Host {
    pub(super) settings: GroupConfig,
    pub(super) coordinator: Coordinator,
    pub(super) image: Image,
    pub(super) now_ms: u64,
    pub(super) log: Vec<GroupRecord>,
    calls: u64,
    open: BTreeSet<CallId>,
    answers: BTreeMap<CallId, Response>,
    random: u64,
}

pub(super) fn settings() -> GroupConfig {
    BrokerConfig::new(Settings::default()).unwrap().0.groups
}

/// Topics `t` of four partitions, with `TOPIC_ID`, and `u` of one.
fn image() -> Image {
    let mut loader = Loader::new();
    let mut offset = 0;
    for (name, topic_id, count) in [("t", TOPIC_ID, 4), ("u", Uuid([8; 16]), 1)] {
        loader.replay(offset, 0, &TopicRecord { name: name.into(), topic_id }.into()).unwrap();
        for partition_id in 0..count {
            offset += 1;
            let record = PartitionRecord {
                partition_id,
                topic_id,
                replicas: vec![1],
                isr: vec![1],
                leader: 1,
                ..Default::default()
            };
            loader.replay(offset, 0, &record.into()).unwrap();
        }
        offset += 1;
    }
    loader.image().clone()
}

impl Host {
    pub(super) fn new() -> Self {
        Self::with(settings())
    }

    pub(super) fn with(settings: GroupConfig) -> Self {
        let mut host = Self {
            coordinator: Coordinator::new(settings.clone()),
            settings,
            image: image(),
            now_ms: 1_000,
            log: Vec::new(),
            calls: 0,
            open: BTreeSet::new(),
            answers: BTreeMap::new(),
            random: 1,
        };
        host.activate();
        host
    }

    pub(super) fn context<'a>(image: &'a Image, now_ms: u64, random: u64) -> Context<'a> {
        let random = [random.wrapping_mul(0x9e37_79b9_7f4a_7c15), random.wrapping_mul(0xd1b5_4a32_d192_ed03)];
        Context { now_ms, unix_ms: UNIX_MS + now_ms as i64, random, image }
    }

    fn activate(&mut self) {
        let outcome = self.coordinator.activate(&Self::context(&self.image, self.now_ms, 0));
        self.take(outcome);
    }

    /// The log as it is in batches: what is replayed has been through bytes.
    fn decoded(records: &[GroupRecord]) -> Vec<GroupRecord> {
        if records.is_empty() {
            return Vec::new();
        }
        let (batch, _) =
            build_group_batches(records, UNIX_MS, usize::MAX, (Codec::Zstd, &mut Compressor::default()))
                .unwrap()
                .remove(0);
        let bytes = [batch.header_bytes(), batch.body()].concat();
        let Frame::Complete(view) = BatchView::parse(&bytes) else { panic!("a whole batch") };
        let mut decoded = Vec::new();
        replay_group_batch(&view, &mut Decompressor::default(), |record| decoded.push(record)).unwrap();
        decoded
    }

    fn take(&mut self, outcome: Outcome) {
        let records = Self::decoded(&outcome.records);
        let context = Self::context(&self.image, self.now_ms, 0);
        self.coordinator.take(&context, &records, records.len(), outcome.effects);
        self.log.extend(records);
        for (call, response) in outcome.responses {
            assert!(self.open.remove(&call), "{call:?} is answered once");
            self.answers.insert(call, response);
        }
    }

    fn poll(&mut self) {
        for _ in 0..POLLS_MAX {
            if self.coordinator.next_timeout_ms().is_none_or(|due_ms| due_ms > self.now_ms) {
                return;
            }
            let outcome = self.coordinator.poll(&Self::context(&self.image, self.now_ms, 0));
            self.take(outcome);
        }
        panic!("what is due stays due");
    }

    /// Lets time pass, and everything that is due on the way happen.
    pub(super) fn advance(&mut self, by_ms: u64) {
        let end_ms = self.now_ms + by_ms;
        self.poll();
        while let Some(due_ms) = self.coordinator.next_timeout_ms().filter(|due_ms| *due_ms <= end_ms) {
            self.now_ms = due_ms;
            self.poll();
        }
        self.now_ms = end_ms;
    }

    /// The broker starts again: calls that wait are lost, everything comes from the log.
    pub(super) fn reload(&mut self) {
        self.open.clear();
        self.coordinator = self.replayed();
        self.activate();
    }

    pub(super) fn replayed(&self) -> Coordinator {
        let mut coordinator = Coordinator::new(self.settings.clone());
        self.log.iter().for_each(|record| coordinator.replay(record));
        coordinator
    }

    pub(super) fn send(&mut self, request: Request) -> CallId {
        let call = CallId(self.calls);
        self.calls += 1;
        self.random += 1;
        self.open.insert(call);
        let context = Self::context(&self.image, self.now_ms, self.random);
        let outcome = self.coordinator.handle(&context, call, &request);
        self.take(outcome);
        self.poll();
        call
    }

    pub(super) fn answer(&mut self, call: CallId) -> Option<Response> {
        self.answers.remove(&call)
    }

    pub(super) fn is_open(&self, call: CallId) -> bool {
        self.open.contains(&call)
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// The answer of a request that does not wait.
    pub(super) fn ask(&mut self, request: Request) -> Response {
        let call = self.send(request);
        self.answer(call).expect("an answer at once")
    }
}

/// Asks, and takes the answer out of its kind.
macro_rules! ask {
    ($host:expr, $kind:ident { $version:expr, $request:expr $(,)? }) => {
        match $host.ask(Request::$kind { version: $version, request: $request }) {
            Response::$kind(response) => response,
            other => panic!("{other:?}"),
        }
    };
    // Of an API whose version says nothing to the coordinator.
    ($host:expr, $kind:ident { $request:expr $(,)? }) => {
        match $host.ask(Request::$kind { request: $request }) {
            Response::$kind(response) => response,
            other => panic!("{other:?}"),
        }
    };
}
pub(super) use ask;

pub(super) fn client() -> Client {
    Client { id: "c".into(), host: "/127.0.0.1".into() }
}

pub(super) fn error(code: i16) -> ErrorCode {
    ErrorCode::from_i16(code)
}

/// A subscription of the consumer protocol.
pub(super) fn subscription(topics: &[&str]) -> Bytes {
    let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
    ConsumerProtocolSubscription { topics, ..Default::default() }.to_prefixed_bytes(3).unwrap()
}

pub(super) fn join_request(group_id: &str, member_id: &str, instance_id: Option<&str>) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group_id.into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        member_id: member_id.into(),
        group_instance_id: instance_id.map(str::to_owned),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".into(), metadata: subscription(&["t"]) }],
        reason: None,
    }
}

pub(super) fn sync_request(group_id: &str, joined: &JoinGroupResponse, gives: &[&str]) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: group_id.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        group_instance_id: None,
        protocol_type: joined.protocol_type.clone(),
        protocol_name: joined.protocol_name.clone(),
        assignments: gives
            .iter()
            .map(|member_id| SyncGroupRequestAssignment {
                member_id: (*member_id).to_owned(),
                assignment: Bytes::from(format!("{}:{member_id}", joined.generation_id)),
            })
            .collect(),
    }
}

impl Host {
    pub(super) fn send_join(&mut self, version: i16, request: JoinGroupRequest) -> CallId {
        self.send(Request::JoinGroup { version, client: client(), request })
    }

    pub(super) fn joined(&mut self, call: CallId) -> JoinGroupResponse {
        match self.answer(call) {
            Some(Response::JoinGroup(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn send_sync(&mut self, request: SyncGroupRequest) -> CallId {
        self.send(Request::SyncGroup { version: 5, request })
    }

    pub(super) fn synced(&mut self, call: CallId) -> SyncGroupResponse {
        match self.answer(call) {
            Some(Response::SyncGroup(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// A new dynamic member, with the id that it was given. Its JoinGroup waits.
    pub(super) fn send_new_member(&mut self, group_id: &str) -> (String, CallId) {
        let call = self.send_join(9, join_request(group_id, "", None));
        let refused = self.joined(call);
        assert_eq!(error(refused.error_code), ErrorCode::MemberIdRequired);
        let call = self.send_join(9, join_request(group_id, &refused.member_id, None));
        (refused.member_id, call)
    }

    /// Two new members in a generation that waits for its assignment; the leader first.
    pub(super) fn two_joined(&mut self, group_id: &str) -> [JoinGroupResponse; 2] {
        let calls = [(); 2].map(|()| self.send_new_member(group_id).1);
        self.advance(6_000);
        let mut joined = calls.map(|call| self.joined(call));
        joined.sort_by_key(|joined| joined.leader != joined.member_id);
        joined
    }

    /// A stable group of these many dynamic members, the leader first.
    pub(super) fn stable_group(&mut self, group_id: &str, count: usize) -> Vec<JoinGroupResponse> {
        let calls: Vec<_> = (0..count).map(|_| self.send_new_member(group_id).1).collect();
        self.advance(self.settings.classic.initial_rebalance_delay_ms as u64 * 3);
        self.sync_all(group_id, calls)
    }

    /// All that have joined fetch their assignments.
    pub(super) fn sync_all(&mut self, group_id: &str, calls: Vec<CallId>) -> Vec<JoinGroupResponse> {
        let mut joined: Vec<_> = calls.into_iter().map(|call| self.joined(call)).collect();
        joined.iter().for_each(|joined| assert_eq!(error(joined.error_code), ErrorCode::None));
        joined.sort_by_key(|joined| joined.leader != joined.member_id);
        let ids: Vec<_> = joined.iter().map(|joined| joined.member_id.clone()).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let mut calls = Vec::new();
        for (index, joined) in joined.iter().enumerate().rev() {
            let gives = if index == 0 { &*ids } else { &[] };
            calls.push((self.send_sync(sync_request(group_id, joined, gives)), joined.member_id.clone()));
        }
        for (call, member_id) in calls {
            let synced = self.synced(call);
            assert_eq!(error(synced.error_code), ErrorCode::None);
            assert_eq!(synced.assignment, format!("{}:{member_id}", joined[0].generation_id));
        }
        joined
    }
}

/// The rest of what a member sends.
impl Host {
    pub(super) fn heartbeat(&mut self, group_id: &str, generation: i32, member_id: &str) -> ErrorCode {
        self.heartbeat_of_instance(group_id, generation, member_id, None)
    }

    pub(super) fn heartbeat_of_instance(
        &mut self,
        group_id: &str,
        generation: i32,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> ErrorCode {
        let heartbeat = HeartbeatRequest {
            group_id: group_id.into(),
            generation_id: generation,
            member_id: member_id.into(),
            group_instance_id: instance_id.map(str::to_owned),
        };
        error(ask!(self, Heartbeat { heartbeat }).error_code)
    }

    pub(super) fn leave(&mut self, group_id: &str, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let members = members.iter().map(|(member_id, instance_id)| MemberIdentity {
            member_id: (*member_id).into(),
            group_instance_id: instance_id.map(str::to_owned),
            reason: None,
        });
        let members = members.collect();
        let leave = LeaveGroupRequest { group_id: group_id.into(), members, ..Default::default() };
        let left = ask!(self, LeaveGroup { 5, leave });
        assert_eq!(left.error_code, 0);
        left.members.iter().map(|member| error(member.error_code)).collect()
    }

    /// An offset of partition 0 of `t`, by name.
    pub(super) fn commit(
        &mut self,
        group_id: &str,
        generation: i32,
        member_id: &str,
        offset: i64,
    ) -> ErrorCode {
        let commit = commit_request(group_id, generation, member_id, "t", 0, offset);
        error(ask!(self, OffsetCommit { 9, commit }).topics[0].partitions[0].error_code)
    }

    /// The offset of a partition, -1 where there is none.
    pub(super) fn committed(&mut self, group_id: &str, topic: &str, partition: i32) -> i64 {
        let topics = vec![OffsetFetchRequestTopics {
            name: topic.into(),
            partition_indexes: vec![partition],
            ..Default::default()
        }];
        let group =
            OffsetFetchRequestGroup { group_id: group_id.into(), topics: Some(topics), ..Default::default() };
        let fetch = OffsetFetchRequest { groups: vec![group], ..Default::default() };
        ask!(self, OffsetFetch { 8, fetch }).groups[0].topics[0].partitions[0].committed_offset
    }

    /// One turn whose records cannot be written: what would be done comes later, something else has its turn.
    pub(super) fn poll_in_vain(&mut self) -> Outcome {
        let outcome = self.coordinator.poll(&Self::context(&self.image, self.now_ms, 0));
        self.coordinator.postpone(self.now_ms);
        outcome
    }

    /// The outcome of one turn, which is taken.
    pub(super) fn poll_once(&mut self) -> Outcome {
        let outcome = self.coordinator.poll(&Self::context(&self.image, self.now_ms, 0));
        self.take(outcome.clone());
        outcome
    }

    /// Sends a request whose records cannot be written; the host would answer it with the error.
    pub(super) fn send_in_vain(&mut self, request: &Request) {
        let context = Self::context(&self.image, self.now_ms, 5);
        let outcome = self.coordinator.handle(&context, CallId(u64::MAX), request);
        assert!(!outcome.records.is_empty(), "there is something to write");
        let outcome = self.coordinator.write_failed(&context, request);
        self.take(outcome);
    }

    pub(super) fn remove_topic(&mut self, topic_id: Uuid) {
        let mut loader = Loader::from_image(self.image.clone());
        loader.replay(100, 0, &RemoveTopicRecord { topic_id }.into()).unwrap();
        self.image = loader.image().clone();
    }

    pub(super) fn topics_deleted(&mut self, names: &[&str]) {
        let topics: Vec<_> =
            names.iter().map(|name| ((*name).to_owned(), self.image.topics.id_of(name).unwrap())).collect();
        self.coordinator.topics_deleted(&Self::context(&self.image, self.now_ms, 0), &topics);
        self.poll();
    }

    /// The topic is deleted, and another with its name is there before the coordinator hears of it.
    pub(super) fn recreate_topic(&mut self, old_id: Uuid, new_id: Uuid, name: &str) {
        let mut loader = Loader::from_image(self.image.clone());
        let partition = PartitionRecord {
            partition_id: 0,
            topic_id: new_id,
            replicas: vec![1],
            leader: 1,
            ..Default::default()
        };
        loader.replay(100, 0, &RemoveTopicRecord { topic_id: old_id }.into()).unwrap();
        loader.replay(101, 0, &TopicRecord { name: name.into(), topic_id: new_id }.into()).unwrap();
        loader.replay(102, 0, &partition.into()).unwrap();
        self.image = loader.image().clone();
    }

    pub(super) fn describe(&mut self, group_id: &str) -> DescribedGroup {
        let describe = DescribeGroupsRequest { groups: vec![group_id.into()], ..Default::default() };
        ask!(self, DescribeGroups { 6, describe }).groups.remove(0)
    }

    pub(super) fn state(&mut self, group_id: &str) -> String {
        self.describe(group_id).group_state
    }
}

pub(super) fn commit_request(
    group_id: &str,
    generation: i32,
    member_id: &str,
    topic: &str,
    partition: i32,
    offset: i64,
) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: group_id.into(),
        generation_id_or_member_epoch: generation,
        member_id: member_id.into(),
        topics: vec![OffsetCommitRequestTopic {
            name: topic.into(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index: partition,
                committed_offset: offset,
                committed_leader_epoch: -1,
                committed_metadata: None,
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}
