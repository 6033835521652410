//! What runs in a world, each by name and from a seed. A broken promise panics with the seed.

mod broker;
pub mod compaction;
mod compaction_model;
mod connection;
pub mod groups;
pub mod log;
mod log_model;
pub mod node;
mod single_log;

use std::time::Duration;

use crate::{
    World,
    marks::{self, Marks},
};

/// Longest time of anything that must end: a start, a stop, an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A promise is broken.
fn broken(promise: &str, detail: &str) -> ! {
    panic!("broken promise \"{promise}\": {detail}")
}

/// One workload.
pub struct Workload {
    pub name: &'static str,
    /// What it runs and checks.
    pub about: &'static str,
    /// Run one seed; the outcome of a run that kept its promises.
    pub run: fn(seed: u64) -> Outcome,
    /// What its seeds reach between them.
    pub marks: &'static [&'static str],
}

/// So many seeds reach every mark of a workload.
pub const SEEDS_REACH_ALL_MARKS: u64 = 200;

/// What a run did. Equal for equal seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub trace_hash: u64,
    pub trace_count: u64,
    /// Crashes that were survived.
    pub crash_count: u64,
    /// Appends, records or requests, as the workload counts them.
    pub work_count: u64,
    pub marks: Marks,
}

impl Outcome {
    fn of(world: &World, crash_count: u64, work_count: u64) -> Self {
        let (trace_hash, trace_count) = (world.trace_hash(), world.trace_count());
        Self { trace_hash, trace_count, crash_count, work_count, marks: marks::take() }
    }
}

/// What power cuts leave in 200 seeds.
const POWER_CUT_MARKS: &[&str] = &[
    "power cut: a change of names lost",
    "power cut: unsynced writes all lost",
    "power cut: unsynced writes all kept",
    "power cut: the first few unsynced writes kept",
    "power cut: any sectors of unsynced writes kept",
    "power cut: any unsynced writes kept",
    "power cut: size kept, data zeros",
];

/// All workloads.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "log",
        about: "one partition's log: appends, rolls, flushes, checkpoints, kills and power cuts",
        run: log::run,
        marks: POWER_CUT_MARKS,
    },
    Workload {
        name: "compaction",
        about: "one compacted log: keys, tombstones, transactions, rounds of compaction, kills and power cuts",
        run: compaction::run,
        marks: POWER_CUT_MARKS,
    },
    Workload {
        name: "node",
        about: "a whole node under producers and consumers: crashes, stops, other shards, topics deleted and remade",
        run: node::run,
        marks: POWER_CUT_MARKS,
    },
    Workload {
        name: "faults",
        about: "the node of the workload `node` on a disk that fails and fills up",
        run: node::run_faults,
        marks: node::FAULT_MARKS,
    },
    Workload {
        name: "rot",
        about: "the same on a disk that changes bits of what was flushed, between two lives and in them",
        run: node::run_rot,
        marks: node::ROT_MARKS,
    },
    Workload {
        name: "jitter",
        about: "the same with a disk that stalls, a clock that jumps, clients that read late",
        run: node::run_jitter,
        marks: node::JITTER_MARKS,
    },
    Workload {
        name: "groups",
        about: "a whole node under consumer groups: members come and go, die and pause, and the node crashes",
        run: groups::run,
        marks: &[],
    },
    Workload {
        name: "groups-mixed",
        about: "the same with both protocols in one group, expressions, and offsets, groups and topics that end",
        run: groups::run_mixed,
        marks: groups::reached::MIXED_MARKS,
    },
];

/// The workload of this name.
pub fn find(name: &str) -> Option<&'static Workload> {
    WORKLOADS.iter().find(|workload| workload.name == name)
}
