//! Share groups, their state and dead letters.

use super::super::row::{ConfigKey, boolean, int, list, short, string};
use super::reasons::{JAVA, PURGATORY, SHARE, THREADS};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    int("group.share.session.timeout.ms").default("45000").at_least(1)
        .waits(SHARE, "How long a member of a share group may be silent before it is put out."),
    int("group.share.min.session.timeout.ms").default("45000").at_least(1)
        .waits(SHARE, "The shortest session timeout that a share group may be given."),
    int("group.share.max.session.timeout.ms").default("60000").at_least(1)
        .waits(SHARE, "The longest session timeout that a share group may be given."),
    int("group.share.heartbeat.interval.ms").default("5000").at_least(1)
        .waits(SHARE, "How often members of share groups are told to send heartbeats."),
    int("group.share.min.heartbeat.interval.ms").default("5000").at_least(1)
        .waits(SHARE, "The shortest heartbeat interval that a share group may be given."),
    int("group.share.max.heartbeat.interval.ms").default("15000").at_least(1)
        .waits(SHARE, "The longest heartbeat interval that a share group may be given."),
    int("group.share.max.size").default("200").between(1, 1000)
        .waits(SHARE, "How many members a share group may have."),
    list("group.share.assignors").default("simple")
        .waits(SHARE, "The assignors on offer to share groups."),
    int("group.share.assignment.interval.ms").default("1000").at_least(0).cluster_wide()
        .waits(SHARE, "The least time between two assignments of a share group."),
    int("group.share.min.assignment.interval.ms").default("0").at_least(0)
        .waits(SHARE, "The least assignment interval that a share group may be given."),
    int("group.share.max.assignment.interval.ms").default("15000").at_least(0)
        .waits(SHARE, "The greatest assignment interval that a share group may be given."),
    boolean("group.share.assignor.offload.enable").default("true").internal().cluster_wide()
        .meaningless(THREADS, "Compute share assignments on another thread."),
    int("group.share.initialize.retry.interval.ms").default("30000").at_least(1).low().internal()
        .waits(SHARE, "The pause before the state of a share partition is set up again after a failure."),
    int("group.share.delivery.count.limit").default("5").between(2, 10)
        .waits(SHARE, "How often a record is delivered before it counts as failed."),
    int("group.share.min.delivery.count.limit").default("2").between(2, 5)
        .waits(SHARE, "The lowest delivery limit that a share group may be given."),
    int("group.share.max.delivery.count.limit").default("10").between(5, 25)
        .waits(SHARE, "The highest delivery limit that a share group may be given."),
    int("group.share.record.lock.duration.ms").default("30000").between(1000, 3600000)
        .waits(SHARE, "How long a delivered record is locked for its consumer."),
    int("group.share.min.record.lock.duration.ms").default("15000").between(1000, 30000)
        .waits(SHARE, "The shortest lock that a share group may be given."),
    int("group.share.max.record.lock.duration.ms").default("60000").between(30000, 3600000)
        .waits(SHARE, "The longest lock that a share group may be given."),
    int("group.share.partition.max.record.locks").default("2000").between(100, 10000)
        .waits(SHARE, "How many records of a partition may be locked at a time."),
    int("group.share.min.partition.max.record.locks").default("100").between(100, 2000)
        .waits(SHARE, "The lowest number of locks that a share group may be given."),
    int("group.share.max.partition.max.record.locks").default("4000").between(2000, 10000)
        .waits(SHARE, "The highest number of locks that a share group may be given."),
    int("group.share.max.share.sessions").default("2000").at_least(1)
        .waits(SHARE, "How many share sessions a broker remembers."),
    string("group.share.persister.class.name")
        .default("org.apache.kafka.server.share.persister.DefaultStatePersister").internal()
        .meaningless(JAVA, "A Java class that stores the state of share groups."),
    string("group.share.dlq.manager.class.name")
        .default("org.apache.kafka.server.share.dlq.DefaultShareGroupDLQManager").internal()
        .meaningless(JAVA, "A Java class that writes dead letters."),
    boolean("errors.deadletterqueue.auto.create.topics.enable").default("false").cluster_wide()
        .waits(SHARE, "Create the topic for dead letters when it does not exist."),
    string("errors.deadletterqueue.topic.name.prefix").default("dlq.").cluster_wide()
        .waits(SHARE, "What the name of a topic for dead letters begins with."),
    int("share.coordinator.append.linger.ms").default("-1").at_least(-1)
        .waits(SHARE, "How long the share coordinator gathers records before it writes; -1 lets it follow \
            the load."),
    int("share.coordinator.cached.buffer.max.bytes").default("1048588").at_least(524288).cluster_wide()
        .waits(SHARE, "The largest write buffer the share coordinator keeps for the next time."),
    int("share.coordinator.cold.partition.snapshot.interval.ms").default("300000").at_least(1).low()
        .internal()
        .waits(SHARE, "How long a share partition may be idle before its state is written whole."),
    int("share.coordinator.load.buffer.size").default("5242880").at_least(1).high()
        .waits(SHARE, "How many bytes of the state topic are read at once while a coordinator loads."),
    int("share.coordinator.snapshot.update.records.per.snapshot").default("500").between(0, 500)
        .waits(SHARE, "How many changes of a share partition's state are written before it is written \
            whole."),
    int("share.coordinator.state.topic.compression.codec").default("0").high()
        .waits(SHARE, "The compression of `__share_group_state`, as a number: 0 none, 1 gzip, 2 snappy, 3 \
            lz4, 4 zstd."),
    short("share.coordinator.state.topic.min.isr").default("2").alone("1").at_least(1).high()
        .waits(SHARE, "The `min.insync.replicas` of `__share_group_state`."),
    int("share.coordinator.state.topic.num.partitions").default("50").at_least(1).high()
        .waits(SHARE, "How many partitions `__share_group_state` gets when it is created."),
    int("share.coordinator.state.topic.prune.interval.ms").default("300000").at_least(1).low().internal()
        .waits(SHARE, "How often records that are no longer needed are cut from `__share_group_state`."),
    short("share.coordinator.state.topic.replication.factor").default("3").alone("1").at_least(1).high()
        .waits(SHARE, "How many replicas `__share_group_state` gets when it is created."),
    int("share.coordinator.state.topic.segment.bytes").default("104857600").at_least(1).high()
        .waits(SHARE, "The segment size of `__share_group_state`."),
    int("share.coordinator.threads").default("1").at_least(1)
        .meaningless(THREADS, "Kafka's threads that run share coordinators."),
    int("share.coordinator.write.timeout.ms").default("5000").at_least(1).high()
        .waits(SHARE, "How long a write of the share coordinator waits for replicas."),
    int("share.fetch.purgatory.purge.interval.requests").default("1000")
        .meaningless(PURGATORY, "How many finished waits Kafka's purgatory of share fetches lets gather."),
];
