//! Which protocol a group speaks, and what the one protocol says that the coordinator reads.

use std::sync::Arc;

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
            && protocols.iter().any(|protocol| self.members.support(&protocol.name))
    }

    pub(crate) fn elect_protocol(&self) -> Option<Arc<str>> {
        self.members.elect_protocol()
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
