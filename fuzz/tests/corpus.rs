//! Every input of the corpus, every valid input, and some damage from a fixed seed: no panic, no memory beyond the bound.

use std::alloc::System;

use jackdaw_codec_tests::random::Random;
use jackdaw_fuzz::{corpus, mutate::mutate, run::run, targets};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SEED: u64 = 4;
const MUTATIONS: usize = 150;
const CORPUS_BYTES_MAX: usize = 1 << 20;

// One test, because the allocator counts the whole process.
#[test]
fn the_corpus_and_some_damage_are_taken() {
    let mut faults = Vec::new();
    let mut corpus_bytes = 0;
    for target in targets::ALL {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no valid input", target.name);
        let inputs = corpus::read(target.name).expect("the corpus");
        corpus_bytes += inputs.iter().map(|(_, input)| input.len()).sum::<usize>();
        let mut check = |what: &str, input: &[u8]| {
            if let Err(fault) = run(target, input, ALLOCATOR) {
                faults.push(format!("{} {what}: {fault}", target.name));
            }
        };
        seeds.iter().enumerate().for_each(|(index, seed)| check(&format!("valid input {index}"), seed));
        inputs.iter().for_each(|(name, input)| check(name, input));
        let mut random = Random::named(SEED, target.name, 0);
        for index in 0..MUTATIONS {
            let (input, other) = (&seeds[random.below(seeds.len())], &seeds[random.below(seeds.len())]);
            check(&format!("mutation {index}"), &mutate(input, other, &mut random));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(corpus_bytes < CORPUS_BYTES_MAX, "the corpus has {corpus_bytes} bytes");
}
