//! Whole groups.

pub(super) mod images;
mod lifecycle;
mod world;
