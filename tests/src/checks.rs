//! Comparisons that several tests make.

use std::time::{Duration, Instant};

use crate::program::Program;

const EVENTUALLY: Duration = Duration::from_secs(30);

/// A topic's name that no earlier run on the same broker has used.
pub fn topic(name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    format!("{name}-{}", now.as_nanos() / 1000 % 10_000_000_000)
}

/// A time in the near past that made records start from. Whole, so that a failure reads well.
pub fn an_hour_ago_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    (now.as_secs() as i64 - 3600) * 1000
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + EVENTUALLY;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {EVENTUALLY:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until an answer is the expected one.
pub fn eventually_is(what: &str, expected: &[String], mut ask: impl FnMut() -> Vec<String>) {
    let deadline = Instant::now() + EVENTUALLY;
    loop {
        let answer = ask();
        if answer == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: {answer:?} and not {expected:?} within {EVENTUALLY:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Compares printed records partition by partition: between partitions there is no order.
pub fn assert_same_records(context: &str, mut found: Vec<String>, expected: &[String]) {
    // Stable: within a partition the order received stays.
    found.sort_by_key(|line| partition_of(line));
    if found == expected {
        return;
    }
    let differing = found.iter().zip(expected).find(|(f, e)| f != e);
    let (found_count, expected_count) = (found.len(), expected.len());
    panic!(
        "{context}: {found_count} records found, {expected_count} expected; the first difference (found, expected): {differing:#?}"
    );
}

fn partition_of(line: &str) -> u32 {
    line.split(' ').next().and_then(|p| p.parse().ok()).unwrap_or_else(|| panic!("no partition in {line:?}"))
}

/// Waits until a client sees a topic that was just created, each partition with its leader.
pub fn await_topic(program: &mut Program, topic: &str, partitions: usize) {
    let name = program.name().to_owned();
    let expected: Vec<String> = (0..partitions).map(|p| p.to_string()).collect();
    eventually(&format!("{name} sees {topic} with {partitions} partitions"), || {
        let lines = program.try_run(&format!("describe {topic}")).unwrap_or_default();
        let pairs: Vec<(&str, &str)> = lines.iter().filter_map(|line| line.split_once(' ')).collect();
        pairs.iter().map(|(p, _)| *p).eq(&expected) && pairs.iter().all(|(_, leader)| *leader != "-1")
    });
    // In Kafka a leader can be known before it serves, and what is then produced with acks 0 is lost.
    for partition in expected {
        let asked = format!("offsets {topic} {partition}");
        eventually(&format!("{name}: {asked}"), || program.try_run(&asked).is_ok());
    }
}

/// Waits until no client sees the topic.
pub fn assert_gone(program: &mut Program, topic: &str) {
    let name = program.name().to_owned();
    eventually(&format!("{name} sees that {topic} is gone"), || {
        program.try_run(&format!("describe {topic}")).is_err()
    });
}
