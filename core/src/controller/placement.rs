//! Which brokers hold a new topic's partitions: leaders spread over all of them, replicas over racks.

use std::collections::BTreeMap;

use super::random::Draws;
use crate::metadata::Broker;

/// A broker that may hold new partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) id: i32,
    pub(super) rack: Option<String>,
    pub(super) fenced: bool,
}

/// Why there is no placement; the text is Kafka's for INVALID_REPLICATION_FACTOR, without its beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlacementError {
    #[error("All brokers are currently fenced or have all their log directories cordoned.")]
    NobodyActive,
    #[error(
        "The target replication factor of {replication_factor} cannot be reached because only {broker_count} broker(s) are registered or some brokers have all their log directories cordoned."
    )]
    TooFew { replication_factor: usize, broker_count: usize },
}

impl Place {
    pub(super) fn of(broker: &Broker) -> Self {
        Self { id: broker.id, rack: broker.rack.clone(), fenced: !broker.is_active() }
    }
}

/// The replicas of `partition_count` partitions, the preferred leader first.
///
/// The brokers stand in a ring in which racks alternate, begun at a random place. Partition `p` is led by the broker
/// at `p`; its followers are the next ones round the ring, first those in racks that have no replica yet, then the
/// others. Each lap shifts the followers by one, so that two brokers do not share all their partitions. Fenced brokers
/// come last and never lead.
pub(super) fn place(
    places: &[Place],
    partition_count: usize,
    replication_factor: usize,
    draws: &mut Draws,
) -> Result<Vec<Vec<i32>>, PlacementError> {
    let broker_count = places.len();
    let active = ring(places.iter().filter(|place| !place.fenced), draws);
    let fenced = ring(places.iter().filter(|place| place.fenced), draws);
    if active.is_empty() {
        return Err(PlacementError::NobodyActive);
    }
    if replication_factor > broker_count {
        return Err(PlacementError::TooFew { replication_factor, broker_count });
    }
    let shift = draws.below(active.len());
    let replicas = |partition: usize| {
        let leader = partition % active.len();
        let first_follower = leader + 1 + (shift + partition / active.len()) % (active.len() - 1).max(1);
        let order = (0..active.len()).map(|step| active[(first_follower + step) % active.len()]);
        let followers: Vec<&Place> = order.filter(|place| place.id != active[leader].id).collect();
        choose(active[leader], &followers, &fenced, replication_factor)
    };
    Ok((0..partition_count).map(replicas).collect())
}

/// All brokers with racks taking turns, from a random beginning.
fn ring<'a>(places: impl Iterator<Item = &'a Place>, draws: &mut Draws) -> Vec<&'a Place> {
    let mut racks: BTreeMap<Option<&str>, Vec<&Place>> = BTreeMap::new();
    for place in places {
        racks.entry(place.rack.as_deref()).or_default().push(place);
    }
    for rack in racks.values_mut() {
        let start = draws.below(rack.len());
        rack.rotate_left(start);
    }
    let longest = racks.values().map(Vec::len).max().unwrap_or(0);
    let mut ring: Vec<&Place> = (0..longest)
        .flat_map(|index| racks.values().filter_map(move |rack| rack.get(index).copied()))
        .collect();
    let start = draws.below(ring.len());
    ring.rotate_left(start);
    ring
}

fn choose(leader: &Place, followers: &[&Place], fenced: &[&Place], replication_factor: usize) -> Vec<i32> {
    let mut chosen: Vec<&Place> = vec![leader];
    for candidates in [followers, fenced] {
        for wants_new_rack in [true, false] {
            for candidate in candidates {
                let is_chosen = chosen.iter().any(|place| place.id == candidate.id);
                let rack_is_used = chosen.iter().any(|place| place.rack == candidate.rack);
                if chosen.len() < replication_factor && !is_chosen && !(wants_new_rack && rack_is_used) {
                    chosen.push(candidate);
                }
            }
        }
    }
    chosen.iter().map(|place| place.id).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn places(racks: &[&str], fenced: &[i32]) -> Vec<Place> {
        let place = |(id, rack): (i32, &&str)| Place {
            id,
            rack: (!rack.is_empty()).then(|| (*rack).to_owned()),
            fenced: fenced.contains(&id),
        };
        (0..).zip(racks).map(place).collect()
    }

    fn placed(places: &[Place], partitions: usize, factor: usize, seed: u64) -> Vec<Vec<i32>> {
        place(places, partitions, factor, &mut Draws::new([seed, 1])).unwrap()
    }

    #[test]
    fn leaders_are_spread_evenly() {
        for seed in 0..50 {
            let replicas = placed(&places(&["", "", "", ""], &[]), 40, 3, seed);
            for broker in 0..4 {
                let leads = replicas.iter().filter(|replicas| replicas[0] == broker).count();
                let holds = replicas.iter().filter(|replicas| replicas.contains(&broker)).count();
                assert_eq!((leads, holds), (10, 30), "broker {broker} seed {seed}");
            }
        }
    }

    #[test]
    fn replicas_are_distinct_and_in_distinct_racks() {
        let brokers = places(&["a", "a", "b", "b", "c", "c"], &[]);
        for seed in 0..50 {
            for replicas in placed(&brokers, 24, 3, seed) {
                let racks: BTreeSet<_> = replicas.iter().map(|id| &brokers[*id as usize].rack).collect();
                assert_eq!(racks.len(), 3);
            }
            for replicas in placed(&brokers, 24, 6, seed) {
                assert_eq!(replicas.iter().collect::<BTreeSet<_>>().len(), 6);
            }
        }
    }

    #[test]
    fn two_brokers_do_not_share_all_partitions() {
        let replicas = placed(&places(&["", "", "", ""], &[]), 12, 2, 3);
        let with_first: BTreeSet<i32> =
            replicas.iter().filter(|replicas| replicas[0] == 0).map(|replicas| replicas[1]).collect();
        assert_eq!(with_first, BTreeSet::from([1, 2, 3]));
    }

    #[test]
    fn fenced_brokers_hold_only_where_they_must() {
        let brokers = places(&["", "", ""], &[1]);
        for replicas in placed(&brokers, 10, 2, 9) {
            assert!(!replicas.contains(&1));
        }
        for replicas in placed(&brokers, 10, 3, 9) {
            assert_eq!(replicas[2], 1);
        }
    }

    #[test]
    fn too_few_brokers_are_named() {
        let mut draws = Draws::new([1, 2]);
        let error = place(&places(&["", ""], &[]), 1, 5, &mut draws).unwrap_err();
        assert_eq!(error, PlacementError::TooFew { replication_factor: 5, broker_count: 2 });
        let error = place(&places(&[""], &[0]), 1, 1, &mut draws).unwrap_err();
        assert_eq!(error, PlacementError::NobodyActive);
    }
}
