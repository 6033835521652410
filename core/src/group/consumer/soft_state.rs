//! What consumer groups know that is in no log: timers, and which metadata they have looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
};

use crate::{
    limits::GROUP_EXPIRED_TIMERS_MAX,
    metadata::{Cluster, Image, Topics},
    uuid::Uuid,
};

/// What a member runs out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Heartbeats.
    Session,
    /// Time to give up partitions.
    Rebalance,
    /// Time for a classic member to join again.
    ClassicJoin,
    /// Time for a classic member to fetch its assignment.
    ClassicSync,
}

/// One timer of one member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    pub group_id: String,
    pub member_id: String,
    pub kind: TimerKind,
}

/// A change of this state.
#[derive(Clone, Debug)]
pub enum Effect {
    Set {
        timer: Timer,
        deadline_ms: u64,
    },
    Cancel(Timer),
    /// The member is gone.
    ForgetMember {
        group_id: String,
        member_id: String,
    },
    /// The group is gone, or became one of the classic protocol.
    ForgetGroup {
        group_id: String,
    },
    /// The topics of the group were looked at as they are in this image.
    SawImage {
        group_id: String,
        seen: SeenImage,
    },
    /// A regular expression of the group was looked up.
    LookedUpRegex {
        group_id: String,
        regex: String,
        at_ms: u64,
        seen: SeenImage,
    },
    /// Nobody uses the expression any more.
    ForgetRegex {
        group_id: String,
        regex: String,
    },
    /// Hashes of topics as they are in this image.
    HashedTopics {
        seen: SeenImage,
        hashes: Vec<(Uuid, u64)>,
    },
}

/// The parts of an image that an assignment depends on. Weak: an old image is not held, and its address is not
/// used again as long as this is here.
#[derive(Clone, Debug, Default)]
pub struct SeenImage {
    topics: Weak<Topics>,
    cluster: Weak<Cluster>,
}

impl SeenImage {
    pub fn new(image: &Image) -> Self {
        Self { topics: Arc::downgrade(&image.topics), cluster: Arc::downgrade(&image.cluster) }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.topics.ptr_eq(&other.topics) && self.cluster.ptr_eq(&other.cluster)
    }

    fn is(&self, image: &Image) -> bool {
        std::ptr::eq(self.topics.as_ptr(), Arc::as_ptr(&image.topics))
            && std::ptr::eq(self.cluster.as_ptr(), Arc::as_ptr(&image.cluster))
    }
}

#[derive(Debug, Default)]
struct OfGroup {
    seen: SeenImage,
    /// When each expression in use was looked up, and in which image.
    regexes: BTreeMap<String, (u64, SeenImage)>,
    by_time: BTreeSet<(u64, String)>,
}

impl OfGroup {
    fn forget_regex(&mut self, regex: &str) {
        if let Some((regex, (at_ms, _))) = self.regexes.remove_entry(regex) {
            self.by_time.remove(&(at_ms, regex));
        }
    }
}

/// Hashes of topics, all of one image: a group that grows by many members asks for the same ones again and again.
#[derive(Debug, Default)]
struct TopicHashes {
    seen: SeenImage,
    by_id: BTreeMap<Uuid, u64>,
}

/// The soft state of all consumer groups of one coordinator.
#[derive(Debug, Default)]
pub struct SoftState {
    deadlines: BTreeMap<Timer, u64>,
    due: BTreeSet<(u64, Timer)>,
    groups: BTreeMap<String, OfGroup>,
    hashes: TopicHashes,
}

impl SoftState {
    pub fn accept(&mut self, effect: Effect) {
        match effect {
            Effect::Set { timer, deadline_ms } => {
                if let Some(old) = self.deadlines.insert(timer.clone(), deadline_ms) {
                    self.due.remove(&(old, timer.clone()));
                }
                self.due.insert((deadline_ms, timer));
            }
            Effect::Cancel(timer) => self.cancel(timer),
            Effect::ForgetMember { group_id, member_id } => {
                use TimerKind::{ClassicJoin, ClassicSync, Rebalance, Session};
                for kind in [Session, Rebalance, ClassicJoin, ClassicSync] {
                    let (group_id, member_id) = (group_id.clone(), member_id.clone());
                    self.cancel(Timer { group_id, member_id, kind });
                }
            }
            Effect::ForgetGroup { group_id } => self.forget_group(&group_id),
            Effect::SawImage { group_id, seen } => self.groups.entry(group_id).or_default().seen = seen,
            Effect::LookedUpRegex { group_id, regex, at_ms, seen } => {
                let group = self.groups.entry(group_id).or_default();
                group.forget_regex(&regex);
                group.by_time.insert((at_ms, regex.clone()));
                group.regexes.insert(regex, (at_ms, seen));
            }
            Effect::ForgetRegex { group_id, regex } => {
                if let Some(group) = self.groups.get_mut(&group_id) {
                    group.forget_regex(&regex);
                }
            }
            Effect::HashedTopics { seen, hashes } => {
                if !self.hashes.seen.is_same(&seen) {
                    self.hashes = TopicHashes { seen, by_id: BTreeMap::new() };
                }
                self.hashes.by_id.extend(hashes);
            }
        }
    }

    fn cancel(&mut self, timer: Timer) {
        if let Some(deadline_ms) = self.deadlines.remove(&timer) {
            self.due.remove(&(deadline_ms, timer));
        }
    }

    pub fn forget_group(&mut self, group_id: &str) {
        self.groups.remove(group_id);
        let timers: Vec<Timer> = self.of_group(group_id).map(|(timer, _)| timer.clone()).collect();
        for timer in timers {
            self.cancel(timer);
        }
    }

    fn of_group(&self, group_id: &str) -> impl Iterator<Item = (&Timer, u64)> {
        let first =
            Timer { group_id: group_id.to_owned(), member_id: String::new(), kind: TimerKind::Session };
        let timers = self.deadlines.range(first..).map(|(timer, deadline_ms)| (timer, *deadline_ms));
        timers.take_while(move |(timer, _)| timer.group_id == group_id)
    }

    /// Timers that have run out, all of the group of the oldest one, but no more than a turn takes.
    pub fn due_of_one_group(&self, now_ms: u64) -> Vec<&Timer> {
        let Some((_, oldest)) = self.due.first().filter(|(deadline_ms, _)| *deadline_ms <= now_ms) else {
            return Vec::new();
        };
        let due = self.of_group(&oldest.group_id).filter(|(_, deadline_ms)| *deadline_ms <= now_ms);
        due.map(|(timer, _)| timer).take(GROUP_EXPIRED_TIMERS_MAX).collect()
    }

    pub fn next_timeout_ms(&self) -> Option<u64> {
        self.due.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    pub fn deadline_ms(&self, timer: &Timer) -> Option<u64> {
        self.deadlines.get(timer).copied()
    }

    pub(super) fn has_seen(&self, group_id: &str, image: &Image) -> bool {
        self.groups.get(group_id).is_some_and(|group| group.seen.is(image))
    }

    /// The expression that was looked up before all others of the group, and when: at 0 where that was before the
    /// coordinator started.
    pub(super) fn oldest_regex(&self, group_id: &str) -> Option<(u64, &str)> {
        let (at_ms, regex) = self.groups.get(group_id)?.by_time.first()?;
        Some((*at_ms, regex))
    }

    pub(super) fn regex_has_seen(&self, group_id: &str, regex: &str, image: &Image) -> bool {
        let regexes = self.groups.get(group_id).map(|group| &group.regexes);
        regexes.and_then(|regexes| regexes.get(regex)).is_some_and(|(_, seen)| seen.is(image))
    }

    pub(super) fn topic_hash(&self, image: &Image, topic_id: Uuid) -> Option<u64> {
        self.hashes.by_id.get(&topic_id).filter(|_| self.hashes.seen.is(image)).copied()
    }
}
