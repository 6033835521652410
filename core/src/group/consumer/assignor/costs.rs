//! What a target costs where all members ask for different topics, counted in steps.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{Assignment, Subscriber, uniform::balancing_steps};
use crate::{group::consumer::TopicPartitions, limits::GROUP_BALANCE_STEPS_MAX, uuid::Uuid};

const MEMBERS: usize = 1_000;
const TOPICS: usize = 1_000;

fn topic(index: usize) -> Uuid {
    let mut bytes = [1; 16];
    bytes[..8].copy_from_slice(&(index as u64).to_be_bytes());
    Uuid(bytes)
}

/// What each of a thousand members asks for, and how many partitions each of a thousand topics has.
struct Group {
    asks: fn(usize) -> Vec<usize>,
    partitions: fn(usize) -> i32,
    /// How many more the last topic has when the next target is made.
    growth: i32,
}

impl Group {
    /// The steps of a target, and those of the next one after it.
    fn steps(&self) -> [usize; 2] {
        let (first, steps) = self.assign(&[], 0);
        self.check(&first, 0);
        let (second, again) = self.assign(&first, self.growth);
        self.check(&second, self.growth);
        [steps, again]
    }

    fn check(&self, targets: &[TopicPartitions], growth: i32) {
        let given: BTreeSet<(Uuid, i32)> = targets.iter().flat_map(TopicPartitions::iter).collect();
        let asked: BTreeSet<usize> = (0..MEMBERS).flat_map(|index| (self.asks)(index)).collect();
        let partitions: i32 = asked.into_iter().map(|topic| self.partitions_of(topic, growth)).sum();
        assert_eq!(given.len(), usize::try_from(partitions).unwrap(), "everything is given");
    }

    fn partitions_of(&self, topic: usize, growth: i32) -> i32 {
        (self.partitions)(topic) + if topic == TOPICS - 1 { growth } else { 0 }
    }

    fn assign(&self, current: &[TopicPartitions], growth: i32) -> (Vec<TopicPartitions>, usize) {
        let subscriber = |index| Subscriber {
            topics: (self.asks)(index).into_iter().map(topic).collect::<BTreeSet<_>>().into(),
            current: current.get(index),
            ..Subscriber::default()
        };
        let partition_counts: BTreeMap<Uuid, i32> =
            (0..TOPICS).map(|index| (topic(index), self.partitions_of(index, growth))).collect();
        balancing_steps(&Assignment { subscribers: (0..MEMBERS).map(subscriber).collect(), partition_counts })
    }

    fn subscriptions(&self) -> usize {
        (0..MEMBERS).map(|index| (self.asks)(index).len()).sum()
    }
}

/// As many topics as this one and those after it.
fn window(first: usize, width: usize) -> Vec<usize> {
    let topics: Range<usize> = first..(first + width).min(TOPICS);
    topics.collect()
}

#[test]
fn a_target_takes_a_few_steps_a_subscription() {
    let all_but_one = |member| (0..TOPICS).filter(|topic| *topic != member).collect();
    let few = |topic| (topic % 7) as i32;
    let groups: [(&str, Group); 4] = [
        ("all but one", Group { asks: all_but_one, partitions: few, growth: 1_000 }),
        // What the last topic brings is passed on, from each to its neighbour.
        ("neighbours", Group { asks: |member| window(member, 2), partitions: |_| 40, growth: 400 }),
        ("windows", Group { asks: |member| window(member, 50), partitions: |_| 10, growth: 400 }),
        (
            "windows, load at the last",
            Group {
                asks: |member| window(member, 50),
                partitions: |topic| if topic >= TOPICS - 10 { 1_000 } else { 1 },
                growth: 0,
            },
        ),
    ];
    let mut over = Vec::new();
    // It stops after the topic in which they are used up.
    for (name, group) in groups {
        let (steps, subscriptions) = (group.steps(), group.subscriptions());
        println!("{name}: {steps:?} steps, {subscriptions} subscriptions");
        if steps.iter().any(|steps| *steps > 2 * subscriptions + GROUP_BALANCE_STEPS_MAX + MEMBERS) {
            over.push(format!("{name}: {steps:?} steps for {subscriptions} subscriptions"));
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}
