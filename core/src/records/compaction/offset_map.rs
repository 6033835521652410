//! From a key to the offset of its newest record, in memory of a fixed size.
//!
//! A key is known by its hash alone, as in Kafka: two keys with one hash would lose the older one's record. The hash has
//! 128 bits and a secret key, so that neither chance nor a client who looks for collisions finds one.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

/// Bytes of an entry: hash and offset.
const ENTRY_SIZE_BYTES: usize = 24;
/// No map is smaller: one that took no key would never come to an end.
const SLOTS_MIN: usize = 16;

/// How large a map may get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapLimits {
    /// This shard's part of `log.cleaner.dedupe.buffer.size`.
    pub memory_bytes: usize,
    /// `log.cleaner.io.buffer.load.factor`: how full it may get.
    pub load_factor: f64,
}

/// One slot: the hash, and the offset plus one, so that zeros are an empty slot.
type Entry = [u64; 3];

/// The newest offsets of the keys seen so far.
pub struct OffsetMap {
    hash_key: [u64; 2],
    entries: Vec<Entry>,
    key_count: usize,
    key_count_max: usize,
    end_offset: i64,
}

impl OffsetMap {
    /// An empty map for at most `record_count` records from `start_offset` on. `hash_key` is random.
    pub fn new(limits: &MapLimits, record_count: u64, start_offset: i64, hash_key: [u64; 2]) -> Self {
        let load_factor = limits.load_factor.clamp(0.1, 0.95);
        let wanted = (record_count as f64 / load_factor).ceil() + 1.0;
        let allowed = (limits.memory_bytes / ENTRY_SIZE_BYTES).max(SLOTS_MIN);
        let slots = (wanted as usize).clamp(SLOTS_MIN, allowed);
        Self {
            hash_key,
            // Zeroed by the system, page by page as it fills.
            entries: vec![[0; 3]; slots],
            key_count: 0,
            key_count_max: ((slots as f64 * load_factor) as usize).max(1),
            end_offset: start_offset,
        }
    }

    /// Note that `key` was written at `offset`, which is not below any noted before. False where the map is full.
    pub fn put(&mut self, key: &[u8], offset: i64) -> bool {
        debug_assert!(offset >= 0);
        let hash = self.hash(key);
        let slot = self.slot_of(hash);
        if self.entries[slot][2] == 0 {
            if self.key_count >= self.key_count_max {
                return false;
            }
            self.key_count += 1;
        }
        self.entries[slot] = [hash[0], hash[1], offset as u64 + 1];
        self.advance_to(offset + 1);
        true
    }

    /// The newest offset noted for `key`.
    pub fn get(&self, key: &[u8]) -> Option<i64> {
        let offset_plus_one = self.entries[self.slot_of(self.hash(key))][2];
        (offset_plus_one > 0).then(|| (offset_plus_one - 1) as i64)
    }

    /// Every key of the records below is noted.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Note that there is nothing more to note below `offset`.
    pub fn advance_to(&mut self, offset: i64) {
        self.end_offset = self.end_offset.max(offset);
    }

    pub fn key_count(&self) -> usize {
        self.key_count
    }

    /// Bytes that the table takes.
    pub fn size_bytes(&self) -> usize {
        self.entries.len() * ENTRY_SIZE_BYTES
    }

    /// Where a hash is, or would be.
    fn slot_of(&self, hash: [u64; 2]) -> usize {
        let mut slot = (hash[0] % self.entries.len() as u64) as usize;
        // The load factor leaves free slots, so this ends.
        while self.entries[slot][2] != 0 && self.entries[slot][..2] != hash {
            slot += 1;
            if slot == self.entries.len() {
                slot = 0;
            }
        }
        slot
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let mut hasher = SipHasher24::new_with_keys(self.hash_key[0], self.hash_key[1]);
        hasher.write(key);
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(memory_bytes: usize, record_count: u64) -> OffsetMap {
        OffsetMap::new(&MapLimits { memory_bytes, load_factor: 0.9 }, record_count, 0, [1, 2])
    }

    #[test]
    fn the_newest_offset_of_each_key() {
        let mut map = map(1 << 20, 10_000);
        for offset in 0..10_000i64 {
            assert!(map.put(&(offset % 3000).to_be_bytes(), offset));
        }
        assert_eq!((map.key_count(), map.end_offset()), (3000, 10_000));
        for key in 0..3000i64 {
            let newest = if key < 1000 { 9000 + key } else { 6000 + key };
            assert_eq!(map.get(&key.to_be_bytes()), Some(newest), "{key}");
        }
        assert_eq!(map.get(b"another"), None);
        assert_eq!(map.get(b""), None);
    }

    #[test]
    fn a_full_map_takes_known_keys_only() {
        let mut map = map(20 * ENTRY_SIZE_BYTES, 1_000_000);
        assert_eq!(map.size_bytes(), 20 * ENTRY_SIZE_BYTES);
        let taken = (0..100i64).take_while(|key| map.put(&key.to_be_bytes(), *key)).count();
        assert_eq!((taken, map.end_offset()), (18, 18));
        assert!(map.put(&3i64.to_be_bytes(), 500));
        assert!(!map.put(b"new", 501));
        assert_eq!((map.get(&3i64.to_be_bytes()), map.get(b"new")), (Some(500), None));
    }

    #[test]
    fn no_larger_than_it_has_to_be() {
        assert!(map(1 << 30, 100).size_bytes() < 200 * ENTRY_SIZE_BYTES);
        assert_eq!(map(0, 1 << 40).size_bytes(), SLOTS_MIN * ENTRY_SIZE_BYTES);
    }
}
