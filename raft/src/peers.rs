//! One request in flight to each peer, and the pause after one that failed.

use std::collections::BTreeMap;

use crate::membership::NodeId;

/// The state of the line to every peer we have talked to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    lines: BTreeMap<NodeId, Line>,
    last_correlation: u64,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Waiting { correlation: u64, until_ms: u64 },
    BackingOff { until_ms: u64 },
}

impl Peers {
    /// When the peer may be asked: `None` is now.
    pub(crate) fn blocked_until(&self, peer: NodeId, now_ms: u64) -> Option<u64> {
        let until_ms = match self.lines.get(&peer)? {
            Line::Waiting { until_ms, .. } | Line::BackingOff { until_ms } => *until_ms,
        };
        (until_ms > now_ms).then_some(until_ms)
    }

    /// Notes a request that counts as lost at `until_ms`, and numbers it.
    pub(crate) fn sent(&mut self, peer: NodeId, until_ms: u64) -> u64 {
        self.last_correlation += 1;
        self.lines.insert(peer, Line::Waiting { correlation: self.last_correlation, until_ms });
        self.last_correlation
    }

    /// The peer that this answer is from, if the request still counts.
    pub(crate) fn answered(&mut self, correlation: u64) -> Option<NodeId> {
        let peer = self.lines.iter().find_map(|(peer, line)| match line {
            Line::Waiting { correlation: sent, .. } if *sent == correlation => Some(*peer),
            _ => None,
        })?;
        self.lines.remove(&peer);
        Some(peer)
    }

    pub(crate) fn back_off(&mut self, peer: NodeId, until_ms: u64) {
        self.lines.insert(peer, Line::BackingOff { until_ms });
    }

    /// A new role begins with free lines; answers to the old role's requests are not looked at.
    pub(crate) fn forget_requests(&mut self) {
        self.lines.clear();
    }
}
