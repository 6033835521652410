//! Small requests and their answers, over `epoll`: each read, perhaps written to a file, and answered by itself.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jackdaw_core::records::crc::crc32c;
use rustix::event::epoll;
use serde_json::json;

use crate::{Outcome, Plan, clock::Stretch};

/// A Produce request with one record of 100 B, and its answer, as long as they are on the wire.
const REQUEST_BYTES: usize = 240;
const ANSWER_BYTES: usize = 72;
const IN_FLIGHT: usize = 5;

pub(crate) fn one(plan: &Plan) -> Outcome {
    exchange(plan, 1, None)
}

pub(crate) fn ten(plan: &Plan) -> Outcome {
    exchange(plan, 10, None)
}

pub(crate) fn one_with_write(plan: &Plan) -> Outcome {
    let path = plan.directory.join("floor-exchange");
    let outcome = File::create(&path).map_err(Into::into).and_then(|file| exchange(plan, 1, Some(file)));
    std::fs::remove_file(path)?;
    outcome
}

fn exchange(plan: &Plan, connections: usize, file: Option<File>) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let has_ended = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let has_ended = Arc::clone(&has_ended);
            std::thread::spawn(move || ask(TcpStream::connect(address)?, &has_ended))
        })
        .collect();
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(listener.accept()?.0);
    }
    let server = Server::new(streams, file)?;
    let stretch = Stretch::begin();
    let requests = server.serve(Duration::from_secs_f64(plan.seconds), &has_ended)?;
    let (cpu, seconds) = stretch.end();
    for client in clients {
        client.join().map_err(|_| "a client ended early")??;
    }
    Ok(
        json!({ "cpu_us_per_request": cpu * 1e6 / requests as f64, "requests_per_s": requests as f64 / seconds }),
    )
}

/// Keeps requests in flight, and sends the next for each answer.
fn ask(mut stream: TcpStream, has_ended: &AtomicBool) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut answer = [0; ANSWER_BYTES];
    for _ in 0..IN_FLIGHT {
        stream.write_all(&[1; REQUEST_BYTES])?;
    }
    loop {
        match stream.read_exact(&mut answer).and_then(|()| stream.write_all(&[1; REQUEST_BYTES])) {
            Ok(()) => {}
            // The server closes with requests unread.
            Err(_) if has_ended.load(Ordering::Relaxed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

struct Server {
    poll: std::os::fd::OwnedFd,
    streams: Vec<TcpStream>,
    file: Option<File>,
}

impl Server {
    fn new(streams: Vec<TcpStream>, file: Option<File>) -> Result<Self, Error> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (index, stream) in streams.iter().enumerate() {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(
                &poll,
                stream.as_fd(),
                epoll::EventData::new_u64(index as u64),
                epoll::EventFlags::IN,
            )?;
        }
        Ok(Self { poll, streams, file })
    }

    /// How many requests it answered until the time was up.
    fn serve(mut self, duration: Duration, has_ended: &AtomicBool) -> Result<u64, Error> {
        let end = Instant::now() + duration;
        let mut partial = vec![0usize; self.streams.len()];
        let mut events = Vec::with_capacity(64);
        let mut requests = 0u64;
        while Instant::now() < end {
            events.clear();
            let timeout = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
            epoll::wait(&self.poll, rustix::buffer::spare_capacity(&mut events), Some(&timeout))?;
            for event in &events {
                let index = event.data.u64() as usize;
                requests += self.on_readable(index, &mut partial[index])?;
            }
        }
        has_ended.store(true, Ordering::Relaxed);
        Ok(requests)
    }

    /// One read; what it completes is written at once and answered at once, as a broker may.
    fn on_readable(&mut self, index: usize, partial: &mut usize) -> Result<u64, Error> {
        let mut buffer = [0u8; 16 * 1024];
        let count = match self.streams[index].read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        *partial += count;
        let requests = *partial / REQUEST_BYTES;
        *partial %= REQUEST_BYTES;
        if let Some(file) = &mut self.file {
            for chunk in buffer[..count].chunks(REQUEST_BYTES) {
                std::hint::black_box(crc32c(chunk));
                file.write_all(chunk)?;
            }
        }
        self.streams[index].write_all(&[2; ANSWER_BYTES * 128][..ANSWER_BYTES * requests])?;
        Ok(requests as u64)
    }
}
