//! Peers that mean harm, one kind a function: each does its worst for a while and goes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use jackdaw_codec_tests::exchange::MESSAGES;
use jackdaw_codec_tests::random::Random;
use jackdaw_codec_tests::sample::{Shape, sample};
use jackdaw_codec_tests::schema_of;
use jackdaw_core::protocol::Message as _;
use jackdaw_core::records::compression::{Compressor, Levels};
use jackdaw_core::records::crc::crc32c;
use jackdaw_core::records::{BatchBuilder, Codec, NewRecord};

use crate::checks::an_hour_ago_ms;
use crate::requests::{Topic, produce_request};
use crate::wire::{Connection, frame};

const READ_DEADLINE: Duration = Duration::from_secs(20);
const PRODUCE: i16 = 0;

/// Every request of every API that Kafka has, at every version, by key.
pub fn every_request() -> Vec<(i16, i16, &'static str)> {
    let mut all = Vec::new();
    for (name, _) in MESSAGES.iter().filter(|(name, _)| name.ends_with("Request")) {
        let schema = schema_of(name);
        let Some(key) = schema.attributes.get("key").and_then(|key| key.parse().ok()) else { continue };
        all.extend((schema.versions.first..=schema.versions.last).map(|version| (key, version, *name)));
    }
    all
}

/// A whole frame with a request of random values, as the codec's own tests make them.
pub fn random_request((key, version, name): (i16, i16, &str), random: &mut Random) -> Vec<u8> {
    let schema = schema_of(name);
    let mut body = Vec::new();
    if schema.flexible.is_some_and(|first| version >= first) {
        // The tags of the header.
        body.push(0);
    }
    body.extend(sample(schema, version, random, Shape::PLAIN));
    frame(key, version, random.draw() as i32, &body)
}

/// Damages a frame behind its length, or the length.
pub fn damage(frame: &mut Vec<u8>, random: &mut Random) {
    const CLAIMS: [&[u8]; 6] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x7f, 0xff],
        &[0x80, 0, 0, 0],
        &[0x80; 5],
    ];
    let is_length = random.once_in(20);
    let at = if is_length { 0 } else { 4 + random.below(frame.len() - 4) };
    match random.below(5) {
        0 => frame.truncate(at.max(5)),
        1 => frame[at] ^= 1 << random.below(8),
        2 => {
            let claim = CLAIMS[random.below(CLAIMS.len())];
            frame[at..].iter_mut().zip(claim).for_each(|(byte, claimed)| *byte = *claimed);
        }
        3 => {
            for byte in &mut frame[4..] {
                if random.once_in(30) {
                    *byte = random.draw() as u8;
                }
            }
        }
        _ => {
            let part = frame[at..].to_vec();
            frame.extend(part.iter().take(64));
        }
    }
    // Most lengths are right, or the broker would only wait for the rest.
    if !is_length {
        let length = u32::try_from(frame.len() - 4).expect("a small frame");
        frame[..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Send frames at once, say that no more will come, and read until the broker has ended the connection; how many bytes
/// came.
///
/// # Panics
/// If the broker keeps the connection.
pub fn send_and_leave(bootstrap: &str, frames: &[Vec<u8>]) -> usize {
    let mut stream = TcpStream::connect(bootstrap).expect("a connection");
    stream.set_read_timeout(Some(READ_DEADLINE)).expect("a timeout");
    let mut reader = stream.try_clone().expect("a second handle");
    let answers = std::thread::spawn(move || {
        let (mut count, mut buffer) = (0, [0; 16 << 10]);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return count,
                Ok(some) => count += some,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("the broker keeps a connection whose peer has gone, after {count} bytes")
                }
                // It closed before it had read all.
                Err(_) => return count,
            }
        }
    });
    for frame in frames {
        if stream.write_all(frame).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    answers.join().expect("the broker ends the connection")
}

/// A batch whose records inflate to so many bytes.
pub fn bomb(codec: Codec, size_bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new();
    let value = vec![0; size_bytes];
    builder.append(&NewRecord { timestamp_ms: an_hour_ago_ms(), value: Some(&value), ..Default::default() });
    builder.build(codec, &Levels::default(), &mut Compressor::default()).expect("a batch").to_vec().into()
}

/// A frame that produces `records`, whatever they are.
pub fn produce_frame(topic: &Topic, records: Bytes) -> Vec<u8> {
    const VERSION: i16 = 13;
    let mut body = vec![0];
    body.extend(produce_request(topic, VERSION, 0, -1, records).to_bytes(VERSION).expect("a produce"));
    frame(PRODUCE, VERSION, 7, &body)
}

/// Damages a batch; mostly its CRC is right afterwards.
pub fn damage_batch(batch: &mut [u8], random: &mut Random) {
    const HEADER_BYTES: usize = 61;
    // Its fields first: magic, attributes, deltas, timestamps, sequences, counts.
    let at = if random.once_in(3) { random.below(batch.len()) } else { random.below(HEADER_BYTES) };
    batch[at] = match random.below(3) {
        0 => 0xff,
        1 => batch[at] ^ (1 << random.below(8)),
        _ => random.draw() as u8,
    };
    if !random.once_in(4) {
        let crc = crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
    }
}

/// One that asks and never reads: it has written what the sockets take when it stops.
pub fn never_read(bootstrap: &str, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(bootstrap).expect("a connection");
    stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    for _ in 0..20_000 {
        if stream.write_all(request).is_err() {
            break;
        }
    }
    stream
}

/// One that sends a request a byte a second.
pub struct Trickle {
    stops: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Trickle {
    /// Begin to send `request`, which must be longer than the test lasts in seconds.
    pub fn start(bootstrap: &str, request: Vec<u8>) -> Self {
        let mut stream = TcpStream::connect(bootstrap).expect("a connection");
        stream.set_read_timeout(Some(READ_DEADLINE)).expect("a timeout");
        let stops = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stops);
        let thread = std::thread::spawn(move || {
            let mut sent = 0;
            while sent < request.len() - 1 && !asked.load(Ordering::Relaxed) {
                stream.write_all(&request[sent..=sent]).expect("a slow peer is served");
                sent += 1;
                std::thread::sleep(Duration::from_secs(1));
            }
            stream.write_all(&request[sent..]).expect("a slow peer is served");
            stream.read_exact(&mut [0; 4]).expect("a slow peer is answered");
        });
        Self { stops, thread }
    }

    /// Send the rest; it is answered.
    pub fn finish(self) {
        self.stops.store(true, Ordering::Relaxed);
        self.thread.join().expect("a slow peer is served");
    }
}

/// Connections that are opened and dropped at once.
pub fn open_and_drop(bootstrap: &str, count: usize) {
    for index in 0..count {
        // What a burst cannot get is refused; that is no harm to who comes next.
        let Ok(mut stream) = TcpStream::connect(bootstrap) else { continue };
        if index % 3 == 0 {
            let _ = stream.write_all(&[0, 0, 0]);
        }
    }
}

/// Requests on one connection, so many before an answer is read.
pub fn pipeline(connection: &mut Connection, request: &[u8], count: usize) {
    let many = request.repeat(count);
    let mut sender = connection.try_clone().expect("a second handle");
    let sending = std::thread::spawn(move || sender.try_send_raw(&many));
    for _ in 0..count {
        connection.receive();
    }
    sending.join().expect("the sender").expect("all is taken");
}
