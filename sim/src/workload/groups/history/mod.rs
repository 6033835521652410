//! What clients sent, were answered, and read; and what follows for everything that is answered later.

mod offsets;
mod ownership;
mod records;
mod table;

pub(super) use offsets::{Found, Offsets};
pub(super) use ownership::Ownership;
pub(super) use records::Log;
pub(super) use table::{Last, Table};

use super::plan::Plan;

/// A partition: the topic's number in the plan, and its own.
pub(super) type Place = (usize, i32);

/// The history of one world. A *tick* is a moment: each thing that clients do or see has its own.
pub(super) struct History {
    tick: u64,
    pub(super) offsets: Offsets,
    pub(super) ownership: Ownership,
    pub(super) log: Log,
    pub(super) table: Table,
}

impl History {
    pub(super) fn new(plan: &Plan) -> Self {
        let groups = plan.groups.len();
        Self {
            tick: 0,
            // One more: offsets that are committed without membership.
            offsets: Offsets::new(groups + 1),
            ownership: Ownership::new(groups),
            log: Log::new(groups),
            table: Table::new(plan.table.delete_retention_ms),
        }
    }

    pub(super) fn tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// The node's life is over; `may_lose` where a power cut may have taken what was not flushed.
    pub(super) fn on_life_over(&mut self, may_lose: bool) {
        let tick = self.tick();
        self.offsets.on_life_over(tick, may_lose);
        self.ownership.on_life_over(may_lose);
    }
}
