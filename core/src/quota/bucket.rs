//! A bucket of tokens: full at first, refilled at the quota's rate, and in debt where more was taken than it had.

use super::Windows;

/// The tokens left and when that was so.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// `None` until the first use.
    state: Option<(f64, u64)>,
}

impl Bucket {
    /// Take tokens, also those that are not there.
    pub(super) fn take(&mut self, windows: Windows, bound: f64, count: f64, now_ms: u64) {
        let left = self.left(windows, bound, now_ms);
        self.state = Some((left - count, now_ms));
    }

    /// For how long a bucket in debt must be refilled; 0 where it is not in debt.
    pub(super) fn wait_ms(&mut self, windows: Windows, bound: f64, now_ms: u64) -> u64 {
        let left = self.left(windows, bound, now_ms);
        self.state = Some((left, now_ms));
        if left < 0.0 { (-left / bound * 1000.0).round() as u64 } else { 0 }
    }

    fn left(&self, windows: Windows, bound: f64, now_ms: u64) -> f64 {
        let most = f64::from(windows.count) * windows.size_seconds() * bound;
        match self.state {
            None => most,
            Some((left, at_ms)) => (left + bound * now_ms.saturating_sub(at_ms) as f64 / 1000.0).min(most),
        }
    }

    /// When it was last asked.
    pub(super) fn used_ms(&self) -> u64 {
        self.state.map_or(0, |(_, at_ms)| at_ms)
    }
}
