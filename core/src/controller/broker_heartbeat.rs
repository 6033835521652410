//! BrokerHeartbeat (63): fencing, unfencing and controlled shutdown.

use super::{Context, Controller, Effect, Outcome};
use crate::{
    error_code::ErrorCode,
    metadata::{Broker, VersionedRecord},
    protocol::{
        messages::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse},
        records::metadata::BrokerRegistrationChangeRecord,
    },
};

/// Where a heartbeat leaves a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fenced,
    Unfenced,
    ShuttingDown,
    /// It leads nothing any more and everybody knows: it may stop.
    ShutdownNow,
}

const FENCE: i8 = 1;
const UNFENCE: i8 = -1;
/// Changes of fencing are written in the oldest version: they need no more.
const FENCE_VERSION: i16 = 0;
const SHUTDOWN_VERSION: i16 = 1;
const CORDON_VERSION: i16 = 3;

impl Controller {
    pub(super) fn heartbeat(
        &self,
        context: &Context,
        request: &BrokerHeartbeatRequest,
    ) -> Outcome<BrokerHeartbeatResponse> {
        let Some(broker) = self.image().cluster.broker(request.broker_id) else {
            return refuse(ErrorCode::BrokerIdNotRegistered);
        };
        if broker.epoch != request.broker_epoch {
            return refuse(ErrorCode::StaleBrokerEpoch);
        }
        let state = self.next_state(broker, request);
        let mut records = self.cordon(broker, request);
        let begins_shutdown = state == State::ShuttingDown && !broker.in_controlled_shutdown;
        match state {
            State::Fenced | State::ShutdownNow if !broker.fenced => {
                records.extend(self.fence_broker(broker.id))
            }
            State::Unfenced if broker.fenced => records.extend(self.unfence_broker(broker)),
            State::ShuttingDown if begins_shutdown => records.extend(self.begin_shutdown(broker)),
            _ => {}
        }
        let response = BrokerHeartbeatResponse {
            is_caught_up: request.current_metadata_offset >= broker.epoch,
            is_fenced: matches!(state, State::Fenced | State::ShutdownNow),
            should_shut_down: state == State::ShutdownNow,
            ..Default::default()
        };
        let seen = Effect::BrokerSeen {
            broker_id: broker.id,
            broker_epoch: broker.epoch,
            metadata_offset: request.current_metadata_offset,
        };
        let last_offset = context.next_offset + records.len() as i64 - 1;
        let outcome = Outcome::with(records, response).in_parts().effect(seen);
        if begins_shutdown {
            return outcome.effect(Effect::ShutdownBegun { broker_id: broker.id, offset: last_offset });
        }
        outcome
    }

    fn next_state(&self, broker: &Broker, request: &BrokerHeartbeatRequest) -> State {
        let caught_up = request.current_metadata_offset >= broker.epoch;
        if broker.fenced {
            return match (request.want_shut_down, request.want_fence) {
                (true, _) => State::ShutdownNow,
                (false, false) if caught_up => State::Unfenced,
                (false, _) => State::Fenced,
            };
        }
        if request.want_fence {
            return if request.want_shut_down { State::ShutdownNow } else { State::Fenced };
        }
        if broker.in_controlled_shutdown {
            let everybody_knows = self.others_have_seen_shutdown(broker);
            let done = everybody_knows && !self.leads_anything(broker.id);
            return if done { State::ShutdownNow } else { State::ShuttingDown };
        }
        if request.want_shut_down { State::ShuttingDown } else { State::Unfenced }
    }

    /// Every active broker has applied the records that moved leadership away from this one.
    fn others_have_seen_shutdown(&self, broker: &Broker) -> bool {
        let Some(offset) = self.sessions.shutdown_offset(broker.id, broker.epoch) else {
            // Begun under another leader: whoever is active now has seen our epoch begin after it.
            return true;
        };
        self.image()
            .cluster
            .brokers()
            .filter(|other| other.is_active())
            .all(|other| self.sessions.metadata_offset(other.id, other.epoch) >= offset)
    }

    fn cordon(&self, broker: &Broker, request: &BrokerHeartbeatRequest) -> Vec<VersionedRecord> {
        let may_write = self.image().features.metadata_version().has_cordoned_directories();
        let is_news =
            request.cordoned_log_dirs.is_some() && request.cordoned_log_dirs != broker.cordoned_log_dirs;
        if !may_write || !is_news {
            return Vec::new();
        }
        let record = BrokerRegistrationChangeRecord {
            cordoned_log_dirs: request.cordoned_log_dirs.clone(),
            ..change_of(broker)
        };
        vec![VersionedRecord::new(record, CORDON_VERSION)]
    }

    /// Moves leadership and ISR membership away, then fences.
    pub(super) fn fence_broker(&self, broker_id: i32) -> Vec<VersionedRecord> {
        let mut records = self.remove_from_isrs(broker_id);
        if let Some(broker) = self.image().cluster.broker(broker_id) {
            let record = BrokerRegistrationChangeRecord { fenced: FENCE, ..change_of(broker) };
            records.push(VersionedRecord::new(record, FENCE_VERSION));
        }
        records
    }

    fn unfence_broker(&self, broker: &Broker) -> Vec<VersionedRecord> {
        let record = BrokerRegistrationChangeRecord { fenced: UNFENCE, ..change_of(broker) };
        let mut records = vec![VersionedRecord::new(record, FENCE_VERSION)];
        records.extend(self.elect_where_leaderless(broker.id));
        records
    }

    fn begin_shutdown(&self, broker: &Broker) -> Vec<VersionedRecord> {
        let record = BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..change_of(broker) };
        let mut records = vec![VersionedRecord::new(record, SHUTDOWN_VERSION)];
        records.extend(self.remove_from_isrs(broker.id));
        records
    }

    pub(super) fn session_ends_ms(&self, broker: &Broker) -> u64 {
        let timeout_ms = u64::try_from(self.settings.broker.node.session_timeout_ms).unwrap_or(0);
        self.sessions.last_seen_ms(broker.id, broker.epoch) + timeout_ms
    }

    /// The broker whose session ended first, if one has.
    pub(super) fn expired_broker(&self, now_ms: u64) -> Option<i32> {
        let brokers = self.image().cluster.unfenced_brokers();
        let ended = brokers.map(|broker| (self.session_ends_ms(broker), broker.id));
        ended.filter(|(ends_ms, _)| *ends_ms <= now_ms).min().map(|(_, id)| id)
    }

    pub(super) fn next_expiry_ms(&self) -> Option<u64> {
        self.image().cluster.unfenced_brokers().map(|broker| self.session_ends_ms(broker)).min()
    }
}

fn change_of(broker: &Broker) -> BrokerRegistrationChangeRecord {
    BrokerRegistrationChangeRecord { broker_id: broker.id, broker_epoch: broker.epoch, ..Default::default() }
}

fn refuse(error: ErrorCode) -> Outcome<BrokerHeartbeatResponse> {
    let error_code = error.code();
    Outcome::only(BrokerHeartbeatResponse { error_code, is_fenced: true, ..Default::default() })
}
