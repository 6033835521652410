//! The rules of KIP-227 as Kafka's broker keeps them.

use super::*;
use crate::uuid::Uuid;

const NOW_MS: i64 = 1_000_000;
const TOPIC: TopicRef<'static> = TopicRef::Name("orders");

fn parameters(partition: i32, fetch_offset: i64) -> FetchParameters {
    FetchParameters {
        partition,
        fetch_offset,
        log_start_offset: -1,
        current_leader_epoch: 3,
        last_fetched_epoch: -1,
        partition_max_bytes: 1 << 20,
    }
}

fn outcome(records_size_bytes: usize, high_watermark: i64) -> FetchOutcome {
    FetchOutcome {
        error: ErrorCode::None,
        records_size_bytes,
        high_watermark,
        log_start_offset: 0,
        has_preferred_read_replica: false,
        is_diverging: false,
    }
}

fn sessions(slots: usize) -> FetchSessions {
    FetchSessions::new(slots, 1..=1000)
}

/// A session of `count` partitions with high watermark 10.
fn create(sessions: &mut FetchSessions, count: i32, is_privileged: bool, now_ms: i64) -> i32 {
    let partitions: Vec<_> = (0..count).map(|index| (TOPIC, parameters(index, 5), outcome(0, 10))).collect();
    sessions.create(partitions, false, is_privileged, now_ms, 77)
}

fn order(sessions: &mut FetchSessions, session_id: i32) -> Vec<i32> {
    let session = sessions.session_mut(session_id).unwrap();
    session.partitions().map(|(_, _, partition)| partition.parameters.partition).collect()
}

#[test]
fn ids_and_epochs() {
    let mut sessions = sessions(10);
    assert_eq!(sessions.begin(0, -1, false, NOW_MS), Ok(FetchMode::Sessionless));
    assert_eq!(sessions.begin(0, 0, false, NOW_MS), Ok(FetchMode::Full));
    let id = create(&mut sessions, 2, false, NOW_MS);
    assert!((1..=1000).contains(&id));
    assert_eq!(sessions.begin(id + 1, 1, false, NOW_MS), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(sessions.begin(0, 1, false, NOW_MS), Err(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(sessions.begin(id, 2, false, NOW_MS), Err(ErrorCode::InvalidFetchSessionEpoch));
    assert_eq!(sessions.begin(id, 2, true, NOW_MS), Err(ErrorCode::InvalidFetchSessionEpoch));
    assert_eq!(sessions.begin(id, 1, true, NOW_MS), Err(ErrorCode::FetchSessionTopicIdError));
    assert_eq!(sessions.begin(id, 1, false, NOW_MS), Ok(FetchMode::Incremental));
    assert_eq!(sessions.begin(id, 1, false, NOW_MS), Err(ErrorCode::InvalidFetchSessionEpoch), "sent again");
    assert_eq!(sessions.begin(id, 2, false, NOW_MS), Ok(FetchMode::Incremental));
    assert_eq!(sessions.begin(id, -1, false, NOW_MS), Ok(FetchMode::Sessionless));
    assert_eq!(sessions.begin(id, 3, false, NOW_MS), Err(ErrorCode::FetchSessionIdNotFound));
    let id = create(&mut sessions, 2, false, NOW_MS);
    assert_eq!(sessions.begin(id, 0, false, NOW_MS), Ok(FetchMode::Full), "begins anew");
    assert_eq!((sessions.len(), sessions.partitions_count()), (0, 0));
}

#[test]
fn epochs_wrap_to_one() {
    let mut session = FetchSession::new(false, false, 0);
    for _ in 1..3 {
        session.begin_fetch(0);
    }
    assert_eq!(session.epoch(), 3);
    session.set_epoch_for_test(i32::MAX);
    session.begin_fetch(0);
    assert_eq!(session.epoch(), 1);
}

#[test]
fn a_response_holds_only_news() {
    let mut sessions = sessions(10);
    let id = create(&mut sessions, 1, false, NOW_MS);
    let session = sessions.session_mut(id).unwrap();
    let slot = session.partitions().next().unwrap().0;
    let error = FetchOutcome { error: ErrorCode::NotLeaderOrFollower, ..outcome(0, -1) };
    for (what, found, expected) in [
        ("nothing", outcome(0, 10), false),
        ("high watermark", outcome(0, 11), true),
        ("again nothing", outcome(0, 11), false),
        ("records", outcome(100, 11), true),
        ("log start", FetchOutcome { log_start_offset: 2, ..outcome(0, 11) }, true),
        ("log start again", FetchOutcome { log_start_offset: 2, ..outcome(0, 11) }, false),
        ("back", outcome(0, 11), true),
        ("preferred replica", FetchOutcome { has_preferred_read_replica: true, ..outcome(0, 11) }, true),
        ("diverging", FetchOutcome { is_diverging: true, ..outcome(0, 11) }, true),
        ("error", error, true),
        ("error again", error, true),
        ("well again", outcome(0, 11), true),
        ("still well", outcome(0, 11), false),
    ] {
        assert_eq!(session.would_include(slot, &found), expected, "{what}");
        assert_eq!(session.would_include(slot, &found), expected, "{what}: asking changes nothing");
        assert_eq!(session.include(slot, &found), expected, "{what}");
    }
}

#[test]
fn served_partitions_go_to_the_end() {
    let mut sessions = sessions(10);
    let id = create(&mut sessions, 4, false, NOW_MS);
    let slots: Vec<_> = sessions.session_mut(id).unwrap().partitions().map(|(slot, ..)| slot).collect();
    let session = sessions.session_mut(id).unwrap();
    session.include(slots[0], &outcome(100, 10));
    session.include(slots[1], &outcome(0, 11));
    session.include(slots[2], &outcome(100, 10));
    assert_eq!(order(&mut sessions, id), [1, 3, 0, 2]);
}

#[test]
fn an_incremental_request_changes_the_session() {
    let mut sessions = sessions(10);
    let id = create(&mut sessions, 3, false, NOW_MS);
    let mode = sessions.update(
        id,
        [(TOPIC, parameters(1, 99)), (TopicRef::Name("bills"), parameters(0, 7))],
        [(TOPIC, 0), (TOPIC, 55), (TopicRef::Name("unknown"), 0)],
    );
    assert_eq!(mode, Ok(FetchMode::Incremental));
    assert_eq!(sessions.partitions_count(), 3);
    let session = sessions.session_mut(id).unwrap();
    let listed: Vec<_> = session
        .partitions()
        .map(|(_, topic, p)| {
            let TopicKey::Name(name) = topic else { panic!() };
            (name.to_string(), p.parameters.partition, p.parameters.fetch_offset)
        })
        .collect();
    let expected = [("orders", 1, 99), ("orders", 2, 5), ("bills", 0, 7)];
    assert_eq!(listed, expected.map(|(name, partition, offset)| (name.to_owned(), partition, offset)));
    // A changed offset keeps what the client was told; a new partition was told nothing.
    let slots: Vec<_> = session.partitions().map(|(slot, ..)| slot).collect();
    assert!(!session.include(slots[0], &outcome(0, 10)));
    assert!(session.include(slots[2], &outcome(0, 0)));
}

#[test]
fn a_session_that_forgets_all_ends() {
    let mut sessions = sessions(10);
    let id = create(&mut sessions, 1, false, NOW_MS);
    assert_eq!(sessions.update(id, [], [(TOPIC, 0)]), Ok(FetchMode::Sessionless));
    assert!(sessions.is_empty());
    assert_eq!(sessions.update(id, [], []), Err(ErrorCode::FetchSessionIdNotFound));
}

#[test]
fn topics_by_id() {
    let mut sessions = sessions(10);
    let topic = TopicRef::Id(Uuid([7; 16]));
    let partitions = vec![(topic, parameters(0, 0), outcome(0, 0))];
    let id = sessions.create(partitions, true, false, NOW_MS, 5);
    assert_eq!(sessions.begin(id, 1, false, NOW_MS), Err(ErrorCode::FetchSessionTopicIdError));
    assert_eq!(sessions.begin(id, 1, true, NOW_MS), Ok(FetchMode::Incremental));
    let session = sessions.session_mut(id).unwrap();
    assert_eq!(session.partitions().next().unwrap().1, &TopicKey::Id(Uuid([7; 16])));
}

#[test]
fn a_partition_named_twice_is_kept_once() {
    let mut sessions = sessions(10);
    let twice = vec![(TOPIC, parameters(0, 1), outcome(0, 10)), (TOPIC, parameters(0, 2), outcome(0, 10))];
    let id = sessions.create(twice, false, false, NOW_MS, 1);
    assert_eq!(sessions.partitions_count(), 1);
    assert_eq!(sessions.session_mut(id).unwrap().partitions().next().unwrap().2.parameters.fetch_offset, 2);
}

#[test]
fn who_gives_way_to_whom() {
    const LATER_MS: i64 = NOW_MS + EVICTION_MS;
    // The old session's partitions and rank, whether it was used just now, the new one's, and who stays.
    for (what, old, used_ms, new, now_ms, is_evicted) in [
        ("full", (5, false), NOW_MS, (9, false), NOW_MS + 1, false),
        ("a replica against a consumer", (5, false), NOW_MS, (1, true), NOW_MS + 1, true),
        ("a replica against a replica", (5, true), NOW_MS, (9, true), NOW_MS + 1, false),
        ("unused for long", (5, true), NOW_MS, (1, false), LATER_MS + 1, true),
        ("not quite as long", (5, false), NOW_MS, (9, false), LATER_MS, false),
        ("used, had its time, smaller", (5, false), LATER_MS, (9, false), LATER_MS + 1, true),
        ("used, had its time, larger", (9, false), LATER_MS, (5, false), LATER_MS + 1, false),
        ("used, had its time, equal", (5, false), LATER_MS, (5, false), LATER_MS + 1, false),
        (
            "a consumer against a replica that had its time",
            (1, true),
            LATER_MS,
            (9, false),
            LATER_MS + 1,
            false,
        ),
        ("a larger replica, had its time", (1, true), LATER_MS, (9, true), LATER_MS + 1, true),
    ] {
        let mut sessions = sessions(1);
        let old_id = create(&mut sessions, old.0, old.1, NOW_MS);
        sessions.begin(old_id, 1, false, used_ms).unwrap();
        let new_id = create(&mut sessions, new.0, new.1, now_ms);
        assert_eq!(new_id != NO_SESSION_ID, is_evicted, "{what}");
        assert_eq!(sessions.len(), 1);
        assert_eq!(sessions.partitions_count(), if is_evicted { new.0 } else { old.0 } as usize, "{what}");
    }
}

#[test]
fn the_least_valuable_gives_way() {
    let mut sessions = sessions(3);
    for count in [7, 3, 5] {
        create(&mut sessions, count, false, NOW_MS);
    }
    assert_ne!(create(&mut sessions, 1, true, NOW_MS), NO_SESSION_ID);
    assert_eq!(sessions.partitions_count(), 7 + 5 + 1);
}

#[test]
fn ids_are_of_the_range_and_not_used_twice() {
    let mut sessions = FetchSessions::new(10, 50..=53);
    let mut ids: Vec<_> = (0..3).map(|_| create(&mut sessions, 1, false, NOW_MS)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| (50..=53).contains(id)));
    assert_eq!(create(&mut sessions, 1, false, NOW_MS), NO_SESSION_ID, "the range bounds the slots");
}

#[test]
fn no_slots_no_sessions() {
    assert_eq!(create(&mut sessions(0), 1, true, NOW_MS), NO_SESSION_ID);
    assert_eq!(create(&mut sessions(5), 0, true, NOW_MS), NO_SESSION_ID);
}

#[test]
fn partitions_of_all_sessions_are_bounded() {
    let mut sessions = sessions(10);
    let bound = limits::FETCH_SESSION_PARTITIONS_MAX as i32;
    let large = create(&mut sessions, bound - 1, false, NOW_MS);
    let small = create(&mut sessions, 1, false, NOW_MS);
    assert_eq!(create(&mut sessions, 1, false, NOW_MS), NO_SESSION_ID);
    assert_eq!(
        sessions.update(small, [(TOPIC, parameters(9, 0))], []),
        Err(ErrorCode::FetchSessionIdNotFound)
    );
    assert_eq!(sessions.partitions_count(), bound as usize - 1);
    assert!(sessions.session_mut(large).is_some());
}

#[test]
fn a_slot_that_was_forgotten_is_no_longer_held() {
    let mut sessions = FetchSessions::new(10, 1..=1000);
    let partitions = [0, 1].map(|partition| {
        let parameters = FetchParameters {
            partition,
            fetch_offset: 0,
            log_start_offset: -1,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            partition_max_bytes: 100,
        };
        (TopicRef::Name("t"), parameters, outcome(0, 0))
    });
    let id = sessions.create(partitions, false, false, 0, 7);
    let slots: Vec<_> = sessions.session_mut(id).unwrap().partitions().map(|(slot, ..)| slot).collect();
    sessions.update(id, [], [(TopicRef::Name("t"), 0)]).unwrap();
    let session = sessions.session_mut(id).unwrap();
    assert!(!session.holds(slots[0], TopicRef::Name("t"), 0));
    assert!(session.holds(slots[1], TopicRef::Name("t"), 1));
}
