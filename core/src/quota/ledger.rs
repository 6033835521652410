//! What each scope has used of its quotas, as far as it still counts.

use std::{collections::BTreeMap, sync::Arc};

use super::{QuotaKind, QuotaScope, Windows, bucket::Bucket, rate::Rate};
use crate::limits::QUOTA_SCOPES_MAX;

/// Whether what is charged counts as used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Whatever comes of it.
    Always,
    /// Only where there is no need to wait: who must wait does not get it.
    Unthrottled,
    /// Not at all: the question is how long somebody would have to wait.
    Never,
}

/// Something to be used.
#[derive(Clone, Debug)]
pub struct Charge {
    pub scope: Arc<QuotaScope>,
    pub kind: QuotaKind,
    /// The quota, a second; above 0.
    pub bound: f64,
    /// In the kind's unit.
    pub value: f64,
    pub keep: Keep,
}

/// What came of a charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// 0: the quota is kept.
    pub throttle_ms: u32,
}

/// What the scopes of one shard have used.
#[derive(Debug)]
pub struct Ledger {
    windows: Windows,
    controller_windows: Windows,
    used: BTreeMap<(QuotaKind, Arc<QuotaScope>), Used>,
    scopes_max: usize,
    swept_ms: u64,
}

#[derive(Debug)]
enum Used {
    Rate(Rate),
    Bucket(Bucket),
}

impl Used {
    fn last_ms(&self) -> u64 {
        match self {
            Self::Rate(rate) => rate.used_ms(),
            Self::Bucket(bucket) => bucket.used_ms(),
        }
    }
}

impl Ledger {
    /// `controller_windows` are for changes to partitions, `windows` for all else.
    pub fn new(windows: Windows, controller_windows: Windows) -> Self {
        Self { windows, controller_windows, used: BTreeMap::new(), scopes_max: QUOTA_SCOPES_MAX, swept_ms: 0 }
    }

    #[cfg(test)]
    pub(super) fn with_scopes_max(self, scopes_max: usize) -> Self {
        Self { scopes_max, ..self }
    }

    pub fn windows(&self) -> Windows {
        self.windows
    }

    /// How many uses are remembered.
    pub fn len(&self) -> usize {
        self.used.len()
    }

    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    /// Count a use, and tell for how long its client must wait.
    pub fn charge(&mut self, charge: &Charge, now_ms: u64) -> Charged {
        let (windows, controller_windows) = (self.windows, self.controller_windows);
        let longest_ms = match charge.kind {
            // Never longer than a window: what a request took is known too late to be weighed against the whole span.
            QuotaKind::Request | QuotaKind::Connection => windows.size_ms,
            _ => u64::from(i32::MAX.unsigned_abs()),
        };
        let Some(used) = self.used(charge, now_ms) else { return Charged::default() };
        let throttle_ms = match used {
            Used::Rate(rate) => charge_rate(rate, windows, charge, now_ms),
            Used::Bucket(bucket) => charge_bucket(bucket, controller_windows, charge, now_ms),
        };
        Charged { throttle_ms: throttle_ms.min(longest_ms) as u32 }
    }

    /// `None` where no more scopes can be remembered.
    fn used(&mut self, charge: &Charge, now_ms: u64) -> Option<&mut Used> {
        let key = (charge.kind, Arc::clone(&charge.scope));
        if self.used.len() >= self.scopes_max && !self.used.contains_key(&key) {
            self.sweep(now_ms);
            if self.used.len() >= self.scopes_max {
                return None;
            }
        }
        let new = || match charge.kind {
            QuotaKind::ControllerMutation => Used::Bucket(Bucket::default()),
            _ => Used::Rate(Rate::default()),
        };
        Some(self.used.entry(key).or_insert_with(new))
    }

    /// Forget what counts no more, at most once a window: it looks at everything. Exact, for a rate without use in the
    /// span is one of zero; only a bucket's debt may be longer.
    fn sweep(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.swept_ms) < self.windows.size_ms {
            return;
        }
        self.swept_ms = now_ms;
        let span_ms = self.windows.span_ms().max(self.controller_windows.span_ms());
        self.used.retain(|_, used| now_ms.saturating_sub(used.last_ms()) < span_ms);
    }
}

fn charge_rate(rate: &mut Rate, windows: Windows, charge: &Charge, now_ms: u64) -> u64 {
    rate.record(windows, charge.value, now_ms);
    let throttle_ms = rate.wait_ms(windows, charge.bound, now_ms);
    let is_kept = match charge.keep {
        Keep::Always => true,
        Keep::Unthrottled => throttle_ms == 0,
        Keep::Never => false,
    };
    if !is_kept {
        rate.record(windows, -charge.value, now_ms);
    }
    throttle_ms
}

/// Who may be refused is refused by a bucket that is in debt already; all others may bring it into debt.
fn charge_bucket(bucket: &mut Bucket, windows: Windows, charge: &Charge, now_ms: u64) -> u64 {
    let before_ms = bucket.wait_ms(windows, charge.bound, now_ms);
    match charge.keep {
        Keep::Never => before_ms,
        Keep::Unthrottled if before_ms > 0 => before_ms,
        Keep::Unthrottled => {
            bucket.take(windows, charge.bound, charge.value, now_ms);
            0
        }
        Keep::Always => {
            bucket.take(windows, charge.bound, charge.value, now_ms);
            bucket.wait_ms(windows, charge.bound, now_ms)
        }
    }
}
