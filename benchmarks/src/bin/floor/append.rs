//! Large produce requests: received, checked, written.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::FileExt,
    path::Path,
};

use jackdaw_bench::ballast::Ballast;
use jackdaw_core::records::crc::crc32c;
use serde_json::json;

use crate::{Outcome, Plan, clock::Stretch};

/// A request's batch, and what it is received by.
const FRAME_BYTES: usize = 1_000_000;

pub(crate) fn receive(plan: &Plan) -> Outcome {
    serve(plan, |_, _| Ok(()))
}

pub(crate) fn receive_and_check(plan: &Plan) -> Outcome {
    serve(plan, |frame, _| check(frame))
}

pub(crate) fn append_to_new(plan: &Plan) -> Outcome {
    let path = plan.directory.join("floor-append");
    let outcome = File::create(&path).map_err(Into::into).and_then(|file| append(plan, &file));
    std::fs::remove_file(path)?;
    outcome
}

/// The same bytes of the file again and again: its pages are there, as in a segment that is used again.
pub(crate) fn append_over(plan: &Plan) -> Outcome {
    let path = plan.directory.join("floor-append");
    let outcome = over(plan, &path);
    std::fs::remove_file(path)?;
    outcome
}

fn over(plan: &Plan, path: &Path) -> Outcome {
    const CACHED_BYTES: u64 = 256 << 20;
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    let block = vec![1; FRAME_BYTES];
    for position in (0..CACHED_BYTES).step_by(FRAME_BYTES) {
        file.write_all_at(&block, position)?;
    }
    serve(plan, |frame, position| {
        check(frame)?;
        file.write_all_at(frame, position % (CACHED_BYTES - FRAME_BYTES as u64))
    })
}

fn append(plan: &Plan, file: &File) -> Outcome {
    let ballast = Ballast::take(&plan.directory, plan.bytes)?;
    serve_following(plan, ballast, |frame, position| {
        check(frame)?;
        file.write_all_at(frame, position)
    })
}

fn check(frame: &[u8]) -> std::io::Result<()> {
    std::hint::black_box(crc32c(frame));
    Ok(())
}

/// Receives frames of one connection into one buffer, and does with each what it is told.
fn serve(plan: &Plan, work: impl Fn(&[u8], u64) -> std::io::Result<()>) -> Outcome {
    serve_following(plan, Ballast::default(), work)
}

/// The client gives the ballast back as it sends: that is not the server's work.
fn serve_following(
    plan: &Plan,
    ballast: Ballast,
    work: impl Fn(&[u8], u64) -> std::io::Result<()>,
) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let frames = plan.bytes / FRAME_BYTES as u64;
    let client = std::thread::spawn(move || -> std::io::Result<()> {
        let frame: Vec<u8> = (0..FRAME_BYTES).map(|index| (index * 31) as u8).collect();
        let mut stream = TcpStream::connect(address)?;
        (0..frames).try_for_each(|index| {
            ballast.follow(index * FRAME_BYTES as u64);
            stream.write_all(&frame)
        })
    });
    let (mut stream, _) = listener.accept()?;
    let mut frame = vec![0; FRAME_BYTES];
    let stretch = Stretch::begin();
    for index in 0..frames {
        stream.read_exact(&mut frame)?;
        work(&frame, index * FRAME_BYTES as u64)?;
    }
    let (cpu, seconds) = stretch.end();
    client.join().map_err(|_| "the client ended early")??;
    let bytes = frames as f64 * FRAME_BYTES as f64;
    Ok(json!({ "cpu_s_per_gb": cpu / bytes * 1e9, "mb_per_s": bytes / 1e6 / seconds }))
}
