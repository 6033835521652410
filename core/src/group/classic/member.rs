//! A member of a classic group.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    group::CallId,
    protocol::{messages::join_group::JoinGroupRequestProtocol, records::group::MemberMetadata},
};

/// What a member can speak, and what it says to the leader in it. Opaque to the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: Arc<str>,
    pub(crate) metadata: Bytes,
}

/// A JoinGroup that waits for its generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WaitingJoin {
    pub(crate) call: CallId,
    /// Of the request: the answer's form depends on it.
    pub(crate) version: i16,
}

/// What a member says with each JoinGroup.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JoinTerms {
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    /// In the member's order of preference.
    pub(crate) protocols: Arc<[Protocol]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// `group.instance.id` of a static member.
    pub(crate) instance_id: Option<Arc<str>>,
    pub(crate) client_id: Arc<str>,
    pub(crate) client_host: Arc<str>,
    pub(crate) terms: JoinTerms,
    /// What the leader of the last stable generation gave it.
    pub(crate) assignment: Bytes,
    pub(crate) presence: Presence,
}

/// What no record says of a member.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Presence {
    pub(crate) joining: Option<WaitingJoin>,
    pub(crate) syncing: Option<CallId>,
    /// The generation has begun, and this member has not sent its SyncGroup.
    pub(crate) must_sync: bool,
    /// It has never been told its id by a completed rebalance, so that it cannot send heartbeats.
    pub(crate) is_new: bool,
    pub(crate) session_deadline_ms: u64,
}

impl Member {
    pub(crate) fn metadata_of(&self, protocol: &str) -> Option<&Bytes> {
        self.terms.protocols.iter().find(|known| &*known.name == protocol).map(|known| &known.metadata)
    }

    pub(crate) fn matches(&self, protocols: &[JoinGroupRequestProtocol]) -> bool {
        let known = self.terms.protocols.iter().map(|known| (&*known.name, &known.metadata));
        known.eq(protocols.iter().map(|asked| (&*asked.name, &asked.metadata)))
    }

    pub(crate) fn size_bytes(&self) -> usize {
        let names = self.client_id.len() + self.client_host.len();
        let protocols = self.terms.protocols.iter();
        let protocols = protocols.map(|protocol| protocol.name.len() + protocol.metadata.len());
        names
            + self.instance_id.as_ref().map_or(0, |id| id.len())
            + self.assignment.len()
            + protocols.sum::<usize>()
    }

    /// When its silence ends its membership. A member that waits for an answer is not silent; a new one that waits
    /// too long has gone away.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        let waits = self.presence.joining.is_some() || self.presence.syncing.is_some();
        (self.presence.is_new || !waits).then_some(self.presence.session_deadline_ms)
    }

    pub(crate) fn renewed_deadline_ms(&self, now_ms: u64) -> u64 {
        now_ms + millis(self.terms.session_timeout_ms)
    }

    pub(crate) fn from_record(record: &MemberMetadata, protocol: &str) -> Self {
        let metadata = Bytes::copy_from_slice(&record.subscription);
        Self {
            instance_id: record.group_instance_id.as_deref().map(Arc::from),
            client_id: record.client_id.as_str().into(),
            client_host: record.client_host.as_str().into(),
            terms: JoinTerms {
                // Before version 1 of the record there was one timeout for both.
                rebalance_timeout_ms: match record.rebalance_timeout {
                    -1 => record.session_timeout,
                    timeout_ms => timeout_ms,
                },
                session_timeout_ms: record.session_timeout,
                protocols: [Protocol { name: protocol.into(), metadata }].into(),
            },
            assignment: Bytes::copy_from_slice(&record.assignment),
            presence: Presence::default(),
        }
    }

    pub(crate) fn to_record(&self, id: &str, protocol: &str, assignment: Bytes) -> MemberMetadata {
        MemberMetadata {
            member_id: id.to_owned(),
            group_instance_id: self.instance_id.as_deref().map(str::to_owned),
            client_id: self.client_id.to_string(),
            client_host: self.client_host.to_string(),
            rebalance_timeout: self.terms.rebalance_timeout_ms,
            session_timeout: self.terms.session_timeout_ms,
            subscription: self.metadata_of(protocol).cloned().unwrap_or_default(),
            assignment,
        }
    }
}

/// A timeout that a peer named; a negative one is none.
pub(crate) fn millis(timeout_ms: i32) -> u64 {
    u64::try_from(timeout_ms).unwrap_or(0)
}
