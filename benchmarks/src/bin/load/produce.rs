//! Producers in a closed loop: each connection keeps its requests in flight, and sends the next when one is answered.

use std::{
    cell::{Cell, RefCell},
    error::Error,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use jackdaw_bench::{ballast::Ballast, frames::Frames};
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        frame::read_response,
        messages::{ProduceRequest, ProduceResponse},
    },
    records::Codec,
};
use jackdaw_ring::{Instant, Socket, now, spawn, unix_ms};
use serde_json::{Map, Value, json};

use crate::{
    arguments::Arguments,
    measure::Subject,
    records::{BatchShape, PRODUCE_VERSION, batch, produce_frame},
    topic::{self, Shape, Topic},
};

/// Different batches take turns, so that no cache holds the only one there is; together at most this much a partition.
const VARIANTS: usize = 8;
const VARIANTS_BYTES: usize = 8 << 20;
const LONGEST_NS: u64 = 600_000_000_000;

/// A load of producers on one topic.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) batch: BatchShape,
    pub(crate) acks: i16,
}

/// When a phase of the load ends: at a time, or after so many requests together.
struct Phase {
    end: Instant,
    left: Cell<u64>,
    answered: Cell<u64>,
    latencies: RefCell<Histogram<u64>>,
    /// Given back as requests are answered, each of so many bytes.
    ballast: Ballast,
    request_bytes: u64,
}

/// What a phase did.
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) latencies: Histogram<u64>,
}

pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let bootstrap = arguments.bootstrap()?;
    let subject = Subject::parse(&mut arguments, "produce")?;
    let record_bytes = arguments.number("--record-bytes", 1024)?;
    let codec = arguments.text("--codec", "none");
    let codec = Codec::from_name(&codec).ok_or_else(|| format!("no codec {codec}"))?;
    let batch_bytes = arguments.number("--batch-bytes", 1_000_000)?;
    let batch = match arguments.optional("--batch-records")? {
        Some(records) => BatchShape { record_bytes, records, codec },
        None => BatchShape::filling(record_bytes, batch_bytes, codec),
    };
    let load = Load {
        connections: arguments.number("--connections", 1)?,
        in_flight: arguments.number("--in-flight", 5)?,
        batch,
        acks: arguments.acks(1)?,
    };
    let shape = Shape { partitions: arguments.number("--partitions", 1)?, flush: arguments.flag("--flush")? };
    let (warm_up, seconds) = (arguments.seconds("--warm-up", 3.0)?, arguments.seconds("--seconds", 10.0)?);
    let bytes: u64 = arguments.number("--bytes", u64::MAX)?;
    let keeps = arguments.flag("--keep")?;
    let ballast = arguments.ballast()?;
    arguments.finish()?;

    let topic = topic::create(bootstrap, &topic::new_name("produce"), shape).await?;
    if !warm_up.is_zero() {
        drive(bootstrap, &topic, &load, warm_up, u64::MAX, Ballast::default()).await?;
    }
    let begun = subject.begin()?;
    let requests = bytes.div_ceil(batch.payload_bytes());
    let outcome = drive(bootstrap, &topic, &load, seconds, requests, ballast).await?;
    subject.print(subject.at_idle(&begun).await?, Value::Object(to_json(&load, &outcome)));
    if keeps {
        eprintln!("{}", topic.name);
    } else {
        topic::remove(bootstrap, &topic.name).await?;
    }
    Ok(())
}

fn to_json(load: &Load, outcome: &Outcome) -> Map<String, Value> {
    let us = |quantile| outcome.latencies.value_at_quantile(quantile) as f64 / 1000.0;
    let fields = [
        ("requests", json!(outcome.requests)),
        ("records", json!(outcome.requests * load.batch.records as u64)),
        ("bytes", json!(outcome.requests * load.batch.payload_bytes())),
        ("connections", json!(load.connections)),
        ("in_flight", json!(load.in_flight)),
        ("request_p50_us", json!(us(0.5))),
        ("request_p99_us", json!(us(0.99))),
        ("request_max_us", json!(outcome.latencies.max() as f64 / 1000.0)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Loads the topic until the time is up or so many requests are sent, and all are answered. Connection `i` writes to
/// partition `i`, and begins again at the first when there are more connections than partitions.
pub(crate) async fn drive(
    bootstrap: SocketAddr,
    topic: &Topic,
    load: &Load,
    duration: Duration,
    requests: u64,
    ballast: Ballast,
) -> Result<Outcome, Box<dyn Error>> {
    ballast.follow(0);
    let mut producers = Vec::new();
    for index in 0..load.connections {
        let partition = i32::try_from(index)? % topic.partitions;
        let frames = frames(topic, partition, load)?;
        producers.push((Socket::connect(bootstrap).await?, frames));
    }
    let phase = Rc::new(Phase {
        end: now() + duration,
        left: Cell::new(requests),
        answered: Cell::new(0),
        latencies: Histogram::new_with_bounds(1, LONGEST_NS, 3)?.into(),
        ballast,
        request_bytes: load.batch.payload_bytes(),
    });
    let mut tasks = Vec::new();
    for (socket, frames) in producers {
        let (phase, in_flight) = (Rc::clone(&phase), load.in_flight);
        tasks.push(spawn(async move { produce(&socket, &frames, in_flight, &phase).await }));
    }
    for task in tasks {
        task.await?;
    }
    Ok(Outcome { requests: phase.answered.get(), latencies: phase.latencies.borrow().clone() })
}

/// Requests to one partition that differ in their records alone.
fn frames(topic: &Topic, partition: i32, load: &Load) -> Result<Vec<Bytes>, Box<dyn Error>> {
    let first = batch(load.batch, unix_ms())?;
    let count = (VARIANTS_BYTES / first.len()).clamp(1, VARIANTS);
    let mut frames = vec![produce_frame(topic, partition, load.acks, 0, first)?];
    for index in 1..count {
        frames.push(produce_frame(
            topic,
            partition,
            load.acks,
            i32::try_from(index)?,
            batch(load.batch, unix_ms())?,
        )?);
    }
    Ok(frames)
}

async fn produce(
    socket: &Socket,
    frames: &[Bytes],
    in_flight: usize,
    phase: &Phase,
) -> Result<(), std::io::Error> {
    let mut received = Frames::default();
    let mut sent = std::collections::VecDeque::with_capacity(in_flight);
    let mut variants = frames.iter().cycle();
    loop {
        while sent.len() < in_flight && phase.takes() {
            let Some(frame) = variants.next() else { return Ok(()) };
            sent.push_back(now());
            socket.send(vec![frame.clone()], false).await?;
        }
        let Some(sent_at) = sent.pop_front() else { return Ok(()) };
        let answer = received.next(socket).await?;
        let (_, response) =
            read_response::<ProduceRequest>(&answer, PRODUCE_VERSION).map_err(std::io::Error::other)?;
        check(&response)?;
        phase.note(now() - sent_at);
    }
}

/// # Errors
/// A partition that did not take its records.
pub(crate) fn check(response: &ProduceResponse) -> Result<(), std::io::Error> {
    let mut partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    match partitions.find(|partition| partition.error_code != 0) {
        None => Ok(()),
        Some(refused) => {
            let error = ErrorCode::from_i16(refused.error_code).name();
            Err(std::io::Error::other(format!("partition {}: {error}", refused.index)))
        }
    }
}

impl Phase {
    /// Whether one more request may be sent.
    fn takes(&self) -> bool {
        if self.left.get() == 0 || now() >= self.end {
            return false;
        }
        self.left.set(self.left.get() - 1);
        true
    }

    fn note(&self, latency: Duration) {
        self.answered.set(self.answered.get() + 1);
        self.ballast.follow(self.answered.get() * self.request_bytes);
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.latencies.borrow_mut().saturating_record(ns);
    }
}
