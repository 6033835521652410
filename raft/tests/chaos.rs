//! Clusters of one, three and five replicas under loss, partitions and crashes, from a seed each.
//!
//! `JACKDAW_RAFT_SEEDS=N` runs N seeds, `JACKDAW_RAFT_SEED=S` runs one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cluster;

use cluster::{Cluster, Faults};

fn faults(cluster_random: &mut cluster::Random) -> Faults {
    Faults {
        latency_ms: (1, 1 + cluster_random.below(30)),
        flush_ms: (0, cluster_random.below(20)),
        loss_percent: cluster_random.below(12),
        crash_between_outputs: cluster_random.below(8),
    }
}

/// Twenty seconds of trouble, then peace: everybody must agree on everything that was ever committed.
fn run(seed: u64) {
    let mut random = cluster::Random::new(seed ^ 0x5eed);
    let node_count = [1, 3, 3, 5][random.below(4) as usize];
    let faults = faults(&mut random);
    let mut cluster = Cluster::new(node_count, seed, faults);
    for id in 1..=node_count {
        cluster.start(id);
    }
    let mut value = 0;
    while cluster.now_ms < 20_000 {
        trouble(&mut cluster, &mut random, node_count);
        if random.below(2) == 0 {
            value += 1;
            let id = 1 + random.below(node_count as u64) as i32;
            cluster.propose(cluster.ready_leader().unwrap_or(id), value);
        }
        let until_ms = cluster.now_ms + 1 + random.below(60);
        cluster.run_until(until_ms);
    }
    settle(&mut cluster, node_count);
}

fn trouble(cluster: &mut Cluster, random: &mut cluster::Random, node_count: i32) {
    let id = 1 + random.below(node_count as u64) as i32;
    let other = 1 + random.below(node_count as u64) as i32;
    match random.below(100) {
        0..=2 if cluster.is_up(id) => cluster.crash(id, random.below(2) == 0),
        3 if cluster.is_up(id) => cluster.shutdown(id),
        4..=7 => cluster.cut(id, other),
        8..=11 => cluster.heal(),
        12..=20 => restart(cluster, id),
        _ => {}
    }
}

fn restart(cluster: &mut Cluster, id: i32) {
    if !cluster.is_up(id) {
        cluster.checks.forget(id);
        cluster.start(id);
    }
}

fn settle(cluster: &mut Cluster, node_count: i32) {
    cluster.faults = Faults::NONE;
    cluster.heal();
    for id in 1..=node_count {
        // A node that was told to stop leads no more until it is started anew.
        cluster.crash(id, true);
        restart(cluster, id);
    }
    cluster.run_until(cluster.now_ms + 15_000);
    let leader = cluster.ready_leader().expect("a leader within 15 quiet seconds");
    cluster.propose(leader, u64::MAX);
    cluster.run_until(cluster.now_ms + 2_000);
    assert_eq!(cluster.checks.committed_values().last(), Some(u64::MAX), "a quiet cluster commits");
    for (id, node) in &cluster.nodes {
        assert_eq!(node.disk.log, cluster.checks.committed, "n{id} has the log that all have");
    }
}

#[test]
fn agreement_survives_trouble() {
    if let Ok(seed) = std::env::var("JACKDAW_RAFT_SEED") {
        return run(seed.parse().unwrap());
    }
    let seed_count = std::env::var("JACKDAW_RAFT_SEEDS").map_or(100, |count| count.parse().unwrap());
    for seed in 0..seed_count {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}: JACKDAW_RAFT_SEED={seed} runs it alone");
    }
}

/// The same seed is the same run, line by line.
#[test]
fn a_seed_is_a_run() {
    let trace = |seed| {
        let mut cluster = Cluster::new(3, seed, Faults { loss_percent: 5, ..Faults::NONE });
        cluster.trace = Some(Vec::new());
        (1..=3).for_each(|id| cluster.start(id));
        cluster.run_until(5_000);
        cluster.trace.unwrap()
    };
    assert_eq!(trace(11), trace(11));
    assert_ne!(trace(11), trace(12));
}
