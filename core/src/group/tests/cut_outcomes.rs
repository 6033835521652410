//! Only a part of an outcome's records could be written: nobody is forgotten, whichever part it is.

use std::collections::BTreeSet;

use super::driver::{Host, client};
use crate::{
    group::{
        CallId, Coordinator, GroupRecord, Outcome, Request, Response, consumer::ConsumerGroup, groups::Group,
    },
    limits::GROUP_ATOMIC_BYTES_MAX,
    protocol::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest,
};

const GROUP: &str = "g";
/// With ids of this length a few members are more than one batch takes.
const MEMBER_ID_LENGTH: usize = 12_000;
const MEMBERS: usize = 24;
const SESSION_MS: u64 = 45_000;

fn member_id(index: usize) -> String {
    format!("{index:02}-{}", "x".repeat(MEMBER_ID_LENGTH))
}

fn heartbeat(index: usize, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: member_id(index),
        member_epoch: epoch,
        ..Default::default()
    }
}

/// By a name, or by an expression.
fn joining(index: usize, topic: Option<&str>, regex: Option<&str>) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        rebalance_timeout_ms: 5_000,
        subscribed_topic_names: topic.map(|topic| vec![topic.to_owned()]),
        subscribed_topic_regex: regex.map(str::to_owned),
        topic_partitions: Some(Vec::new()),
        ..heartbeat(index, 0)
    }
}

fn asking(request: ConsumerGroupHeartbeatRequest) -> Request {
    Request::ConsumerGroupHeartbeat { version: 1, client: client(), request }
}

impl Host {
    fn heard(&mut self, request: ConsumerGroupHeartbeatRequest) {
        match self.ask(asking(request)) {
            Response::ConsumerGroupHeartbeat(response) => {
                assert_eq!(response.error_code, 0, "{:?}", response.error_message);
            }
            other => panic!("{other:?}"),
        }
    }

    /// A group of `MEMBERS`, of which all but the first wait for the next target, and it is due.
    fn large_group() -> Self {
        let mut host = Self::new();
        (0..MEMBERS).for_each(|index| host.heard(joining(index, Some("t"), None)));
        host.advance(1_000);
        host
    }

    /// A heartbeat of a member that the group has.
    fn beat_of(&mut self, index: usize) {
        let epoch = consumer_group(&self.coordinator).member(&member_id(index)).map(|member| member.epoch);
        self.heard(heartbeat(index, epoch.expect("a member")));
    }

    /// Another one of this log, at the same moment.
    fn again(&self) -> Self {
        let mut host = Self::with(self.settings.clone());
        (host.now_ms, host.log, host.image) = (self.now_ms, self.log.clone(), self.image.clone());
        host.reload();
        host
    }

    /// The same after what was written of an outcome.
    fn after_cut(&self, decide: impl FnOnce(&Coordinator) -> Outcome, written: usize) -> Self {
        let mut host = self.again();
        let outcome = decide(&host.coordinator);
        assert!(!outcome.atomic && written < outcome.records.len());
        let context = Self::context(&host.image, host.now_ms, 0);
        host.coordinator.take(&context, &outcome.records, written, outcome.effects);
        host.log.extend_from_slice(&outcome.records[..written]);
        host
    }

    fn is_gone(&self) -> bool {
        match self.coordinator.groups.get(GROUP) {
            Some((_, Group::Consumer(group))) => !group.has_members(),
            _ => true,
        }
    }
}

fn consumer_group(coordinator: &Coordinator) -> &ConsumerGroup {
    match coordinator.groups.get(GROUP) {
        Some((_, Group::Consumer(group))) => group,
        other => panic!("{other:?}"),
    }
}

fn size_bytes(records: &[GroupRecord]) -> usize {
    records.iter().map(|record| record.key.encode().unwrap().len()).sum()
}

#[test]
fn members_that_were_not_removed_still_run_out_of_time() {
    let mut host = Host::large_group();
    (0..MEMBERS).for_each(|index| host.beat_of(index));
    let image = host.image.clone();
    // Everybody's session, at once.
    let now_ms = host.now_ms + SESSION_MS;
    let decide = |coordinator: &Coordinator| coordinator.poll(&Host::context(&image, now_ms, 0));
    let mut loaded = host.again();
    let outcome = decide(&loaded.coordinator);
    assert!(size_bytes(&outcome.records) > GROUP_ATOMIC_BYTES_MAX);
    loaded.advance(2 * SESSION_MS);
    assert!(loaded.is_gone());
    for written in 1..outcome.records.len() {
        let mut host = host.after_cut(decide, written);
        host.now_ms = now_ms;
        host.advance(2 * SESSION_MS);
        assert!(host.is_gone(), "{written} of {} records", outcome.records.len());
    }
}

#[test]
fn expressions_that_were_not_resolved_are_looked_up_again() {
    let host = Host::large_group();
    let image = host.image.clone();
    let decide = |coordinator: &Coordinator| {
        let context = Host::context(&image, host.now_ms, 0);
        let request = asking(joining(MEMBERS, None, Some("u.*")));
        coordinator.handle(&context, CallId(0), &request)
    };
    let count = decide(&host.coordinator).records.len();
    let mut kinds = BTreeSet::new();
    for written in 1..count {
        let mut host = host.after_cut(decide, written);
        let group = consumer_group(&host.coordinator);
        kinds.insert((group.members().count() > MEMBERS, group.subscribed_topics().contains("u")));
        host.advance(2_000);
        (0..MEMBERS).for_each(|index| host.beat_of(index));
        let group = consumer_group(&host.coordinator);
        let has_joined = group.members().count() > MEMBERS;
        assert_eq!(group.subscribed_topics().contains("u"), has_joined, "{written} of {count} records");
        // Nobody heard the new member again.
        host.advance(2 * SESSION_MS);
        assert!(host.is_gone(), "{written} of {count} records");
    }
    assert!(kinds.contains(&(true, false)), "a member whose expression is not resolved: {kinds:?}");
}
