//! Whole groups.

pub(super) mod images;
mod large;
mod lifecycle;
mod rules;
mod scenario;
mod scenario_classic;
mod world;

thread_local! {
    static VISITED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A member of a group was looked at by a walk over its members.
pub(super) fn visited() {
    VISITED.set(VISITED.get() + 1);
}
