//! Listeners, framing and ordered pipelines: bytes from clients in, answers out in the order of the requests.
//!
//! A [`Service`] says what a request means; nothing here does. What is absent: Kafka's messages, partitions, files'
//! contents (a file range is sent, never read).

pub mod budget;
pub mod connection;
pub mod connections;
mod ends;
pub mod frame;
pub mod http;
pub mod limits;
pub mod listener;
mod mute;
pub mod pipeline;
pub mod refusals;

pub use connection::{ConnectionConfig, serve};
pub use connections::Connections;
pub use pipeline::{Answer, Dispatched, Piece, Response, Service, Times};
