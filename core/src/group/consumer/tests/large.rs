//! Groups of thousands of members: what a heartbeat costs, and what does not fit into one batch.

use std::collections::BTreeSet;

use super::{
    VISITED,
    images::Images,
    world::{FOO, World, beating, joining, topics},
};
use crate::{
    group::{
        GroupRecord, build_group_batches,
        consumer::{
            ConsumerGroup, GroupState,
            assignor::{Assignment, Subscriber, UNIFORM},
            subscriptions::Subscriptions,
        },
    },
    limits::{GROUP_ATOMIC_BYTES_MAX, GROUP_EXPIRED_TIMERS_MAX},
    protocol::{
        messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest as Request, records::GroupKey,
    },
    records::{Codec, compression::Compressor},
    uuid::Uuid,
};

const MEMBERS: usize = 5_000;
const PARTITIONS: i32 = 10_000;

fn name(index: usize) -> String {
    format!("member-{index:05}")
}

/// A group that has got to its first target with everybody in it.
fn large_group() -> World {
    let mut world = World::new(Images::new().topic("foo", PARTITIONS));
    world.consumer_settings().max_size = 50_000;
    for index in 0..MEMBERS {
        let response = world.join(&name(index), &["foo"]);
        assert_eq!(response.error_code, 0);
    }
    world
}

fn is_type(record: &GroupRecord, code: i16) -> bool {
    record.key.code() == code
}

#[test]
fn heartbeats_walk_no_members_and_a_large_target_may_be_cut() {
    let mut world = large_group();
    world.pass(1_000);
    // The first heartbeat after the interval makes the target of all.
    let changes = world.decide(|scope| {
        let client = crate::group::Client { id: "client".into(), host: "/127.0.0.1".into() };
        let request = beating(&name(1), 2);
        world.group().heartbeat(scope, 1, &client, &request).0
    });
    assert!(
        changes.may_be_cut && changes.records.iter().filter(|record| is_type(record, 7)).count() >= 4_999
    );
    a_prefix_is_made_good(&world, &changes.records);
    world.apply(changes);

    let everything: Vec<i32> = (0..2).collect();
    world.report(&name(0), 2, &[(FOO, &everything)]);
    for index in 1..MEMBERS {
        let epoch = world.group().member(&name(index)).unwrap().epoch;
        world.beat(&name(index), epoch);
    }
    let epoch = world.group().member(&name(7)).unwrap().epoch;
    let log = world.log.len();
    VISITED.set(0);
    for index in 1..1_000 {
        let epoch = world.group().member(&name(index)).unwrap().epoch;
        assert_eq!(world.beat(&name(index), epoch).error_code, 0);
    }
    // Another image, the same topics.
    world.change_image(|images| images.topic("other", 1));
    assert_eq!(world.beat(&name(7), epoch).error_code, 0);
    assert_eq!((VISITED.get(), world.log.len()), (0, log));
}

/// Whatever part of the records is written: the group then makes another target, and nobody is left out.
fn a_prefix_is_made_good(world: &World, records: &[GroupRecord]) {
    let batches =
        build_group_batches(records, 0, 64 << 10, (Codec::None, &mut Compressor::default())).unwrap();
    assert!(batches.len() > 3 && batches.iter().all(|(batch, _)| batch.size_bytes() <= 64 << 10));
    assert_eq!(batches.iter().map(|(_, count)| count).sum::<usize>(), records.len());
    let mut group = world.group().clone();
    let mut replayed = 0;
    for (_, count) in &batches[..batches.len() - 1] {
        records[replayed..replayed + count].iter().for_each(|record| group.replay(record));
        replayed += count;
        assert_eq!(group.state(), GroupState::Assigning);
    }
    assert!(records[replayed..].iter().any(|record| is_type(record, 6)), "the target's epoch comes last");
}

#[test]
fn members_that_expire_together_go_together() {
    let mut world = large_group();
    let log = world.log.len();
    world.pass(44_999);
    world.beat(&name(0), 2);
    let log_before = world.log.len();
    world.pass(1);
    assert_eq!(world.group().members().count(), 1);
    let epochs = world.log[log_before..].iter().filter(|record| is_type(record, 3)).count();
    assert_eq!(epochs, MEMBERS.div_ceil(GROUP_EXPIRED_TIMERS_MAX), "one epoch a turn, not one a member");
    assert!(log <= log_before);
    world.restart();
}

/// A removal that is too large for a batch begins with the group's epoch.
#[test]
fn a_large_removal_begins_with_the_epoch() {
    let mut world = World::new(Images::new().topic("foo", 4));
    let long = "x".repeat(3_000);
    for index in 0..100 {
        world.join(&format!("{index}-{long}"), &["foo"]);
    }
    let group = world.group();
    let gone: Vec<&str> = group.members().map(|member| member.id.as_str()).skip(1).collect();
    let changes = world.decide(|scope| group.remove_members(scope, &gone));
    assert!(changes.may_be_cut && gone.len() * 3 * long.len() > GROUP_ATOMIC_BYTES_MAX);
    assert!(matches!(changes.records[0].key, GroupKey::ConsumerGroupMetadata(_)));
    let changes = world.decide(|scope| group.remove_members(scope, &gone[..1]));
    assert!(!changes.may_be_cut && is_type(&changes.records[0], 8));
}

/// Different subscriptions: the assignor that looks for the least loaded member of each partition.
#[test]
fn many_members_with_different_subscriptions_are_assigned() {
    let topics = [FOO, Uuid([2; 16])];
    let both = std::rc::Rc::new(BTreeSet::from(topics));
    let one = std::rc::Rc::new(BTreeSet::from([FOO]));
    let names: Vec<String> = (0..MEMBERS).map(name).collect();
    let subscriber = |(index, name): (usize, &'_ String)| -> (usize, String) { (index, name.clone()) };
    let named: Vec<(usize, String)> = names.iter().enumerate().map(subscriber).collect();
    let subscribers = named.iter().map(|(index, name)| Subscriber {
        member_id: name,
        topics: if index % 2 == 0 { both.clone() } else { one.clone() },
        ..Subscriber::default()
    });
    let partition_counts = topics.into_iter().map(|topic_id| (topic_id, PARTITIONS)).collect();
    let assignment = Assignment { subscribers: subscribers.collect(), partition_counts };
    let targets = assignment.assign(UNIFORM);
    assert!(targets.iter().all(|target| target.count() == 4));
}

/// One heartbeat looks up one expression, also when the topics have changed for all of them.
#[test]
fn expressions_are_looked_up_one_by_one() {
    let mut world = World::new(Images::new().topic("foo", 1));
    for index in 0..10 {
        let regex = Some(format!("foo|new-{index}"));
        let request = Request { subscribed_topic_regex: regex, ..joining(&name(index), &[]) };
        assert_eq!(world.send(1, &request).error_code, 0);
    }
    assert_counts(world.group());
    world.pass(1_000);
    world.change_image(|images| {
        (0..10).fold(images, |images, index| images.topic(&format!("new-{index}"), 1))
    });
    let mut found = 0;
    for _ in 0..10 {
        let log = world.log.len();
        let epoch = world.group().member(&name(0)).unwrap().epoch;
        assert_eq!(world.report(&name(0), epoch, &[]).error_code, 0);
        assert_eq!(world.log[log..].iter().filter(|record| is_type(record, 16)).count(), 1);
        found += 1;
        let subscribed = world.group().subscribed_topics();
        assert_eq!(subscribed.iter().filter(|topic| topic.starts_with("new-")).count(), found);
    }
    assert_counts(world.group());
    let log = world.log.len();
    let epoch = world.group().member(&name(0)).unwrap().epoch;
    world.send(1, &Request { topic_partitions: Some(topics(&[])), ..beating(&name(0), epoch) });
    assert!(!world.log[log..].iter().any(|record| is_type(record, 16)));
}

/// The counts are those of the members as they are.
pub(super) fn assert_counts(group: &ConsumerGroup) {
    let mut counts = Subscriptions::default();
    for member in group.members() {
        counts.add(member, &group.regexes);
    }
    assert_eq!(group.subscriptions, counts);
}
