//! Cut, flipped and invented bytes: no decoder panics, and none takes more memory than it may.

use std::alloc::System;

use bytes::Bytes;
use jackdaw_codec_tests::{
    exchange::MESSAGES,
    random::Random,
    sample::{Shape, sample},
    schema_of,
};
use jackdaw_core::{
    limits::DECODED_MESSAGE_BYTES_MAX,
    protocol::{
        DecodeError, Message, Reader, fetch::FetchFrame, messages::AlterPartitionReassignmentsRequest,
        produce::ProduceFrame,
    },
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SEED: u64 = 6;
const ROUNDS: usize = 60;

/// What reading and writing a message may ask for beyond its share for each byte of the frame.
const MEMORY_BYTES: usize = 64 << 10;

/// The smallest structs take two or three bytes on the wire and up to some 400 in memory.
const MEMORY_BYTES_PER_BYTE: usize = 300;

/// Damages a message in one of the ways in which a peer could.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    match random.below(5) {
        0 => damaged.truncate(random.below(damaged.len() + 1)),
        1 if !damaged.is_empty() => {
            let at = random.below(damaged.len());
            damaged[at] = random.draw() as u8;
        }
        // A length or count of any kind that claims the most it can.
        2 if damaged.len() >= 5 => {
            let at = random.below(damaged.len() - 4);
            let claims: [&[u8]; 4] =
                [&[0x7f, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xff, 0x07], &[0x7f, 0xff], &[0x80; 5]];
            let claim = claims[random.below(claims.len())];
            damaged[at..at + claim.len()].copy_from_slice(claim);
        }
        3 => {
            let at = random.below(damaged.len() + 1);
            damaged.insert(at, random.draw() as u8);
        }
        _ => damaged.iter_mut().for_each(|byte| {
            if random.once_in(20) {
                *byte = random.draw() as u8;
            }
        }),
    }
    damaged
}

// One test, because the allocator counts the whole process.
#[test]
fn damaged_messages_neither_panic_nor_take_memory() {
    let (mut refused, mut taken) = (0, 0);
    for (name, recode) in MESSAGES {
        let schema = schema_of(name);
        for version in schema.versions.first..=schema.versions.last {
            let mut random = Random::named(SEED, name, version);
            for _ in 0..ROUNDS {
                let bytes = sample(schema, version, &mut random, Shape::PLAIN);
                let damaged = Bytes::from(damage(&bytes, &mut random));
                let region = Region::new(ALLOCATOR);
                let outcome = recode(&damaged, version);
                let took = region.change().bytes_allocated;
                assert!(
                    took <= MEMORY_BYTES + MEMORY_BYTES_PER_BYTE * damaged.len(),
                    "{name} {version}: {took} bytes"
                );
                *if outcome.is_ok() { &mut taken } else { &mut refused } += 1;
            }
        }
    }
    assert!(refused > 1000 && taken > 1000, "{refused} refused, {taken} taken");
    a_large_frame_of_claims_stops_at_the_allowance();
    damaged_hot_requests();
}

/// Topics of three bytes on the wire and some fifty in memory: as many as a frame holds are refused before room is
/// made for them.
fn a_large_frame_of_claims_stops_at_the_allowance() {
    let mut frame = vec![0, 0, 0, 1, 0xff, 0xff, 0xff, 0x02];
    frame.extend([1, 1, 0].repeat(6 << 20));
    let frame = Bytes::from(frame);
    let region = Region::new(ALLOCATOR);
    let refused = AlterPartitionReassignmentsRequest::from_bytes(&frame, 0).map(|_| ());
    let took = region.change().bytes_allocated;
    assert_eq!(refused, Err(DecodeError::Memory { limit_bytes: DECODED_MESSAGE_BYTES_MAX }));
    assert!(took < 4096, "{took} bytes");
}

fn damaged_hot_requests() {
    let (mut produce, mut fetch) = (ProduceFrame::default(), FetchFrame::default());
    for (name, is_produce) in [("ProduceRequest", true), ("FetchRequest", false)] {
        let schema = schema_of(name);
        let (_, recode) = MESSAGES.iter().find(|(known, _)| *known == name).expect("the message");
        for version in schema.versions.first..=schema.versions.last {
            let mut random = Random::named(SEED, name, version);
            for _ in 0..2000 {
                let bytes = sample(schema, version, &mut random, Shape::PLAIN);
                let damaged = Bytes::from(damage(&bytes, &mut random));
                let mut reader = Reader::new(&damaged);
                let outcome = if is_produce {
                    produce.fill(&mut reader, version)
                } else {
                    fetch.fill(&mut reader, version)
                };
                assert_eq!(
                    outcome.is_ok(),
                    recode(&damaged, version).is_ok(),
                    "{name} {version} {damaged:02x?}"
                );
            }
        }
    }
}
