//! Metrics of the node and of its clients.

use super::super::row::{ConfigKey, int, list, long, string};
use super::reasons::{CLIENT_METRICS, JAVA, OWN_METRICS};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    list("metric.reporters").default("org.apache.kafka.common.metrics.JmxReporter").low().cluster_wide()
        .meaningless(JAVA, "Java classes that pass metrics on."),
    int("metrics.num.samples").default("2").at_least(1).low()
        .meaningless(OWN_METRICS, "How many samples Kafka's metrics are averaged over."),
    string("metrics.recording.level").default("INFO").low()
        .meaningless(OWN_METRICS, "How finely Kafka records metrics."),
    long("metrics.sample.window.ms").default("30000").at_least(1).low()
        .meaningless(OWN_METRICS, "How long one sample of Kafka's metrics is."),
    int("kafka.metrics.polling.interval.secs").default("10").at_least(1).low()
        .meaningless(OWN_METRICS, "How often Kafka's metrics reporters look."),
    list("kafka.metrics.reporters").default("").low()
        .meaningless(JAVA, "Java classes that pass metrics on."),
    int("telemetry.max.bytes").default("1048576").at_least(1).low()
        .waits(CLIENT_METRICS, "How many bytes of metrics a client may push at once."),
];
