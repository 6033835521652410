//! Of each topic a contiguous range for each member, so that topics with as many partitions go together.

use std::collections::BTreeMap;

use super::{Assignment, Subscriber};
use crate::{group::consumer::TopicPartitions, uuid::Uuid};

/// How far the ranges of a topic are given out.
struct Ranges {
    quota: i32,
    /// The first so many members get one more.
    extra: i32,
    next: i32,
}

/// Static members come first, in order of instance ids: a member that comes back under another member id keeps its
/// place.
fn place<'a>(subscriber: &'a Subscriber<'_>) -> (bool, &'a str) {
    match subscriber.instance_id {
        Some(instance_id) => (false, instance_id),
        None => (true, subscriber.member_id),
    }
}

pub(super) fn assign(assignment: &Assignment<'_>) -> Vec<TopicPartitions> {
    let mut subscriber_counts: BTreeMap<Uuid, i32> = BTreeMap::new();
    for topic_id in assignment.subscribers.iter().flat_map(|subscriber| &*subscriber.topics) {
        *subscriber_counts.entry(*topic_id).or_default() += 1;
    }
    let ranges = |(topic_id, subscribers): (&Uuid, &i32)| {
        let partitions = assignment.partitions_of(*topic_id).end;
        (*topic_id, Ranges { quota: partitions / subscribers, extra: partitions % subscribers, next: 0 })
    };
    let mut ranges: BTreeMap<Uuid, Ranges> = subscriber_counts.iter().map(ranges).collect();

    let mut order: Vec<usize> = (0..assignment.subscribers.len()).collect();
    order.sort_by_key(|index| place(&assignment.subscribers[*index]));
    let mut targets = vec![TopicPartitions::default(); assignment.subscribers.len()];
    for index in order {
        for topic_id in &*assignment.subscribers[index].topics {
            let Some(topic) = ranges.get_mut(topic_id) else { continue };
            let mut count = topic.quota;
            if topic.extra > 0 {
                topic.extra -= 1;
                count += 1;
            }
            targets[index].extend((topic.next..topic.next + count).map(|partition| (*topic_id, partition)));
            topic.next += count;
        }
    }
    targets
}
