//! Randomised durations from the seed that the host passed in.

/// A small generator (splitmix64): election timeouts need to differ, not to be secret.
#[derive(Clone, Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A duration in `[base_ms, 2 * base_ms)`.
    pub(crate) fn between_once_and_twice(&mut self, base_ms: u64) -> u64 {
        base_ms + self.next() % base_ms.max(1)
    }

    /// A duration in `[1, max_ms]`.
    pub(crate) fn up_to(&mut self, max_ms: u64) -> u64 {
        1 + self.next() % max_ms.max(1)
    }
}

/// How long the voter at `position` of a resigning leader's list waits before it stands: the first not at all,
/// the others in steps that double and end at `max_ms`.
pub(crate) fn succession_delay_ms(position: usize, successor_count: usize, max_ms: u64) -> u64 {
    let Some(step) = position.checked_sub(1) else { return 0 };
    let base_ms = max_ms.checked_shr(successor_count.saturating_sub(1) as u32).unwrap_or(0).max(1);
    base_ms.checked_shl(step as u32).map_or(max_ms, |delay_ms| delay_ms.min(max_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_range() {
        let mut jitter = Jitter::new(7);
        for _ in 0..1000 {
            assert!((1000..2000).contains(&jitter.between_once_and_twice(1000)));
            assert!((1..=50).contains(&jitter.up_to(50)));
        }
    }

    #[test]
    fn successors_wait_by_position() {
        let delays: Vec<u64> = (0..4).map(|position| succession_delay_ms(position, 4, 1000)).collect();
        assert_eq!(delays, [0, 125, 250, 500]);
        assert_eq!(succession_delay_ms(200, 300, 1000), 1000);
    }
}
