//! A producer that sends what is due: on time while the broker takes it, and else as soon as there is room in flight.

use std::{cell::RefCell, collections::VecDeque, error::Error, net::SocketAddr, rc::Rc, time::Duration};

use bytes::Bytes;
use jackdaw_bench::frames::Frames;
use jackdaw_core::{
    protocol::{frame::read_response, messages::ProduceRequest},
    records::{BatchBuilder, NewRecord},
};
use jackdaw_ring::{Instant, Socket, channel::Notify, now, sleep_until, spawn, unix_ms};

use crate::{
    latency::Meter,
    produce::check,
    records::{PRODUCE_VERSION, produce_frame},
    topic::Topic,
};

/// Records that were due while there was no room go together, but no more than this in a request.
const LARGEST_BATCH_RECORDS: usize = 5000;

/// How the producers send.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) bootstrap: SocketAddr,
    pub(crate) record_bytes: usize,
    pub(crate) acks: i16,
    /// Requests of a connection.
    pub(crate) in_flight: usize,
}

/// When the records of one producer are due: the producers take turns.
pub(crate) struct Schedule {
    first: Instant,
    end: Instant,
    interval: Duration,
    step: u64,
    next: u64,
}

impl Schedule {
    pub(crate) fn new(first: Instant, end: Instant, rate: f64, producers: usize, index: usize) -> Self {
        let interval = Duration::from_secs_f64(1.0 / rate);
        Self { first, end, interval, step: producers as u64, next: index as u64 }
    }

    /// The next record: its number among all producers' and when it is due.
    fn peek(&self) -> Option<(u64, Instant)> {
        let nanoseconds = self.interval.as_nanos() as u64 * self.next;
        let due = self.first + Duration::from_nanos(nanoseconds);
        (due < self.end).then_some((self.next, due))
    }

    fn advance(&mut self) {
        self.next += self.step;
    }
}

/// Requests that are not answered yet, oldest first, each with the moments when its records were due.
struct Flight {
    sent: RefCell<VecDeque<Vec<Instant>>>,
    room: Notify,
}

/// A producer with its connection; it ends with its schedule.
pub(crate) async fn start(
    load: &Load,
    topic: &Topic,
    schedule: Schedule,
    meter: Rc<Meter>,
) -> Result<(), Box<dyn Error>> {
    let socket = Rc::new(Socket::connect(load.bootstrap).await?);
    let flight = Rc::new(Flight { sent: RefCell::default(), room: Notify::default() });
    let (load, topic) = (load.clone(), topic.clone());
    {
        let (socket, flight, meter) = (Rc::clone(&socket), Rc::clone(&flight), Rc::clone(&meter));
        spawn(async move {
            if let Err(error) = acknowledge(&socket, &flight, &meter).await {
                meter.fail(format!("a producer's answers: {error}"));
            }
        });
    }
    spawn(async move {
        if let Err(error) = send(&socket, &load, &topic, schedule, &flight, &meter).await {
            meter.fail(format!("a producer: {error}"));
        }
    });
    Ok(())
}

async fn send(
    socket: &Socket,
    load: &Load,
    topic: &Topic,
    mut schedule: Schedule,
    flight: &Flight,
    meter: &Meter,
) -> Result<(), String> {
    let mut waiting: Vec<VecDeque<Instant>> =
        vec![VecDeque::new(); usize::try_from(topic.partitions).unwrap_or(0)];
    let mut order = VecDeque::new();
    loop {
        while let Some((number, due)) = schedule.peek().filter(|(_, due)| *due <= now()) {
            let partition = usize::try_from(number % waiting.len() as u64).unwrap_or(0);
            if waiting[partition].is_empty() {
                order.push_back(partition);
            }
            waiting[partition].push_back(due);
            schedule.advance();
        }
        let Some(partition) = order.front().copied() else {
            let Some((_, due)) = schedule.peek() else { return Ok(()) };
            sleep_until(due).await;
            continue;
        };
        if flight.sent.borrow().len() >= load.in_flight {
            flight.room.notified().await;
            continue;
        }
        order.pop_front();
        let count = waiting[partition].len().min(LARGEST_BATCH_RECORDS);
        let records: Vec<Instant> = waiting[partition].drain(..count).collect();
        if !waiting[partition].is_empty() {
            order.push_back(partition);
        }
        let frame = frame(load, topic, partition, &records).map_err(|error| error.to_string())?;
        records.iter().for_each(|due| meter.note_sent(*due));
        flight.sent.borrow_mut().push_back(records);
        socket.send(vec![frame], false).await.map_err(|error| error.to_string())?;
    }
}

fn frame(load: &Load, topic: &Topic, partition: usize, records: &[Instant]) -> Result<Bytes, Box<dyn Error>> {
    let mut value = vec![b'x'; load.record_bytes.max(8)];
    let mut builder = BatchBuilder::new();
    let timestamp_ms = unix_ms();
    for due in records {
        value[..8].copy_from_slice(&due.0.to_be_bytes());
        builder.append(&NewRecord { timestamp_ms, value: Some(&value), ..Default::default() });
    }
    let batch = Bytes::from(builder.build_uncompressed().to_vec());
    produce_frame(topic, i32::try_from(partition)?, load.acks, 0, batch)
}

async fn acknowledge(socket: &Socket, flight: &Flight, meter: &Meter) -> Result<(), std::io::Error> {
    let mut frames = Frames::default();
    loop {
        let answer = frames.next(socket).await?;
        let (_, response) =
            read_response::<ProduceRequest>(&answer, PRODUCE_VERSION).map_err(std::io::Error::other)?;
        check(&response)?;
        let records = flight.sent.borrow_mut().pop_front();
        flight.room.notify_all();
        records.iter().flatten().for_each(|due| meter.note_acknowledged(*due));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_take_turns_until_the_end() {
        let end = Instant(1_000_000_000);
        let mut second = Schedule::new(Instant(0), end, 10.0, 2, 1);
        let mut due = Vec::new();
        while let Some((number, at)) = second.peek() {
            due.push((number, at.as_millis()));
            second.advance();
        }
        assert_eq!(due, [(1, 100), (3, 300), (5, 500), (7, 700), (9, 900)]);
    }
}
