//! The closed-loop client: every connection keeps `depth` requests in flight.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustix::event::epoll;

use crate::servers::REQUEST_BYTES;

pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
    pub(crate) depth: usize,
}

pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) cpu_us_per_request: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

struct Connection {
    stream: TcpStream,
    received: usize,
    sent_at: Instant,
}

pub(crate) fn run(
    port: u16,
    server: u32,
    load: &Load,
    duration: Duration,
) -> Result<Outcome, Box<dyn std::error::Error>> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let burst = vec![7u8; REQUEST_BYTES * load.depth];
    let mut connections = Vec::new();
    for index in 0..load.connections {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&poll, stream.as_fd(), epoll::EventData::new_u64(index as u64), epoll::EventFlags::IN)?;
        connections.push(Connection { stream, received: 0, sent_at: Instant::now() });
    }
    let mut histogram = Histogram::<u64>::new(3)?;
    let warm_up = duration / 4;
    let start = Instant::now();
    let mut cpu_before = cpu_seconds(server)?;
    let (mut requests, mut warm) = (0u64, false);
    for connection in &mut connections {
        connection.stream.write_all(&burst)?;
    }
    let mut events = Vec::with_capacity(64);
    while start.elapsed() < warm_up + duration {
        if !warm && start.elapsed() >= warm_up {
            (requests, warm) = (0, true);
            histogram.clear();
            cpu_before = cpu_seconds(server)?;
        }
        events.clear();
        let timeout = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&timeout))?;
        for event in &events {
            let connection = &mut connections[event.data.u64() as usize];
            if connection.on_readable(&burst)? {
                requests += load.depth as u64;
                histogram.record(u64::try_from(connection.sent_at.elapsed().as_nanos())?)?;
                connection.sent_at = Instant::now();
                connection.stream.write_all(&burst)?;
            }
        }
    }
    let cpu = cpu_seconds(server)? - cpu_before;
    Ok(Outcome {
        requests,
        cpu_us_per_request: cpu * 1e6 / requests as f64,
        p50_us: histogram.value_at_quantile(0.5) as f64 / 1000.0,
        p99_us: histogram.value_at_quantile(0.99) as f64 / 1000.0,
    })
}

impl Connection {
    /// Whether the whole burst has come back.
    fn on_readable(&mut self, burst: &[u8]) -> std::io::Result<bool> {
        let mut buffer = [0u8; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.received += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if self.received == burst.len() {
                self.received = 0;
                return Ok(true);
            }
        }
    }
}

/// User and system time of a process, all its threads.
fn cpu_seconds(process: u32) -> Result<f64, Box<dyn std::error::Error>> {
    // schedstat counts nanoseconds, where stat counts ticks.
    let mut total = 0u64;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        total += text.split(' ').next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(total as f64 / 1e9)
}
