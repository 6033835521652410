//! Pauses between attempts: bounded in number and in length.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use super::error::ClientError;
use super::interrupt::Interrupt;

/// Attempts after the first. With the pauses below they cover about 12 s: a restart, or the choice of a leader.
const RETRIES_MAX: u32 = 15;
/// No new attempt after this long: each may itself last as long as an answer may take.
const RETRY_TIME_MAX: Duration = Duration::from_secs(60);
/// The same after an interrupt: about half a second of pauses.
const GOODBYE_RETRIES_MAX: u32 = 3;
/// A person who waits is told why after this long.
const SILENCE_MAX: Duration = Duration::from_secs(3);
const FIRST_PAUSE_MS: u64 = 50;
const LONGEST_PAUSE_MS: u64 = 1000;
/// How often a pause looks for an interrupt.
const SLICE_MS: u64 = 50;

/// How long a command goes on trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// A restart's time.
    Restart,
    /// Until it is interrupted: what follows a topic outlives any outage.
    Endless,
    /// Somebody has asked for the end and waits.
    Goodbye,
}

impl Patience {
    fn is_over(self, retries: u32, spent: Duration) -> bool {
        match self {
            Self::Restart => retries >= RETRIES_MAX || spent >= RETRY_TIME_MAX,
            Self::Endless => false,
            Self::Goodbye => retries >= GOODBYE_RETRIES_MAX,
        }
    }
}

/// Counts the attempts at one thing.
pub(crate) struct Retry {
    interrupt: Interrupt,
    patience: Patience,
    begun: Instant,
    retries: u32,
    has_told: bool,
}

impl Retry {
    pub(crate) fn new(interrupt: Interrupt, patience: Patience) -> Self {
        Self { interrupt, patience, begun: Instant::now(), retries: 0, has_told: false }
    }

    /// Sleeps before the next attempt.
    ///
    /// # Errors
    /// `failure` itself when there were enough attempts or they took too long; an interrupt.
    pub(crate) fn pause(&mut self, failure: ClientError) -> Result<(), ClientError> {
        if self.patience.is_over(self.retries, self.begun.elapsed()) {
            return Err(failure);
        }
        if !self.has_told && self.begun.elapsed() >= SILENCE_MAX {
            self.has_told = true;
            let _ = writeln!(io::stderr(), "{failure}; trying again");
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

    #[test]
    fn only_a_follower_tries_without_end() {
        let long = Duration::from_secs(3600);
        let cases = [
            (Patience::Restart, 14, Duration::ZERO, false),
            (Patience::Restart, 15, Duration::ZERO, true),
            (Patience::Restart, 1, long, true),
            (Patience::Endless, 100_000, long, false),
            (Patience::Goodbye, 2, Duration::ZERO, false),
            (Patience::Goodbye, 3, Duration::ZERO, true),
        ];
        for (patience, retries, spent, over) in cases {
            assert_eq!(patience.is_over(retries, spent), over, "{patience:?} {retries} {spent:?}");
        }
    }
}
