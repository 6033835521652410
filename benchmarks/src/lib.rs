//! Criterion benches, the load generator, recorded runs.
