//! Committed offsets: for each group and partition a register that commits write and fetches read.
//!
//! A commit takes effect at one moment between its sending and its answer; one that was never answered may take effect
//! until the node's life is over, or never. Each names itself in the metadata string, so that a fetch tells which
//! commit it sees.

use std::collections::BTreeMap;

use super::{super::broken, Place};

/// A commit that a fetch has seen: its number and the offset.
pub(in super::super) type Found = (u64, i64);

#[derive(Clone, Copy, Debug)]
struct Commit {
    offset: i64,
    sent: u64,
    /// It has no effect after this moment.
    over: Option<u64>,
    /// It had its effect by this moment: answered without an error, or seen.
    done: Option<u64>,
    is_refused: bool,
    /// An audit has found a later one: only a power cut brings it back.
    is_past: bool,
}

impl Commit {
    fn end(&self) -> u64 {
        self.over.unwrap_or(u64::MAX).min(self.done.unwrap_or(u64::MAX))
    }
}

type Register = BTreeMap<u64, Commit>;

#[derive(Default)]
struct Group {
    registers: BTreeMap<Place, Register>,
    /// A power cut may have taken the last commits; nobody has looked yet.
    may_lose: bool,
}

pub(in super::super) struct Offsets {
    groups: Vec<Group>,
    next: u64,
}

impl Offsets {
    pub(super) fn new(groups: usize) -> Self {
        Self { groups: (0..groups).map(|_| Group::default()).collect(), next: 1 }
    }

    /// A commit is about to be sent: its number.
    pub(in super::super) fn on_sent(&mut self, group: usize, place: Place, offset: i64, sent: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        let commit = Commit { offset, sent, over: None, done: None, is_refused: false, is_past: false };
        self.groups[group].registers.entry(place).or_default().insert(number, commit);
        number
    }

    fn change(&mut self, group: usize, place: Place, number: u64, change: impl FnOnce(&mut Commit)) {
        let register = self.groups[group].registers.get_mut(&place);
        if let Some(commit) = register.and_then(|register| register.get_mut(&number)) {
            change(commit);
        }
    }

    pub(in super::super) fn on_acknowledged(&mut self, group: usize, place: Place, number: u64, tick: u64) {
        self.change(group, place, number, |commit| {
            commit.over = Some(tick);
            commit.done = Some(commit.done.map_or(tick, |known| known.min(tick)));
        });
    }

    /// It has had no effect, and has none.
    pub(in super::super) fn on_refused(&mut self, group: usize, place: Place, number: u64, tick: u64) {
        self.change(group, place, number, |commit| {
            commit.over = Some(tick);
            commit.is_refused = true;
        });
    }

    /// The answer leaves it open whether it had an effect.
    pub(in super::super) fn on_unclear(&mut self, group: usize, place: Place, number: u64, tick: u64) {
        self.change(group, place, number, |commit| commit.over = Some(tick));
    }

    /// A fetch that was sent at `sent` is answered.
    pub(in super::super) fn on_fetched(
        &mut self,
        group: usize,
        place: Place,
        sent: u64,
        tick: u64,
        found: Option<Found>,
    ) {
        let register = self.groups[group].registers.entry(place).or_default();
        check(register, group, place, sent, found);
        if let Some((number, _)) = found {
            self.change(group, place, number, |commit| {
                commit.done = Some(commit.done.map_or(tick, |known| known.min(tick)));
            });
        }
    }

    pub(super) fn on_life_over(&mut self, tick: u64, may_lose: bool) {
        for group in &mut self.groups {
            group.may_lose |= may_lose;
            for commit in group.registers.values_mut().flat_map(BTreeMap::values_mut) {
                commit.over.get_or_insert(tick);
            }
        }
    }

    /// All of a group's offsets, read while nobody else is there; from then on nothing else is known.
    pub(in super::super) fn on_audited(&mut self, group: usize, tick: u64, found: &BTreeMap<Place, Found>) {
        let known = &mut self.groups[group];
        for (place, (number, _)) in found {
            let register = known.registers.get(place);
            if register.is_none_or(|register| !register.contains_key(number)) {
                broken(
                    "committed offsets are as committed",
                    &format!("{place:?} of group {group}: {found:?}"),
                );
            }
        }
        // A loss is a suffix: what was over before the last survivor was sent is there.
        let last_sent = |(place, (number, _)): (&Place, &Found)| known.registers[place][number].sent;
        let sent = if known.may_lose { found.iter().map(last_sent).max().unwrap_or(0) } else { tick };
        for (place, register) in &mut known.registers {
            let found = found.get(place).copied();
            if known.may_lose {
                register.values_mut().for_each(|commit| commit.is_past = false);
            }
            check(register, group, *place, sent, found);
            let Some(found) = found.and_then(|(number, _)| register.get(&number).copied()) else {
                register.clear();
                continue;
            };
            register.retain(|_, commit| commit.sent < found.end());
            for commit in register.values_mut() {
                commit.is_past = (commit.sent, commit.end()) != (found.sent, found.end());
            }
        }
        self.note_found(group, tick, found);
        self.groups[group].may_lose = false;
    }

    fn note_found(&mut self, group: usize, tick: u64, found: &BTreeMap<Place, Found>) {
        for (place, (number, _)) in found {
            self.change(group, *place, *number, |commit| {
                commit.done = Some(commit.done.map_or(tick, |known| known.min(tick)));
            });
        }
    }

    /// The newest offset that is surely committed.
    pub(in super::super) fn committed(&self, group: usize, place: Place) -> i64 {
        let register = self.groups[group].registers.get(&place);
        let done = register.into_iter().flat_map(BTreeMap::values).filter(|commit| commit.done.is_some());
        done.map(|commit| commit.offset).max().unwrap_or(0)
    }
}

/// What is found was the last commit at some moment after `sent`.
fn check(register: &Register, group: usize, place: Place, sent: u64, found: Option<Found>) {
    let detail = || format!("{place:?} of group {group}: found {found:?} of {register:?}, asked at {sent}");
    let after = match found {
        None => 0,
        Some((number, offset)) => match register.get(&number) {
            Some(commit) if commit.offset == offset => {
                if commit.is_past {
                    broken("committed offsets never go back", &detail());
                }
                if commit.is_refused {
                    broken("a refused commit has no effect", &detail());
                }
                commit.end()
            }
            _ => broken("committed offsets are as committed", &detail()),
        },
    };
    let overwrites = |commit: &Commit| commit.done.is_some_and(|done| done < sent) && commit.sent > after;
    if let Some(later) = register.values().find(|commit| overwrites(commit)) {
        broken("committed offsets never go back", &format!("{later:?} was later: {}", detail()));
    }
}
