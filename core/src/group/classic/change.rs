//! Changes of a group's soft state, and what each does. The only place, with the records, where a group changes.

use std::sync::Arc;

use super::{
    ClassicGroup, Layered, Member, Preparing, State,
    member::{JoinTerms, Presence, WaitingJoin},
};
use crate::group::CallId;

/// One fact about a group that is in no record.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// An id was handed out; who got it has until the deadline to join with it.
    IdIssued {
        member_id: Arc<str>,
        deadline_ms: u64,
    },
    /// A member came. Its JoinGroup waits.
    Joined {
        member_id: Arc<str>,
        protocol_type: Arc<str>,
        member: Box<Member>,
    },
    /// A member is there again for the next generation.
    Rejoined {
        member_id: Arc<str>,
        terms: Box<JoinTerms>,
        join: WaitingJoin,
    },
    /// A static member came back under a new id.
    Replaced {
        old_id: Arc<str>,
        new_id: Arc<str>,
        now_ms: u64,
    },
    /// A static member that came back has new terms, and its JoinGroup was answered at once.
    TermsRenewed {
        member_id: Arc<str>,
        terms: Box<JoinTerms>,
        now_ms: u64,
    },
    /// A member left, or its silence was too long; or an id was not used.
    Removed {
        member_id: Arc<str>,
    },
    RebalanceBegan {
        preparing: Preparing,
        unix_ms: i64,
        now_ms: u64,
    },
    /// The wait for members goes on.
    WaitExtended {
        preparing: Preparing,
    },
    LeaderElected {
        member_id: Arc<str>,
    },
    /// The members that are there are the next generation. Those that wait have been answered.
    GenerationBegan {
        protocol: Option<Arc<str>>,
        unix_ms: i64,
        now_ms: u64,
    },
    /// A member's SyncGroup waits for the leader's.
    SyncWaits {
        member_id: Arc<str>,
        call: CallId,
    },
    /// A member has fetched its assignment.
    Synced {
        member_id: Arc<str>,
        now_ms: u64,
    },
    /// All that waited for the leader's SyncGroup have been answered.
    AssignmentSent {
        now_ms: u64,
    },
    /// A member was heard of.
    Heard {
        member_id: Arc<str>,
        now_ms: u64,
    },
    /// The deadlines were looked at, and none had passed.
    Checked,
}

impl Change {
    /// The one member, or id, whose deadline it may move; `None` where it may move many.
    pub(crate) fn speaks_of(&self) -> Option<&str> {
        match self {
            Self::IdIssued { member_id, .. }
            | Self::Joined { member_id, .. }
            | Self::Rejoined { member_id, .. }
            | Self::TermsRenewed { member_id, .. }
            | Self::Removed { member_id }
            | Self::LeaderElected { member_id }
            | Self::SyncWaits { member_id, .. }
            | Self::Synced { member_id, .. }
            | Self::Heard { member_id, .. } => Some(member_id),
            Self::Replaced { new_id, .. } => Some(new_id),
            Self::RebalanceBegan { .. }
            | Self::WaitExtended { .. }
            | Self::GenerationBegan { .. }
            | Self::AssignmentSent { .. }
            | Self::Checked => None,
        }
    }
}

impl ClassicGroup {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::IdIssued { member_id, deadline_ms } => {
                self.forget_issued_id(member_id);
                self.issued_ids_bytes += member_id.len();
                self.issued_ids.insert(Arc::clone(member_id), *deadline_ms);
            }
            Change::Joined { member_id, protocol_type, member } => {
                self.add(Arc::clone(member_id), Arc::clone(protocol_type), (**member).clone());
            }
            Change::Rejoined { member_id, terms, join } => self.with(member_id, |member| {
                member.terms = (**terms).clone();
                member.presence.joining = Some(*join);
            }),
            Change::Replaced { old_id, new_id, now_ms } => self.replace(old_id, new_id, *now_ms),
            Change::TermsRenewed { member_id, terms, now_ms } => self.with(member_id, |member| {
                member.terms = (**terms).clone();
                member.presence.session_deadline_ms = member.renewed_deadline_ms(*now_ms);
            }),
            Change::Removed { member_id } => self.remove(member_id),
            Change::RebalanceBegan { preparing, unix_ms, now_ms } => {
                self.answer_syncs(*now_ms);
                self.enter(State::PreparingRebalance(preparing.clone()), *unix_ms);
            }
            Change::WaitExtended { preparing } => self.state = State::PreparingRebalance(preparing.clone()),
            Change::LeaderElected { member_id } => self.leader = Some(Arc::clone(member_id)),
            Change::GenerationBegan { protocol, unix_ms, now_ms } => {
                self.begin_generation(protocol.clone(), *unix_ms, *now_ms);
            }
            Change::SyncWaits { member_id, call } => self.with(member_id, |member| {
                member.presence.must_sync = false;
                member.presence.syncing = Some(*call);
            }),
            Change::Synced { member_id, now_ms } => {
                self.with(member_id, |member| {
                    member.presence.must_sync = false;
                    member.presence.session_deadline_ms = member.renewed_deadline_ms(*now_ms);
                });
                self.close_syncs();
            }
            Change::AssignmentSent { now_ms } => self.answer_syncs(*now_ms),
            Change::Heard { member_id, now_ms } => self.with(member_id, |member| {
                member.presence.session_deadline_ms = member.renewed_deadline_ms(*now_ms);
            }),
            Change::Checked => self.close_syncs(),
        }
    }

    fn with(&mut self, member_id: &str, change: impl FnOnce(&mut Member)) {
        let is_there = self.members.update(member_id, change);
        debug_assert!(is_there, "a change speaks of a member that is there");
    }

    fn forget_issued_id(&mut self, member_id: &str) {
        if self.issued_ids.remove(member_id).is_some() {
            self.issued_ids_bytes -= member_id.len();
        }
    }

    fn enter(&mut self, state: State, unix_ms: i64) {
        self.state = state;
        self.state_timestamp_ms = Some(unix_ms);
    }

    fn add(&mut self, member_id: Arc<str>, protocol_type: Arc<str>, member: Member) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type);
        }
        self.leader.get_or_insert_with(|| Arc::clone(&member_id));
        self.forget_issued_id(&member_id);
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(Arc::clone(instance_id), Arc::clone(&member_id));
        }
        if let State::PreparingRebalance(Preparing { initial: Some(initial), .. }) = &mut self.state {
            initial.has_grown = true;
        }
        self.members.insert(member_id, member);
    }

    fn remove(&mut self, member_id: &str) {
        self.forget_issued_id(member_id);
        let Some(member) = self.members.remove(member_id) else { return };
        if let Some(instance_id) = member.instance_id {
            self.static_members.remove(&instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.first_id().cloned();
        }
        self.close_syncs();
    }

    fn replace(&mut self, old_id: &str, new_id: &Arc<str>, now_ms: u64) {
        let Some(mut member) = self.members.remove(old_id) else { return };
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(Arc::clone(instance_id), Arc::clone(new_id));
        }
        if self.is_leader(old_id) {
            self.leader = Some(Arc::clone(new_id));
        }
        member.presence =
            Presence { session_deadline_ms: member.renewed_deadline_ms(now_ms), ..Presence::default() };
        self.members.insert(Arc::clone(new_id), member);
        self.close_syncs();
    }

    fn begin_generation(&mut self, protocol: Option<Arc<str>>, unix_ms: i64, now_ms: u64) {
        // A negative generation means none to clients.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = protocol;
        if self.members.is_empty() {
            return self.enter(State::Empty, unix_ms);
        }
        let called = |member: &mut Member| {
            member.presence = Presence {
                must_sync: true,
                session_deadline_ms: member.renewed_deadline_ms(now_ms),
                ..Presence::default()
            };
        };
        self.members.update_all(|_| true, called);
        let sync_deadline_ms = now_ms + self.rebalance_timeout_ms();
        self.enter(State::CompletingRebalance { sync_deadline_ms }, unix_ms);
    }

    fn answer_syncs(&mut self, now_ms: u64) {
        let answered = |member: &mut Member| {
            member.presence.syncing = None;
            member.presence.session_deadline_ms = member.renewed_deadline_ms(now_ms);
        };
        self.members.update_all(|member| member.presence.syncing.is_some(), answered);
    }

    /// Nobody is waited for once all have sent their SyncGroup.
    fn close_syncs(&mut self) {
        if let State::Stable { sync_deadline_ms } = &mut self.state
            && !self.members.must_some_sync()
        {
            *sync_deadline_ms = None;
        }
    }

    /// What is in no record starts afresh: the members that were found get a full session.
    pub(crate) fn restart_sessions(&mut self, now_ms: u64) {
        self.issued_ids = Layered::default();
        self.issued_ids_bytes = 0;
        let renewed = |member: &mut Member| {
            member.presence.session_deadline_ms = member.renewed_deadline_ms(now_ms);
        };
        self.members.update_all(|_| true, renewed);
    }
}
