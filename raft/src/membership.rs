//! Who votes: replica keys, voter sets, and the history of voter sets along the log.

use std::collections::BTreeMap;

use jackdaw_core::uuid::Uuid;

/// A node's id as it stands on the wire.
pub type NodeId = i32;

/// A replica: a node and the directory its log lives in. A node with a new disk is another replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplicaKey {
    pub id: NodeId,
    /// Zero where it is not known: always so in a static quorum.
    pub directory_id: Uuid,
}

impl ReplicaKey {
    /// A replica whose directory is not known.
    pub fn of_node(id: NodeId) -> Self {
        Self { id, directory_id: Uuid::ZERO }
    }

    /// The same replica, as far as both sides say: an absent directory id matches every one.
    pub fn matches(&self, other: &ReplicaKey) -> bool {
        let unknown = self.directory_id.is_zero() || other.directory_id.is_zero();
        self.id == other.id && (unknown || self.directory_id == other.directory_id)
    }
}

/// Where a voter listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub listener_name: String,
    pub host: String,
    pub port: u16,
}

/// One member of the voter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    pub key: ReplicaKey,
    pub endpoints: Vec<Endpoint>,
    /// The lowest and highest `kraft.version` this voter can run.
    pub kraft_versions: (i16, i16),
}

impl Voter {
    pub fn new(key: ReplicaKey, endpoints: Vec<Endpoint>) -> Self {
        Self { key, endpoints, kraft_versions: (0, 1) }
    }
}

/// The voters, at most one a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoterSet(BTreeMap<NodeId, Voter>);

impl VoterSet {
    pub fn iter(&self) -> impl Iterator<Item = &Voter> {
        self.0.values()
    }

    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.keys().copied()
    }

    pub fn get(&self, id: NodeId) -> Option<&Voter> {
        self.0.get(&id)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The number of voters that decides.
    pub fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }

    pub fn is_voter(&self, key: &ReplicaKey) -> bool {
        self.0.get(&key.id).is_some_and(|voter| voter.key.matches(key))
    }

    pub fn is_only_voter(&self, key: &ReplicaKey) -> bool {
        self.0.len() == 1 && self.is_voter(key)
    }
}

impl FromIterator<Voter> for VoterSet {
    fn from_iter<I: IntoIterator<Item = Voter>>(voters: I) -> Self {
        Self(voters.into_iter().map(|voter| (voter.key.id, voter)).collect())
    }
}

/// The voter sets by the offset of the record that brought them. The newest counts from the moment it is
/// appended; a truncation takes it back. The first entry never goes: it is what the replica started with.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    initial: VoterSet,
    changes: Vec<(i64, VoterSet)>,
}

impl Membership {
    pub(crate) fn new(initial: VoterSet) -> Self {
        Self { initial, changes: Vec::new() }
    }

    pub(crate) fn current(&self) -> &VoterSet {
        self.changes.last().map_or(&self.initial, |(_, voters)| voters)
    }

    pub(crate) fn append(&mut self, offset: i64, voters: VoterSet) {
        assert!(
            self.changes.last().is_none_or(|(last, _)| *last < offset),
            "voter sets come in offset order"
        );
        self.changes.push((offset, voters));
    }

    pub(crate) fn truncate_to(&mut self, end_offset: i64) {
        self.changes.retain(|(offset, _)| *offset < end_offset);
    }

    /// Forgets sets that no truncation can bring back.
    pub(crate) fn forget_before(&mut self, high_watermark: i64) {
        while self.changes.first().is_some_and(|(offset, _)| *offset < high_watermark) {
            self.initial = self.changes.remove(0).1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[NodeId]) -> VoterSet {
        ids.iter().map(|id| Voter::new(ReplicaKey::of_node(*id), Vec::new())).collect()
    }

    #[test]
    fn a_truncation_takes_back_uncommitted_sets() {
        let mut membership = Membership::new(set(&[1]));
        membership.append(5, set(&[1, 2]));
        membership.append(9, set(&[1, 2, 3]));
        membership.truncate_to(9);
        assert_eq!(membership.current(), &set(&[1, 2]));
        membership.forget_before(6);
        membership.truncate_to(0);
        assert_eq!(membership.current(), &set(&[1, 2]));
    }

    #[test]
    fn directories_count_only_where_both_are_known() {
        let key = ReplicaKey { id: 1, directory_id: Uuid([1; 16]) };
        assert!(key.matches(&ReplicaKey::of_node(1)));
        assert!(!key.matches(&ReplicaKey { id: 1, directory_id: Uuid([2; 16]) }));
    }
}
