//! Coverage marks: that a fault was made, and that the node's own code met it. The second kind are the node's log lines,
//! so nothing is added to the product for them.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::{Context, Layer, SubscriberExt},
    registry::Registry,
};

use crate::trace::PRINT;

/// Marks by name, and how often each was reached.
pub type Marks = BTreeMap<&'static str, u64>;

thread_local! {
    /// A world runs on one thread.
    static REACHED: RefCell<Marks> = const { RefCell::new(Marks::new()) };
}

/// What the node says, and the mark that this reaches.
const LOG_LINES: &[(&str, &str)] = &[
    ("the node stops: cannot flush", "log: the node stops: cannot flush"),
    ("the node stops: cannot append", "log: the node stops: cannot append"),
    ("the node stops: cannot write a checkpoint", "log: the node stops: cannot write a checkpoint"),
    ("the node stops: cannot close", "log: the node stops: cannot close"),
    ("the node stops: the stop was not clean", "log: the node stops: the stop was not clean"),
    ("partition is offline: cannot", "log: partition is offline: cannot"),
    ("cut the log's unflushed end", "log: cut the log's unflushed end"),
    ("partition is offline: /data/", "log: partition is offline: a file is damaged"),
    ("a read met damage", "log: a read met damage"),
    ("the segment's indexes are not its own", "log: an index is made anew"),
    ("somebody waits for memory", "log: somebody waits for memory"),
];

/// Note that a mark was reached.
pub(crate) fn reach(name: &'static str) {
    REACHED.with_borrow_mut(|reached| *reached.entry(name).or_insert(0) += 1);
}

/// The marks of this thread since the last call.
pub(crate) fn take() -> Marks {
    REACHED.take()
}

/// Have the node's log lines reach their marks, in the whole program; print them if the trace is printed.
pub fn listen() {
    let printed = std::env::var_os(PRINT).map(|_| {
        let lines = tracing_subscriber::fmt::layer().without_time().with_writer(std::io::stderr);
        lines.with_filter(LevelFilter::DEBUG)
    });
    // Where memory is short is worth a mark, and no line for people.
    let heard =
        Targets::new().with_default(LevelFilter::WARN).with_target("jackdaw_net::budget", LevelFilter::TRACE);
    let subscriber = Registry::default().with(printed).with(LogLines.with_filter(heard));
    // A second call changes nothing.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Looks for the known lines.
struct LogLines;

impl<S: Subscriber> Layer<S> for LogLines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        for (start, mark) in LOG_LINES {
            if message.0.starts_with(start) {
                reach(mark);
            }
        }
    }
}

/// An event's text.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
