//! Whole groups.

pub(super) mod images;
mod lifecycle;
mod rules;
mod scenario;
mod world;
