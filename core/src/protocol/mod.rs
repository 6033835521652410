//! The wire codec: primitives, headers, and every message and record of Kafka 4.4, generated from `core/schema/`.

pub mod api;
pub mod fetch;
pub mod frame;
pub mod header;
pub mod leader_hint;
pub mod message;
pub mod messages;
pub mod primitives;
pub mod produce;
mod record_frame;
pub mod records;
mod span;

pub use api::ApiKey;
pub use message::{Message, Request};
pub use primitives::{DecodeError, EncodeError, Reader, Writer};
