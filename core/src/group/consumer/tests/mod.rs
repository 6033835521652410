//! Whole groups.

pub(super) mod images;
mod lifecycle;
mod rules;
mod scenario;
mod scenario_classic;
mod world;
