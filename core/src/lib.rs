//! What a Kafka broker decides, without I/O, clock, threads or randomness: `now` is an argument.

pub mod authorized_operations;
pub mod config;
pub mod controller;
pub mod error_code;
pub mod fetch_session;
pub mod group;
pub mod limits;
pub mod metadata;
pub mod metrics;
pub mod partition_state;
pub mod producer_state;
pub mod protocol;
pub mod quota;
pub mod records;
pub mod uuid;
