//! The invariants, checked at every output.

use std::collections::BTreeMap;

use jackdaw_raft::{NodeId, Output};

use super::{Entry, Node, Payload};

/// What the whole cluster has agreed on so far.
#[derive(Default)]
pub struct Checks {
    leaders: BTreeMap<i32, NodeId>,
    /// The longest prefix that any node has called committed.
    pub committed: Vec<Entry>,
    high_watermarks: BTreeMap<NodeId, i64>,
}

impl Checks {
    pub fn before(&mut self, id: NodeId, output: &Output, node: &Node) {
        match output {
            Output::BecameLeader { epoch, .. } => self.one_leader(id, *epoch, node),
            Output::HighWatermark { offset } => self.agree(id, *offset, node),
            Output::LeaderReady { epoch } => {
                let reached = self.committed.iter().any(|entry| entry.epoch == *epoch);
                assert!(reached, "n{id} is ready before a record of epoch {epoch} is committed");
            }
            Output::Truncate { end_offset } => {
                let high_watermark = self.high_watermarks.get(&id).copied().unwrap_or(0);
                assert!(*end_offset >= high_watermark, "n{id} cuts below its high watermark");
            }
            _ => {}
        }
    }

    pub fn forget(&mut self, id: NodeId) {
        self.high_watermarks.remove(&id);
    }

    fn one_leader(&mut self, id: NodeId, epoch: i32, node: &Node) {
        let leader = *self.leaders.entry(epoch).or_insert(id);
        assert_eq!(leader, id, "two leaders in epoch {epoch}");
        assert!(
            node.disk.log.starts_with(&self.committed),
            "n{id} leads epoch {epoch} without all that is committed"
        );
    }

    fn agree(&mut self, id: NodeId, offset: i64, node: &Node) {
        let before = self.high_watermarks.insert(id, offset).unwrap_or(-1);
        assert!(before < offset, "the high watermark of n{id} goes from {before} to {offset}");
        let claimed = &node.disk.log[..offset as usize];
        let both = claimed.len().min(self.committed.len());
        assert_eq!(claimed[..both], self.committed[..both], "n{id} disagrees about what is committed");
        self.committed.extend_from_slice(&claimed[both..]);
    }

    pub fn committed_values(&self) -> impl Iterator<Item = u64> + '_ {
        self.committed.iter().filter_map(|entry| match entry.payload {
            Payload::Value(value) => Some(value),
            Payload::LeaderChange => None,
        })
    }
}
