//! How far each replica has come, as its leader knows from its fetches.

/// One replica seen by the leader.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// Everything below is durable there; `None` until its first valid fetch in this epoch.
    pub(crate) end_offset: Option<i64>,
    pub(crate) last_fetch_ms: Option<u64>,
    /// The last time its log was as long as ours had been at its fetch before.
    pub(crate) last_caught_up_ms: Option<u64>,
}

impl Progress {
    pub(crate) fn on_fetch(&mut self, now_ms: u64, fetch_offset: i64, leader_end: i64) {
        if fetch_offset >= leader_end {
            self.last_caught_up_ms = Some(now_ms);
        }
        self.end_offset = Some(fetch_offset);
        self.last_fetch_ms = Some(now_ms);
    }
}

/// The largest offset that at least `majority` of these ends have reached.
pub(crate) fn majority_offset(mut end_offsets: Vec<i64>, majority: usize) -> Option<i64> {
    end_offsets.sort_unstable_by(|first, second| second.cmp(first));
    end_offsets.get(majority.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_decides() {
        assert_eq!(majority_offset(vec![9], 1), Some(9));
        assert_eq!(majority_offset(vec![9, 3, 5], 2), Some(5));
        assert_eq!(majority_offset(vec![9, 3, 5, 1, 7], 3), Some(5));
        assert_eq!(majority_offset(vec![9], 2), None);
    }
}
