//! Replicas, leaders and followers.

use super::super::row::{ConfigKey, boolean, int, long, string};
use super::reasons::{CLUSTER, JAVA, THREADS, TIERED};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    int("default.replication.factor").default("1")
        .effective("How many replicas a topic gets that is created without saying."),
    long("replica.lag.time.max.ms").default("30000").high()
        .waits(CLUSTER, "A follower that has not caught up for this long leaves the in-sync replicas."),
    int("replica.socket.timeout.ms").default("30000").high()
        .waits(CLUSTER, "How long a follower waits for an answer of its leader."),
    int("replica.socket.receive.buffer.bytes").default("65536").high()
        .waits(CLUSTER, "The kernel's receive buffer of a follower's connection."),
    int("replica.fetch.max.bytes").default("1048576").at_least(0)
        .waits(CLUSTER, "How many bytes of one partition a follower asks for at once."),
    int("replica.fetch.wait.max.ms").default("500").high()
        .waits(CLUSTER, "How long a leader holds a follower's fetch when there is nothing new."),
    int("replica.fetch.backoff.ms").default("1000").at_least(0)
        .waits(CLUSTER, "How long a follower rests a partition after an error."),
    int("replica.fetch.min.bytes").default("1").high()
        .waits(CLUSTER, "How many bytes a leader waits for before it answers a follower."),
    int("replica.fetch.response.max.bytes").default("10485760").at_least(0)
        .waits(CLUSTER, "The most bytes in one answer to a follower."),
    int("num.replica.fetchers").default("1").at_least(1).high().cluster_wide()
        .meaningless(THREADS, "Kafka's threads that fetch from one leader."),
    int("num.replica.alter.log.dirs.threads").high()
        .meaningless(THREADS, "Kafka's threads that move replicas between directories."),
    long("replica.high.watermark.checkpoint.interval.ms").default("5000").high()
        .effective("How often high watermarks, recovery points and first offsets are written down, when they \
            changed."),
    boolean("auto.leader.rebalance.enable").default("true").high()
        .waits(CLUSTER, "Give leadership back to the preferred replicas from time to time."),
    long("leader.imbalance.check.interval.seconds").default("300").at_least(1).high()
        .waits(CLUSTER, "How often the controller looks for leaders to give back."),
    long("unclean.leader.election.interval.ms").default("300000").at_least(1).internal()
        .waits(CLUSTER, "How often the controller looks for partitions that only an unclean election can \
            help."),
    boolean("unclean.leader.election.enable").default("false").high().cluster_wide()
        .waits(CLUSTER, "Let a replica that is not in sync lead when no other is left; records are lost \
            then."),
    string("replica.selector.class")
        .meaningless(JAVA, "A Java class that picks the replica a consumer reads from."),
    int("controller.socket.timeout.ms").default("30000")
        .waits(CLUSTER, "How long a broker waits for an answer of the controller."),
    boolean("follower.fetch.last.tiered.offset.enable").default("false").cluster_wide()
        .waits(TIERED, "Let an empty follower begin at the last tiered offset."),
];
