//! Tiered storage.

use super::super::row::{ConfigKey, Valid, boolean, double, int, long, string};
use super::reasons::{JAVA, THREADS, TIERED};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    long("log.local.retention.ms").default("-2").at_least(-2).cluster_wide()
        .waits(TIERED, "How long segments stay on local disk once they are tiered; -2 follows \
            `log.retention.ms`."),
    long("log.local.retention.bytes").default("-2").at_least(-2).cluster_wide()
        .waits(TIERED, "How many bytes of a partition stay on local disk once they are tiered; -2 follows \
            `log.retention.bytes`."),
    long("log.remote.copy.lag.ms").default("0").at_least(-1).cluster_wide()
        .waits(TIERED, "How old a segment must be before it is tiered."),
    long("log.remote.copy.lag.bytes").default("-1").at_least(-1).cluster_wide()
        .waits(TIERED, "How many newer bytes must follow a segment before it is tiered; -1 for no such \
            wait."),
    boolean("remote.log.storage.system.enable").default("false")
        .waits(TIERED, "Whether tiered storage is on."),
    string("remote.log.storage.manager.class.name").valid(Valid::NonEmpty)
        .meaningless(JAVA, "A Java class that stores tiered segments."),
    string("remote.log.storage.manager.class.path")
        .meaningless(JAVA, "Where that Java class is found."),
    string("remote.log.storage.manager.impl.prefix").default("rsm.config.").valid(Valid::NonEmpty)
        .waits(TIERED, "What keys begin with that go to the store of tiered segments."),
    string("remote.log.metadata.manager.class.name")
        .default("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager")
        .valid(Valid::NonEmpty)
        .meaningless(JAVA, "A Java class that remembers which segments are tiered."),
    string("remote.log.metadata.manager.class.path")
        .meaningless(JAVA, "Where that Java class is found."),
    string("remote.log.metadata.manager.impl.prefix").default("rlmm.config.").valid(Valid::NonEmpty)
        .waits(TIERED, "What keys begin with that go to the memory of tiered segments."),
    string("remote.log.metadata.manager.listener.name").valid(Valid::NonEmpty)
        .waits(TIERED, "The listener used to reach the topic that remembers tiered segments."),
    int("remote.log.metadata.custom.metadata.max.bytes").default("128").at_least(0).low()
        .waits(TIERED, "How many bytes of its own a store may keep with a tiered segment."),
    long("remote.log.index.file.cache.total.size.bytes").default("1073741824").at_least(1).low()
        .cluster_wide()
        .waits(TIERED, "How many bytes of tiered segments' indexes are kept on local disk."),
    long("remote.log.index.file.cache.ttl.ms").default("900000").at_least(-1).low().internal()
        .waits(TIERED, "How long an unused index of a tiered segment is kept on local disk."),
    int("remote.log.manager.thread.pool.size").default("2").at_least(1)
        .meaningless(THREADS, "Kafka's threads for tiered storage."),
    int("remote.log.manager.copier.thread.pool.size").default("10").at_least(1).cluster_wide()
        .meaningless(THREADS, "Kafka's threads that copy segments out."),
    int("remote.log.manager.expiration.thread.pool.size").default("10").at_least(1).cluster_wide()
        .meaningless(THREADS, "Kafka's threads that delete tiered segments."),
    int("remote.log.manager.follower.thread.pool.size").default("2").at_least(1).cluster_wide()
        .meaningless(THREADS, "Kafka's threads that follow tiered offsets."),
    long("remote.log.manager.task.interval.ms").default("30000").at_least(1).low()
        .waits(TIERED, "How often segments are looked for that should be tiered or deleted."),
    long("remote.log.manager.task.retry.backoff.ms").default("500").at_least(1).low().internal()
        .waits(TIERED, "The first pause after a failed task of tiered storage."),
    long("remote.log.manager.task.retry.backoff.max.ms").default("30000").at_least(1).low().internal()
        .waits(TIERED, "The longest pause after failed tasks of tiered storage."),
    double("remote.log.manager.task.retry.jitter").default("0.2").fraction(0.0, 0.5).low().internal()
        .waits(TIERED, "How much the pauses vary at random."),
    long("remote.log.manager.copy.max.bytes.per.second").default("9223372036854775807").at_least(1)
        .cluster_wide()
        .waits(TIERED, "How many bytes a second may be copied out."),
    int("remote.log.manager.copy.quota.window.num").default("11").at_least(1)
        .waits(TIERED, "How many past samples the copying rate is averaged over."),
    int("remote.log.manager.copy.quota.window.size.seconds").default("1").at_least(1)
        .waits(TIERED, "How long one sample of the copying rate is."),
    long("remote.log.manager.fetch.max.bytes.per.second").default("9223372036854775807").at_least(1)
        .cluster_wide()
        .waits(TIERED, "How many bytes a second may be fetched back."),
    int("remote.log.manager.fetch.quota.window.num").default("11").at_least(1)
        .waits(TIERED, "How many past samples the fetching rate is averaged over."),
    int("remote.log.manager.fetch.quota.window.size.seconds").default("1").at_least(1)
        .waits(TIERED, "How long one sample of the fetching rate is."),
    int("remote.log.reader.threads").default("10").at_least(1).cluster_wide()
        .meaningless(THREADS, "Kafka's threads that read tiered segments."),
    int("remote.log.reader.max.pending.tasks").default("100").at_least(1)
        .waits(TIERED, "How many reads of tiered segments may wait."),
    int("remote.fetch.max.wait.ms").default("500").at_least(1).cluster_wide()
        .waits(TIERED, "How long a fetch waits for a tiered segment."),
    long("remote.list.offsets.request.timeout.ms").default("30000").at_least(1).cluster_wide()
        .waits(TIERED, "How long a look-up by time waits for a tiered segment."),
];
