//! Which protocol a group speaks, and what the one protocol says that the coordinator reads.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::ClassicGroup;
use crate::protocol::{
    Reader, message::Message, messages::join_group::JoinGroupRequestProtocol,
    records::consumer_protocol::ConsumerProtocolSubscription,
};

impl ClassicGroup {
    /// Whether a member that offers these protocols can be in the group with all that are there.
    pub(crate) fn supports_protocols(
        &self,
        protocol_type: &str,
        protocols: &[JoinGroupRequestProtocol],
    ) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|protocol| self.all_support(&protocol.name))
    }

    fn all_support(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.supports(protocol))
    }

    /// Each member votes for the first of its protocols that all support; the most votes win, and among equals the
    /// name that sorts first. `None` where there are no members.
    pub(crate) fn elect_protocol(&self) -> Option<Arc<str>> {
        let first = self.members.values().next()?;
        let candidates: Vec<_> =
            first.terms.protocols.iter().filter(|protocol| self.all_support(&protocol.name)).collect();
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for member in self.members.values() {
            let mut offers = member.terms.protocols.iter();
            let choice = offers.find(|offer| candidates.iter().any(|candidate| candidate.name == offer.name));
            if let Some(choice) = choice {
                *votes.entry(&choice.name).or_default() += 1;
            }
        }
        let winner = votes.into_iter().rev().max_by_key(|(_, count)| *count);
        winner.map(|(name, _)| Arc::clone(name))
    }
}

/// The topics of a subscription of the consumer protocol; `None` where it is none. A newer version than we know
/// begins as the newest known does.
pub(super) fn subscribed_topics(metadata: &Bytes) -> Option<Vec<String>> {
    let mut reader = Reader::new(metadata);
    let version = reader.i16().ok()?.min(ConsumerProtocolSubscription::MAX_VERSION);
    let subscription = ConsumerProtocolSubscription::decode(&mut reader, version).ok()?;
    Some(subscription.topics)
}
