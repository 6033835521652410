//! Scenarios of the coordinator on a clock of their own.

mod driver;
mod first_slice;
mod migration;
mod reload;
