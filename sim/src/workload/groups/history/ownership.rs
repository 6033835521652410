//! Who owns what: the generations of classic groups, and at each moment the members of KIP-848 groups.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{super::broken, Place};

/// An assignment as a leader sent it, by member.
type Attempt = BTreeMap<String, Bytes>;

/// One generation of a classic group.
#[derive(Debug, Default)]
struct Generation {
    /// What its leaders sent. More than one only where the first was lost with the node.
    attempts: Vec<Attempt>,
    owners: BTreeMap<Place, String>,
}

#[derive(Default)]
struct Group {
    generations: BTreeMap<i32, Generation>,
    /// The newest generation that some member was told of, in this life or so that it lasts.
    newest: i32,
    newest_lasting: i32,
    /// What members have said about themselves in JoinGroup.
    metadata: BTreeMap<String, BTreeSet<Bytes>>,
    /// A static member's instance, by member id.
    instances: BTreeMap<String, String>,
    /// KIP-848: who owns a partition.
    owners: BTreeMap<Place, String>,
    /// KIP-848: until when the coordinator cannot have taken a member for dead, in milliseconds.
    valid_until_ms: BTreeMap<String, u64>,
}

pub(in super::super) struct Ownership {
    groups: Vec<Group>,
    /// A power cut has taken what was not flushed: until its next heartbeat a member may believe to own what the
    /// coordinator has forgotten.
    may_have_lost: bool,
}

impl Ownership {
    pub(super) fn new(groups: usize) -> Self {
        Self { groups: (0..groups).map(|_| Group::default()).collect(), may_have_lost: false }
    }

    pub(super) fn on_life_over(&mut self, may_lose: bool) {
        self.may_have_lost |= may_lose;
        for group in &mut self.groups {
            group.newest = group.newest_lasting;
            if may_lose {
                (group.newest, group.newest_lasting) = (0, 0);
                group.owners.clear();
                for generation in group.generations.values_mut() {
                    generation.owners.clear();
                }
            }
        }
    }

    pub(in super::super) fn newest(&self, group: usize) -> i32 {
        self.groups[group].newest
    }

    /// A member joins and says this about itself. Static members are one over their restarts.
    pub(in super::super) fn on_joining(&mut self, group: usize, identity: &str, metadata: &Bytes) {
        let known = self.groups[group].metadata.entry(identity.to_owned()).or_default();
        known.insert(metadata.clone());
    }

    /// A member was admitted to a generation.
    pub(in super::super) fn on_joined(
        &mut self,
        group: usize,
        generation: i32,
        member: &str,
        instance: Option<&str>,
    ) {
        let group = &mut self.groups[group];
        group.newest = group.newest.max(generation);
        if let Some(instance) = instance {
            group.instances.insert(member.to_owned(), instance.to_owned());
        }
    }

    /// What a leader was told about a member is what the member said.
    pub(in super::super) fn check_metadata(&self, group: usize, identity: &str, metadata: &Bytes) {
        // Who got no answer yet does not know its id.
        let known = [identity, ""].map(|identity| self.groups[group].metadata.get(identity));
        if !known.into_iter().flatten().any(|known| known.contains(metadata)) {
            broken(
                "a leader sees the members as they are",
                &format!("{identity} of group {group}: {metadata:?}"),
            );
        }
    }

    /// A leader is about to send an assignment.
    pub(in super::super) fn on_assigning(&mut self, group: usize, generation: i32, assignment: Attempt) {
        let group = &mut self.groups[group];
        let instances = &group.instances;
        let one = |(member, bytes)| (instances.get(&member).cloned().unwrap_or(member), bytes);
        let attempt: Attempt = assignment.into_iter().map(one).collect();
        let attempts = &mut group.generations.entry(generation).or_default().attempts;
        if !attempts.contains(&attempt) {
            attempts.push(attempt);
        }
    }

    /// A member was given its part of a generation's assignment.
    pub(in super::super) fn on_assigned(
        &mut self,
        group: usize,
        generation: i32,
        identity: &str,
        bytes: &Bytes,
        places: &BTreeSet<Place>,
    ) {
        let number = group;
        let group = &mut self.groups[number];
        group.newest = group.newest.max(generation);
        group.newest_lasting = group.newest_lasting.max(generation);
        let known = group.generations.entry(generation).or_default();
        let assigned = |attempt: &Attempt| attempt.get(identity).cloned().unwrap_or_default();
        if !known.attempts.iter().any(|attempt| assigned(attempt) == *bytes) {
            let detail = format!("{identity} of group {number} got {bytes:?} in generation {generation}");
            broken("an assignment is the leader's", &format!("{detail}, which is {known:?}"));
        }
        for place in places {
            let owner = known.owners.entry(*place).or_insert_with(|| identity.to_owned());
            if owner != identity {
                let detail = format!("{place:?} of group {number} in generation {generation}");
                broken(
                    "one owner per partition and generation",
                    &format!("{detail}: {owner} and {identity}"),
                );
            }
        }
    }

    /// KIP-848: a heartbeat that was sent at `sent_ms` was answered without an error.
    pub(in super::super) fn on_alive(
        &mut self,
        group: usize,
        identity: &str,
        sent_ms: u64,
        patience_ms: u64,
    ) {
        self.groups[group].valid_until_ms.insert(identity.to_owned(), sent_ms + patience_ms);
    }

    /// KIP-848: a member owns these from now on.
    pub(in super::super) fn on_owned(
        &mut self,
        group: usize,
        identity: &str,
        places: &BTreeSet<Place>,
        now_ms: u64,
    ) {
        let number = group;
        let group = &mut self.groups[number];
        for place in places {
            let before = group.owners.insert(*place, identity.to_owned());
            let Some(before) = before.filter(|before| before != identity) else { continue };
            if group.valid_until_ms.get(&before).is_some_and(|until| *until > now_ms) {
                let detail = format!("{place:?} of group {number} at {now_ms} ms: {before} and {identity}");
                broken("one owner per partition at a time", &detail);
            }
        }
    }

    /// KIP-848: a member is about to tell that it owns these no longer, or is no longer there.
    pub(in super::super) fn on_released(&mut self, group: usize, identity: &str, places: &BTreeSet<Place>) {
        let owners = &mut self.groups[group].owners;
        for place in places {
            if owners.get(place).is_some_and(|owner| owner == identity) {
                owners.remove(place);
            }
        }
    }

    /// KIP-848: who owns a partition, if that is certain.
    pub(in super::super) fn owner(&self, group: usize, place: Place) -> Option<&str> {
        self.groups[group].owners.get(&place).map(String::as_str).filter(|_| !self.may_have_lost)
    }
}
