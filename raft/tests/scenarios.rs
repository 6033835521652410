//! Scenarios as text: commands, and below each the full trace of what happened. `UPDATE=1` rewrites the traces.
//!
//! Commands: `start N…`, `run MS`, `propose N VALUE`, `crash N` (unflushed records stay), `power-cut N` (they may
//! go), `cut A B`, `heal`, `shutdown N`, `log N`. The first line of a file is `nodes COUNT`. `#` begins a comment.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cluster;

use std::{fs, path::Path};

use cluster::{Cluster, Entry, Faults, Payload};

fn log_line(log: &[Entry]) -> String {
    let entry = |entry: &Entry| match entry.payload {
        Payload::LeaderChange => format!("L@{}", entry.epoch),
        Payload::Value(value) => format!("{value}@{}", entry.epoch),
    };
    log.iter().map(entry).collect::<Vec<_>>().join(" ")
}

fn obey(cluster: &mut Cluster, command: &str) {
    let mut words = command.split_whitespace();
    let verb = words.next().unwrap();
    let numbers: Vec<u64> = words.map(|word| word.parse().unwrap()).collect();
    let id = |index: usize| numbers[index] as i32;
    match verb {
        "start" => numbers.iter().for_each(|id| {
            cluster.checks.forget(*id as i32);
            cluster.start(*id as i32);
        }),
        "run" => cluster.run_until(cluster.now_ms + numbers[0]),
        "propose" => cluster.propose(id(0), numbers[1]),
        "crash" => cluster.crash(id(0), true),
        "power-cut" => cluster.crash(id(0), false),
        "cut" => cluster.cut(id(0), id(1)),
        "heal" => cluster.heal(),
        "shutdown" => cluster.shutdown(id(0)),
        "log" => {
            let line = log_line(&cluster.nodes[&id(0)].disk.log);
            cluster.trace.as_mut().unwrap().push(format!("       n{} {line}", id(0)));
        }
        other => panic!("no command {other}"),
    }
}

fn play(text: &str) -> String {
    let mut cluster: Option<Cluster> = None;
    let mut played = String::new();
    for line in text.lines().filter(|line| !line.starts_with("  ")) {
        played += &format!("{line}\n");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(count) = line.strip_prefix("nodes ") {
            cluster = Some(Cluster::new(count.parse().unwrap(), 1, Faults::NONE));
            continue;
        }
        let cluster = cluster.as_mut().unwrap();
        cluster.trace = Some(Vec::new());
        obey(cluster, line);
        for traced in cluster.trace.take().unwrap() {
            played += &format!("  {traced}\n");
        }
    }
    played
}

#[test]
fn traces_are_as_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut count = 0;
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let written = fs::read_to_string(&path).unwrap();
        let played = play(&written);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &played).unwrap();
        } else {
            assert_eq!(played, written, "{} (UPDATE=1 rewrites it)", path.display());
        }
        count += 1;
    }
    assert!(count > 0, "scenarios are found");
}
