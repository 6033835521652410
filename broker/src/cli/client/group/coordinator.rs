//! Finding a group's coordinator, and asking it until it is the right one.

use jackdaw_core::protocol::Request;
use jackdaw_core::protocol::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};

use super::super::Client;
use super::super::address::Address;
use super::super::error::ClientError;

const KEY_TYPE_GROUP: i8 = 0;
/// The first version that asks for several keys at once.
const FIRST_WITH_KEYS: i16 = 4;

impl Client {
    /// Asks the group's coordinator; asks again while it is moving or loading. `read` takes the answer's errors
    /// out of it.
    pub(super) fn call_coordinator<R: Request, T>(
        &mut self,
        group: &str,
        ceiling: i16,
        request: impl Fn(i16) -> R,
        read: impl Fn(R::Response) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut retry = self.retry();
        loop {
            let answer = self
                .coordinator(group)
                .and_then(|node_id| self.call_node_up_to(node_id, ceiling, &request))
                .and_then(&read);
            match answer {
                Err(error) if error.is_retriable() => {
                    self.coordinators.remove(group);
                    retry.pause(error)?;
                }
                answer => return answer,
            }
        }
    }

    /// The id of the broker that coordinates this group; its address is then in the metadata.
    pub(super) fn coordinator(&mut self, group: &str) -> Result<i32, ClientError> {
        if let Some(&node_id) = self.coordinators.get(group) {
            return Ok(node_id);
        }
        let answer = self.call_any(|version| {
            let keys = vec![group.to_owned()];
            let (key, coordinator_keys) =
                if version >= FIRST_WITH_KEYS { (String::new(), keys) } else { (group.to_owned(), vec![]) };
            FindCoordinatorRequest { key, key_type: KEY_TYPE_GROUP, coordinator_keys }
        })?;
        let found = sole(answer);
        if found.error_code != 0 {
            let what = format!("no coordinator of group {group:?}");
            return Err(ClientError::broker(what, found.error_code, found.error_message));
        }
        if let Ok(port) = u16::try_from(found.port) {
            self.metadata.learn(found.node_id, Address { host: found.host, port });
        }
        self.coordinators.insert(group.to_owned(), found.node_id);
        Ok(found.node_id)
    }
}

/// The answer for the one key, in whichever version it came.
fn sole(answer: FindCoordinatorResponse) -> Coordinator {
    let alone = Coordinator {
        key: String::new(),
        node_id: answer.node_id,
        host: answer.host,
        port: answer.port,
        error_code: answer.error_code,
        error_message: answer.error_message,
    };
    answer.coordinators.into_iter().next().unwrap_or(alone)
}
