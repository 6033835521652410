//! A node's life: start, serve, stop.

use jackdaw_core::config::BrokerConfig;

use crate::exit_code::ExitCode;

/// Runs the node until it is told to stop.
pub(crate) fn serve(_config: BrokerConfig) -> ExitCode {
    tracing::error!("this build has no server yet");
    ExitCode::Error
}
