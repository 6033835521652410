//! Which partition a record goes to: by its key's hash as Java's producer has it, else one after another.

use std::hash::{BuildHasher as _, RandomState};

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// The partition of a key: the same as that of every Java client.
pub(crate) fn partition_of_key(key: &[u8], partitions_count: i32) -> i32 {
    // The sign bit is cleared, not the value negated: that is what Java does.
    let positive = (murmur2(key) & 0x7fff_ffff).cast_signed();
    positive % partitions_count
}

/// MurmurHash2 with Kafka's seed.
fn murmur2(data: &[u8]) -> u32 {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        k ^= k >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ k.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        for (index, &byte) in tail.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * index);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

/// Records without key stay on one partition for a batch, then go to the next: fewer, fuller batches.
#[derive(Debug)]
pub(crate) struct StickyPartition {
    current: u64,
}

impl StickyPartition {
    /// Begins anywhere, so that many short runs do not all write to partition 0.
    pub(crate) fn anywhere() -> Self {
        Self { current: RandomState::new().hash_one(0) >> 1 }
    }

    pub(crate) fn partition(&self, partitions_count: i32) -> i32 {
        let count = u64::from(partitions_count.unsigned_abs()).max(1);
        i32::try_from(self.current % count).unwrap_or(0)
    }

    /// A batch is full: on to the next partition.
    pub(crate) fn advance(&mut self) {
        self.current += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that Java's clients compute.
    #[test]
    fn hashes_are_those_of_java() {
        let cases: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key).cast_signed(), hash, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn a_negative_hash_gives_a_partition() {
        for count in [1, 3, 100] {
            assert!((0..count).contains(&partition_of_key(b"21", count)));
        }
        assert_eq!(partition_of_key(b"abc", 1000), 107);
    }

    #[test]
    fn the_sticky_partition_goes_round() {
        let mut sticky = StickyPartition { current: 4 };
        let mut partitions = Vec::new();
        for _ in 0..4 {
            partitions.push(sticky.partition(3));
            sticky.advance();
        }
        assert_eq!(partitions, [1, 2, 0, 1]);
    }
}
