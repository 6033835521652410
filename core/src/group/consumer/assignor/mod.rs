//! Who shall have which partition: pure functions from subscriptions and the target so far to the next target.

#[cfg(test)]
mod costs;
mod range;
#[cfg(test)]
mod tests;
mod uniform;

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::TopicPartitions;
use crate::uuid::Uuid;

pub const UNIFORM: &str = "uniform";
pub const RANGE: &str = "range";

/// A member as an assignor sees it.
#[derive(Clone, Debug, Default)]
pub struct Subscriber<'a> {
    pub member_id: &'a str,
    pub instance_id: Option<&'a str>,
    /// Only topics that exist. Members that ask for the same share it.
    pub topics: Rc<BTreeSet<Uuid>>,
    /// Its target so far.
    pub current: Option<&'a TopicPartitions>,
}

/// What an assignor works on.
#[derive(Clone, Debug, Default)]
pub struct Assignment<'a> {
    /// In order of member ids.
    pub subscribers: Vec<Subscriber<'a>>,
    /// How many partitions each topic has that anybody asks for.
    pub partition_counts: BTreeMap<Uuid, i32>,
}

impl Assignment<'_> {
    /// Everybody asks for the same topics.
    pub fn is_homogeneous(&self) -> bool {
        // Equal pointers are equal without a look at the topics.
        self.subscribers.windows(2).all(|pair| pair[0].topics == pair[1].topics)
    }

    /// The next target of each member, in the order of `subscribers`. A name that is not known counts as `uniform`.
    pub fn assign(&self, assignor: &str) -> Vec<TopicPartitions> {
        match assignor {
            RANGE => range::assign(self),
            _ => uniform::assign(self),
        }
    }

    fn partitions_of(&self, topic_id: Uuid) -> std::ops::Range<i32> {
        0..self.partition_counts.get(&topic_id).copied().unwrap_or(0)
    }
}
