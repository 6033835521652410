//! The roles a replica plays, each with its own state.

use crate::{candidate::Election, follower::Follower, leader::Leader, membership::NodeId};

/// Observers are only ever `Unattached` or `Follower`.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    Unattached(Unattached),
    Follower(Follower),
    /// Asks whether an election could be won, without disturbing anybody.
    Prospective(Election),
    Candidate(Election),
    Leader(Leader),
    /// Led this epoch and does no more: never leads the same epoch twice.
    Resigned(Resigned),
}

/// Knows of no leader that it could follow.
#[derive(Clone, Debug)]
pub(crate) struct Unattached {
    pub(crate) election_at_ms: u64,
    /// The voter an observer asks next.
    pub(crate) next_voter: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Resigned {
    pub(crate) election_at_ms: u64,
    /// Voters still to be told, with the candidates best first; empty unless the node stops.
    pub(crate) to_tell: Vec<NodeId>,
    pub(crate) preferred_candidates: Vec<crate::membership::ReplicaKey>,
}

/// The role's name, for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleName {
    Unattached,
    Follower,
    Prospective,
    Candidate,
    Leader,
    Resigned,
}

impl Role {
    pub(crate) fn name(&self) -> RoleName {
        match self {
            Role::Unattached(_) => RoleName::Unattached,
            Role::Follower(_) => RoleName::Follower,
            Role::Prospective(_) => RoleName::Prospective,
            Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
            Role::Resigned(_) => RoleName::Resigned,
        }
    }
}
