//! Random numbers from the seed: one independent stream a purpose.

/// A stream of random numbers. Two streams of one seed with different salts have nothing to do with each other, so a
/// further draw in one place does not move what another place sees.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Random {
    /// The stream named `salt` of `seed`.
    pub fn stream(seed: u64, salt: &str) -> Self {
        let start = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
        Self { state: salt.bytes().fold(start, |state, byte| mix(state ^ u64::from(byte))) }
    }

    /// splitmix64.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number less than `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// An index into something of `length` elements.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True once in `count` times; never for 0.
    pub fn one_in(&mut self, count: u64) -> bool {
        let drawn = self.next_u64();
        count != 0 && drawn.is_multiple_of(count)
    }

    /// A number from `low` to `high` whose logarithm is even: small ones are as likely as large ones.
    pub fn scaled(&mut self, low: u64, high: u64) -> u64 {
        assert!(low > 0 && low <= high, "a scaled range begins above 0");
        let doublings = u64::from((high / low).ilog2());
        let floor = low << self.between(0, doublings);
        self.between(floor.min(high), (floor.saturating_mul(2) - 1).min(high))
    }

    /// One of `values`.
    pub fn pick<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.index(values.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let mut first = Random::stream(7, "disk");
        let mut again = Random::stream(7, "disk");
        let mut other = Random::stream(7, "network");
        let mut seed = Random::stream(8, "disk");
        let draws: Vec<u64> = (0..8).map(|_| first.next_u64()).collect();
        assert_eq!(draws, (0..8).map(|_| again.next_u64()).collect::<Vec<_>>());
        assert_ne!(draws, (0..8).map(|_| other.next_u64()).collect::<Vec<_>>());
        assert_ne!(draws, (0..8).map(|_| seed.next_u64()).collect::<Vec<_>>());
    }

    #[test]
    fn ranges_hold() {
        let mut random = Random::stream(1, "ranges");
        for _ in 0..10_000 {
            assert!(random.below(3) < 3);
            assert!((5..=9).contains(&random.between(5, 9)));
            assert!((10..=1_000_000).contains(&random.scaled(10, 1_000_000)));
            assert!(!random.one_in(0));
            assert!(random.one_in(1));
        }
    }
}
