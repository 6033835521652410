//! Some seeds of every workload, some of them twice: the same seed gives the same run.

use jackdaw_sim::workload::{WORKLOADS, Workload};

/// Seeds that found a defect once, by workload.
const FOUND: &[(&str, &[u64])] = &[
    // Promised records were lost with recovered segments that no flush covered (0, 36, 49); segments behind a hole were
    // taken for the log's continuation (6, 7, 43, 48); a cut was undone by a power cut (6, 75, 233, 238, 289, 292, 414);
    // a taken over partition.metadata was never flushed (42); a torn header was taken for an old format (36, 126); the
    // clean-shutdown marker came back (318).
    // The simulated disk counted a lost file's bytes twice (log: 2804).
    // A metadata log whose making a crash cut short could not be opened (46, 49, 69); a produce that waited for its flush
    // was never answered when its topic was deleted (22, 54, 79);
    // a duplicate was acknowledged while the flush of its first was under way, above the high watermark (1496);
    // writes that a power cut kept in any order were taken for damage in the metadata log (261); a deleted partition's
    // flush renamed a file of the one that had its directory's name (210); a client that went while it waited for
    // producer ids stopped all others (424); checkpoint lines of a topic that went before a start spoke for the next
    // of its name (432).
    ("node", &[22, 46, 49, 54, 69, 79, 210, 261, 424, 432, 1496]),
    // A node of several shards that failed while it started, or was asked to stop then, never ended (2, 24); a flush that
    // failed at a start took one partition offline and was tried again at the next start (49).
    ("faults", &[2, 24, 49]),
    // A change of the metadata that was shown while a slow stop closed the logs opened them again beside that (277).
    ("jitter", &[277]),
    // What a kill had left unflushed was read after the restart, and lost by a power cut (262, 280). A log whose first
    // header a power cut had torn into zeros was taken for one of Kafka's old formats, and stayed offline (23311, 24930).
    ("groups", &[262, 280, 1319, 4311, 23311, 24930]),
    // Data of a transaction was compacted on the word of a marker that a power cut then took (239, 271).
    ("compaction", &[239, 271]),
    ("log", &[0, 6, 7, 36, 42, 43, 48, 49, 75, 126, 233, 238, 289, 292, 318, 414, 2804]),
];

/// Of how many seeds every run of the tests asks; `cargo xtask sim` runs many more of those that take longer.
fn seed_count(workload: &Workload) -> u64 {
    match workload.name {
        "node" => 10,
        "faults" | "rot" | "jitter" => 6,
        "groups" | "groups-mixed" => 5,
        _ => 40,
    }
}

#[test]
fn promises_are_kept() {
    for workload in WORKLOADS {
        let found =
            FOUND.iter().filter(|(name, _)| *name == workload.name).flat_map(|(_, seeds)| seeds.iter());
        let count = seed_count(workload);
        for seed in (1000..1000 + count).chain(found.copied()) {
            (workload.run)(seed);
        }
    }
}

#[test]
fn one_seed_is_one_run() {
    for workload in WORKLOADS {
        for seed in 0..seed_count(workload).div_ceil(4) {
            assert_eq!((workload.run)(seed), (workload.run)(seed), "{} {seed}", workload.name);
            assert_ne!((workload.run)(seed).trace_hash, (workload.run)(seed + 1).trace_hash);
        }
    }
}
