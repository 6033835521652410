//! Requests and responses: decoded, encoded.

use std::{hint::black_box, time::Duration};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jackdaw_core::{
    protocol::{
        Message, Reader,
        fetch::FetchFrame,
        messages::{
            FetchRequest, MetadataResponse, ProduceRequest,
            fetch::{FetchPartition, FetchTopic},
            metadata::{MetadataResponsePartition, MetadataResponseTopic},
            produce::{PartitionProduceData, TopicProduceData},
        },
        produce::ProduceFrame,
    },
    uuid::Uuid,
};

const PARTITIONS: i32 = 100;
const METADATA_VERSION: i16 = 13;
const FETCH_VERSION: i16 = 17;
const PRODUCE_VERSION: i16 = 13;

fn metadata(criterion: &mut Criterion) {
    let partition = |partition_index| MetadataResponsePartition {
        partition_index,
        replica_nodes: vec![1, 2, 3],
        isr_nodes: vec![1, 2, 3],
        ..Default::default()
    };
    let topic = MetadataResponseTopic {
        name: Some("a-topic-with-a-usual-name".to_owned()),
        topic_id: Uuid([7; 16]),
        partitions: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    let response = MetadataResponse { topics: vec![topic], ..Default::default() };
    let bytes = encoded(&response, METADATA_VERSION);
    let mut group = criterion.benchmark_group("metadata response of 100 partitions");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| encoded(black_box(&response), METADATA_VERSION));
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| MetadataResponse::from_bytes(black_box(&bytes), METADATA_VERSION).is_ok());
    });
}

fn fetch(criterion: &mut Criterion) {
    let partition = |partition| FetchPartition {
        partition,
        current_leader_epoch: 3,
        fetch_offset: 1_000_000,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic_id: Uuid([7; 16]),
        partitions: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    let request = FetchRequest { max_bytes: 50 << 20, topics: vec![topic], ..Default::default() };
    let bytes = encoded(&request, FETCH_VERSION);
    let mut group = criterion.benchmark_group("fetch request of 100 partitions");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bencher| bencher.iter(|| encoded(black_box(&request), FETCH_VERSION)));
    group.bench_function("decode, generated", |bencher| {
        bencher.iter(|| FetchRequest::from_bytes(black_box(&bytes), FETCH_VERSION).is_ok());
    });
    let mut frame = FetchFrame::default();
    group.bench_function("decode, by hand", |bencher| {
        bencher.iter(|| frame.fill(&mut Reader::new(black_box(&bytes)), FETCH_VERSION).is_ok());
    });
}

fn produce(criterion: &mut Criterion) {
    let partition = |index| PartitionProduceData { index, records: Some(Bytes::from(vec![b'r'; 1000])) };
    let topic = TopicProduceData {
        topic_id: Uuid([7; 16]),
        partition_data: (0..PARTITIONS).map(partition).collect(),
        ..Default::default()
    };
    let request =
        ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topic_data: vec![topic] };
    let bytes = encoded(&request, PRODUCE_VERSION);
    let mut frame = ProduceFrame::default();
    criterion.bench_function("produce request of 100 partitions/decode", |bencher| {
        bencher.iter(|| frame.fill(&mut Reader::new(black_box(&bytes)), PRODUCE_VERSION).is_ok());
    });
}

fn encoded(message: &impl Message, version: i16) -> Bytes {
    message.to_bytes(version).unwrap_or_default()
}

fn short() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800))
}

criterion_group! { name = codec; config = short(); targets = metadata, fetch, produce }
criterion_main!(codec);
