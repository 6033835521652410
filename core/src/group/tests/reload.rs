//! What is left when the coordinator starts again.

use super::driver::{Host, ask, error};
use crate::{
    error_code::ErrorCode,
    group::{Request, Response},
    protocol::messages::heartbeat::HeartbeatRequest,
};

#[test]
fn a_stable_group_is_stable_again_with_full_sessions() {
    let mut host = Host::new();
    let members = host.stable_group("g", 3);
    host.advance(10_000);
    host.reload();
    host.advance(44_999);
    for joined in &members {
        let heartbeat = HeartbeatRequest {
            group_id: "g".into(),
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            group_instance_id: None,
        };
        assert_eq!(error(ask!(host, Heartbeat { heartbeat }).error_code), ErrorCode::None);
    }
}
