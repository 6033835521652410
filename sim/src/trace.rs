//! A hash over everything that happened, to compare two runs of one seed, and the last lines of it for people.

/// Set in the environment to print the whole trace, and what the node logs.
pub const PRINT: &str = "JACKDAW_SIM_TRACE";

use std::{collections::VecDeque, fmt};

/// Lines kept for a failure's report.
const KEPT_LINES: usize = 200;

/// What happened so far. Two runs are the same run if their hashes are the same.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    count: u64,
    lines: VecDeque<String>,
    prints: bool,
}

/// What happens all the time is printed only on demand.
fn is_routine(what: &str) -> bool {
    matches!(what, "run" | "complete" | "submit" | "write")
}

/// FNV-1a over bytes.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Trace {
    /// `prints` writes every line to standard error.
    pub(crate) fn new(prints: bool) -> Self {
        Self { hash: 0, count: 0, lines: VecDeque::new(), prints }
    }

    /// Note that `what` happened at `now_ns`, with the numbers that tell it from others of its kind.
    pub(crate) fn note(&mut self, now_ns: u64, what: &'static str, numbers: &[u64]) {
        self.count += 1;
        let mut hash = (self.hash ^ now_ns).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash_bytes(what.as_bytes());
        for number in numbers {
            hash = (hash.rotate_left(23) ^ number).wrapping_mul(0xff51_afd7_ed55_8ccd);
        }
        self.hash = hash ^ (hash >> 29);
        if self.prints || !is_routine(what) {
            self.keep(format!("{now_ns:>16} {what} {numbers:?}"));
        }
    }

    /// A line for people, which is not part of the comparison.
    pub(crate) fn comment(&mut self, now_ns: u64, text: &str) {
        self.keep(format!("{now_ns:>16} # {text}"));
    }

    fn keep(&mut self, line: String) {
        if self.prints {
            eprintln!("{line}");
        }
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many things were noted.
    pub fn count(&self) -> u64 {
        self.count
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(formatter, "{line}")?;
        }
        write!(formatter, "{} events, hash {:016x}", self.count, self.hash)
    }
}
