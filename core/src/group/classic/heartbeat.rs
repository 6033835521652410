//! Heartbeat (12).

use std::sync::Arc;

use super::{Change, ClassicGroup, State};
use crate::{
    error_code::ErrorCode,
    group::{CallId, Context, Effect, Outcome, Response},
    protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse},
};

pub(crate) fn answer(error: ErrorCode) -> Response {
    Response::Heartbeat(HeartbeatResponse { error_code: error.code(), ..Default::default() })
}

impl ClassicGroup {
    pub(crate) fn heartbeat(
        &self,
        context: &Context<'_>,
        call: CallId,
        group_id: &Arc<str>,
        request: &HeartbeatRequest,
    ) -> Outcome {
        let instance_id = request.group_instance_id.as_deref();
        match self.validate_generation(&request.member_id, instance_id, request.generation_id) {
            Err(error) => Outcome::answer(call, answer(error)),
            Ok((member_id, _)) => {
                let error = match self.state {
                    State::PreparingRebalance(_) => ErrorCode::RebalanceInProgress,
                    _ => ErrorCode::None,
                };
                let mut outcome = Outcome::answer(call, answer(error));
                outcome.effects.push(heard(context, group_id, member_id));
                outcome
            }
        }
    }
}

/// A member has shown that it is there.
pub(crate) fn heard(context: &Context<'_>, group_id: &Arc<str>, member_id: &Arc<str>) -> Effect {
    let change = Change::Heard { member_id: Arc::clone(member_id), now_ms: context.now_ms };
    Effect::classic(group_id, vec![change])
}
