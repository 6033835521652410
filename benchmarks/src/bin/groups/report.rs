//! The row of figures.

use std::time::Duration;

use hdrhistogram::Histogram;

use jackdaw_bench::process::Usage;

use crate::{member::Shared, meter::Kind, options::Protocol};

pub(crate) const HEADER: &str = "broker,protocol,groups,members,settled,settling_s,joins,lost_connections,window_s,\
cpu_s,idle_rss_kib,rss_kib,generator_cpu_s,\
heartbeats,heartbeat_errors,heartbeat_p50_us,heartbeat_p99_us,heartbeat_p999_us,heartbeat_max_us,heartbeat_sent_p99_us,\
commits,commit_errors,commit_p50_us,commit_p99_us,commit_p999_us,commit_max_us,commit_sent_p99_us,\
waited_s,generator_waited_s";

pub(crate) struct Figures {
    pub(crate) settling: Duration,
    /// Members, at the end of the window.
    pub(crate) settled: usize,
    pub(crate) window: Duration,
    /// The broker before the load.
    pub(crate) idle: Usage,
    /// At the window's two ends.
    pub(crate) broker: (Usage, Usage),
    pub(crate) generator: (Usage, Usage),
}

pub(crate) fn row(shared: &Shared, figures: &Figures) -> String {
    let (options, meter) = (&shared.options, &shared.meter);
    let protocol = match options.protocol {
        Protocol::Classic => "classic",
        Protocol::Consumer => "consumer",
    };
    format!(
        "{},{protocol},{},{},{},{:.1},{},{},{:.2},{:.2},{},{},{:.2},{},{},{:.2},{:.2}",
        options.label,
        options.groups,
        options.members,
        figures.settled,
        figures.settling.as_secs_f64(),
        meter.joins.get(),
        meter.lost_connections.get(),
        figures.window.as_secs_f64(),
        figures.broker.1.cpu_seconds() - figures.broker.0.cpu_seconds(),
        figures.idle.resident_kib,
        figures.broker.1.resident_kib,
        figures.generator.1.cpu_seconds() - figures.generator.0.cpu_seconds(),
        latencies(shared, Kind::Heartbeat),
        latencies(shared, Kind::Commit),
        figures.broker.1.waited_seconds - figures.broker.0.waited_seconds,
        figures.generator.1.waited_seconds - figures.generator.0.waited_seconds,
    )
}

fn latencies(shared: &Shared, kind: Kind) -> String {
    let latencies = shared.meter.of(kind).borrow();
    let us = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
    let answered = &latencies.answered;
    format!(
        "{},{},{:.0},{:.0},{:.0},{:.0},{:.0}",
        answered.len(),
        latencies.errors,
        us(answered, 0.5),
        us(answered, 0.99),
        us(answered, 0.999),
        answered.max() as f64 / 1000.0,
        us(&latencies.sent, 0.99),
    )
}
