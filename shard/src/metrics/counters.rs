//! The counters of one shard: cells that only this shard's thread knows. No count allocates.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use jackdaw_core::uuid::Uuid;

use super::requests::RequestCounters;

/// What is counted of each topic and of all together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TopicCount {
    BytesIn,
    BytesOut,
    MessagesIn,
    BytesRejected,
    ProduceRequests,
    FailedProduceRequests,
    FetchRequests,
    FailedFetchRequests,
    InvalidMagic,
    InvalidCrc,
    InvalidSequence,
    NoKey,
}

const TOPIC_COUNTS: usize = TopicCount::NoKey as usize + 1;

/// The values of one topic, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TopicTotals([u64; TOPIC_COUNTS]);

impl TopicTotals {
    pub(crate) fn get(&self, what: TopicCount) -> u64 {
        self.0[what as usize]
    }

    pub(crate) fn add(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(total, other)| *total += other);
    }
}

#[derive(Default)]
struct Counts([Cell<u64>; TOPIC_COUNTS]);

impl Counts {
    fn add(&self, what: TopicCount, count: u64) {
        let cell = &self.0[what as usize];
        cell.set(cell.get() + count);
    }

    fn totals(&self) -> TopicTotals {
        TopicTotals(std::array::from_fn(|index| self.0[index].get()))
    }
}

/// The counters of one topic on this shard. What they count is counted of all topics, too.
pub(crate) struct TopicCounters {
    own: Counts,
    all: Rc<Counts>,
}

impl TopicCounters {
    pub(crate) fn add(&self, what: TopicCount, count: u64) {
        self.own.add(what, count);
        self.all.add(what, count);
    }
}

/// Everything that one shard counts.
#[derive(Default)]
pub(crate) struct ShardCounters {
    all_topics: Rc<Counts>,
    /// Of topics in the shard's view: others are forgotten when it changes.
    topics: RefCell<BTreeMap<Uuid, Rc<TopicCounters>>>,
    pub(crate) connections_accepted: Cell<u64>,
    pub(crate) requests: Rc<RequestCounters>,
}

impl ShardCounters {
    /// The counters of a topic that is in the shard's view.
    pub(crate) fn topic(&self, topic_id: Uuid) -> Rc<TopicCounters> {
        if let Some(known) = self.topics.borrow().get(&topic_id) {
            return Rc::clone(known);
        }
        let counters = Rc::new(TopicCounters { own: Counts::default(), all: Rc::clone(&self.all_topics) });
        self.topics.borrow_mut().insert(topic_id, Rc::clone(&counters));
        counters
    }

    /// Count something of a topic that does not exist.
    pub(crate) fn add_of_unknown_topic(&self, what: TopicCount, count: u64) {
        self.all_topics.add(what, count);
    }

    /// Topics have gone.
    pub(crate) fn retain_topics(&self, exists: impl Fn(Uuid) -> bool) {
        self.topics.borrow_mut().retain(|topic_id, _| exists(*topic_id));
    }

    pub(crate) fn all_topics(&self) -> TopicTotals {
        self.all_topics.totals()
    }

    pub(crate) fn by_topic(&self) -> Vec<(Uuid, TopicTotals)> {
        self.topics.borrow().iter().map(|(topic_id, counters)| (*topic_id, counters.own.totals())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_topic_counts_outlives_it_in_the_sum() {
        let counters = ShardCounters::default();
        let (one, other) = (Uuid([1; 16]), Uuid([2; 16]));
        counters.topic(one).add(TopicCount::BytesIn, 10);
        counters.topic(one).add(TopicCount::BytesIn, 5);
        counters.topic(other).add(TopicCount::BytesIn, 1);
        counters.add_of_unknown_topic(TopicCount::FailedProduceRequests, 2);
        counters.retain_topics(|topic_id| topic_id == one);
        let by_topic = counters.by_topic();
        assert_eq!(by_topic.len(), 1);
        assert_eq!(by_topic[0].1.get(TopicCount::BytesIn), 15);
        assert_eq!(counters.all_topics().get(TopicCount::BytesIn), 16);
        assert_eq!(counters.all_topics().get(TopicCount::FailedProduceRequests), 2);
    }
}
