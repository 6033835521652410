//! When each broker was last heard from. Soft: a new leader gives everybody a fresh session.

use std::collections::BTreeMap;

use super::Effect;

#[derive(Clone, Copy, Debug)]
struct Session {
    broker_epoch: i64,
    last_seen_ms: u64,
    metadata_offset: i64,
    /// What others must have seen before this broker may stop.
    shutdown_offset: Option<i64>,
}

/// The sessions of registered brokers; bounded by their number.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    active_since_ms: u64,
    last_write_ms: u64,
    by_broker: BTreeMap<i32, Session>,
}

impl Sessions {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { active_since_ms: now_ms, last_write_ms: now_ms, by_broker: BTreeMap::new() }
    }

    pub(super) fn accept(&mut self, now_ms: u64, effect: &Effect) {
        match *effect {
            Effect::BrokerSeen { broker_id, broker_epoch, metadata_offset } => {
                let old = self.by_broker.get(&broker_id).filter(|old| old.broker_epoch == broker_epoch);
                let shutdown_offset = old.and_then(|old| old.shutdown_offset);
                let session =
                    Session { broker_epoch, last_seen_ms: now_ms, metadata_offset, shutdown_offset };
                self.by_broker.insert(broker_id, session);
            }
            Effect::ShutdownBegun { broker_id, offset } => {
                if let Some(session) = self.by_broker.get_mut(&broker_id) {
                    session.shutdown_offset = Some(offset);
                }
            }
            Effect::Written => self.last_write_ms = now_ms,
        }
    }

    pub(super) fn last_write_ms(&self) -> u64 {
        self.last_write_ms
    }

    /// A broker that has not been heard from since we lead counts as seen when we began.
    pub(super) fn last_seen_ms(&self, broker_id: i32, broker_epoch: i64) -> u64 {
        self.session(broker_id, broker_epoch).map_or(self.active_since_ms, |session| session.last_seen_ms)
    }

    /// -1 where it is not known.
    pub(super) fn metadata_offset(&self, broker_id: i32, broker_epoch: i64) -> i64 {
        self.session(broker_id, broker_epoch).map_or(-1, |session| session.metadata_offset)
    }

    pub(super) fn shutdown_offset(&self, broker_id: i32, broker_epoch: i64) -> Option<i64> {
        self.session(broker_id, broker_epoch)?.shutdown_offset
    }

    fn session(&self, broker_id: i32, broker_epoch: i64) -> Option<&Session> {
        self.by_broker.get(&broker_id).filter(|session| session.broker_epoch == broker_epoch)
    }
}
