//! Members that speak the classic protocol in a consumer group, while it is being upgraded: they join, fetch their
//! assignment and send heartbeats as ever, and are led through the same epochs as all others. Their generation is
//! their member epoch.

mod blob;
mod join;
mod session;

pub(super) use blob::{Subscription, assignment_blob, assignment_of_blob, blob_version, subscription};

/// The protocol type of consumers.
pub(super) const CONSUMER: &str = "consumer";
