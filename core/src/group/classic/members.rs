//! The members of a classic group, and what is asked of all of them, counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Member, layered::Layered, member::Protocol};

/// What a member offers: the names of its protocols in its order of preference.
type Offer = Vec<Arc<str>>;

/// A group of thousands is asked with each JoinGroup what holds for all its members: nobody goes through them for that.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Members {
    by_id: Layered<Arc<str>, Member>,
    /// Those whose JoinGroup waits.
    joined_count: usize,
    /// Those who have not sent their SyncGroup.
    must_sync_count: usize,
    /// What their texts take, ids included.
    size_bytes: usize,
    /// How many support each protocol.
    supporters: Layered<Arc<str>, usize>,
    /// How many make each offer. Most groups know of one.
    offers: Layered<Offer, usize>,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn joined_count(&self) -> usize {
        self.joined_count
    }

    pub(crate) fn have_all_joined(&self) -> bool {
        self.joined_count == self.len()
    }

    pub(crate) fn must_some_sync(&self) -> bool {
        self.must_sync_count > 0
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub(crate) fn get(&self, member_id: &str) -> Option<&Member> {
        self.by_id.get(member_id)
    }

    /// The key that the group knows the member by, and the member.
    pub(crate) fn get_key_value(&self, member_id: &str) -> Option<(&Arc<str>, &Member)> {
        self.by_id.get_key_value(member_id)
    }

    pub(crate) fn contains(&self, member_id: &str) -> bool {
        self.by_id.contains_key(member_id)
    }

    pub(crate) fn first_id(&self) -> Option<&Arc<str>> {
        self.by_id.keys().next()
    }

    /// In the order of ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Member)> {
        self.by_id.iter()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Member> {
        self.by_id.values()
    }

    pub(crate) fn insert(&mut self, member_id: Arc<str>, member: Member) {
        self.remove(&member_id);
        self.count(&member_id, &member);
        self.count_offer(&member.terms.protocols);
        self.by_id.insert(member_id, member);
    }

    pub(crate) fn remove(&mut self, member_id: &str) -> Option<Member> {
        let member = self.by_id.remove(member_id)?;
        self.uncount(member_id, &member);
        self.uncount_offer(&member.terms.protocols);
        Some(member)
    }

    /// Whether there is such a member.
    pub(crate) fn update(&mut self, member_id: &str, change: impl FnOnce(&mut Member)) -> bool {
        let Some((id, before)) = self.by_id.get_key_value(member_id) else { return false };
        let (id, before) = (Arc::clone(id), before.clone());
        let mut member = before.clone();
        change(&mut member);
        self.uncount(&id, &before);
        self.count(&id, &member);
        if !Arc::ptr_eq(&before.terms.protocols, &member.terms.protocols) {
            self.uncount_offer(&before.terms.protocols);
            self.count_offer(&member.terms.protocols);
        }
        self.by_id.insert(id, member);
        true
    }

    /// Changes those for which `is_meant` holds.
    pub(crate) fn update_all(&mut self, is_meant: impl Fn(&Member) -> bool, change: impl Fn(&mut Member)) {
        let meant = self.by_id.iter().filter(|(_, member)| is_meant(member));
        let meant: Vec<_> = meant.map(|(id, _)| Arc::clone(id)).collect();
        for member_id in meant {
            self.update(&member_id, &change);
        }
    }

    /// Whether all that are there support the protocol.
    pub(crate) fn support(&self, protocol: &str) -> bool {
        self.supporters.get(protocol).copied().unwrap_or(0) == self.len()
    }

    /// Each member votes for the first of its protocols that all support; the most votes win, and among equals the
    /// name that sorts first. `None` where there are no members.
    pub(crate) fn elect_protocol(&self) -> Option<Arc<str>> {
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for (offer, count) in self.offers.iter() {
            if let Some(choice) = offer.iter().find(|name| self.support(name)) {
                *votes.entry(choice).or_default() += count;
            }
        }
        let winner = votes.into_iter().rev().max_by_key(|(_, count)| *count);
        winner.map(|(name, _)| Arc::clone(name))
    }

    fn count(&mut self, member_id: &str, member: &Member) {
        self.joined_count += usize::from(member.presence.joining.is_some());
        self.must_sync_count += usize::from(member.presence.must_sync);
        self.size_bytes += member_id.len() + member.size_bytes();
    }

    fn uncount(&mut self, member_id: &str, member: &Member) {
        self.joined_count -= usize::from(member.presence.joining.is_some());
        self.must_sync_count -= usize::from(member.presence.must_sync);
        self.size_bytes -= member_id.len() + member.size_bytes();
    }

    fn count_offer(&mut self, protocols: &[Protocol]) {
        let offer: Offer = protocols.iter().map(|protocol| Arc::clone(&protocol.name)).collect();
        for name in offer.iter().collect::<BTreeSet<_>>() {
            add(&mut self.supporters, name);
        }
        add(&mut self.offers, &offer);
    }

    fn uncount_offer(&mut self, protocols: &[Protocol]) {
        let offer: Offer = protocols.iter().map(|protocol| Arc::clone(&protocol.name)).collect();
        for name in offer.iter().collect::<BTreeSet<_>>() {
            subtract(&mut self.supporters, name);
        }
        subtract(&mut self.offers, &offer);
    }
}

impl FromIterator<(Arc<str>, Member)> for Members {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Member)>>(members: I) -> Self {
        let mut all = Self::default();
        members.into_iter().for_each(|(member_id, member)| all.insert(member_id, member));
        all
    }
}

fn add<K: Ord + Clone>(counts: &mut Layered<K, usize>, key: &K) {
    let count = counts.get(key).copied().unwrap_or(0);
    counts.insert(key.clone(), count + 1);
}

fn subtract<K: Ord + Clone>(counts: &mut Layered<K, usize>, key: &K) {
    match counts.get(key).copied() {
        None | Some(0 | 1) => drop(counts.remove(key)),
        Some(count) => counts.insert(key.clone(), count - 1),
    }
}
