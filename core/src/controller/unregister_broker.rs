//! UnregisterBroker (64): a broker that is gone for good is forgotten.

use super::{Context, Controller, Outcome};
use crate::{
    error_code::ErrorCode,
    metadata::VersionedRecord,
    protocol::{
        messages::unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse},
        records::metadata::UnregisterBrokerRecord,
    },
};

impl Controller {
    pub(super) fn unregister_broker(
        &self,
        _context: &Context,
        request: &UnregisterBrokerRequest,
    ) -> Outcome<UnregisterBrokerResponse> {
        let broker_id = request.broker_id;
        let respond = |error: ErrorCode, text: String| UnregisterBrokerResponse {
            error_code: error.code(),
            error_message: Some(text),
            ..Default::default()
        };
        let Some(broker) = self.image().cluster.broker(broker_id) else {
            let text = format!("Broker ID {broker_id} is not currently registered");
            return Outcome::only(respond(ErrorCode::BrokerIdNotRegistered, text));
        };
        if self.settings.local_broker_id == Some(broker_id) {
            // It could not serve any more, and would be there again after its next start.
            let text = format!("Broker ID {broker_id} is the node that was asked, and it is alive");
            return Outcome::only(respond(ErrorCode::InvalidRequest, text));
        }
        let mut records = self.remove_from_isrs(broker_id);
        let broker_epoch = broker.epoch;
        records.push(VersionedRecord::new(UnregisterBrokerRecord { broker_id, broker_epoch }, 0));
        Outcome::with(records, respond(ErrorCode::None, String::new())).in_parts()
    }
}
