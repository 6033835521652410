//! Keys of a client metrics subscription.

use super::super::row::{ConfigKey, int, list};
use super::reasons::CLIENT_METRICS;

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    list("metrics").default("")
        .waits(CLIENT_METRICS, "What the names of the wanted metrics begin with; `*` for all, empty for none."),
    int("interval.ms").default("300000").between(100, 3600000)
        .waits(CLIENT_METRICS, "How often the clients push."),
    list("match").default("")
        .waits(CLIENT_METRICS, "Which clients are meant, as `selector=pattern`: client_instance_id, client_id, \
            client_software_name, client_software_version, client_source_address, client_source_port."),
];
