//! Requests of one shard: how many, and where their time goes.

use std::cell::{Cell, OnceCell, RefCell};

use jackdaw_core::{
    metrics::{Histogram, Snapshot},
    protocol::ApiKey,
};
use jackdaw_net::Times;
use jackdaw_ring::{Instant, now};

/// Codes of APIs; those of Kafka 4.4 end at 92.
const CODES: usize = 128;

/// No API has as many.
const VERSIONS: usize = 32;

/// Stages inside of a produce are timed once in so many: they are shorter than the clock takes to read.
const PRODUCES_PER_TIMING: u32 = 16;

/// Where a request's time goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Span {
    Total,
    Queue,
    Local,
    Remote,
    Send,
}

pub(crate) const SPANS: usize = Span::Send as usize + 1;

/// A stage of a shard's work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Receive,
    Queue,
    Validate,
    Append,
    Flush,
    Respond,
}

pub(crate) const STAGES: [(Stage, &str); 6] = [
    (Stage::Receive, "receive"),
    (Stage::Queue, "queue"),
    (Stage::Validate, "validate"),
    (Stage::Append, "append"),
    (Stage::Flush, "flush"),
    (Stage::Respond, "respond"),
];

#[derive(Default)]
struct Api {
    by_version: [Cell<u64>; VERSIONS],
    spans: [RefCell<Histogram>; SPANS],
}

/// The requests of one shard. An API takes memory when it is first used.
pub(crate) struct RequestCounters {
    apis: [OnceCell<Box<Api>>; CODES],
    stages: [RefCell<Histogram>; STAGES.len()],
    produces: Cell<u32>,
    appends: Cell<u32>,
}

impl Default for RequestCounters {
    fn default() -> Self {
        Self {
            apis: std::array::from_fn(|_| OnceCell::new()),
            stages: std::array::from_fn(|_| RefCell::default()),
            produces: Cell::new(0),
            appends: Cell::new(0),
        }
    }
}

/// What one API has counted.
pub(crate) struct ApiSample {
    pub(crate) key: ApiKey,
    /// Those that were used.
    pub(crate) versions: Vec<(i16, u64)>,
    pub(crate) spans: [Snapshot; SPANS],
}

pub(crate) type StageSamples = [Snapshot; STAGES.len()];

/// A request's API and version from the start of its frame, as one number.
pub(crate) fn label(frame: &[u8]) -> u32 {
    frame.first_chunk().map_or(u32::MAX, |start| u32::from_be_bytes(*start))
}

impl RequestCounters {
    /// A request was answered.
    pub(crate) fn answered(&self, label: u32, times: &Times) {
        let [high, low, version_high, version] = label.to_be_bytes();
        let code = usize::from(u16::from_be_bytes([high, low]));
        let version = usize::from(u16::from_be_bytes([version_high, version]));
        // Anybody may send any number: only what exists takes memory.
        let is_api = i16::try_from(code).is_ok_and(|code| ApiKey::from_code(code).is_some());
        if code >= CODES || version >= VERSIONS || !is_api {
            return;
        }
        let api = self.apis[code].get_or_init(Box::default);
        api.by_version[version].set(api.by_version[version].get() + 1);
        let spans = [
            (Span::Total, times.received, times.sent),
            (Span::Queue, times.received, times.begun),
            (Span::Local, times.begun, times.dispatched),
            (Span::Remote, times.dispatched, times.ready),
            (Span::Send, times.ready, times.sent),
        ];
        for (span, from, to) in spans {
            api.spans[span as usize].borrow_mut().record(times.sent.0, to.0.saturating_sub(from.0));
        }
        self.record(Stage::Receive, times.arriving, times.received);
        self.record(Stage::Queue, times.received, times.begun);
        self.record(Stage::Respond, times.ready, times.sent);
    }

    pub(crate) fn record(&self, stage: Stage, from: Instant, to: Instant) {
        self.stages[stage as usize].borrow_mut().record(to.0, to.0.saturating_sub(from.0));
    }

    /// The time where this produce is one whose stages are timed.
    pub(crate) fn begin_produce(&self) -> Option<Instant> {
        time_some(&self.produces)
    }

    /// The same for a call that appends.
    pub(crate) fn begin_append(&self) -> Option<Instant> {
        time_some(&self.appends)
    }

    pub(crate) fn samples(&self) -> Vec<ApiSample> {
        let now_ns = now().0;
        let used = self.apis.iter().enumerate().filter_map(|(code, api)| Some((code, api.get()?)));
        let samples = used.filter_map(|(code, api)| {
            let versions = (0..).zip(&api.by_version).map(|(version, count)| (version, count.get()));
            Some(ApiSample {
                key: ApiKey::from_code(i16::try_from(code).ok()?)?,
                versions: versions.filter(|(_, count)| *count > 0).collect(),
                spans: std::array::from_fn(|span| snapshot(&api.spans[span], now_ns)),
            })
        });
        samples.collect()
    }

    pub(crate) fn stages(&self) -> StageSamples {
        let now_ns = now().0;
        std::array::from_fn(|stage| snapshot(&self.stages[stage], now_ns))
    }
}

fn time_some(count: &Cell<u32>) -> Option<Instant> {
    let number = count.get();
    count.set(number.wrapping_add(1));
    number.is_multiple_of(PRODUCES_PER_TIMING).then(now)
}

fn snapshot(histogram: &RefCell<Histogram>, now_ns: u64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    histogram.borrow().add_to(now_ns, &mut snapshot);
    snapshot
}
