//! The searches for offsets that have to go: how much one turn does, and what happens when it cannot be written.

use super::driver::{Host, TOPIC_ID, commit_request, settings, sync_request};
use crate::{
    error_code::ErrorCode,
    group::{Request, Response, build_group_batches},
    limits::{GROUP_POSTPONE_MS, GROUP_SWEEP_BYTES_MAX, GROUP_SWEEP_RECORDS_MAX},
    records::{Codec, compression::Compressor},
    uuid::Uuid,
};

fn commit(host: &mut Host, group_id: &str, topic: &str, partition: i32) {
    let request = commit_request(group_id, -1, "", topic, partition, 1);
    let Response::OffsetCommit(response) = host.ask(Request::OffsetCommit { version: 9, request }) else {
        panic!("the kind of the request")
    };
    assert_eq!(response.topics[0].partitions[0].error_code, 0);
}

fn batch_size(outcome: &crate::group::Outcome) -> usize {
    build_group_batches(&outcome.records, 0, usize::MAX, (Codec::None, &mut Compressor::default())).unwrap()
        [0]
    .0
    .size_bytes()
}

fn short_retention() -> Host {
    let mut settings = settings();
    settings.offsets.retention_ms = 1_000;
    settings.offsets.retention_check_interval_ms = 10_000;
    Host::with(settings)
}

#[test]
fn a_sweep_of_long_names_fits_in_a_batch() {
    let mut host = short_retention();
    for group in 0..100 {
        commit(&mut host, &format!("{group}{}", "x".repeat(30_000)), "t", 0);
    }
    host.now_ms += 20_000;
    for _ in 0..100 {
        let outcome = host.poll_once();
        if host.coordinator.groups.count() == 0 {
            return;
        }
        assert!(batch_size(&outcome) <= GROUP_SWEEP_BYTES_MAX + 1_000);
    }
    panic!("the search ends");
}

#[test]
fn a_sweep_that_cannot_be_written_gets_smaller_and_then_goes_on_elsewhere() {
    let mut host = short_retention();
    let long = "a".repeat(30_000);
    commit(&mut host, &long, "t", 0);
    commit(&mut host, "b", "t", 0);
    host.now_ms += 20_000;
    let mut failures = 0;
    // A topic whose batches may have 1,000 bytes.
    while host.coordinator.groups.count() > 1 {
        let outcome = host.coordinator.poll(&Host::context(&host.image, host.now_ms, 0));
        if !outcome.records.is_empty() && batch_size(&outcome) > 1_000 {
            host.poll_in_vain();
            failures += 1;
            assert!(host.coordinator.next_timeout_ms().unwrap() > host.now_ms, "no endless turn");
            host.now_ms += GROUP_POSTPONE_MS;
        } else {
            host.poll_once();
        }
        assert!(failures < 30);
    }
    assert_eq!((host.committed(&long, "t", 0), host.committed("b", "t", 0)), (1, -1));
}

#[test]
fn what_cannot_be_written_lets_others_have_their_turn() {
    let mut host = Host::new();
    // Both groups lose their only member, and write that they are empty.
    host.stable_group("a", 1);
    host.stable_group("b", 1);
    host.now_ms += 60_000;
    let group_of = |outcome: &crate::group::Outcome| format!("{:?}", outcome.records);
    let first = host.poll_in_vain();
    assert_eq!(first.records.len(), 1);
    let second = host.poll_once();
    assert_ne!(group_of(&first), group_of(&second));
    host.advance(GROUP_POSTPONE_MS);
    assert_eq!((&*host.state("a"), &*host.state("b")), ("Empty", "Empty"), "it was tried again");
}

#[test]
fn offsets_of_deleted_topics_go_a_batch_at_a_time() {
    let mut host = Host::new();
    let count = GROUP_SWEEP_RECORDS_MAX + 100;
    for group in 0..count {
        commit(&mut host, &format!("g{group}"), "t", 0);
    }
    let image = host.image.clone();
    let context = Host::context(&image, host.now_ms, 0);
    let mut coordinator = host.replayed();
    coordinator.activate(&context);
    coordinator.topics_deleted(&context, &[("t".into(), TOPIC_ID)]);
    let mut lengths = Vec::new();
    while coordinator.next_timeout_ms().is_some_and(|at_ms| at_ms <= context.now_ms) {
        let outcome = coordinator.poll(&context);
        lengths.push(outcome.records.len());
        coordinator.take(&context, &outcome.records, outcome.records.len(), outcome.effects);
    }
    assert_eq!(lengths, [GROUP_SWEEP_RECORDS_MAX, 100]);
}

#[test]
fn a_topic_made_again_keeps_what_was_committed_for_it() {
    let mut host = Host::new();
    commit(&mut host, "old", "t", 0);
    host.recreate_topic(TOPIC_ID, Uuid([10; 16]), "t");
    commit(&mut host, "new", "t", 0);
    let image = host.image.clone();
    let context = Host::context(&image, host.now_ms, 0);
    host.coordinator.topics_deleted(&context, &[("t".into(), TOPIC_ID)]);
    host.advance(0);
    assert!(host.coordinator.offsets.of_group("old").is_none());
    assert_eq!(host.committed("new", "t", 0), 1);
}

#[test]
fn a_topic_that_went_while_nobody_looked_is_found_but_not_by_metadata_that_may_be_old() {
    let mut host = short_retention();
    host.settings.offsets.retention_ms = i64::MAX;
    host.reload();
    commit(&mut host, "g", "t", 0);
    host.remove_topic(TOPIC_ID);
    host.advance(60_000);
    assert!(host.coordinator.offsets.of_group("g").is_some(), "the topic may be too new for our metadata");
    host.advance(180_000);
    host.reload();
    host.advance(120_000);
    assert!(host.coordinator.offsets.of_group("g").is_some(), "we have just begun");
    host.advance(200_000);
    assert!(host.coordinator.offsets.of_group("g").is_none());
}

#[test]
fn an_assignment_that_cannot_be_written_sends_those_who_wait_for_it_into_a_rebalance() {
    let mut host = Host::new();
    let calls = [host.send_new_member("g").1, host.send_new_member("g").1];
    host.advance(6_000);
    let [first, second] = calls.map(|call| host.joined(call));
    let (leader, follower) = if first.leader == first.member_id { (first, second) } else { (second, first) };
    let waits = host.send_sync(sync_request("g", &follower, &[]));
    assert!(host.is_open(waits));
    let request = sync_request("g", &leader, &[&leader.member_id]);
    host.send_in_vain(&Request::SyncGroup { version: 5, request });
    assert_eq!(super::driver::error(host.synced(waits).error_code), ErrorCode::RebalanceInProgress);
    assert_eq!(host.state("g"), "PreparingRebalance");
}
