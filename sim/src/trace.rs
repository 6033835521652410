//! A hash over everything that happened, to compare two runs of one seed, and the last lines of it for people.

use std::{collections::VecDeque, fmt};

/// Lines kept for a failure's report.
const KEPT_LINES: usize = 200;

/// What happened so far. Two runs are the same run if their hashes are the same.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    count: u64,
    lines: Option<VecDeque<String>>,
    prints: bool,
}

/// FNV-1a over bytes.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Trace {
    /// `keeps` keeps the last lines; `prints` writes every line to standard error.
    pub(crate) fn new(keeps: bool, prints: bool) -> Self {
        Self { hash: 0, count: 0, lines: (keeps || prints).then(VecDeque::new), prints }
    }

    /// Note that `what` happened at `now_ns`, with the numbers that tell it from others of its kind.
    pub(crate) fn note(&mut self, now_ns: u64, what: &'static str, numbers: &[u64]) {
        self.count += 1;
        let mut hash = (self.hash ^ now_ns).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash_bytes(what.as_bytes());
        for number in numbers {
            hash = (hash.rotate_left(23) ^ number).wrapping_mul(0xff51_afd7_ed55_8ccd);
        }
        self.hash = hash ^ (hash >> 29);
        if let Some(lines) = &mut self.lines {
            let line = format!("{:>16} {what} {numbers:?}", now_ns);
            if self.prints {
                eprintln!("{line}");
            }
            if lines.len() == KEPT_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
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
        for line in self.lines.iter().flatten() {
            writeln!(formatter, "{line}")?;
        }
        write!(formatter, "{} events, hash {:016x}", self.count, self.hash)
    }
}
