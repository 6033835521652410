//! Order of offsets under random changes; high watermark and ISR by table.

use super::*;
use crate::records::test_random::Random;

#[test]
fn the_checkpoint_is_brought_within_the_log() {
    for (checkpoint, expected) in [(-1, 10), (10, 10), (15, 15), (20, 20), (25, 20)] {
        assert_eq!(PartitionState::new(10, checkpoint, 20).high_watermark(), expected);
    }
}

#[test]
fn a_single_replica_moves_with_its_log() {
    let mut state = PartitionState::new(0, 0, 0);
    state.become_leader(3);
    let replicas = InSyncReplicas::default();
    state.append_to(10);
    let replicated = replicas.replicated_offset(state.log_end_offset(), 1, 0, 30_000, |_| true).unwrap();
    assert!(state.advance_high_watermark(replicated));
    assert!(!state.advance_high_watermark(replicated));
    assert!(!state.advance_high_watermark(4), "it never goes back");
    assert_eq!((state.high_watermark(), state.last_stable_offset()), (10, 10));
    assert_eq!((state.leader_epoch(), state.leader_epoch_start_offset()), (3, Some(0)));
}

#[test]
fn open_transactions_hold_the_last_stable_offset() {
    let mut state = PartitionState::new(0, 0, 20);
    state.set_first_unstable_offset(Some(12));
    assert_eq!(state.last_stable_offset(), 0);
    state.advance_high_watermark(10);
    assert_eq!(state.last_stable_offset(), 10);
    state.advance_high_watermark(20);
    assert_eq!(state.last_stable_offset(), 12);
    // DeleteRecords into an open transaction.
    state.advance_log_start_offset(15);
    assert_eq!(state.last_stable_offset(), 15);
    state.set_first_unstable_offset(None);
    assert_eq!(state.last_stable_offset(), 20);
}

#[test]
fn an_epoch_begins_where_its_leader_found_the_log() {
    let mut state = PartitionState::new(0, 0, 20);
    state.become_leader(5);
    state.append_to(30);
    state.become_leader(5);
    assert_eq!(state.leader_epoch_start_offset(), Some(20));
    state.become_leader(6);
    assert_eq!(state.leader_epoch_start_offset(), Some(30));
    state.become_follower(7);
    assert_eq!(state.leader_epoch_start_offset(), None);
}

#[test]
#[should_panic(expected = "leader epoch 4 after 5")]
fn an_epoch_never_goes_back() {
    let mut state = PartitionState::new(0, 0, 0);
    state.become_follower(5);
    state.become_leader(4);
}

#[test]
#[should_panic(expected = "past the high watermark")]
fn uncommitted_records_cannot_be_deleted() {
    PartitionState::new(0, 5, 10).advance_log_start_offset(6);
}

#[test]
fn the_order_holds_under_any_changes() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut state = PartitionState::new(0, 0, 0);
        for _ in 0..200 {
            let (start, high, end) =
                (state.log_start_offset(), state.high_watermark(), state.log_end_offset());
            match random.below(6) {
                0 | 1 => state.append_to(end + random.below(20) as i64),
                2 => drop(state.advance_high_watermark(high + random.below(30) as i64)),
                3 => drop(
                    state.advance_log_start_offset(start + random.below((high - start + 1) as u64) as i64),
                ),
                4 => state.truncate_to(end - random.below((end - start + 1) as u64) as i64),
                _ => state.set_first_unstable_offset(Some(random.below(end as u64 + 1) as i64)),
            }
            assert!(state.last_stable_offset() <= state.high_watermark());
        }
    }
}

const LAG_MAX_MS: i64 = 30_000;

fn fetch(fetch_offset: i64, leader_log_end_offset: i64, now_ms: i64) -> FollowerFetch {
    FollowerFetch { fetch_offset, log_start_offset: 0, broker_epoch: 1, leader_log_end_offset, now_ms }
}

fn replicated(replicas: &InSyncReplicas, min: usize, now_ms: i64) -> Option<i64> {
    replicas.replicated_offset(100, min, now_ms, LAG_MAX_MS, |broker_id| broker_id != 9)
}

#[test]
fn the_high_watermark_waits_for_the_maximal_isr() {
    let mut replicas = InSyncReplicas::new([2, 3, 9], vec![2], 0);
    assert_eq!(replicated(&replicas, 1, 0), Some(-1), "2 has not fetched yet");
    assert!(replicas.on_fetch(2, &fetch(60, 100, 10)));
    assert!(!replicas.on_fetch(7, &fetch(60, 100, 10)));
    assert_eq!(replicated(&replicas, 1, 10), Some(60), "3 is out of the ISR and far behind");
    replicas.on_fetch(3, &fetch(50, 50, 20));
    assert_eq!(replicated(&replicas, 1, 20), Some(50), "3 caught up at 20 and is about to join");
    assert_eq!(replicated(&replicas, 1, 20 + LAG_MAX_MS + 1), Some(60), "3 did not join in time");
    replicas.propose(3);
    assert_eq!(replicated(&replicas, 1, 20 + LAG_MAX_MS + 1), Some(50), "a proposed member counts");
    replicas.on_fetch(9, &fetch(40, 40, 20));
    assert_eq!(replicated(&replicas, 1, 20), Some(50), "9 is fenced");
    replicas.commit(vec![2]);
    assert_eq!(replicated(&replicas, 1, 20 + LAG_MAX_MS + 1), Some(60));
}

#[test]
fn the_high_watermark_rests_below_the_minimum() {
    let mut replicas = InSyncReplicas::new([2, 3], vec![2], 0);
    replicas.on_fetch(2, &fetch(90, 100, 0));
    for (min, expected) in [(1, Some(90)), (2, Some(90)), (3, None), (5, None)] {
        assert_eq!(replicated(&replicas, min, 0), expected, "min.insync.replicas {min}");
    }
    assert!(!InSyncReplicas::default().is_under_min(2), "one replica cannot be two");
}

#[test]
fn joining_and_lagging() {
    let mut replicas = InSyncReplicas::new([2, 3], vec![2], 0);
    for (offset, expected) in [(79, false), (80, true), (99, true)] {
        replicas.on_fetch(3, &fetch(offset, 100, 0));
        assert_eq!(replicas.may_join(3, 70, 80), expected, "at {offset}");
    }
    assert!(!replicas.may_join(3, 100, 0));
    assert!(!replicas.may_join(2, 0, 0), "it is in the ISR");

    // A leader that grows by 100 between fetches: the follower is always behind and never lags.
    for step in 0..10 {
        replicas.on_fetch(2, &fetch(step * 100, (step + 1) * 100, step * 20_000));
    }
    let lagging = |now_ms| replicas.lagging(1000, now_ms, LAG_MAX_MS).collect::<Vec<_>>();
    assert_eq!(lagging(180_000), []);
    assert_eq!(lagging(160_000 + LAG_MAX_MS), []);
    assert_eq!(lagging(160_000 + LAG_MAX_MS + 1), [2]);
}
