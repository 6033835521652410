//! Keys of a topic, most over a key of the broker; in the order in which Kafka checks them.

use super::super::row::{ConfigKey, Valid, boolean, double, hours, int, list, long, minutes, same, string};
use super::reasons::{CLUSTER, LZ4, PREALLOCATION, SHARE, TIERED};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    int("segment.bytes").default("1073741824").at_least(1048576).over(&[same("log.segment.bytes")])
        .effective("The size at which a new segment begins."),
    long("segment.ms").default("604800000").at_least(1)
        .over(&[same("log.roll.ms"), hours("log.roll.hours")])
        .effective("The age at which a new segment begins, even a small one."),
    long("segment.jitter.ms").default("0").at_least(0)
        .over(&[same("log.roll.jitter.ms"), hours("log.roll.jitter.hours")])
        .effective("A random time up to this is taken off the age at which a segment ends."),
    int("segment.index.bytes").default("10485760").at_least(4).over(&[same("log.index.size.max.bytes")])
        .effective("The size of an offset or time index; a full index ends its segment."),
    long("flush.messages").default("9223372036854775807").at_least(1)
        .over(&[same("log.flush.interval.messages")])
        .effective("How many records may wait before they are synced to disk. 1 syncs before every answer."),
    long("flush.ms").default("9223372036854775807").at_least(0)
        .over(&[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")])
        .effective("How long records may wait before they are synced to disk."),
    long("retention.bytes").default("-1").over(&[same("log.retention.bytes")])
        .effective("How large a partition may grow before its oldest segments go; -1 for no limit."),
    long("retention.ms").default("604800000").at_least(-1)
        .over(&[same("log.retention.ms"), minutes("log.retention.minutes"), hours("log.retention.hours")])
        .effective("How long records are kept; -1 for ever."),
    int("max.message.bytes").default("1048588").at_least(0).over(&[same("message.max.bytes")])
        .effective("The largest record batch accepted, in bytes after compression."),
    int("max.decompressed.message.bytes").default("2147483639").between(1, 2147483639)
        .over(&[same("max.decompressed.message.bytes")])
        .effective("The most bytes that the records of one batch may take when they are decompressed."),
    int("index.interval.bytes").default("4096").at_least(0).over(&[same("log.index.interval.bytes")])
        .effective("How many bytes of records lie between two entries of the offset index."),
    long("delete.retention.ms").default("86400000").at_least(0)
        .over(&[same("log.cleaner.delete.retention.ms")])
        .effective("How long a deletion mark stays in a compacted log."),
    long("min.compaction.lag.ms").default("0").at_least(0)
        .over(&[same("log.cleaner.min.compaction.lag.ms")])
        .effective("How long a record stays uncompacted at least."),
    long("max.compaction.lag.ms").default("9223372036854775807").at_least(1)
        .over(&[same("log.cleaner.max.compaction.lag.ms")])
        .effective("How long a record may stay uncompacted at most."),
    long("file.delete.delay.ms").default("60000").at_least(0).over(&[same("log.segment.delete.delay.ms")])
        .effective("How long the files of a deleted segment or partition stay before they are removed."),
    double("min.cleanable.dirty.ratio").default("0.5").fraction(0.0, 1.0)
        .over(&[same("log.cleaner.min.cleanable.ratio")])
        .effective("How much of a log must be new before it is compacted again, 0 to 1."),
    list("cleanup.policy").default("delete").list_of(&["compact", "delete"])
        .over(&[same("log.cleanup.policy")])
        .effective("What happens to old data: `delete` drops old segments, `compact` keeps the \
            newest record of a key; both may stand together."),
    boolean("unclean.leader.election.enable").default("false")
        .over(&[same("unclean.leader.election.enable")])
        .waits(CLUSTER, "Let a replica that is not in sync lead when no other is left; records are lost \
            then."),
    int("min.insync.replicas").default("1").at_least(1).over(&[same("min.insync.replicas")])
        .effective("How many replicas must have a record before a producer with `acks=all` is told so."),
    string("compression.type").default("producer")
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .over(&[same("compression.type")])
        .effective("What records are compressed with on disk; `producer` keeps what the producer chose, \
            byte for byte."),
    int("compression.gzip.level").default("-1").valid(Valid::GzipLevel)
        .over(&[same("compression.gzip.level")])
        .effective("How hard gzip tries, 1 to 9, or -1 for its own default."),
    int("compression.lz4.level").default("9").between(1, 17).over(&[same("compression.lz4.level")])
        .meaningless(LZ4, "How hard lz4 tries."),
    int("compression.zstd.level").default("3").between(-131072, 22).over(&[same("compression.zstd.level")])
        .effective("How hard zstd tries; below zero it is faster still."),
    boolean("preallocate").default("false").over(&[same("log.preallocate")])
        .waits(PREALLOCATION, "Allocate a segment's whole file when it is made."),
    string("message.timestamp.type").default("CreateTime").one_of(&["CreateTime", "LogAppendTime"])
        .over(&[same("log.message.timestamp.type")])
        .effective("Whether a record's timestamp is the producer's, `CreateTime`, or the broker's, \
            `LogAppendTime`."),
    long("message.timestamp.before.max.ms").default("9223372036854775807").at_least(0)
        .over(&[same("log.message.timestamp.before.max.ms")])
        .effective("How far a record's timestamp may lie before the broker's clock."),
    long("message.timestamp.after.max.ms").default("3600000").at_least(0)
        .over(&[same("log.message.timestamp.after.max.ms")])
        .effective("How far a record's timestamp may lie after the broker's clock."),
    list("leader.replication.throttled.replicas").default("").valid(Valid::ThrottledReplicas)
        .waits(CLUSTER, "Replicas whose leading is throttled, as `partition:broker` separated by commas, \
            or `*`."),
    list("follower.replication.throttled.replicas").default("").valid(Valid::ThrottledReplicas)
        .waits(CLUSTER, "Replicas whose following is throttled, as `partition:broker` separated by commas, \
            or `*`."),
    boolean("remote.storage.enable").default("false")
        .waits(TIERED, "Tier this topic's segments."),
    long("local.retention.ms").default("-2").at_least(-2).over(&[same("log.local.retention.ms")])
        .waits(TIERED, "How long segments stay on local disk once they are tiered; -2 follows \
            `retention.ms`."),
    long("local.retention.bytes").default("-2").at_least(-2).over(&[same("log.local.retention.bytes")])
        .waits(TIERED, "How many bytes of a partition stay on local disk once they are tiered; -2 follows \
            `retention.bytes`."),
    boolean("remote.log.copy.disable").default("false")
        .waits(TIERED, "Tier no further segments of this topic."),
    long("remote.copy.lag.ms").default("0").at_least(-1).over(&[same("log.remote.copy.lag.ms")])
        .waits(TIERED, "How old a segment must be before it is tiered."),
    long("remote.copy.lag.bytes").default("-1").at_least(-1).over(&[same("log.remote.copy.lag.bytes")])
        .waits(TIERED, "How many newer bytes must follow a segment before it is tiered."),
    boolean("remote.log.delete.on.disable").default("false")
        .waits(TIERED, "Delete what was tiered when tiering is turned off."),
    int("internal.segment.bytes").internal()
        .effective("A segment size below the lower bound of `segment.bytes`, for tests."),
    boolean("errors.deadletterqueue.group.enable").default("false")
        .waits(SHARE, "Whether share groups may use this topic for their dead letters."),
];
