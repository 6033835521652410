//! Histograms of fixed buckets: to record is a few instructions and allocates nothing.

/// Buckets of a power of two: a value is known to an eighth.
const STEPS: usize = 8;
/// 2^3: below, each value has a bucket of its own.
const STEPS_LOG: u32 = 3;
/// Values of 2^43 and more are counted as the largest; in nanoseconds that is two hours.
const POWER_MAX: u32 = 43;
const BUCKETS: usize = (POWER_MAX - STEPS_LOG + 1) as usize * STEPS;

/// How long a window collects. Quantiles are those of the window before and of the one that is filling: of the last
/// one to two minutes.
const WINDOW_NS: u64 = 60 * 1_000_000_000;

type Counts = [u32; BUCKETS];

/// Values of the last minutes by their size, and the count and sum of all.
#[derive(Clone, Debug)]
pub struct Histogram {
    windows: [Box<Counts>; 2],
    filling: usize,
    /// When the filling window began.
    begun_ns: u64,
    count: u64,
    sum: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let window = || Box::new([0; BUCKETS]);
        Self { windows: [window(), window()], filling: 0, begun_ns: 0, count: 0, sum: 0 }
    }
}

impl Histogram {
    /// Count a value. `now_ns` is of a clock that never goes back.
    pub fn record(&mut self, now_ns: u64, value: u64) {
        if now_ns.saturating_sub(self.begun_ns) >= WINDOW_NS {
            self.turn(now_ns);
        }
        let count = &mut self.windows[self.filling][bucket(value)];
        *count = count.saturating_add(1);
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
    }

    /// Begin the next window in place of the older one.
    fn turn(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.begun_ns) >= 2 * WINDOW_NS {
            // Nothing was recorded for a whole window.
            self.windows[self.filling].fill(0);
        }
        self.filling = 1 - self.filling;
        self.windows[self.filling].fill(0);
        self.begun_ns = now_ns;
    }

    /// Add what there is to `snapshot`.
    pub fn add_to(&self, now_ns: u64, snapshot: &mut Snapshot) {
        snapshot.count += self.count;
        snapshot.sum = snapshot.sum.saturating_add(self.sum);
        let age_ns = now_ns.saturating_sub(self.begun_ns);
        let mut add = |counts: &Counts| {
            snapshot.recent.resize(BUCKETS, 0);
            snapshot.recent.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(*count));
        };
        if age_ns < 2 * WINDOW_NS {
            add(&self.windows[self.filling]);
        }
        if age_ns < WINDOW_NS {
            add(&self.windows[1 - self.filling]);
        }
    }
}

/// What histograms of one kind have counted, put together.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    recent: Vec<u64>,
    pub count: u64,
    pub sum: u64,
}

impl Snapshot {
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.recent.resize(self.recent.len().max(other.recent.len()), 0);
        self.recent.iter_mut().zip(&other.recent).for_each(|(sum, count)| *sum += count);
    }

    /// The value below which this share of the last minutes' values lie; `None` where there was none.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let count: u64 = self.recent.iter().sum();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count);
        let mut below = 0;
        let index = self.recent.iter().position(|bucket| {
            below += bucket;
            below >= rank
        });
        index.map(middle)
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let power = 63 - value.leading_zeros();
    if power >= POWER_MAX {
        return BUCKETS - 1;
    }
    let step = (value >> (power - STEPS_LOG)) as usize & (STEPS - 1);
    (power - STEPS_LOG + 1) as usize * STEPS + step
}

/// A value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let shift = bucket / STEPS - 1;
    let first = ((STEPS + bucket % STEPS) as u64) << shift;
    first + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_middle_and_is_an_eighth_wide() {
        for index in 0..BUCKETS {
            assert_eq!(bucket(middle(index)), index);
        }
        for value in [0, 1, 7, 8, 9, 100, 1000, 12_345, 1 << 20, (1 << 42) + 12_345] {
            let found = middle(bucket(value));
            assert!(found.abs_diff(value) * 8 <= value, "{value} is taken for {found}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    fn snapshot(histogram: &Histogram, now_ns: u64) -> Snapshot {
        let mut snapshot = Snapshot::default();
        histogram.add_to(now_ns, &mut snapshot);
        snapshot
    }

    #[test]
    fn quantiles() {
        let mut histogram = Histogram::default();
        assert_eq!(snapshot(&histogram, 0).quantile(0.5), None);
        (1..=8).for_each(|value| histogram.record(0, value * 1000));
        let found = snapshot(&histogram, 0);
        let is_near =
            |found: Option<u64>, value: u64| found.is_some_and(|found| found.abs_diff(value) * 8 <= value);
        assert!(is_near(found.quantile(0.5), 4000), "{found:?}");
        assert!(is_near(found.quantile(1.0), 8000), "{found:?}");
        assert!(is_near(found.quantile(0.0), 1000), "{found:?}");
        assert_eq!((found.count, found.sum), (8, 36_000));
    }

    #[test]
    fn what_is_old_leaves_the_quantiles_and_stays_in_the_sum() {
        let mut histogram = Histogram::default();
        histogram.record(0, 5);
        histogram.record(WINDOW_NS, 7);
        assert_eq!(snapshot(&histogram, WINDOW_NS).quantile(0.0), Some(5));
        histogram.record(2 * WINDOW_NS, 6);
        assert_eq!(snapshot(&histogram, 2 * WINDOW_NS).quantile(0.0), Some(6));
        assert_eq!(snapshot(&histogram, 2 * WINDOW_NS).quantile(1.0), Some(7));
        assert_eq!(snapshot(&histogram, 4 * WINDOW_NS).quantile(1.0), None);
        histogram.record(9 * WINDOW_NS, 1);
        let found = snapshot(&histogram, 9 * WINDOW_NS);
        assert_eq!((found.quantile(0.0), found.quantile(1.0)), (Some(1), Some(1)));
        assert_eq!((found.count, found.sum), (4, 19));
    }
}
