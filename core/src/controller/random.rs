//! Draws from the random bits that came with a request.

use crate::uuid::Uuid;

/// Two splitmix64 streams: a topic id takes both.
pub(super) struct Draws([u64; 2]);

impl Draws {
    pub(super) fn new(seed: [u64; 2]) -> Self {
        Self(seed)
    }

    fn next(&mut self, stream: usize) -> u64 {
        self.0[stream] = self.0[stream].wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0[stream];
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `[0, limit)`; 0 where the limit is 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next(0) % (limit.max(1) as u64)) as usize
    }

    /// An id that is none of those `taken`.
    pub(super) fn uuid(&mut self, taken: impl Fn(Uuid) -> bool) -> Uuid {
        loop {
            let bits = (u128::from(self.next(0)) << 64) | u128::from(self.next(1));
            if let Some(id) = Uuid::from_random(bits.to_be_bytes())
                && !taken(id)
            {
                return id;
            }
        }
    }
}
