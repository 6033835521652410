//! Pauses between attempts: bounded in number and in length.

use std::time::{Duration, Instant};

use super::error::ClientError;
use super::interrupt::Interrupt;

/// Attempts after the first. With the pauses below they cover about 12 s: a restart, or the choice of a leader.
const RETRIES_MAX: u32 = 15;
/// No new attempt after this long: each may itself last as long as an answer may take.
const RETRY_TIME_MAX: Duration = Duration::from_secs(60);
/// A person who waits is told why after this long.
const SILENCE_MAX: Duration = Duration::from_secs(3);
const FIRST_PAUSE_MS: u64 = 50;
const LONGEST_PAUSE_MS: u64 = 1000;
/// How often a pause looks for an interrupt.
const SLICE_MS: u64 = 50;

/// Counts the attempts at one thing.
pub(crate) struct Retry {
    interrupt: Interrupt,
    begun: Instant,
    retries: u32,
    has_told: bool,
}

impl Retry {
    pub(crate) fn new(interrupt: Interrupt) -> Self {
        Self { interrupt, begun: Instant::now(), retries: 0, has_told: false }
    }

    /// Sleeps before the next attempt.
    ///
    /// # Errors
    /// `failure` itself when there were enough attempts or they took too long; an interrupt.
    pub(crate) fn pause(&mut self, failure: ClientError) -> Result<(), ClientError> {
        if self.retries == RETRIES_MAX || self.begun.elapsed() >= RETRY_TIME_MAX {
            return Err(failure);
        }
        if !self.has_told && self.begun.elapsed() >= SILENCE_MAX {
            self.has_told = true;
            eprintln!("{failure}; trying again");
        }
        let pause_ms = pause_ms(self.retries);
        self.retries += 1;
        tracing::debug!(%failure, retry = self.retries, pause_ms, "trying again");
        let mut slept_ms = 0;
        while slept_ms < pause_ms {
            if self.interrupt.is_raised() {
                return Err(ClientError::Interrupted);
            }
            let slice_ms = SLICE_MS.min(pause_ms - slept_ms);
            std::thread::sleep(Duration::from_millis(slice_ms));
            slept_ms += slice_ms;
        }
        Ok(())
    }
}

/// Doubles up to the longest.
fn pause_ms(retries: u32) -> u64 {
    (FIRST_PAUSE_MS << retries.min(10)).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_second() {
        let pauses: Vec<u64> = (0..7).map(pause_ms).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
        let total: u64 = (0..RETRIES_MAX).map(pause_ms).sum();
        assert!((8_000..15_000).contains(&total), "{total}");
    }
}
