//! CPU time of the calling thread.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A stretch of a thread's work.
pub(crate) struct Stretch {
    started: Instant,
    cpu: Duration,
}

impl Stretch {
    pub(crate) fn begin() -> Self {
        Self { started: Instant::now(), cpu: cpu() }
    }

    /// Seconds of CPU time and of the clock since then.
    pub(crate) fn end(&self) -> (f64, f64) {
        ((cpu() - self.cpu).as_secs_f64(), self.started.elapsed().as_secs_f64())
    }
}

/// User and system time of this thread, in nanoseconds as the kernel counts them.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
