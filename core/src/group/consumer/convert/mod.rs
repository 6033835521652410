//! From one protocol to the other while the group is in use (`group.consumer.migration.policy`).

mod downgrade;
mod upgrade;

pub(crate) use upgrade::upgrade;
