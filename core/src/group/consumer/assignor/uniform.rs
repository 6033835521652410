//! As even as subscriptions allow, and as few moves as that takes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use super::Assignment;
use crate::{group::consumer::TopicPartitions, limits::GROUP_BALANCE_STEPS_MAX, uuid::Uuid};

pub(super) fn assign(assignment: &Assignment<'_>) -> Vec<TopicPartitions> {
    if assignment.is_homogeneous() {
        Homogeneous(assignment).assign()
    } else {
        Heterogeneous::new(assignment).assign()
    }
}

/// All members ask for the same topics: everybody has the same number of partitions, or one more.
struct Homogeneous<'a>(&'a Assignment<'a>);

impl Homogeneous<'_> {
    fn assign(&self) -> Vec<TopicPartitions> {
        let subscribers = &self.0.subscribers;
        let Some(first) = subscribers.first() else { return Vec::new() };
        let partitions =
            || first.topics.iter().flat_map(|id| self.0.partitions_of(*id).map(|partition| (*id, partition)));
        let total = partitions().count();
        let quota = total / subscribers.len();
        let quotas = self.quotas(quota, total % subscribers.len());

        let mut targets: Vec<TopicPartitions> = Vec::with_capacity(subscribers.len());
        let mut taken: BTreeSet<(Uuid, i32)> = BTreeSet::new();
        for (subscriber, quota) in subscribers.iter().zip(&quotas) {
            let current = subscriber.current.into_iter().flat_map(TopicPartitions::iter);
            let valid = current.filter(|(id, partition)| {
                first.topics.contains(id) && self.0.partitions_of(*id).contains(partition)
            });
            let kept: TopicPartitions =
                valid.filter(|partition| !taken.contains(partition)).take(*quota).collect();
            taken.extend(kept.iter());
            targets.push(kept);
        }
        let mut free = partitions().filter(|partition| !taken.contains(partition));
        for (target, quota) in targets.iter_mut().zip(&quotas) {
            let missing = quota - target.count();
            target.extend(free.by_ref().take(missing));
        }
        debug_assert!(free.next().is_none(), "quotas add up to all partitions");
        targets
    }

    /// How many partitions each member gets. The members that have more than the quota already keep the ones that
    /// are over, so that no more moves than must.
    fn quotas(&self, quota: usize, extra: usize) -> Vec<usize> {
        let mut quotas = vec![quota; self.0.subscribers.len()];
        let counts: Vec<usize> = self.0.subscribers.iter().map(|s| self.still_valid(s)).collect();
        let above = (0..counts.len()).filter(|index| counts[*index] > quota);
        let others = (0..counts.len()).filter(|index| counts[*index] <= quota);
        for index in above.chain(others).take(extra) {
            quotas[index] += 1;
        }
        quotas
    }

    fn still_valid(&self, subscriber: &super::Subscriber<'_>) -> usize {
        let current = subscriber.current.into_iter().flat_map(TopicPartitions::iter);
        current
            .filter(|(id, partition)| {
                subscriber.topics.contains(id) && self.0.partitions_of(*id).contains(partition)
            })
            .count()
    }
}

/// Members ask for different topics: partitions go to the least loaded of those who ask for them, and are then
/// moved from loaded members to less loaded ones as long as that evens them out.
struct Heterogeneous<'a> {
    assignment: &'a Assignment<'a>,
    /// Indexes of the members that ask for a topic.
    subscribers: BTreeMap<Uuid, Vec<usize>>,
    targets: Vec<TopicPartitions>,
    counts: Vec<usize>,
    /// Members looked at and partitions moved to even out.
    steps: usize,
}

/// The targets, and how many steps it took to even them out.
#[cfg(test)]
pub(super) fn balancing_steps(assignment: &Assignment<'_>) -> (Vec<TopicPartitions>, usize) {
    let mut all = Heterogeneous::new(assignment);
    let topics: Vec<Uuid> = all.spread();
    all.balance(&topics);
    (all.targets, all.steps)
}

impl<'a> Heterogeneous<'a> {
    fn new(assignment: &'a Assignment<'a>) -> Self {
        let mut subscribers: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
        for (index, subscriber) in assignment.subscribers.iter().enumerate() {
            for topic_id in &*subscriber.topics {
                subscribers.entry(*topic_id).or_default().push(index);
            }
        }
        let members = assignment.subscribers.len();
        Self {
            assignment,
            subscribers,
            targets: vec![TopicPartitions::default(); members],
            counts: vec![0; members],
            steps: 0,
        }
    }

    fn assign(mut self) -> Vec<TopicPartitions> {
        let topics = self.spread();
        self.balance(&topics);
        self.targets
    }

    /// Gives everything out; the topics in the order in which that was done.
    fn spread(&mut self) -> Vec<Uuid> {
        let mut taken = self.keep();
        // The fewer members can take a topic's partitions, the earlier they are given out.
        let mut topics: Vec<(Uuid, usize)> =
            self.subscribers.iter().map(|(topic_id, members)| (*topic_id, members.len())).collect();
        let partitions =
            |topic_id: Uuid| usize::try_from(self.assignment.partitions_of(topic_id).end).unwrap_or(0);
        topics.sort_by(|(left, left_members), (right, right_members)| {
            // left partitions a member > right partitions a member, without a division
            (partitions(*right) * left_members)
                .cmp(&(partitions(*left) * right_members))
                .then(left_members.cmp(right_members))
                .then(left.cmp(right))
        });
        for (topic_id, _) in &topics {
            let partitions = self.assignment.partitions_of(*topic_id);
            let free: Vec<i32> =
                partitions.filter(|partition| taken.insert((*topic_id, *partition))).collect();
            self.give_to_least_loaded(*topic_id, &free);
        }
        topics.into_iter().map(|(topic_id, _)| topic_id).collect()
    }

    /// What everybody has, as far as they still ask for it.
    fn keep(&mut self) -> BTreeSet<(Uuid, i32)> {
        let mut taken = BTreeSet::new();
        for (index, subscriber) in self.assignment.subscribers.iter().enumerate() {
            for (topic_id, partition) in subscriber.current.into_iter().flat_map(TopicPartitions::iter) {
                let valid = subscriber.topics.contains(&topic_id)
                    && self.assignment.partitions_of(topic_id).contains(&partition);
                if valid && taken.insert((topic_id, partition)) {
                    self.targets[index].insert(topic_id, partition);
                    self.counts[index] += 1;
                }
            }
        }
        taken
    }

    /// Each of a topic's free partitions to the member that has the fewest by then.
    fn give_to_least_loaded(&mut self, topic_id: Uuid, free: &[i32]) {
        if free.is_empty() {
            return;
        }
        let members = self.subscribers.get(&topic_id).into_iter().flatten();
        let mut by_load: BinaryHeap<Reverse<(usize, usize)>> =
            members.map(|index| Reverse((self.counts[*index], *index))).collect();
        for partition in free {
            let Some(mut least) = by_load.peek_mut() else { return };
            let Reverse((count, index)) = &mut *least;
            *count += 1;
            self.targets[*index].insert(topic_id, *partition);
            self.counts[*index] = *count;
        }
    }

    /// Evens out topic by topic until a round moves nothing. Every move lowers the sum of the squares of the
    /// counts, so it ends; but where load can only be passed on from each to the next it takes many rounds, so that it
    /// may end before, with what is there by then.
    fn balance(&mut self, topics: &[Uuid]) {
        let subscriptions: usize = self.subscribers.values().map(Vec::len).sum();
        let steps_max = 2 * subscriptions + GROUP_BALANCE_STEPS_MAX;
        loop {
            let mut moved = false;
            for topic_id in topics {
                if self.steps >= steps_max {
                    return;
                }
                moved |= self.balance_topic(*topic_id, steps_max);
            }
            if !moved {
                return;
            }
        }
    }

    /// Moves partitions of this topic from the most loaded member that has one to the least loaded that may have
    /// it, while the difference is more than one.
    fn balance_topic(&mut self, topic_id: Uuid, steps_max: usize) -> bool {
        let Some(members) = self.subscribers.get(&topic_id) else { return false };
        self.steps += members.len();
        let counts = || members.iter().map(|index| self.counts[*index]);
        if counts().max() <= counts().min().map(|low| low + 1) {
            return false;
        }
        let by_load = |index: &usize| (self.counts[*index], *index);
        let mut order: BTreeSet<(usize, usize)> = members.iter().map(by_load).collect();
        // Members by load of which this topic's partitions are not used up.
        let mut givers = order.clone();
        let mut moved = false;
        while let (Some(&(low, taker)), Some(&(high, giver))) = (order.first(), givers.last()) {
            if high <= low + 1 || self.steps >= steps_max {
                break;
            }
            let Some(partition) = self.targets[giver].of_topic(topic_id).next_back() else {
                givers.pop_last();
                continue;
            };
            self.targets[giver].remove(topic_id, partition);
            self.targets[taker].insert(topic_id, partition);
            for (index, old, new) in [(giver, high, high - 1), (taker, low, low + 1)] {
                self.counts[index] = new;
                order.remove(&(old, index));
                order.insert((new, index));
                if givers.remove(&(old, index)) {
                    givers.insert((new, index));
                }
            }
            moved = true;
            self.steps += 1;
        }
        moved
    }
}
