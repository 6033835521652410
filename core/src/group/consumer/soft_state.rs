//! What consumer groups know that is in no log: timers, and which metadata they have looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
};

use crate::metadata::{Cluster, Image, Topics};

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
    /// The regular expressions of the group were looked up.
    ResolvedRegexes {
        group_id: String,
        at_ms: u64,
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

    fn is(&self, image: &Image) -> bool {
        std::ptr::eq(self.topics.as_ptr(), Arc::as_ptr(&image.topics))
            && std::ptr::eq(self.cluster.as_ptr(), Arc::as_ptr(&image.cluster))
    }
}

#[derive(Debug, Default)]
struct OfGroup {
    seen: SeenImage,
    regexes_resolved_at_ms: u64,
}

/// The soft state of all consumer groups of one coordinator.
#[derive(Debug, Default)]
pub struct SoftState {
    deadlines: BTreeMap<Timer, u64>,
    due: BTreeSet<(u64, Timer)>,
    groups: BTreeMap<String, OfGroup>,
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
            Effect::ResolvedRegexes { group_id, at_ms } => {
                self.groups.entry(group_id).or_default().regexes_resolved_at_ms = at_ms;
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
        let first =
            Timer { group_id: group_id.to_owned(), member_id: String::new(), kind: TimerKind::Session };
        let timers = self.deadlines.range(first..).map(|(timer, _)| timer);
        let timers: Vec<Timer> = timers.take_while(|timer| timer.group_id == group_id).cloned().collect();
        for timer in timers {
            self.cancel(timer);
        }
    }

    /// Timers that have run out, the oldest first.
    pub fn due(&self, now_ms: u64) -> impl Iterator<Item = &Timer> {
        self.due.iter().take_while(move |(deadline_ms, _)| *deadline_ms <= now_ms).map(|(_, timer)| timer)
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

    /// 0 where they were not looked up since the coordinator started.
    pub(super) fn regexes_resolved_at_ms(&self, group_id: &str) -> u64 {
        self.groups.get(group_id).map_or(0, |group| group.regexes_resolved_at_ms)
    }
}
