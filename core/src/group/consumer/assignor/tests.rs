//! Properties of targets over random subscriptions, and the rules by example.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn topic(index: u64) -> Uuid {
    Uuid([index as u8 + 1; 16])
}

type Members = BTreeMap<String, (BTreeSet<Uuid>, TopicPartitions)>;

fn assignment<'a>(members: &'a Members, counts: &BTreeMap<Uuid, i32>) -> Assignment<'a> {
    let subscribers = members.iter().map(|(id, (topics, current))| Subscriber {
        member_id: id,
        instance_id: None,
        topics: topics.clone().into(),
        current: Some(current),
    });
    Assignment { subscribers: subscribers.collect(), partition_counts: counts.clone() }
}

/// Every partition that somebody asks for has one member, and that member asks for it.
fn check_complete(assignment: &Assignment<'_>, targets: &[TopicPartitions], seed: u64) {
    let mut seen = BTreeSet::new();
    for (subscriber, target) in assignment.subscribers.iter().zip(targets) {
        for (topic_id, partition) in target.iter() {
            assert!(subscriber.topics.contains(&topic_id), "seed {seed}: a topic nobody asked for");
            assert!(
                assignment.partitions_of(topic_id).contains(&partition),
                "seed {seed}: no such partition"
            );
            assert!(seen.insert((topic_id, partition)), "seed {seed}: {topic_id}-{partition} twice");
        }
    }
    let asked: BTreeSet<Uuid> =
        assignment.subscribers.iter().flat_map(|subscriber| subscriber.topics.iter().copied()).collect();
    let all: usize = asked.iter().map(|topic_id| assignment.partitions_of(*topic_id).len()).sum();
    assert_eq!(seen.len(), all, "seed {seed}: partitions without a member");
}

/// No partition can be moved to a member that asks for it and has two fewer.
fn check_balanced(assignment: &Assignment<'_>, targets: &[TopicPartitions], seed: u64) {
    for (giver, target) in targets.iter().enumerate() {
        for (taker, subscriber) in assignment.subscribers.iter().enumerate() {
            let could = target.topics().any(|(topic_id, _)| subscriber.topics.contains(&topic_id));
            let (from, to) = (targets[giver].count(), targets[taker].count());
            assert!(!could || from <= to + 1, "seed {seed}: {giver} has {from}, {taker} has {to}");
        }
    }
}

fn moved(assignment: &Assignment<'_>, targets: &[TopicPartitions]) -> usize {
    let kept = |(subscriber, target): (&Subscriber<'_>, &TopicPartitions)| {
        let current = subscriber.current.into_iter().flat_map(TopicPartitions::iter);
        current.filter(|(topic_id, partition)| !target.contains(*topic_id, *partition)).count()
    };
    assignment.subscribers.iter().zip(targets).map(kept).sum()
}

fn keep(members: &mut Members, targets: Vec<TopicPartitions>) {
    for ((_, current), target) in members.values_mut().zip(targets) {
        *current = target;
    }
}

fn random_topics(random: &mut Random, topics: u64) -> BTreeSet<Uuid> {
    (0..topics).filter(|_| random.below(2) == 0).map(topic).collect()
}

#[test]
fn targets_are_complete_balanced_and_settle() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let topics = 1 + random.below(6);
        let mut counts: BTreeMap<Uuid, i32> =
            (0..topics).map(|index| (topic(index), random.below(12) as i32)).collect();
        let homogeneous = seed.is_multiple_of(2);
        let all: BTreeSet<Uuid> = counts.keys().copied().collect();
        let mut members = Members::new();
        for _ in 0..12 {
            match random.below(4) {
                0 if members.len() > 1 => {
                    let id =
                        members.keys().nth(random.below(members.len() as u64) as usize).cloned().unwrap();
                    members.remove(&id);
                }
                1 => {
                    *counts.entry(topic(random.below(topics))).or_default() += random.below(4) as i32;
                }
                2 if !homogeneous && !members.is_empty() => {
                    let topics = random_topics(&mut random, topics);
                    let index = random.below(members.len() as u64) as usize;
                    members.values_mut().nth(index).unwrap().0 = topics;
                }
                _ => {
                    let topics = if homogeneous { all.clone() } else { random_topics(&mut random, topics) };
                    members.insert(
                        format!("m{:04}", random.below(10_000)),
                        (topics, TopicPartitions::default()),
                    );
                }
            }
            for assignor in [RANGE, UNIFORM] {
                let spec = assignment(&members, &counts);
                let targets = spec.assign(assignor);
                check_complete(&spec, &targets, seed);
                if assignor == UNIFORM {
                    check_balanced(&spec, &targets, seed);
                    keep(&mut members, targets);
                    let spec = assignment(&members, &counts);
                    let again = spec.assign(UNIFORM);
                    assert_eq!(moved(&spec, &again), 0, "seed {seed}: a balanced target moves");
                }
            }
        }
    }
}

#[test]
fn uniform_moves_no_more_than_it_must() {
    let counts = BTreeMap::from([(topic(0), 12)]);
    let topics = BTreeSet::from([topic(0)]);
    let mut members = Members::new();
    // Each member that comes takes its share and nothing else moves.
    for (count, expected) in [(1, 0), (2, 6), (3, 4), (4, 3), (5, 2)] {
        members.insert(format!("m{count}"), (topics.clone(), TopicPartitions::default()));
        let spec = assignment(&members, &counts);
        let targets = spec.assign(UNIFORM);
        assert_eq!(moved(&spec, &targets), expected, "{count} members");
        keep(&mut members, targets);
    }
    // What a member leaves behind goes to the others, who keep all they have.
    members.remove("m2");
    let spec = assignment(&members, &counts);
    assert_eq!(moved(&spec, &spec.assign(UNIFORM)), 0);
}

#[test]
fn range_puts_topics_of_equal_size_together() {
    let counts = BTreeMap::from([(topic(0), 5), (topic(1), 5), (topic(2), 3)]);
    let both = BTreeSet::from([topic(0), topic(1)]);
    let three = BTreeSet::from([topic(0), topic(1), topic(2)]);
    let members: Members = BTreeMap::from([
        ("a".to_owned(), (three.clone(), TopicPartitions::default())),
        ("b".to_owned(), (both, TopicPartitions::default())),
        ("c".to_owned(), (three, TopicPartitions::default())),
    ]);
    let targets = assignment(&members, &counts).assign(RANGE);
    let of = |index: usize, name: u64| targets[index].of_topic(topic(name)).collect::<Vec<_>>();
    for name in [0, 1] {
        assert_eq!((of(0, name), of(1, name), of(2, name)), (vec![0, 1], vec![2, 3], vec![4]));
    }
    assert_eq!((of(0, 2), of(1, 2), of(2, 2)), (vec![0, 1], vec![], vec![2]));
}

/// A static member that comes back under another id keeps its place.
#[test]
fn range_orders_static_members_by_instance_id() {
    let counts = BTreeMap::from([(topic(0), 4)]);
    let topics = BTreeSet::from([topic(0)]);
    let subscriber = |member_id, instance_id| Subscriber {
        member_id,
        instance_id,
        topics: topics.clone().into(),
        current: None,
    };
    let subscribers = vec![subscriber("a", None), subscriber("y", Some("2")), subscriber("z", Some("1"))];
    let targets = Assignment { subscribers, partition_counts: counts }.assign(RANGE);
    let of = |index: usize| targets[index].of_topic(topic(0)).collect::<Vec<_>>();
    assert_eq!((of(2), of(1), of(0)), (vec![0, 1], vec![2], vec![3]));
}
