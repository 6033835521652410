//! Which shard and which log directory of this node hold a partition. Nobody else's business (D8): decided anew at
//! each start, by load.

use std::collections::BTreeMap;

use crate::message::PartitionKey;

/// A partition's place on this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) shard: usize,
    /// The place of its directory in `log.dirs`.
    pub(crate) log_dir: usize,
}

/// Where this node's partitions live.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placement {
    places: BTreeMap<PartitionKey, Place>,
    /// Partitions per shard and per log directory.
    shard_loads: Vec<usize>,
    dir_loads: Vec<usize>,
}

impl Placement {
    pub(crate) fn new(shards: usize, log_dirs: usize) -> Self {
        Self { places: BTreeMap::new(), shard_loads: vec![0; shards], dir_loads: vec![0; log_dirs] }
    }

    pub(crate) fn get(&self, key: PartitionKey) -> Option<Place> {
        self.places.get(&key).copied()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = PartitionKey> {
        self.places.keys().copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PartitionKey, Place)> {
        self.places.iter().map(|(key, place)| (*key, *place))
    }

    /// Give a partition a place: the least loaded shard, and the directory that has its files or else the least
    /// loaded one that has not failed. A partition that has a place keeps it.
    pub(crate) fn add(
        &mut self,
        key: PartitionKey,
        existing_log_dir: Option<usize>,
        has_failed: impl Fn(usize) -> bool,
    ) -> Place {
        if let Some(place) = self.get(key) {
            return place;
        }
        let shard = least(&self.shard_loads, |_| false);
        let log_dir = existing_log_dir.unwrap_or_else(|| least(&self.dir_loads, has_failed));
        self.shard_loads[shard] += 1;
        self.dir_loads[log_dir] += 1;
        let place = Place { shard, log_dir };
        self.places.insert(key, place);
        place
    }

    pub(crate) fn remove(&mut self, key: PartitionKey) {
        if let Some(place) = self.places.remove(&key) {
            self.shard_loads[place.shard] -= 1;
            self.dir_loads[place.log_dir] -= 1;
        }
    }
}

/// The first of the smallest that is not left out.
fn least(loads: &[usize], left_out: impl Fn(usize) -> bool) -> usize {
    let of = loads.iter().enumerate().filter(|(index, _)| !left_out(*index));
    of.min_by_key(|(_, load)| **load).map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use jackdaw_core::uuid::Uuid;

    use super::*;

    fn key(partition: i32) -> PartitionKey {
        PartitionKey { topic_id: Uuid::METADATA_TOPIC, partition }
    }

    #[test]
    fn spreads_over_shards_and_keeps_places() {
        let mut placement = Placement::new(2, 1);
        let shards: Vec<usize> =
            (0..4).map(|partition| placement.add(key(partition), None, |_| false).shard).collect();
        assert_eq!(shards, [0, 1, 0, 1]);
        placement.remove(key(0));
        assert_eq!(placement.add(key(9), None, |_| false).shard, 0);
        assert_eq!(placement.add(key(1), None, |_| false).shard, 1);
    }

    #[test]
    fn files_that_exist_decide_the_directory() {
        let mut placement = Placement::new(1, 3);
        assert_eq!(placement.add(key(0), Some(2), |_| false).log_dir, 2);
        assert_eq!(placement.add(key(1), None, |_| false).log_dir, 0);
        assert_eq!(placement.add(key(2), None, |dir| dir < 2).log_dir, 2);
    }
}
