//! How fast compaction goes: it gives way to the shard's other tasks, and keeps to a number of bytes a second.

use std::time::Duration;

use jackdaw_ring::{Instant, now, sleep, yield_now};

/// Bytes of batches that are worked on before others get their turn: a few hundred microseconds.
const TURN_BYTES: u64 = 64 << 10;
/// Sleeps shorter than this are put off: the timer would cost more than it spares.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// A rate below this would let a round take for ever.
const RATE_MIN: f64 = 1024.0;

/// Counts what was read and written.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: f64,
    began: Instant,
    spent_bytes: u64,
    turn_bytes: u64,
}

impl Pace {
    /// `bytes_per_second` is this shard's part of `log.cleaner.io.max.bytes.per.second`.
    pub(super) fn new(bytes_per_second: f64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(RATE_MIN), began: now(), spent_bytes: 0, turn_bytes: 0 }
    }

    /// Take note of bytes that were read or written, and wait where that was enough for now.
    pub(super) async fn spend(&mut self, bytes: u64) {
        self.spent_bytes += bytes;
        self.turn_bytes += bytes;
        if self.turn_bytes < TURN_BYTES {
            return;
        }
        self.turn_bytes = 0;
        let due = Duration::from_secs_f64((self.spent_bytes as f64 / self.bytes_per_second).min(1e9));
        let ahead = due.saturating_sub(now().since(self.began));
        if ahead >= PAUSE_MIN { sleep(ahead).await } else { yield_now().await }
    }
}
