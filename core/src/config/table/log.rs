//! Logs, segments, retention and records.

use crate::limits::JOURNAL_BYTES_MAX;

use super::super::row::{
    ConfigKey, Valid, boolean, class, double, hours, int, list, long, minutes, same, string,
};
use super::reasons::{CHECKPOINTS, JAVA, LZ4, MANY_DIRS, PREALLOCATION, THREADS};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    list("log.dir").default("/tmp/kafka-logs").alone("./data").high()
        .effective("Where data lies, when `log.dirs` is not given."),
    list("log.dirs").high().over(&[same("log.dirs"), same("log.dir")])
        .effective("Where data lies: one directory or several, separated by commas."),
    list("cordoned.log.dirs").default("").per_broker()
        .waits(MANY_DIRS, "Directories that get no new partitions."),
    int("num.partitions").default("1").at_least(1)
        .effective("How many partitions a topic gets that is created without saying."),
    boolean("auto.create.topics.enable").default("true").high()
        .effective("Create a topic when a client asks for one that does not exist."),
    boolean("delete.topic.enable").default("true").high()
        .effective("Whether topics may be deleted."),
    int("message.max.bytes").default("1048588").at_least(0).high().cluster_wide()
        .effective("The largest record batch accepted, in bytes after compression."),
    int("max.decompressed.message.bytes").default("2147483639").between(1, 2147483639).cluster_wide()
        .effective("The most bytes that the records of one batch may take when they are decompressed."),
    string("compression.type").default("producer")
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]).high().cluster_wide()
        .effective("What records are compressed with on disk; `producer` keeps what the producer chose, \
            byte for byte."),
    int("compression.gzip.level").default("-1").valid(Valid::GzipLevel).cluster_wide()
        .effective("How hard gzip tries, 1 to 9, or -1 for its own default."),
    int("compression.lz4.level").default("9").between(1, 17).cluster_wide()
        .meaningless(LZ4, "How hard lz4 tries."),
    int("compression.zstd.level").default("3").between(-131072, 22).cluster_wide()
        .effective("How hard zstd tries; below zero it is faster still."),
    int("log.segment.bytes").default("1073741824").at_least(1048576).high().cluster_wide()
        .effective("The size at which a new segment begins."),
    long("log.roll.ms").high().cluster_wide().over(&[same("log.roll.ms"), hours("log.roll.hours")])
        .effective("The age at which a new segment begins, even a small one."),
    int("log.roll.hours").default("168").at_least(1).high()
        .effective("The age at which a new segment begins, in hours; `log.roll.ms` goes before it."),
    long("log.roll.jitter.ms").high().cluster_wide()
        .over(&[same("log.roll.jitter.ms"), hours("log.roll.jitter.hours")])
        .effective("A random time up to this is taken off the age at which a segment ends, so that \
            segments do not all end at once."),
    int("log.roll.jitter.hours").default("0").at_least(0).high()
        .effective("The same in hours; `log.roll.jitter.ms` goes before it."),
    long("log.retention.ms").high().cluster_wide()
        .over(&[same("log.retention.ms"), minutes("log.retention.minutes"), hours("log.retention.hours")])
        .effective("How long records are kept; -1 for ever."),
    int("log.retention.minutes").high()
        .effective("How long records are kept, in minutes; `log.retention.ms` goes before it."),
    int("log.retention.hours").default("168").high()
        .effective("How long records are kept, in hours; `log.retention.ms` and `.minutes` go \
            before it."),
    long("log.retention.bytes").default("-1").high().cluster_wide()
        .effective("How large a partition may grow before its oldest segments go; -1 for no limit."),
    long("log.retention.check.interval.ms").default("300000").at_least(1)
        .effective("How often segments are looked through for ones that may go."),
    list("log.cleanup.policy").default("delete").list_of(&["compact", "delete"]).cluster_wide()
        .effective("What happens to old data: `delete` drops old segments, `compact` keeps the \
            newest record of a key; both may stand together."),
    int("log.index.size.max.bytes").default("10485760").at_least(4).cluster_wide()
        .effective("The size of an offset or time index; a full index ends its segment."),
    int("log.index.interval.bytes").default("4096").at_least(0).cluster_wide()
        .effective("How many bytes of records lie between two entries of the offset index."),
    long("log.flush.interval.messages").default("9223372036854775807").at_least(1).high().cluster_wide()
        .effective("How many records may wait before they are synced to disk. 1 syncs before every answer."),
    long("log.flush.interval.ms").high().cluster_wide()
        .over(&[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")])
        .effective("How long records may wait before they are synced to disk."),
    long("log.flush.scheduler.interval.ms").default("9223372036854775807").high()
        .effective("How often the node looks for records that have to be synced; it stands in for \
            `log.flush.interval.ms` when that is not given."),
    int("jackdaw.journal.bytes").default("33554432").between(0, JOURNAL_BYTES_MAX)
        .effective("The size of the file in which each shard, in each of `log.dirs`, makes the records of many partitions \
            durable with one flush where their topics ask for that before an answer (`flush.messages`). Made at first need; 0 \
            is none, and every partition is flushed by itself."),
    int("log.flush.offset.checkpoint.interval.ms").default("60000").at_least(0).high()
        .meaningless(CHECKPOINTS, "How often the recovery points are written down, which bound the work of the next start."),
    int("log.flush.start.offset.checkpoint.interval.ms").default("60000").at_least(0).high()
        .meaningless(CHECKPOINTS, "How often the first offsets of logs are written down."),
    long("log.segment.delete.delay.ms").default("60000").at_least(0).high().cluster_wide()
        .effective("How long the files of a deleted segment or partition stay before they are removed."),
    boolean("log.preallocate").default("false").cluster_wide()
        .waits(PREALLOCATION, "Allocate a segment's whole file when it is made."),
    int("min.insync.replicas").default("1").at_least(1).high().cluster_wide()
        .effective("How many replicas must have a record before a producer with `acks=all` is told so."),
    string("log.message.timestamp.type").default("CreateTime").one_of(&["CreateTime", "LogAppendTime"])
        .cluster_wide()
        .effective("Whether a record's timestamp is the producer's, `CreateTime`, or the broker's, \
            `LogAppendTime`."),
    long("log.message.timestamp.before.max.ms").default("9223372036854775807").at_least(0).cluster_wide()
        .effective("How far a record's timestamp may lie before the broker's clock."),
    long("log.message.timestamp.after.max.ms").default("3600000").at_least(0).cluster_wide()
        .effective("How far a record's timestamp may lie after the broker's clock."),
    class("create.topic.policy.class.name").low()
        .meaningless(JAVA, "A Java class that may refuse new topics."),
    class("alter.config.policy.class.name").low()
        .meaningless(JAVA, "A Java class that may refuse changes of configuration."),
    long("log.dir.failure.timeout.ms").default("30000").at_least(1).low()
        .waits(MANY_DIRS, "How long a broker may fail to report a bad directory before it stops."),
    long("log.initial.task.delay.ms").default("30000").at_least(0).low().internal()
        .effective("How long after start the periodic work on logs begins."),
    int("log.cleaner.threads").default("1").at_least(0).cluster_wide()
        .meaningless(THREADS, "Kafka's threads that compact logs."),
    double("log.cleaner.io.max.bytes.per.second").default("1.7976931348623157E308").cluster_wide()
        .effective("How many bytes a second compaction may read and write together."),
    long("log.cleaner.dedupe.buffer.size").default("134217728").cluster_wide()
        .effective("The memory that compaction may use to remember keys."),
    int("log.cleaner.io.buffer.size").default("524288").at_least(0).cluster_wide()
        .effective("The memory that compaction may use to read and write."),
    double("log.cleaner.io.buffer.load.factor").default("0.9").cluster_wide()
        .effective("How full the table of keys may get."),
    long("log.cleaner.backoff.ms").default("15000").at_least(0).cluster_wide()
        .effective("How long compaction rests when there is nothing to do."),
    double("log.cleaner.min.cleanable.ratio").default("0.5").fraction(0.0, 1.0).cluster_wide()
        .effective("How much of a log must be new before it is compacted again, 0 to 1."),
    boolean("log.cleaner.enable").default("true")
        .effective("Whether compaction runs at all."),
    long("log.cleaner.delete.retention.ms").default("86400000").at_least(0).cluster_wide()
        .effective("How long a deletion mark stays in a compacted log."),
    long("log.cleaner.min.compaction.lag.ms").default("0").at_least(0).cluster_wide()
        .effective("How long a record stays uncompacted at least."),
    long("log.cleaner.max.compaction.lag.ms").default("9223372036854775807").at_least(1).cluster_wide()
        .effective("How long a record may stay uncompacted at most."),
];
