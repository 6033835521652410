//! Waking, expiry and removal, also against a plain model under random use.

use std::collections::BTreeMap;

use super::*;
use crate::records::test_random::Random;

fn woken(purgatory: &mut Purgatory<u32, u32>, key: u32) -> Vec<u32> {
    let mut done = Vec::new();
    purgatory.wake(&key, |_| true, &mut done);
    done
}

fn expired(purgatory: &mut Purgatory<u32, u32>, now_ms: i64) -> Vec<u32> {
    let mut expired = Vec::new();
    purgatory.expire(now_ms, &mut expired);
    expired
}

#[test]
fn a_key_wakes_its_watchers_in_order_of_arrival() {
    let mut purgatory = Purgatory::new();
    purgatory.insert(1, &[10, 20], 500).unwrap();
    purgatory.insert(2, &[20], 500).unwrap();
    purgatory.insert(3, &[10, 30], 500).unwrap();
    assert_eq!(woken(&mut purgatory, 40), []);
    let mut done = Vec::new();
    purgatory.wake(&10, |operation| *operation == 3, &mut done);
    assert_eq!(done, [3]);
    assert_eq!(woken(&mut purgatory, 30), []);
    assert_eq!(woken(&mut purgatory, 20), [1, 2]);
    assert!(purgatory.is_empty());
    assert_eq!((purgatory.watches.len(), purgatory.watches.keys_count()), (0, 0));
    assert_eq!(purgatory.next_deadline(), None);
}

#[test]
fn an_operation_may_watch_a_key_twice() {
    let mut purgatory = Purgatory::new();
    purgatory.insert(1, &[10, 10, 20, 10], 500).unwrap();
    purgatory.insert(2, &[10, 10], 500).unwrap();
    let (mut asked, mut done) = (0, Vec::new());
    purgatory.wake(
        &10,
        |_| {
            asked += 1;
            true
        },
        &mut done,
    );
    assert_eq!((asked, done), (2, vec![1, 2]));
}

#[test]
fn a_removed_operation_is_gone_and_its_id_stays_dead() {
    let mut purgatory = Purgatory::new();
    let first = purgatory.insert(1, &[10], 500).unwrap();
    assert_eq!(purgatory.get_mut(first), Some(&mut 1));
    assert_eq!(purgatory.remove(first), Some(1));
    let second = purgatory.insert(2, &[10], 500).unwrap();
    assert_eq!(second.index, first.index, "memory is used again");
    assert_eq!(purgatory.remove(first), None);
    assert_eq!(purgatory.get_mut(first), None);
    assert_eq!(purgatory.len(), 1);
}

#[test]
fn deadlines_come_in_order_and_not_before_their_time() {
    let mut purgatory = Purgatory::new();
    let deadlines = [5000, 1, 64, 63, 4096, 500, 500, 1_000_000_000_000, 0, -7, i64::MAX];
    for (operation, deadline_ms) in (0..).zip(deadlines) {
        purgatory.insert(operation, &[0], deadline_ms).unwrap();
    }
    assert_eq!(expired(&mut purgatory, 0), [8, 9]);
    assert_eq!(expired(&mut purgatory, 62), [1]);
    assert_eq!(expired(&mut purgatory, 64), [3, 2]);
    assert_eq!(expired(&mut purgatory, 499), []);
    assert_eq!(expired(&mut purgatory, 4999), [5, 6, 4]);
    assert_eq!(expired(&mut purgatory, 5000), [0]);
    assert_eq!(expired(&mut purgatory, 999_999_999_999), []);
    assert_eq!(expired(&mut purgatory, 1_000_000_000_000), [7]);
    assert_eq!(expired(&mut purgatory, i64::MAX), [10]);
    assert!(purgatory.is_empty());
}

#[test]
fn a_wait_of_half_a_second_wakes_the_host_at_most_three_times() {
    for now_ms in (1_700_000_000_000..1_700_000_010_000).step_by(37) {
        let mut purgatory = Purgatory::new();
        expired(&mut purgatory, now_ms);
        purgatory.insert(1, &[0], now_ms + 500).unwrap();
        let mut wakeups = 0;
        while let Some(at_ms) = purgatory.next_deadline() {
            assert!(now_ms <= at_ms && at_ms <= now_ms + 500);
            wakeups += 1;
            let gone = expired(&mut purgatory, at_ms);
            assert_eq!(gone.is_empty(), at_ms < now_ms + 500);
        }
        assert!(wakeups <= 3, "{wakeups} at {now_ms}");
    }
}

#[test]
fn a_full_table_gives_the_operation_back() {
    let mut purgatory = Purgatory::new();
    let keys = vec![7; limits::PURGATORY_WATCHES_MAX];
    assert!(purgatory.has_room(keys.len()) && !purgatory.has_room(keys.len() + 1));
    purgatory.insert(1, &keys, 10).unwrap();
    assert_eq!(purgatory.insert(2, &[7], 10), Err(2));
    assert_eq!(expired(&mut purgatory, 10), [1]);
    for operation in 0..limits::PURGATORY_OPERATIONS_MAX as u32 {
        purgatory.insert(operation, &[], 10).unwrap();
    }
    assert_eq!(purgatory.insert(7, &[], 10), Err(7));
}

/// What waits, by number: keys and deadline.
type Model = BTreeMap<u32, (Vec<u32>, i64, WaitId)>;

#[test]
fn random_use_agrees_with_a_plain_model() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut purgatory = Purgatory::new();
        let mut model = Model::new();
        let mut now_ms = random.below(1 << 40) as i64;
        for number in 0..600 {
            match random.below(8) {
                0..=3 => {
                    let keys: Vec<u32> = (0..random.below(4)).map(|_| random.below(6) as u32).collect();
                    let deadline_ms = now_ms + random.skewed(20) as i64 - 3;
                    let id = purgatory.insert(number, &keys, deadline_ms).unwrap();
                    model.insert(number, (keys, deadline_ms, id));
                }
                4 => {
                    let key = random.below(6) as u32;
                    let chosen = |operation: &mut u32| operation.is_multiple_of(2);
                    let mut done = Vec::new();
                    purgatory.wake(&key, chosen, &mut done);
                    let expected: Vec<u32> = model
                        .iter()
                        .filter(|(number, (keys, ..))| number.is_multiple_of(2) && keys.contains(&key))
                        .map(|(number, _)| *number)
                        .collect();
                    assert_eq!(done, expected, "seed {seed}");
                    model.retain(|number, _| !done.contains(number));
                }
                5 => {
                    if let Some(number) = model.keys().nth(random.below(model.len().max(1) as u64) as usize) {
                        let number = *number;
                        let (_, _, id) = model.remove(&number).unwrap();
                        assert_eq!(purgatory.remove(id), Some(number), "seed {seed}");
                    }
                }
                _ => {
                    now_ms += random.skewed(14) as i64;
                    let mut done = expired(&mut purgatory, now_ms);
                    done.sort_unstable();
                    let due = model.iter().filter(|(_, (_, deadline_ms, _))| *deadline_ms <= now_ms);
                    assert_eq!(done, due.map(|(number, _)| *number).collect::<Vec<_>>(), "seed {seed}");
                    model.retain(|_, (_, deadline_ms, _)| *deadline_ms > now_ms);
                    let earliest = model.values().map(|(_, deadline_ms, _)| *deadline_ms).min();
                    assert_eq!(purgatory.next_deadline().is_some(), earliest.is_some());
                    if let (Some(next_ms), Some(earliest)) = (purgatory.next_deadline(), earliest) {
                        assert!(now_ms <= next_ms && next_ms <= earliest, "seed {seed}");
                    }
                }
            }
            assert_eq!(purgatory.len(), model.len());
            assert_eq!(purgatory.watches.len(), model.values().map(|(keys, ..)| keys.len()).sum::<usize>());
        }
    }
}
