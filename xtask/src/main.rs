//! Code generation, tidy and CI tasks.

fn main() {}
