//! The lines of the table: which figure of which row, and the goal that stands against Apache Kafka's.

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// At most this share of Kafka's.
    Share(f64),
    /// At least so many times Kafka's.
    Times(f64),
    /// At most this, whatever Kafka's is.
    AtMost(f64),
    /// At most Kafka's figure of another row.
    KafkaOf(&'static str),
    None,
}

/// How a figure comes from the fields of a row's line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    /// A field in units of so much.
    Field(&'static str, f64),
    /// The first field in units of so much for each of the second.
    Per(&'static str, f64, &'static str),
}

pub(crate) struct GoalLine {
    pub(crate) row: &'static str,
    pub(crate) text: &'static str,
    pub(crate) figure: Figure,
    pub(crate) goal: Goal,
}

const CPU_PER_GB: Figure = Figure::Per("cpu_s", 1e-9, "bytes");
const MB_PER_SECOND: Figure = Figure::Per("bytes", 1e6, "seconds");
const CPU_US_A_REQUEST: Figure = Figure::Per("cpu_s", 1e-6, "requests");
const RECORDS_PER_SECOND: Figure = Figure::Per("records", 1.0, "seconds");
const RSS_MIB: Figure = Figure::Field("rss_kib", 1024.0);
const IDLE_PERCENT: Figure = Figure::Per("cpu_s", 0.01, "seconds");
const START_SECONDS: Figure = Figure::Field("start_s", 1.0);

const fn line(row: &'static str, text: &'static str, figure: Figure, goal: Goal) -> GoalLine {
    GoalLine { row, text, figure, goal }
}

/// Milliseconds from the moment when a record was due until the consumer had it.
const fn ms(row: &'static str, text: &'static str, field: &'static str, goal: Goal) -> GoalLine {
    line(row, text, Figure::Field(field, 1000.0), goal)
}

/// In the order of the table. A text that is set in goes on with the row above.
pub(crate) const LINES: &[GoalLine] = &[
    line("large", "1 KiB records, 1 MB batches: CPU s a GB", CPU_PER_GB, Goal::Share(0.4)),
    line("large", "  MB/s", MB_PER_SECOND, Goal::None),
    line("large", "  resident under this load, MiB", RSS_MIB, Goal::Share(0.1)),
    line("small", "100 B records, 100 kB batches: CPU s a GB", CPU_PER_GB, Goal::Share(0.35)),
    line("small", "  MB/s", MB_PER_SECOND, Goal::None),
    line(
        "single",
        "one 100 B record a request, 5 in flight: CPU us",
        CPU_US_A_REQUEST,
        Goal::Share(1.0 / 6.0),
    ),
    line("single", "  requests/s", RECORDS_PER_SECOND, Goal::None),
    line(
        "singles10",
        "the same, 10 producers and partitions: CPU us",
        CPU_US_A_REQUEST,
        Goal::Share(1.0 / 8.0),
    ),
    line("singles10", "  requests/s", RECORDS_PER_SECOND, Goal::None),
    line("singles10-flush", "the same, flush.messages=1: CPU us", CPU_US_A_REQUEST, Goal::Share(1.0 / 8.0)),
    line("singles10-flush", "  requests/s", RECORDS_PER_SECOND, Goal::Times(5.0)),
    line("fetch", "fetch, hot, 1 MiB: CPU s a GB", CPU_PER_GB, Goal::Share(0.45)),
    line("fetch", "  MB/s", MB_PER_SECOND, Goal::None),
    ms("e2e-500", "end to end, 500/s, acks=all: p50 ms", "e2e_p50_us", Goal::Share(0.6)),
    ms("e2e-500", "  p99 ms", "e2e_p99_us", Goal::Share(1.0 / 3.0)),
    ms("e2e-500", "  p99.9 ms", "e2e_p999_us", Goal::Share(0.2)),
    ms("e2e-500", "  max ms", "e2e_max_us", Goal::Share(0.2)),
    ms("e2e-4000", "end to end, 4,000/s, acks=all: p50 ms", "e2e_p50_us", Goal::Share(0.6)),
    ms("e2e-4000", "  p99 ms", "e2e_p99_us", Goal::Share(1.0 / 3.0)),
    ms("e2e-4000", "  p99.9 ms", "e2e_p999_us", Goal::Share(0.2)),
    ms("e2e-4000", "  max ms", "e2e_max_us", Goal::Share(0.2)),
    ms("e2e-500-flush", "500/s, flush.messages=1: p50 ms", "e2e_p50_us", Goal::None),
    ms("e2e-500-flush", "  p99 ms", "e2e_p99_us", Goal::KafkaOf("e2e-500")),
    ms("e2e-500-flush", "  p99.9 ms", "e2e_p999_us", Goal::None),
    ms("e2e-4000-flush", "4,000/s, flush.messages=1: p50 ms", "e2e_p50_us", Goal::None),
    ms("e2e-4000-flush", "  p99 ms", "e2e_p99_us", Goal::KafkaOf("e2e-4000")),
    ms("e2e-4000-flush", "  p99.9 ms", "e2e_p999_us", Goal::None),
    ms("e2e-1000p-flush", "the same over 1,000 partitions: p50 ms", "e2e_p50_us", Goal::None),
    ms("e2e-1000p-flush", "  p99 ms", "e2e_p99_us", Goal::KafkaOf("e2e-4000")),
    ms("e2e-1000p-flush", "  p99.9 ms", "e2e_p999_us", Goal::None),
    line("idle", "resident, empty and idle, MiB", RSS_MIB, Goal::Share(1.0 / 20.0)),
    line("partitions-idle", "resident, 10,000 partitions, idle, MiB", RSS_MIB, Goal::Share(0.1)),
    line("start", "start to first answer, empty, s", START_SECONDS, Goal::Share(1.0 / 50.0)),
    line(
        "partitions-start",
        "start to first answer, 10,000 partitions, s",
        START_SECONDS,
        Goal::Share(1.0 / 20.0),
    ),
    line("idle", "idle CPU, empty, % of a core", IDLE_PERCENT, Goal::AtMost(0.1)),
    line("partitions-idle", "idle CPU, 10,000 partitions, % of a core", IDLE_PERCENT, Goal::AtMost(0.5)),
    line("kcat-large", "librdkafka, lines of 1 KiB: CPU s a GB", CPU_PER_GB, Goal::Share(0.4)),
    line("kcat-small", "librdkafka, lines of 100 B: CPU s a GB", CPU_PER_GB, Goal::Share(0.35)),
    line("kcat-fetch", "librdkafka, fetch of 1 KiB lines: CPU s a GB", CPU_PER_GB, Goal::Share(0.45)),
];
