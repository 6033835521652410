//! Client quotas: whom they bind, what was used of them, and for how long who used more must wait. Kafka's arithmetic:
//! KIP-13, KIP-124, KIP-219, KIP-599, KIP-612.

mod bucket;
mod ledger;
mod limits;
mod rate;
#[cfg(test)]
mod tests;

pub use ledger::{Charge, Charged, Keep, Ledger};
pub use limits::{ClientLimits, Limit, QuotaScope, address_limit};

/// How use is measured: so many past samples of so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// `quota.window.num`, at least 1.
    pub count: u32,
    /// `quota.window.size.seconds` in milliseconds, at least 1.
    pub size_ms: u64,
}

impl Windows {
    /// Of two settings, held to what is sensible.
    pub fn new(count: i32, size_seconds: i32) -> Self {
        let at_least_one = |number: i32| u32::try_from(number).unwrap_or(1).max(1);
        let count = at_least_one(count).min(crate::limits::QUOTA_WINDOWS_MAX);
        Self { count, size_ms: u64::from(at_least_one(size_seconds)) * 1000 }
    }

    /// How long use is remembered.
    pub fn span_ms(self) -> u64 {
        u64::from(self.count) * self.size_ms
    }

    /// The most that may be used at once, with none used before, without a wait.
    pub fn most_at_once(self, bound: f64) -> f64 {
        bound * f64::from(self.count - 1) * self.size_seconds()
    }

    fn size_seconds(self) -> f64 {
        self.size_ms as f64 / 1000.0
    }
}

/// What a quota limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QuotaKind {
    /// Bytes of Produce requests.
    Produce,
    /// Bytes of Fetch responses.
    Fetch,
    /// Percent of a core's time, times seconds.
    Request,
    /// Partitions made and deleted.
    ControllerMutation,
    /// Connections accepted.
    Connection,
}

impl QuotaKind {
    /// The kinds that bind users and client ids.
    pub const OF_CLIENTS: [Self; 4] = [Self::Produce, Self::Fetch, Self::Request, Self::ControllerMutation];

    /// The quota's key in AlterClientQuotas.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Produce => "producer_byte_rate",
            Self::Fetch => "consumer_byte_rate",
            Self::Request => "request_percentage",
            Self::ControllerMutation => "controller_mutation_rate",
            Self::Connection => "connection_creation_rate",
        }
    }
}
