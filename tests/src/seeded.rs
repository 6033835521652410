//! Random numbers from a seed that a test prints, and the counts that the environment may raise.

use std::time::{SystemTime, UNIX_EPOCH};

/// A sequence of random numbers (SplitMix64).
pub struct Seeded(u64);

impl Seeded {
    /// From the seed that this variable names, else from the clock. The seed is printed, so that a failure shows it.
    pub fn from_environment(variable: &str) -> Self {
        let clock = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
            u64::from(now.subsec_nanos()) ^ now.as_secs()
        };
        let seed = number(variable).unwrap_or_else(clock);
        eprintln!("{variable}={seed}");
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// True once in `times`, on average.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// The number that this variable names; none where it is not set.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?} and no number")))
}
