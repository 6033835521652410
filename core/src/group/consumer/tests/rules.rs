//! What a heartbeat is refused for, and what each kind of heartbeat does. Codes and texts are those of Kafka 4.4.0.

use super::{
    images::Images,
    world::{BAR, FOO, World, assigned, beating, joining, topics},
};
use crate::{
    error_code::ErrorCode,
    group::consumer::{LEAVE_EPOCH, MemberState, STATIC_LEAVE_EPOCH},
    protocol::messages::consumer_group_heartbeat::{
        ConsumerGroupHeartbeatRequest as Request, ConsumerGroupHeartbeatResponse as Response,
    },
};

fn world() -> World {
    World::new(Images::new().topic("foo", 6).topic("bar", 3))
}

fn code(response: &Response) -> i16 {
    response.error_code
}

#[track_caller]
fn refused(response: &Response, error: ErrorCode, message: &str) {
    assert_eq!((response.error_code, response.error_message.as_deref()), (error.code(), Some(message)));
    assert_eq!((&response.member_id, response.member_epoch, &response.assignment), (&None, 0, &None));
}

fn static_join(member: &str, instance: &str) -> Request {
    Request { instance_id: Some(instance.into()), ..joining(member, &["foo"]) }
}

#[test]
fn a_heartbeat_has_to_make_sense() {
    use ErrorCode::{InvalidRegularExpression, InvalidRequest, UnsupportedAssignor};
    let join = || joining("A", &["foo"]);
    let not_joining = "TopicPartitions must be empty when (re-)joining.";
    let cases = [
        (Request { group_id: String::new(), ..join() }, InvalidRequest, "GroupId can't be empty."),
        (Request { member_id: String::new(), ..join() }, InvalidRequest, "MemberId can't be empty."),
        (
            Request { instance_id: Some(String::new()), ..join() },
            InvalidRequest,
            "InstanceId can't be empty.",
        ),
        (Request { rack_id: Some(String::new()), ..join() }, InvalidRequest, "RackId can't be empty."),
        (
            Request { rebalance_timeout_ms: -1, ..join() },
            InvalidRequest,
            "RebalanceTimeoutMs must be provided in first request.",
        ),
        (Request { topic_partitions: None, ..join() }, InvalidRequest, not_joining),
        (Request { topic_partitions: Some(topics(&[(FOO, &[0])])), ..join() }, InvalidRequest, not_joining),
        (
            Request { subscribed_topic_names: None, ..join() },
            InvalidRequest,
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ),
        (beating("A", -3), InvalidRequest, "MemberEpoch is invalid."),
        (beating("A", STATIC_LEAVE_EPOCH), InvalidRequest, "InstanceId can't be null."),
        (
            Request { server_assignor: Some("foo".into()), ..join() },
            UnsupportedAssignor,
            "ServerAssignor foo is not supported. Supported assignors: uniform, range.",
        ),
        (
            Request { server_assignor: Some(String::new()), ..join() },
            UnsupportedAssignor,
            "ServerAssignor  is not supported. Supported assignors: uniform, range.",
        ),
        (
            Request { subscribed_topic_regex: Some("fo[.*".into()), ..join() },
            InvalidRegularExpression,
            "SubscribedTopicRegex `fo[.*` is not a valid regular expression: missing closing ].",
        ),
    ];
    for (request, error, message) in cases {
        let mut world = world();
        refused(&world.send(1, &request), error, message);
        assert!(world.group.is_none() && world.log.is_empty());
    }
}

#[test]
fn the_first_version_lets_the_broker_name_members() {
    let mut world = world();
    let response = world.send(0, &joining("", &["foo"]));
    let id = response.member_id.clone().unwrap();
    assert_eq!((code(&response), id.len()), (0, 22));
    assert_eq!(code(&world.send(0, &beating(&id, 2))), 0);
    refused(&world.send(0, &beating("", 2)), ErrorCode::InvalidRequest, "MemberId can't be empty.");
}

#[test]
fn groups_and_members_have_to_be_there() {
    let mut world = world();
    let error = ErrorCode::GroupIdNotFound;
    refused(&world.beat("A", 5), error, "Consumer group g not found.");
    refused(&world.beat("A", LEAVE_EPOCH), error, "Group g not found.");
    world.join("A", &["foo"]);
    let error = ErrorCode::UnknownMemberId;
    refused(&world.beat("Z", 3), error, "Member Z is not a member of group g.");
    refused(&world.beat("Z", LEAVE_EPOCH), error, "Member Z is not a member of group g.");
    for epoch in [2, STATIC_LEAVE_EPOCH] {
        let request = Request { instance_id: Some("i".into()), ..beating("A", epoch) };
        refused(&world.send(1, &request), error, "Instance id i is unknown.");
    }
}

#[test]
fn a_full_group_takes_nobody_else() {
    let mut world = world();
    world.consumer_settings().max_size = 1;
    world.join("A", &["foo"]);
    let message = "The consumer group has reached its maximum capacity of 1 members.";
    refused(&world.join("B", &["foo"]), ErrorCode::GroupMaxSizeReached, message);
    assert_eq!(code(&world.join("A", &["foo"])), 0);
}

#[test]
fn epochs_are_fenced() {
    let mut world = world();
    world.join("A", &["foo"]);
    world.join("B", &["foo"]);
    world.pass(1_000);
    // A loses the answer that takes it to epoch 3 with less.
    world.report("A", 2, &[(FOO, &[0, 1, 2])]);
    world.report("A", 2, &[(FOO, &[0, 1, 2])]);
    assert_eq!(world.group().member("A").unwrap().epoch, 3);
    let fenced = |relation, told, known| {
        format!(
            "The consumer group member has a {relation} member epoch ({told}) than the one known by the group \
             coordinator ({known}). The member must abandon all its partitions and rejoin."
        )
    };
    let error = ErrorCode::FencedMemberEpoch;
    refused(&world.beat("A", 9), error, &fenced("greater", 9, 3));
    refused(&world.beat("A", 1), error, &fenced("smaller", 1, 3));
    // One behind and no word about what it has, or more than it was given.
    refused(&world.beat("A", 2), error, &fenced("smaller", 2, 3));
    refused(&world.report("A", 2, &[(FOO, &[0, 3])]), error, &fenced("smaller", 2, 3));
    let response = world.report("A", 2, &[(FOO, &[0, 1])]);
    assert_eq!((code(&response), response.member_epoch), (0, 3));
    // Epoch 0 always joins again, and is told all.
    let response = world.join("A", &["foo"]);
    assert_eq!(assigned(&response), Some(vec![(FOO, vec![0, 1, 2])]));
}

#[test]
fn an_instance_id_has_one_member() {
    let mut world = world();
    assert_eq!(code(&world.send(1, &static_join("S", "i"))), 0);
    let unreleased = |member| {
        format!(
            "Static member {member} with instance id i cannot join the group because the instance id is owned by \
             S member."
        )
    };
    for member in ["S2", "S"] {
        let response = world.send(1, &static_join(member, "i"));
        refused(&response, ErrorCode::UnreleasedInstanceId, &unreleased(member));
    }
    for epoch in [2, LEAVE_EPOCH, STATIC_LEAVE_EPOCH] {
        let request = Request { instance_id: Some("i".into()), ..beating("S2", epoch) };
        let message = "Static member S2 with instance id i was fenced by member S.";
        refused(&world.send(1, &request), ErrorCode::FencedInstanceId, message);
    }
}

#[test]
fn a_static_member_comes_back_to_its_partitions() {
    let mut world = world();
    world.send(1, &static_join("S", "i"));
    world.join("A", &["foo"]);
    world.pass(1_000);
    world.report("S", 2, &[(FOO, &[0, 1, 2])]);
    world.report("S", 2, &[(FOO, &[0, 1, 2])]);
    assert_eq!(assigned(&world.beat("A", 2)), Some(vec![(FOO, vec![3, 4, 5])]));

    let leave = Request { instance_id: Some("i".into()), ..beating("S", STATIC_LEAVE_EPOCH) };
    let response = world.send(1, &leave);
    assert_eq!((code(&response), response.member_epoch), (0, STATIC_LEAVE_EPOCH));
    assert_eq!(code(&world.send(1, &leave)), 0);
    assert_eq!(code(&world.beat("S", 3)), ErrorCode::FencedMemberEpoch.code());
    world.restart();

    let log = world.log.len();
    let response = world.send(1, &static_join("S3", "i"));
    assert_eq!((response.member_epoch, assigned(&response)), (3, Some(vec![(FOO, vec![0, 1, 2])])));
    // Three tombstones of the old member; the new one, its target, what it takes over, where it gets to.
    let types: Vec<i16> = world.log[log..].iter().map(|record| record.key.code()).collect();
    assert_eq!(types, [8, 7, 5, 5, 7, 8, 8]);
    assert_eq!(world.group().epoch(), 3, "no rebalance");
    assert!(world.group().member("S").is_none());
}

#[test]
fn a_static_member_that_stays_away_is_put_out() {
    let mut world = world();
    world.send(1, &static_join("S", "i"));
    world.send(1, &Request { instance_id: Some("i".into()), ..beating("S", STATIC_LEAVE_EPOCH) });
    world.pass(44_999);
    assert!(world.group().has_members());
    world.pass(1);
    assert!(!world.group().has_members());
}

#[test]
fn the_last_member_leaves_an_empty_group_that_assigns_at_once() {
    let mut world = world();
    world.join("A", &["foo"]);
    let log = world.log.len();
    world.beat("A", LEAVE_EPOCH);
    let types: Vec<i16> = world.log[log..].iter().map(|record| record.key.code()).collect();
    assert_eq!(types, [8, 7, 5, 3, 6]);
    assert_eq!((world.group().epoch(), world.group().target_epoch(), world.group().metadata_hash), (3, 3, 0));
    let response = world.join("A", &["foo"]);
    assert_eq!((response.member_epoch, assigned(&response).unwrap().len()), (4, 1));
    assert!(world.soft.next_timeout_ms().is_some());
}

#[test]
fn sessions_and_rebalances_run_out() {
    let mut world = world();
    world.join("A", &["foo"]);
    world.join("B", &["foo"]);
    world.pass(1_000);
    world.beat("A", 2);
    assert_eq!(world.group().member("A").unwrap().state, MemberState::UnrevokedPartitions);
    // It says it still has them, and does not give them up within its rebalance timeout.
    world.pass(4_999);
    assert_eq!(code(&world.report("A", 2, &[(FOO, &[3])])), 0);
    world.pass(1);
    assert!(world.group().member("A").is_none());
    world.pass(38_999);
    assert!(world.group().member("B").is_some());
    world.pass(1);
    assert!(world.group().member("B").is_none());
    assert_eq!(world.soft.next_timeout_ms(), None);
}

#[test]
fn nothing_subscribed_is_no_reason_for_an_epoch() {
    let mut world = world();
    let response = world.join("A", &[]);
    assert_eq!((response.member_epoch, assigned(&response)), (1, Some(vec![])));
    let types: Vec<i16> = world.log.iter().map(|record| record.key.code()).collect();
    assert_eq!(types, [5, 8]);
    world.restart();
}

#[test]
fn a_change_of_subscription_takes_away_at_once_and_gives_later() {
    let mut world = world();
    world.join("A", &["foo", "bar"]);
    let request = Request { rebalance_timeout_ms: 5_000, ..joining("A", &["bar"]) };
    let response = world.send(1, &Request { member_epoch: 2, ..request });
    assert_eq!((response.member_epoch, assigned(&response)), (2, Some(vec![(BAR, vec![0, 1, 2])])));
    assert_eq!((world.group().epoch(), world.group().target_epoch()), (3, 2));
    world.pass(1_000);
    let response = world.beat("A", 2);
    assert_eq!((response.member_epoch, assigned(&response)), (3, None));
}

#[test]
fn another_assignor_is_another_epoch() {
    let mut world = world();
    world.join("A", &["foo"]);
    world.pass(1_000);
    let request = Request { server_assignor: Some("range".into()), ..beating("A", 2) };
    assert_eq!(world.send(1, &request).member_epoch, 3);
    let request = Request { server_assignor: Some("range".into()), ..beating("A", 3) };
    assert_eq!(world.send(1, &request).member_epoch, 3);
    let settings = world.decide(|scope| {
        let described = world.group().describe(&scope.settings, scope.context.image, 1);
        (described.assignor_name, described.group_state, described.members[0].member_type)
    });
    assert_eq!(settings, ("range".to_owned(), "Stable".to_owned(), 1));
}

#[test]
fn topics_that_change_are_seen_by_the_next_heartbeat() {
    let mut world = world();
    world.join("A", &["foo", "later"]);
    world.pass(1_000);
    world.change_image(|images| images.grow(FOO, 8));
    let response = world.beat("A", 2);
    assert_eq!(assigned(&response), Some(vec![(FOO, (0..8).collect())]));
    world.pass(1_000);
    world.change_image(|images| images.topic("later", 2));
    let response = world.beat("A", 3);
    assert_eq!((response.member_epoch, assigned(&response).unwrap().len()), (4, 2));
    world.pass(1_000);
    world.change_image(|images| images.delete(FOO));
    // The client has to let go of a topic that is gone, as of any other.
    let response = world.report("A", 4, &[]);
    assert_eq!((response.member_epoch, assigned(&response).unwrap().len()), (5, 1));
    // A change of something else is none for the group.
    let epoch = world.group().epoch();
    world.change_image(|images| images.topic("other", 2));
    world.beat("A", 5);
    assert_eq!(world.group().epoch(), epoch);
}

#[test]
fn expressions_are_looked_up_here() {
    let mut world = world();
    let request = Request {
        subscribed_topic_names: None,
        subscribed_topic_regex: Some("f.*|later".into()),
        ..joining("A", &[])
    };
    let response = world.send(1, &request);
    assert_eq!((response.member_epoch, assigned(&response).unwrap()), (2, vec![(FOO, (0..6).collect())]));
    world.restart();
    world.pass(1_000);
    world.change_image(|images| images.topic("later", 1));
    assert_eq!(assigned(&world.beat("A", 2)).unwrap().len(), 2);
    let subscribed = world.group().subscribed_topics();
    assert!(subscribed.contains("later") && !subscribed.contains("bar"));
    world.pass(1_000);
    let log = world.log.len();
    let request = Request { subscribed_topic_regex: Some("b.*".into()), ..beating("A", 3) };
    let response = world.send(1, &Request { topic_partitions: Some(vec![]), ..request });
    assert_eq!(assigned(&response), Some(vec![(BAR, vec![0, 1, 2])]));
    let types: Vec<i16> = world.log[log..].iter().map(|record| record.key.code()).collect();
    assert_eq!(types, [5, 16, 16, 3, 7, 6, 8]);
    world.beat("A", LEAVE_EPOCH);
    assert!(world.group().regexes.is_empty());
    world.restart();
}

#[test]
fn a_group_has_its_own_configuration() {
    let mut world = world();
    world.change_image(|images| {
        images
            .group_config("g", "consumer.heartbeat.interval.ms", "9000")
            .group_config("g", "consumer.session.timeout.ms", "50000")
            .group_config("g", "consumer.assignment.interval.ms", "999999")
    });
    assert_eq!(world.join("A", &["foo"]).heartbeat_interval_ms, 9_000);
    assert_eq!(world.soft.next_timeout_ms(), Some(world.now_ms + 50_000));
    world.join("B", &["foo"]);
    // The broker's limit is 15 s.
    world.pass(14_999);
    world.beat("A", 2);
    assert_eq!(world.group().target_epoch(), 2);
    world.pass(1);
    world.beat("A", 2);
    assert_eq!(world.group().target_epoch(), 3);
}

#[test]
fn offsets_are_the_members() {
    use ErrorCode::{StaleMemberEpoch, UnknownMemberId, UnsupportedVersion};
    let mut world = world();
    world.join("A", &["foo"]);
    world.join("B", &["foo"]);
    world.pass(1_000);
    world.report("A", 2, &[(FOO, &[0, 1, 2])]);
    world.report("A", 2, &[(FOO, &[0, 1, 2])]);
    world.beat("B", 2);
    let group = world.group();
    let commit = |version, member, epoch, partitions: &[i32]| {
        let partitions = partitions.iter().map(|partition| (FOO, *partition));
        group.validate_commit(version, member, epoch, partitions)
    };
    assert_eq!(commit(9, "A", 3, &[0, 4]), Ok(()));
    assert_eq!(commit(8, "A", 3, &[0]), Err(UnsupportedVersion));
    assert_eq!(commit(9, "A", 4, &[0]), Err(StaleMemberEpoch));
    assert_eq!(commit(9, "A", -1, &[0]), Err(StaleMemberEpoch));
    assert_eq!(commit(9, "Z", 3, &[0]), Err(UnknownMemberId));
    assert_eq!(commit(9, "", -1, &[0]), Err(UnknownMemberId));
    // An older epoch, for what it has had since then, and nothing else in the same request.
    assert_eq!(commit(9, "A", 2, &[0, 1]), Ok(()));
    assert_eq!(commit(9, "A", 2, &[0, 4]), Err(StaleMemberEpoch));
    assert_eq!(commit(9, "A", 1, &[0]), Err(StaleMemberEpoch));
    assert_eq!(commit(9, "B", 2, &[4]), Err(StaleMemberEpoch));

    assert_eq!(group.validate_fetch(Some("A"), 3), Ok(()));
    assert_eq!(group.validate_fetch(Some("A"), 2), Err(StaleMemberEpoch));
    assert_eq!(group.validate_fetch(Some("Z"), 3), Err(UnknownMemberId));
    assert_eq!(group.validate_fetch(None, -1), Ok(()));
    world.beat("A", LEAVE_EPOCH);
    world.beat("B", LEAVE_EPOCH);
    assert_eq!(world.group().validate_commit(9, "", -1, [(FOO, 0)].into_iter()), Ok(()));
}

#[test]
fn tombstones_leave_nothing() {
    let mut world = world();
    let request = Request { subscribed_topic_regex: Some("b.*".into()), ..joining("A", &["foo"]) };
    world.send(1, &request);
    let records = world.group().tombstones();
    assert!(records.iter().all(|record| record.value.is_none()));
    let mut keys: Vec<_> = world.log.iter().map(|record| record.key.clone()).collect();
    keys.retain(|key| !records.iter().any(|record| record.key == *key));
    assert_eq!(keys, []);
    world.apply(crate::group::consumer::Changes { records, ..Default::default() });
    assert!(world.group.is_none());
    world.restart();
}
