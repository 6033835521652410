//! Kafka's primitive types on the wire, read with bounds and written with the schema's rules.

mod error;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{DecodeError, EncodeError};
pub use reader::Reader;
pub use writer::Writer;
