//! Produce by hand: the request borrowed from its frame, the response written from what the partitions answered.

mod request;
mod response;
#[cfg(test)]
mod tests;

pub use request::{ProduceFrame, ProducePartition, ProduceTopic, named_count};
pub use response::{ProduceResult, RecordError, write_produce_response};
