//! Keys of a group.

use super::super::row::{ConfigKey, Valid, boolean, int, list, long, string};
use super::reasons::{SHARE, STREAMS, THREADS};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    int("consumer.session.timeout.ms").default("45000").at_least(1)
        .effective("How long a member of this consumer group may be silent before it is put out."),
    int("consumer.heartbeat.interval.ms").default("5000").at_least(1)
        .effective("How often members of this consumer group are told to send heartbeats."),
    int("consumer.assignment.interval.ms").default("1000").at_least(0)
        .effective("The least time between two assignments of this consumer group."),
    boolean("consumer.assignor.offload.enable").default("true").internal()
        .meaningless(THREADS, "Compute assignments on another thread."),
    int("share.session.timeout.ms").default("45000").at_least(1)
        .waits(SHARE, "How long a member of this share group may be silent before it is put out."),
    int("share.heartbeat.interval.ms").default("5000").at_least(1)
        .waits(SHARE, "How often members of this share group are told to send heartbeats."),
    int("share.record.lock.duration.ms").default("30000").at_least(1000)
        .waits(SHARE, "How long a delivered record is locked for its consumer."),
    int("share.delivery.count.limit").default("5").at_least(2)
        .waits(SHARE, "How often a record is delivered before it counts as failed."),
    int("share.partition.max.record.locks").default("2000").at_least(100)
        .waits(SHARE, "How many records of a partition may be locked at a time."),
    string("share.auto.offset.reset").default("latest").valid(Valid::AutoOffsetReset)
        .waits(SHARE, "Where a share group starts that has no state: `earliest`, `latest` or \
            `by_duration:` and a length of time."),
    string("share.isolation.level").default("read_uncommitted")
        .one_of(&["read_committed", "read_uncommitted"])
        .waits(SHARE, "Whether records of open or aborted transactions are delivered."),
    boolean("share.renew.acknowledge.enable").default("true")
        .waits(SHARE, "Whether a consumer may renew its lock on a record."),
    int("share.assignment.interval.ms").default("1000").at_least(0)
        .waits(SHARE, "The least time between two assignments of this share group."),
    boolean("share.assignor.offload.enable").default("true").internal()
        .meaningless(THREADS, "Compute share assignments on another thread."),
    int("streams.session.timeout.ms").default("45000").at_least(1)
        .waits(STREAMS, "How long a member of this streams group may be silent before it is put out."),
    int("streams.heartbeat.interval.ms").default("5000").at_least(1)
        .waits(STREAMS, "How often members of this streams group are told to send heartbeats."),
    int("streams.num.standby.replicas").default("0").at_least(0)
        .waits(STREAMS, "How many standby copies each stateful task gets."),
    int("streams.initial.rebalance.delay.ms").default("3000").at_least(0)
        .waits(STREAMS, "How long this streams group waits for more members before its first assignment."),
    int("streams.assignment.interval.ms").default("1000").at_least(0)
        .waits(STREAMS, "The least time between two assignments of this streams group."),
    boolean("streams.assignor.offload.enable").default("true").internal()
        .meaningless(THREADS, "Compute task assignments on another thread."),
    int("streams.task.offset.interval.ms").default("60000").at_least(1).internal()
        .waits(STREAMS, "How often members report how far their tasks have restored."),
    int("streams.num.warmup.replicas").default("2").at_least(0).internal()
        .waits(STREAMS, "How many tasks may warm up on another member at a time."),
    list("streams.rack.aware.assignment.tags").default("").low()
        .waits(STREAMS, "The client tags by which standby tasks are spread."),
    long("streams.acceptable.recovery.lag").default("10000").at_least(0).internal()
        .waits(STREAMS, "How many records a task may be behind and still count as caught up."),
    string("streams.assignor.name")
        .waits(STREAMS, "The task assignor of this streams group."),
    string("errors.deadletterqueue.topic.name").default("")
        .waits(SHARE, "The topic for this group's dead letters; empty for none."),
    boolean("errors.deadletterqueue.copy.record.enable").default("false")
        .waits(SHARE, "Whether a dead letter holds the record's key and value."),
];
