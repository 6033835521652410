//! The wire codec: primitives, headers, and every message and record of Kafka 4.4, generated from `core/schema/`.

pub mod api;
mod frame;
pub mod header;
pub mod message;
pub mod messages;
pub mod primitives;
pub mod records;

pub use api::ApiKey;
pub use message::{Message, Request};
pub use primitives::{DecodeError, EncodeError, Reader, Writer};
