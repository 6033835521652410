//! Latency under an open load: records are due at a rate, and each counts from then until a consumer has it.

use std::{
    cell::{Cell, RefCell},
    error::Error,
    rc::Rc,
    time::Duration,
};

use hdrhistogram::Histogram;
use jackdaw_core::records::{BatchView, Frame, Records};
use jackdaw_ring::{Instant, now, sleep, sleep_until, spawn};
use serde_json::{Map, Value, json};

use crate::{
    arguments::Arguments,
    consumer::Consumer,
    measure::Subject,
    open_loop::{self, Schedule},
    topic::{self, Shape},
};

const LONGEST_NS: u64 = 600_000_000_000;
/// For records that were due in the window and are not received yet.
const PATIENCE: Duration = Duration::from_secs(30);
const PARTITION_MAX_BYTES: i32 = 1 << 20;
/// So that the first record is due after all connections stand.
const LEAD: Duration = Duration::from_millis(500);

/// What the producers and the consumer saw of the records that were due in the window, nanoseconds from then.
pub(crate) struct Meter {
    window: (Instant, Instant),
    /// Each gets every record.
    consumers: u64,
    /// Until the consumer had the record.
    received: RefCell<Histogram<u64>>,
    /// Until the producer had its acknowledgement.
    acknowledged: RefCell<Histogram<u64>>,
    /// Until the record left. Large figures: no room in flight, or no CPU for the generator.
    sent: RefCell<Histogram<u64>>,
    pub(crate) due: Cell<u64>,
    failure: RefCell<Option<String>>,
    /// What fails from now on fails because the topic goes.
    has_ended: Cell<bool>,
}

pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let bootstrap = arguments.bootstrap()?;
    let subject = Subject::parse(&mut arguments, "latency")?;
    let rate: f64 = arguments.number("--rate", 500.0)?;
    let producers: usize = arguments.number("--producers", 1)?;
    let shape =
        Shape { partitions: arguments.number("--partitions", 10)?, flush: arguments.flag("--flush")? };
    let load = open_loop::Load {
        bootstrap,
        record_bytes: arguments.number("--record-bytes", 100)?,
        acks: arguments.acks(-1)?,
        in_flight: arguments.number("--in-flight", 5)?,
    };
    let (warm_up, seconds) = (arguments.seconds("--warm-up", 5.0)?, arguments.seconds("--seconds", 30.0)?);
    let consumers: u64 = arguments.number("--consumers", 1)?;
    let laggards: usize = arguments.number("--laggards", 0)?;
    let laggard_bytes: f64 = arguments.number("--laggard-bytes", 10_000_000.0)?;
    arguments.finish()?;

    let topic = topic::create(bootstrap, &topic::new_name("latency"), shape).await?;
    let first = now() + LEAD;
    let window = (first + warm_up, first + warm_up + seconds);
    let meter = Rc::new(Meter::new(window, consumers)?);
    for _ in 0..consumers {
        let consumer = Consumer::open(bootstrap, topic.clone(), PARTITION_MAX_BYTES).await?;
        spawn(receive(consumer, Rc::clone(&meter)));
    }
    let behind = Rc::new(Cell::new(0));
    for _ in 0..laggards {
        let reader = Consumer::open(bootstrap, topic.clone(), PARTITION_MAX_BYTES).await?;
        spawn(lag(reader, laggard_bytes, Rc::clone(&meter), Rc::clone(&behind)));
    }
    for index in 0..producers {
        let schedule = Schedule::new(first, window.1, rate, producers, index);
        open_loop::start(&load, &topic, schedule, Rc::clone(&meter)).await?;
    }
    sleep_until(window.0).await;
    let begun = subject.begin()?;
    sleep_until(window.1).await;
    let line = subject.at_end(&begun)?;
    let waits_until = now() + PATIENCE;
    while !meter.is_complete() && now() < waits_until {
        sleep(Duration::from_millis(10)).await;
    }
    let mut result = meter.to_json();
    result.insert("rate".to_owned(), json!(rate));
    result.insert("partitions".to_owned(), json!(topic.partitions));
    result.insert("laggard_bytes".to_owned(), json!(behind.get()));
    subject.print(line, Value::Object(result));
    meter.has_ended.set(true);
    topic::remove(bootstrap, &topic.name).await?;
    match meter.failure.borrow_mut().take() {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}

async fn receive(mut consumer: Consumer, meter: Rc<Meter>) {
    loop {
        let fetched =
            consumer.fetch(|fetched| meter.note_received(fetched)).await.map_err(|error| error.to_string());
        if let Err(error) = fetched {
            return meter.fail(error);
        }
    }
}

/// Reads from the beginning at a rate of bytes, and begins again when it has caught up.
async fn lag(mut consumer: Consumer, bytes_per_second: f64, meter: Rc<Meter>, total: Rc<Cell<u64>>) {
    loop {
        match consumer.fetch(|_| {}).await.map_err(|error| error.to_string()) {
            Err(error) => return meter.fail(error),
            Ok(bytes) => {
                total.set(total.get() + bytes);
                if consumer.is_at_end() {
                    consumer.rewind();
                }
                sleep(Duration::from_secs_f64((bytes as f64 / bytes_per_second).max(0.001))).await;
            }
        }
    }
}

impl Meter {
    fn new(window: (Instant, Instant), consumers: u64) -> Result<Self, hdrhistogram::CreationError> {
        let histogram = || Ok(RefCell::new(Histogram::new_with_bounds(1, LONGEST_NS, 3)?));
        Ok(Self {
            window,
            consumers,
            received: histogram()?,
            acknowledged: histogram()?,
            sent: histogram()?,
            due: Cell::new(0),
            failure: RefCell::default(),
            has_ended: Cell::new(false),
        })
    }

    pub(crate) fn fail(&self, failure: String) {
        if self.has_ended.get() {
            return;
        }
        eprintln!("{failure}");
        self.failure.borrow_mut().get_or_insert(failure);
    }

    fn counts(&self, due: Instant) -> bool {
        due >= self.window.0 && due < self.window.1
    }

    /// A record has left its producer.
    pub(crate) fn note_sent(&self, due: Instant) {
        if self.counts(due) {
            self.due.set(self.due.get() + 1);
            record(&self.sent, due);
        }
    }

    pub(crate) fn note_acknowledged(&self, due: Instant) {
        if self.counts(due) {
            record(&self.acknowledged, due);
        }
    }

    fn note_received(&self, fetched: &[u8]) {
        let mut rest: &[u8] = fetched;
        while let Frame::Complete(batch) = BatchView::parse(rest) {
            let mut records = Records::new(batch.body(), batch.header().records_count());
            while let Some(Ok(entry)) = records.next() {
                // A record begins with the moment when it was due.
                if let Some(due) = entry.value.and_then(|value| value.first_chunk::<8>()) {
                    let due = Instant(u64::from_be_bytes(*due));
                    if self.counts(due) {
                        record(&self.received, due);
                    }
                }
            }
            rest = &rest[batch.size_bytes()..];
        }
    }

    /// All that was due in the window has come; the producers have ended by then, or never will.
    fn is_complete(&self) -> bool {
        self.failure.borrow().is_some() || self.received.borrow().len() >= self.due.get() * self.consumers
    }

    fn to_json(&self) -> Map<String, Value> {
        let (received, sent) = (self.received.borrow(), self.sent.borrow());
        let acknowledged = self.acknowledged.borrow();
        let us = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        let mut fields = Map::new();
        fields.insert("records".to_owned(), json!(self.due.get()));
        fields.insert(
            "missing".to_owned(),
            json!((self.due.get() * self.consumers).saturating_sub(received.len())),
        );
        for (name, histogram) in [("e2e", &received), ("ack", &acknowledged), ("sent", &sent)] {
            for (suffix, quantile) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)] {
                fields.insert(format!("{name}_{suffix}_us"), json!(us(histogram, quantile)));
            }
        }
        // The whole distribution: value in µs at the quantiles that a plot needs.
        let points = received
            .iter_quantiles(2)
            .map(|point| json!([point.quantile_iterated_to(), point.value_iterated_to() as f64 / 1000.0]));
        fields.insert("e2e_distribution".to_owned(), points.collect());
        fields
    }
}

fn record(histogram: &RefCell<Histogram<u64>>, due: Instant) {
    let ns = u64::try_from((now() - due).as_nanos()).unwrap_or(u64::MAX).max(1);
    histogram.borrow_mut().saturating_record(ns);
}
