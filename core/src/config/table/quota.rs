//! Quota windows.

use super::super::row::{ConfigKey, class, int};
use super::reasons::{CLUSTER, JAVA};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    int("quota.window.num").default("11").at_least(1).low()
        .effective("How many past samples a client quota is averaged over."),
    int("quota.window.size.seconds").default("1").at_least(1).low()
        .effective("How long one sample of a client quota is."),
    int("controller.quota.window.num").default("11").at_least(1).low()
        .effective("How many past samples the quota of partition changes is averaged over."),
    int("controller.quota.window.size.seconds").default("1").at_least(1).low()
        .effective("How long one sample of the quota of partition changes is."),
    int("replication.quota.window.num").default("11").at_least(1).low()
        .waits(CLUSTER, "How many past samples a replication quota is averaged over."),
    int("replication.quota.window.size.seconds").default("1").at_least(1).low()
        .waits(CLUSTER, "How long one sample of a replication quota is."),
    int("alter.log.dirs.replication.quota.window.num").default("11").at_least(1).low()
        .waits(CLUSTER, "How many past samples the quota of moves between directories is averaged over."),
    int("alter.log.dirs.replication.quota.window.size.seconds").default("1").at_least(1).low()
        .waits(CLUSTER, "How long one sample of the quota of moves between directories is."),
    class("client.quota.callback.class").low()
        .meaningless(JAVA, "A Java class that decides quotas."),
];
