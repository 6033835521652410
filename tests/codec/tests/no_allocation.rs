//! The hand-written paths take no memory once they have grown to the size of their requests.

use std::alloc::System;

use bytes::Bytes;
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        Message, Reader,
        fetch::{FetchFrame, FetchResponseEncoder, FetchResponseHead, FetchedPartition, Piece},
        messages::{FetchRequest, ProduceRequest, fetch, produce},
        produce::ProduceFrame,
    },
    uuid::Uuid,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often `work` asked for memory.
fn allocations(work: impl FnOnce()) -> usize {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}

fn produce_request() -> Bytes {
    let partition = |index| produce::PartitionProduceData { index, records: Some(vec![1; 100].into()) };
    let topic = produce::TopicProduceData {
        topic_id: Uuid([1; 16]),
        partition_data: (0..50).map(partition).collect(),
        ..produce::TopicProduceData::default()
    };
    ProduceRequest { topic_data: vec![topic], ..ProduceRequest::default() }.to_bytes(13).expect("encodes")
}

fn fetch_request() -> Bytes {
    let partition = |partition| fetch::FetchPartition { partition, ..fetch::FetchPartition::default() };
    let topic = fetch::FetchTopic {
        topic_id: Uuid([1; 16]),
        partitions: (0..50).map(partition).collect(),
        ..fetch::FetchTopic::default()
    };
    FetchRequest { topics: vec![topic], ..FetchRequest::default() }.to_bytes(17).expect("encodes")
}

fn respond(encoder: &mut FetchResponseEncoder, pieces: &mut Vec<Piece>) {
    pieces.clear();
    encoder.begin(17, 1, FetchResponseHead::default(), 1).expect("a version");
    encoder.topic("", Uuid([1; 16]), 50).expect("short");
    for index in 0..50 {
        let partition = FetchedPartition {
            records_bytes: 1000,
            ..FetchedPartition::empty(index as i32, ErrorCode::None)
        };
        encoder.partition(index, &partition).expect("fits");
    }
    encoder.finish(&[], pieces).expect("fits");
}

// One test, because the allocator counts the whole process.
#[test]
fn the_second_time_takes_nothing() {
    let (request, mut frame) = (produce_request(), ProduceFrame::default());
    frame.fill(&mut Reader::new(&request), 13).expect("decodes");
    let again = allocations(|| {
        frame.fill(&mut Reader::new(&request), 13).expect("decodes");
        for topic in frame.topics() {
            assert!(topic.partitions().all(|partition| partition.records.is_some_and(|at| at.len() == 100)));
        }
    });
    assert_eq!(again, 0, "a Produce request");

    let (request, mut frame) = (fetch_request(), FetchFrame::default());
    frame.fill(&mut Reader::new(&request), 17).expect("decodes");
    let again = allocations(|| frame.fill(&mut Reader::new(&request), 17).expect("decodes"));
    assert_eq!((again, frame.partition_count()), (0, 50), "a Fetch request");

    let (mut encoder, mut pieces) = (FetchResponseEncoder::new(), Vec::new());
    respond(&mut encoder, &mut pieces);
    respond(&mut encoder, &mut pieces);
    assert_eq!(allocations(|| respond(&mut encoder, &mut pieces)), 0, "a Fetch response");
}
