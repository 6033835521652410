//! Scenarios of the coordinator on a clock of their own.

mod admin;
mod costs;
mod cut_outcomes;
mod driver;
mod first_slice;
mod join;
mod members;
mod migration;
mod offsets;
mod random_lives;
mod record_bytes;
mod reload;
mod searches;
mod static_members;
mod timeouts;
mod transactions;
