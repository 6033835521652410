//! What the leader of a classic group does: share out the partitions, and the bytes in which members say what they own.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jackdaw_core::protocol::{
    Message,
    records::consumer_protocol::{
        ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition, ConsumerProtocolSubscription,
        ConsumerProtocolSubscriptionTopicPartition,
    },
};

use super::{broken, history::Place, plan::TopicPlan};

/// A member as the leader sees it.
pub(super) struct Candidate {
    pub(super) member: String,
    pub(super) owned: BTreeSet<Place>,
}

pub(super) type Assignment = BTreeMap<String, BTreeSet<Place>>;

/// Deal all partitions out, whoever had them.
pub(super) fn deal(candidates: &[Candidate], places: &[Place]) -> Assignment {
    let mut names: Vec<&String> = candidates.iter().map(|candidate| &candidate.member).collect();
    names.sort();
    let mut assignment: Assignment = names.iter().map(|name| ((*name).clone(), BTreeSet::new())).collect();
    for (index, place) in places.iter().enumerate() {
        if let Some(name) = names.get(index % names.len().max(1)) {
            assignment.entry((*name).clone()).or_default().insert(*place);
        }
    }
    assignment
}

/// Leave each member as much as is fair of what it has; what moves from one to another is first only taken.
pub(super) fn keep(candidates: &[Candidate], places: &[Place]) -> Assignment {
    let mut assignment: Assignment =
        candidates.iter().map(|candidate| (candidate.member.clone(), BTreeSet::new())).collect();
    let count = assignment.len().max(1);
    let (floor, mut over) = (places.len() / count, places.len() % count);
    let mut left: BTreeSet<Place> = places.iter().copied().collect();
    for candidate in candidates {
        let mut limit = floor;
        let valid: Vec<Place> =
            candidate.owned.iter().copied().filter(|place| left.contains(place)).collect();
        if valid.len() > floor && over > 0 {
            (limit, over) = (floor + 1, over - 1);
        }
        for place in valid.into_iter().take(limit) {
            left.remove(&place);
            assignment.entry(candidate.member.clone()).or_default().insert(place);
        }
    }
    for place in left {
        let is_owned_by_others = |name: &str| {
            candidates.iter().any(|candidate| candidate.member != name && candidate.owned.contains(&place))
        };
        let fewest = assignment.iter().min_by_key(|(_, places)| places.len()).map(|(name, _)| name.clone());
        let Some(name) = fewest else { continue };
        if !is_owned_by_others(&name) {
            assignment.entry(name).or_default().insert(place);
        }
    }
    assignment
}

/// A member's metadata in JoinGroup. Version 0 does not say what it owns.
pub(super) fn subscription(
    topics: &[TopicPlan],
    owned: &BTreeSet<Place>,
    generation: i32,
    version: i16,
) -> Bytes {
    let owned_partitions = by_topic(owned).into_iter().map(|(topic, partitions)| {
        ConsumerProtocolSubscriptionTopicPartition { topic: topics[topic].name.clone(), partitions }
    });
    let subscription = ConsumerProtocolSubscription {
        topics: topics.iter().map(|topic| topic.name.clone()).collect(),
        owned_partitions: owned_partitions.collect(),
        generation_id: generation,
        ..Default::default()
    };
    match subscription.to_prefixed_bytes(version) {
        Ok(bytes) => bytes,
        Err(error) => panic!("cannot encode {subscription:?}: {error}"),
    }
}

/// What a member says that it owns.
pub(super) fn read_subscription(topics: &[TopicPlan], bytes: &Bytes) -> BTreeSet<Place> {
    match ConsumerProtocolSubscription::from_prefixed_bytes(bytes) {
        Ok(read) => read
            .owned_partitions
            .iter()
            .flat_map(|owned| places_of(topics, &owned.topic, &owned.partitions))
            .collect(),
        Err(error) => broken("a leader sees the members as they are", &format!("{error}: {bytes:?}")),
    }
}

pub(super) fn assignment(topics: &[TopicPlan], places: &BTreeSet<Place>) -> Bytes {
    let assigned = by_topic(places).into_iter().map(|(topic, partitions)| {
        ConsumerProtocolAssignmentTopicPartition { topic: topics[topic].name.clone(), partitions }
    });
    let assignment =
        ConsumerProtocolAssignment { assigned_partitions: assigned.collect(), ..Default::default() };
    match assignment.to_prefixed_bytes(1) {
        Ok(bytes) => bytes,
        Err(error) => panic!("cannot encode {assignment:?}: {error}"),
    }
}

/// A member that its leader did not know gets no bytes at all.
pub(super) fn read_assignment(topics: &[TopicPlan], bytes: &Bytes) -> BTreeSet<Place> {
    if bytes.is_empty() {
        return BTreeSet::new();
    }
    match ConsumerProtocolAssignment::from_prefixed_bytes(bytes) {
        Ok(read) => read
            .assigned_partitions
            .iter()
            .flat_map(|assigned| places_of(topics, &assigned.topic, &assigned.partitions))
            .collect(),
        Err(error) => broken("an assignment is the leader's", &format!("{error}: {bytes:?}")),
    }
}

fn places_of(topics: &[TopicPlan], name: &str, partitions: &[i32]) -> Vec<Place> {
    let topic = topics.iter().position(|topic| topic.name == name);
    topic.into_iter().flat_map(|topic| partitions.iter().map(move |partition| (topic, *partition))).collect()
}

pub(super) fn by_topic(places: &BTreeSet<Place>) -> BTreeMap<usize, Vec<i32>> {
    let mut topics: BTreeMap<usize, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in places {
        topics.entry(*topic).or_default().push(*partition);
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(member: &str, owned: &[i32]) -> Candidate {
        Candidate {
            member: member.to_owned(),
            owned: owned.iter().map(|partition| (0, *partition)).collect(),
        }
    }

    #[test]
    fn what_stays_is_kept_and_what_moves_waits() {
        let places: Vec<Place> = (0..4).map(|partition| (0, partition)).collect();
        let first = keep(&[candidate("a", &[0, 1, 2, 3]), candidate("b", &[])], &places);
        assert_eq!(first["a"], BTreeSet::from([(0, 0), (0, 1)]));
        assert_eq!(first["b"], BTreeSet::new());
        let second = keep(&[candidate("a", &[0, 1]), candidate("b", &[])], &places);
        assert_eq!(second["b"], BTreeSet::from([(0, 2), (0, 3)]));
        let dealt = deal(&[candidate("b", &[]), candidate("a", &[])], &places);
        assert_eq!(dealt["a"], BTreeSet::from([(0, 0), (0, 2)]));
    }
}
