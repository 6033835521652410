//! What a decision is made from, beside the state.

use crate::metadata::Image;

/// What is true at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// A clock that never goes back, for timers.
    pub now_ms: u64,
    /// The calendar's clock, for what stands in records.
    pub unix_ms: i64,
    /// Fresh random bits for member ids.
    pub random: [u64; 2],
    /// Topics, brokers' racks and the groups' own configuration.
    pub image: &'a Image,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    /// The peer's address as Kafka shows it: `/127.0.0.1`.
    pub host: String,
}
