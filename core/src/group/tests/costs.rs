//! What one request costs in a large group, counted in members that are gone through.

use super::driver::{Host, join_request, sync_request};
use crate::group::classic::visits;

/// Members gone through by each step, in order.
fn counted(steps: usize, mut step: impl FnMut(usize)) -> Vec<usize> {
    let count = |index| {
        let before = visits::count();
        step(index);
        visits::count() - before
    };
    (0..steps).map(count).collect()
}

/// The most that a new member's join, a join of the next rebalance, and a follower's sync cost in a group of `size`.
fn most(size: usize) -> [usize; 3] {
    let mut host = Host::new();
    let mut calls = Vec::new();
    let new = counted(size, |_| calls.push(host.send_new_member("g").1));
    host.advance(10_000);
    let joined = host.sync_all("g", calls);

    // The first, and the last, deal with all.
    let mut calls = Vec::new();
    let again = counted(size, |index| {
        let request = join_request("g", &joined[index].member_id, None);
        calls.push(host.send_join(9, request));
    });
    let joined: Vec<_> = calls.into_iter().map(|call| host.joined(call)).collect();
    assert!(joined.iter().all(|joined| joined.generation_id == 2));
    let sync = counted(size - 1, |index| {
        host.send_sync(sync_request("g", &joined[index + 1], &[]));
    });
    [&new[1..], &again[1..size - 1], &sync].map(|costs| costs.iter().copied().max().unwrap_or(0))
}

#[test]
fn a_join_and_a_sync_cost_the_same_in_a_group_of_any_size() {
    let small = most(5);
    assert_eq!(most(500), small);
    assert!(small.iter().all(|cost| *cost <= 4), "{small:?}");
}
