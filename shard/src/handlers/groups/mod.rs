//! The APIs of consumer groups: each request goes to the coordinator of its group.

pub(crate) mod describe;
pub(crate) mod list;
pub(crate) mod members;
pub(crate) mod offset_fetch;
pub(crate) mod offsets;

use jackdaw_core::group::Client;

use crate::service::RequestContext;

/// Who asks, as it stands in a group's description.
fn client(context: &RequestContext) -> Client {
    Client {
        id: context.client_id.clone().unwrap_or_default(),
        host: format!("/{}", context.peer.ip().to_canonical()),
    }
}

/// A coordinator answers with the kind that was asked for.
macro_rules! answer_of {
    ($response:expr, $kind:ident) => {
        match $response {
            jackdaw_core::group::Response::$kind(response) => response,
            other => panic!("a {} request is answered with {other:?}", stringify!($kind)),
        }
    };
}
use answer_of;
