//! A rate over the last windows. What came before the first is taken for windows without use, so that a burst of a new client
//! is weighed against the whole span and not against its own first moment.

use super::Windows;

#[derive(Clone, Copy, Debug)]
struct Sample {
    begun_ms: u64,
    /// When it was last added to.
    used_ms: u64,
    value: f64,
}

impl Sample {
    fn at(now_ms: u64) -> Self {
        Self { begun_ms: now_ms, used_ms: now_ms, value: 0.0 }
    }
}

/// What was used, by window. `now` may not go back by more than clocks of one host differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// A ring of one more than there are windows: the one that leaves the span still overlaps it.
    samples: Vec<Sample>,
    current: usize,
}

impl Rate {
    /// Add to what was used; a negative value takes back.
    pub(super) fn record(&mut self, windows: Windows, value: f64, now_ms: u64) {
        if self.samples.is_empty() {
            self.samples.push(Sample::at(now_ms));
        }
        if now_ms.saturating_sub(self.samples[self.current].begun_ms) >= windows.size_ms {
            self.advance(windows, now_ms);
        }
        let sample = &mut self.samples[self.current];
        sample.value += value;
        sample.used_ms = now_ms;
    }

    fn advance(&mut self, windows: Windows, now_ms: u64) {
        self.current = (self.current + 1) % (windows.count as usize + 1);
        match self.samples.get_mut(self.current) {
            Some(sample) => *sample = Sample::at(now_ms),
            None => self.samples.push(Sample::at(now_ms)),
        }
    }

    /// For how long nothing may be used so that the rate falls to `bound` a second; 0 where it is not above.
    pub(super) fn wait_ms(&mut self, windows: Windows, bound: f64, now_ms: u64) -> u64 {
        let (used, span_ms) = self.measure(windows, now_ms);
        let rate = used / (span_ms / 1000.0);
        if rate <= bound {
            return 0;
        }
        // A float's cast keeps within the integer's range.
        ((rate - bound) / bound * span_ms).round() as u64
    }

    /// What was used, and in how many milliseconds.
    fn measure(&mut self, windows: Windows, now_ms: u64) -> (f64, f64) {
        for sample in &mut self.samples {
            if now_ms.saturating_sub(sample.used_ms) >= windows.span_ms() {
                *sample = Sample::at(now_ms);
            }
        }
        let used = self.samples.iter().map(|sample| sample.value).sum();
        let oldest_ms = self.samples.iter().map(|sample| sample.begun_ms).min().unwrap_or(now_ms);
        let elapsed_ms = now_ms.saturating_sub(oldest_ms);
        let missing = u64::from(windows.count - 1).saturating_sub(elapsed_ms / windows.size_ms);
        (used, (elapsed_ms + missing * windows.size_ms).max(1) as f64)
    }

    /// When it was last used.
    pub(super) fn used_ms(&self) -> u64 {
        self.samples.get(self.current).map_or(0, |sample| sample.used_ms)
    }
}
