//! The harness itself: what it calls a fault.

use std::alloc::System;

use jackdaw_fuzz::{
    Target,
    run::{Fault, run},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

// One test, because the allocator counts the whole process.
/// A panic and an allocation that nobody asked for are faults.
#[test]
fn a_panic_and_a_large_allocation_are_faults() {
    let panics = Target {
        name: "panics",
        run: |input| assert!(input.is_empty(), "it has {} bytes", input.len()),
        seeds: Vec::new,
        base_bytes: 1 << 20,
        bytes_per_byte: 0,
    };
    assert_eq!(run(&panics, &[1, 2], ALLOCATOR), Err(Fault::Panic("it has 2 bytes".to_owned())));
    assert_eq!(run(&panics, &[], ALLOCATOR), Ok(()));
    let grows = Target {
        name: "grows",
        run: |_| drop(std::hint::black_box(vec![0_u8; 64 << 20])),
        seeds: Vec::new,
        base_bytes: 1 << 20,
        bytes_per_byte: 0,
    };
    assert!(matches!(run(&grows, &[], ALLOCATOR), Err(Fault::Memory { took_bytes: 67_108_864.., .. })));
}
