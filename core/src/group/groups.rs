//! The groups of a coordinator by id, and when each is due.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use super::{
    GroupRecord,
    classic::{Change, ClassicGroup, group_key},
    consumer::{self, ConsumerGroup},
    due::DueGroups,
    offsets::{Expiry, Subscription},
};
use crate::{
    limits::{GROUPS_PER_COORDINATOR_MAX, GROUPS_SIZE_BYTES_MAX},
    protocol::records::group::GroupMetadataValue,
};

/// A group of either protocol.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    Classic(Box<ClassicGroup>),
    Consumer(Box<ConsumerGroup>),
}

#[derive(Clone, Debug)]
struct Entry {
    group: Group,
    /// What stands for the group in `Groups::due`.
    due_ms: Option<u64>,
    /// What stands for it in `Groups::size_bytes`.
    size_bytes: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    by_id: BTreeMap<Arc<str>, Entry>,
    due: DueGroups,
    size_bytes: usize,
    pub(crate) room: Room,
}

/// The bounds.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) count: usize,
    pub(crate) size_bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { count: GROUPS_PER_COORDINATOR_MAX, size_bytes: GROUPS_SIZE_BYTES_MAX }
    }
}

impl Group {
    /// What its texts take.
    fn size_bytes(&self, group_id: &str) -> usize {
        group_id.len()
            + match self {
                Self::Classic(group) => group.size_bytes(),
                Self::Consumer(group) => group.size_bytes(),
            }
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        match self {
            Self::Classic(group) => group.next_deadline_ms(),
            // Its timers are in `consumer::SoftState`.
            Self::Consumer(_) => None,
        }
    }

    pub(crate) fn subscription(&self) -> Subscription {
        match self {
            Self::Classic(group) => group.subscription(),
            Self::Consumer(group) => Subscription::Topics(group.subscribed_topics()),
        }
    }

    pub(crate) fn expiry(&self) -> Expiry {
        match self {
            Self::Classic(group) => group.expiry(),
            Self::Consumer(_) => Expiry::SinceCommit,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty(),
            Self::Consumer(group) => !group.has_members(),
        }
    }

    /// Nobody is in it or on the way into it.
    pub(crate) fn is_deletable(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty() && group.issued_ids.is_empty(),
            Self::Consumer(_) => self.is_empty(),
        }
    }

    /// Tombstones of the group itself, without its offsets.
    pub(crate) fn tombstones(&self, group_id: &str) -> Vec<GroupRecord> {
        match self {
            Self::Classic(_) => vec![GroupRecord::tombstone(group_key(group_id))],
            Self::Consumer(group) => group.tombstones(),
        }
    }
}

impl Groups {
    pub(crate) fn get(&self, group_id: &str) -> Option<(&Arc<str>, &Group)> {
        self.by_id.get_key_value(group_id).map(|(group_id, entry)| (group_id, &entry.group))
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// When the group is looked at.
    #[cfg(test)]
    pub(crate) fn due_ms(&self, group_id: &str) -> Option<u64> {
        self.by_id.get(group_id)?.due_ms
    }

    /// Whether there is room for one more group.
    pub(crate) fn accepts(&self, group_id: &str) -> bool {
        self.by_id.len() < self.room.count && self.accepts_bytes(group_id.len())
    }

    /// Whether there is room for this much more; for nothing more there always is.
    pub(crate) fn accepts_bytes(&self, growth: usize) -> bool {
        growth == 0 || self.size_bytes + growth <= self.room.size_bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Group)> {
        self.by_id.iter().map(|(group_id, entry)| (group_id, &entry.group))
    }

    /// From this id on, in order.
    pub(crate) fn iter_from(&self, group_id: &str) -> impl Iterator<Item = (&Arc<str>, &Group)> {
        let range = self.by_id.range::<str, _>((Bound::Included(group_id), Bound::Unbounded));
        range.map(|(group_id, entry)| (group_id, &entry.group))
    }

    pub(crate) fn first_due(&self) -> Option<(u64, &Arc<str>)> {
        self.due.first()
    }

    /// Puts the first that is due off.
    pub(crate) fn postpone_first(&mut self, at_ms: u64) {
        let Some(group_id) = self.due.first().map(|(_, group_id)| Arc::clone(group_id)) else { return };
        let Some(entry) = self.by_id.get_mut(&group_id) else { return };
        self.due.set(&group_id, entry.due_ms, Some(at_ms));
        entry.due_ms = Some(at_ms);
    }

    /// Applies changes of one group. If it is not there it comes into being: its first record follows.
    pub(crate) fn apply(&mut self, group_id: &Arc<str>, changes: &[Change], unix_ms: i64) {
        let Group::Classic(group) = self.entry_or_insert(group_id, unix_ms) else { return };
        changes.iter().for_each(|change| group.apply(change));
        // Nothing that was heard makes a deadline come sooner.
        if changes.iter().all(|change| matches!(change, Change::Heard { .. })) {
            return;
        }
        match group.deadline_after(changes) {
            Some(deadline_ms) => self.bring_forward(group_id, deadline_ms),
            None => self.set_due(group_id),
        }
    }

    pub(crate) fn replay(&mut self, group_id: &str, value: Option<&GroupMetadataValue>, is_active: bool) {
        let Some(value) = value else {
            if let Some((_, Group::Classic(_))) = self.get(group_id) {
                self.remove(group_id);
            }
            return;
        };
        match self.by_id.get_mut(group_id).map(|entry| &mut entry.group) {
            Some(Group::Classic(group)) if is_active => group.replay(value),
            _ => {
                self.insert(group_id.into(), Group::Classic(Box::new(ClassicGroup::from_record(value))));
            }
        }
        if is_active && let Some(group_id) = self.by_id.get_key_value(group_id).map(|(id, _)| Arc::clone(id))
        {
            self.set_due(&group_id);
        }
    }

    pub(crate) fn become_classic(&mut self, group_id: Arc<str>, group: ClassicGroup) {
        self.insert(Arc::clone(&group_id), Group::Classic(Box::new(group)));
        self.set_due(&group_id);
    }

    /// A record of a group of KIP-848. Such a group takes the place of a classic one of which offsets or an older
    /// record told.
    /// Whether the group ended.
    pub(crate) fn replay_consumer(&mut self, group_id: &str, record: &GroupRecord) -> bool {
        let ends = consumer::ends_group(record);
        match self.by_id.get_mut(group_id).map(|entry| &mut entry.group) {
            Some(Group::Consumer(_)) if ends => {
                self.remove(group_id);
                return true;
            }
            Some(Group::Consumer(group)) => {
                group.replay(record);
                self.set_size(group_id);
            }
            _ if record.value.is_none() => {}
            _ => {
                let mut group = ConsumerGroup::new(group_id.to_owned());
                group.replay(record);
                self.insert(group_id.into(), Group::Consumer(Box::new(group)));
            }
        }
        false
    }

    /// Offsets may be there before, or without, a group's own record.
    pub(crate) fn ensure(&mut self, group_id: &str, unix_ms: i64) {
        if !self.by_id.contains_key(group_id) {
            self.insert(group_id.into(), Group::Classic(Box::new(ClassicGroup::new(unix_ms))));
        }
    }

    pub(crate) fn restart_sessions(&mut self, now_ms: u64) {
        let group_ids: Vec<_> = self.by_id.keys().map(Arc::clone).collect();
        for group_id in group_ids {
            if let Some(Entry { group: Group::Classic(group), .. }) = self.by_id.get_mut(&group_id) {
                group.restart_sessions(now_ms);
            }
            self.set_due(&group_id);
        }
    }

    fn entry_or_insert(&mut self, group_id: &Arc<str>, unix_ms: i64) -> &mut Group {
        let entry = self.by_id.entry(Arc::clone(group_id));
        let new = || Entry {
            group: Group::Classic(Box::new(ClassicGroup::new(unix_ms))),
            due_ms: None,
            size_bytes: 0,
        };
        &mut entry.or_insert_with(new).group
    }

    fn insert(&mut self, group_id: Arc<str>, group: Group) {
        let size_bytes = group.size_bytes(&group_id);
        let old = self.by_id.insert(Arc::clone(&group_id), Entry { group, due_ms: None, size_bytes });
        self.size_bytes = self.size_bytes + size_bytes - old.as_ref().map_or(0, |old| old.size_bytes);
        self.due.set(&group_id, old.and_then(|old| old.due_ms), None);
    }

    fn remove(&mut self, group_id: &str) {
        if let Some((group_id, entry)) = self.by_id.remove_entry(group_id) {
            self.due.set(&group_id, entry.due_ms, None);
            self.size_bytes -= entry.size_bytes;
        }
    }

    /// What follows from a change of some members. The group may be looked at too early, never too late; then its
    /// members are gone through (`Change::Checked`), and not with each change.
    fn bring_forward(&mut self, group_id: &Arc<str>, deadline_ms: Option<u64>) {
        let due_ms = self.by_id.get(group_id).and_then(|entry| entry.due_ms);
        self.set_due_at(group_id, due_ms.into_iter().chain(deadline_ms).min());
    }

    /// What follows from a change of the group.
    fn set_due(&mut self, group_id: &Arc<str>) {
        let due_ms = self.by_id.get(group_id).and_then(|entry| entry.group.next_deadline_ms());
        self.set_due_at(group_id, due_ms);
    }

    fn set_due_at(&mut self, group_id: &Arc<str>, due_ms: Option<u64>) {
        let Some(entry) = self.by_id.get_mut(group_id) else { return };
        self.due.set(group_id, entry.due_ms, due_ms);
        entry.due_ms = due_ms;
        self.set_size(group_id);
    }

    fn set_size(&mut self, group_id: &str) {
        let Some(entry) = self.by_id.get_mut(group_id) else { return };
        let size_bytes = entry.group.size_bytes(group_id);
        self.size_bytes = self.size_bytes + size_bytes - entry.size_bytes;
        entry.size_bytes = size_bytes;
    }
}
