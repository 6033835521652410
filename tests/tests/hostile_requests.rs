//! Hostile requests by the thousand beside a client that behaves: it never sees an error, its own requests go on, and the
//! broker's memory and log stay within their bounds.
//!
//! `HOSTILE_REQUESTS=100000` for the long run, `HOSTILE_SEED` for another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jackdaw_codec_tests::random::Random;
use jackdaw_core::records::{Batches, Codec};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::hostile::{
    Trickle, bomb, damage, damage_batch, every_request, never_read, open_and_drop, pipeline, produce_frame,
    random_request, send_and_leave,
};
use jackdaw_tests::http;
use jackdaw_tests::memory::{Peak, resident_bytes};
use jackdaw_tests::requests::{Topic, batch, create, fetch, fetch_request, produce};
use jackdaw_tests::wire::{Connection, frame};

const SHARDS: u32 = 2;
const BUDGET_BYTES: usize = 16 << 20;
const INFLATED_BYTES_MAX: usize = 4 << 20;
/// Beyond the budget of each shard: receive buffers (16 MiB), a decompressed batch, the allocator, and the topics that
/// random requests may have made.
const SLACK_BYTES: usize = 96 << 20;
const FRAMES_AT_ONCE: usize = 20;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;

/// A client that produces and consumes without end.
struct Client {
    rounds: Arc<AtomicU64>,
    stops: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Client {
    fn start(broker: &Broker, topic: &Topic) -> Self {
        let (rounds, stops) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (bootstrap, topic) = (broker.bootstrap().to_owned(), topic.clone());
        let (counted, asked) = (Arc::clone(&rounds), Arc::clone(&stops));
        let thread = thread::spawn(move || {
            let mut connection = Connection::open(&bootstrap);
            let mut offset = 0;
            while !asked.load(Ordering::Relaxed) {
                let value = format!("value {offset}");
                let answer = produce(&mut connection, &topic, 0, batch(&[&value], None));
                assert_eq!((answer.error_code, answer.base_offset), (0, offset));
                let read = fetch(&mut connection, &topic, 13, 0, offset);
                let records = read.records.unwrap_or_default();
                let found = Batches::new(&records).next().expect("what was acknowledged").expect("a batch");
                assert_eq!((read.error_code, found.header().base_offset()), (0, offset));
                assert!(found.bytes().windows(value.len()).any(|bytes| bytes == value.as_bytes()));
                offset += 1;
                counted.fetch_add(1, Ordering::Relaxed);
                // It is a client like others, not a load.
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { rounds, stops, thread }
    }

    /// It goes on, whatever was done to the broker.
    fn assert_goes_on(&self, after: &str) {
        let before = self.rounds.load(Ordering::Relaxed);
        eventually(&format!("a round of the well-behaved client after {after}"), || {
            assert!(!self.thread.is_finished(), "the well-behaved client failed after {after}");
            self.rounds.load(Ordering::Relaxed) > before + 1
        });
    }

    fn finish(self) -> u64 {
        self.stops.store(true, Ordering::Relaxed);
        self.thread.join().expect("the well-behaved client saw no error");
        self.rounds.load(Ordering::Relaxed)
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn a_client_beside_hostile_ones_notices_nothing() {
    let count = from_environment("HOSTILE_REQUESTS", 3_000) as usize;
    let seed = from_environment("HOSTILE_SEED", 1);
    let budget = format!("queued.max.request.bytes={BUDGET_BYTES}");
    let inflated = format!("max.decompressed.message.bytes={INFLATED_BYTES_MAX}");
    let options = Options::shards(SHARDS).with_http().with(&[
        &budget,
        &inflated,
        "auto.create.topics.enable=false",
        "socket.request.max.bytes=8388608",
    ]);
    let Some(broker) = Broker::start_to_stop(options.expecting(&["refused", "closed the connection"])) else {
        return;
    };
    let mut connection = Connection::open(broker.bootstrap());
    let good = create(&mut connection, &topic("good"), 1);
    let target = create(&mut connection, &topic("target"), 1);
    let client = Client::start(&broker, &good);
    client.assert_goes_on("its start");
    let before_bytes = resident_bytes(broker.pid());
    let peak = Peak::watch(broker.pid());

    let mut random = Random::new(seed);
    let slow: Vec<Trickle> = (0..8).map(|_| Trickle::start(broker.bootstrap(), names())).collect();
    let mut silent = Vec::new();
    let step = count.div_ceil(10);
    let mut sent = 0;
    while sent < count {
        let until = count.min(sent + step);
        damaged_requests(&broker, until - sent, &mut random);
        client.assert_goes_on("damaged requests");
        damaged_batches(&broker, &target, (until - sent) / 10, &mut random);
        client.assert_goes_on("damaged batches");
        bombs(&broker, &target);
        client.assert_goes_on("batches that inflate");
        silent.push(never_read(broker.bootstrap(), &everything(&good)));
        client.assert_goes_on("a client that does not read");
        open_and_drop(broker.bootstrap(), (until - sent) / 10);
        client.assert_goes_on("connections that come and go");
        let mut pipelined = Connection::open(broker.bootstrap());
        pipeline(&mut pipelined, &frame(API_VERSIONS, 0, 1, &[]), (until - sent) / 2);
        client.assert_goes_on("requests without end on a connection");
        sent = until;
    }
    slow.into_iter().for_each(Trickle::finish);
    drop(silent);
    let rounds = client.finish();

    let allowed_bytes = before_bytes + SHARDS as usize * (BUDGET_BYTES + INFLATED_BYTES_MAX) + SLACK_BYTES;
    let peak_bytes = peak.bytes();
    eprintln!(
        "{sent} hostile requests, {rounds} rounds beside them, {before_bytes} bytes of memory before, {peak_bytes} at most"
    );
    assert!(peak_bytes <= allowed_bytes, "{peak_bytes} bytes of memory, {before_bytes} before");
    told_once_in_a_while(&broker, sent);
}

/// A question about a topic with a long name, for a long while at a byte a second.
fn names() -> Vec<u8> {
    const LENGTH: u16 = 4000;
    let body = [&[0, 0, 0, 1], &LENGTH.to_be_bytes()[..], &[b'x'; LENGTH as usize]].concat();
    frame(METADATA, 1, 1, &body)
}

/// A fetch of all that there is, again and again.
fn everything(topic: &Topic) -> Vec<u8> {
    use jackdaw_core::protocol::frame::request_frame;
    request_frame(&fetch_request(topic, 13, 0, 0, 0), 13, 1, Some("silent")).expect("a fetch").to_vec()
}

fn damaged_requests(broker: &Broker, count: usize, random: &mut Random) {
    let all = every_request();
    let mut left = count;
    while left > 0 {
        let frames: Vec<_> = (0..left.min(FRAMES_AT_ONCE))
            .map(|_| {
                let mut frame = random_request(all[random.below(all.len())], random);
                if !random.once_in(8) {
                    damage(&mut frame, random);
                }
                frame
            })
            .collect();
        send_and_leave(broker.bootstrap(), &frames);
        left -= frames.len();
    }
}

fn damaged_batches(broker: &Broker, target: &Topic, count: usize, random: &mut Random) {
    let good = batch(&["one", "two", "three"], None);
    let producer = batch(&["one", "two"], Some((9_999_999, 3, 7)));
    let frames: Vec<_> = (0..count)
        .map(|index| {
            let mut damaged = if index % 2 == 0 { good.to_vec() } else { producer.to_vec() };
            damage_batch(&mut damaged, random);
            produce_frame(target, damaged.into())
        })
        .collect();
    let mut connection = Connection::open(broker.bootstrap());
    for some in frames.chunks(FRAMES_AT_ONCE) {
        some.iter().for_each(|frame| connection.send_raw(frame));
        // Each is answered, whatever is wrong with its batch.
        some.iter().for_each(|_| drop(connection.receive()));
    }
}

fn bombs(broker: &Broker, target: &Topic) {
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let mut connection = Connection::open(broker.bootstrap());
        let answer = produce(&mut connection, target, 0, bomb(codec, INFLATED_BYTES_MAX * 4));
        // Snappy and lz4 do not make it small enough for max.message.bytes.
        assert_eq!(answer.error_code, 10, "{codec:?}: MESSAGE_TOO_LARGE");
    }
}

/// Each kind has its line, and not one for each of thousands; the counts are in the metrics.
fn told_once_in_a_while(broker: &Broker, count: usize) {
    let log = broker.log();
    let lines = log.lines().filter(|line| line.contains("closed the connection")).count();
    assert!((1..count / 4).contains(&lines), "{lines} lines of {count} requests:\n{log}");
    let page = http::get(&broker.http(), "/metrics").body;
    let refusals: f64 = page
        .lines()
        .filter(|line| line.starts_with("jackdaw_refusals_total") && line.contains("reason=\"request\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!(refusals > lines as f64, "{refusals} refusals are counted, {lines} told");
}
