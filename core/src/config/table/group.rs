//! Consumer and streams groups and their offsets.

use super::super::row::{ConfigKey, boolean, class, int, list, long, short, string};
use super::reasons::{APPENDS, CLUSTER, JAVA, LOADS, STREAMS, THREADS};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    list("group.coordinator.rebalance.protocols").default("classic,consumer,streams")
        .list_of(&["consumer", "classic", "share", "streams"])
        .effective("Which group protocols the node serves. `classic` has to be there; of the others only \
            `consumer` is served yet."),
    int("group.coordinator.threads").default("4").at_least(1).high()
        .meaningless(THREADS, "Kafka's threads that run group coordinators."),
    int("group.coordinator.background.threads").default("2").at_least(1).high()
        .meaningless(THREADS, "Kafka's threads that compute assignments."),
    int("group.coordinator.append.linger.ms").default("-1").at_least(-1)
        .meaningless(APPENDS, "How long a coordinator gathers records before it writes; -1 lets it follow the \
            load."),
    int("group.coordinator.cached.buffer.max.bytes").default("1048588").at_least(524288).cluster_wide()
        .meaningless(APPENDS, "The largest write buffer a coordinator keeps for the next time."),
    int("offsets.commit.timeout.ms").default("5000").at_least(1).high()
        .waits(CLUSTER, "How long a commit waits for the replicas of the offsets topic."),
    int("offsets.load.buffer.size").default("5242880").at_least(1).high()
        .meaningless(LOADS, "How many bytes of the offsets topic are read at once while a coordinator loads."),
    short("offsets.topic.replication.factor").default("3").alone("1").at_least(1).high()
        .effective("How many replicas `__consumer_offsets` gets when it is created."),
    int("offsets.topic.num.partitions").default("50").at_least(1).high()
        .effective("How many partitions `__consumer_offsets` gets when it is created."),
    int("offsets.topic.segment.bytes").default("104857600").at_least(1).high()
        .effective("The segment size of `__consumer_offsets`, small so that it compacts and loads fast."),
    int("offsets.topic.compression.codec").default("0").high()
        .effective("The compression of `__consumer_offsets`, as a number: 0 none, 1 gzip, 2 snappy, 3 \
            lz4, 4 zstd."),
    int("offset.metadata.max.bytes").default("4096").high()
        .effective("How many bytes of text a client may store with an offset."),
    int("offsets.retention.minutes").default("10080").at_least(1).high()
        .effective("How long the offsets of an empty group or of an unread topic are kept."),
    long("offsets.retention.check.interval.ms").default("600000").at_least(1).high()
        .effective("How often old offsets are looked for."),
    int("group.min.session.timeout.ms").default("6000")
        .effective("The shortest session timeout that a member of a classic group may ask for."),
    int("group.max.session.timeout.ms").default("1800000")
        .effective("The longest session timeout that a member of a classic group may ask for."),
    int("group.initial.rebalance.delay.ms").default("3000")
        .effective("How long a new classic group waits for more members before its first assignment."),
    int("group.max.size").default("2147483647").at_least(1)
        .effective("How many members a classic group may have."),
    int("group.consumer.session.timeout.ms").default("45000").at_least(1)
        .effective("How long a member of a consumer group may be silent before it is put out."),
    int("group.consumer.min.session.timeout.ms").default("45000").at_least(1)
        .effective("The shortest session timeout that a consumer group may be given."),
    int("group.consumer.max.session.timeout.ms").default("60000").at_least(1)
        .effective("The longest session timeout that a consumer group may be given."),
    int("group.consumer.heartbeat.interval.ms").default("5000").at_least(1)
        .effective("How often members of consumer groups are told to send heartbeats."),
    int("group.consumer.min.heartbeat.interval.ms").default("5000").at_least(1)
        .effective("The shortest heartbeat interval that a consumer group may be given."),
    int("group.consumer.max.heartbeat.interval.ms").default("15000").at_least(1)
        .effective("The longest heartbeat interval that a consumer group may be given."),
    int("group.consumer.max.size").default("2147483647").at_least(1)
        .effective("How many members a consumer group may have."),
    list("group.consumer.assignors").default("uniform,range")
        .effective("The assignors on offer to consumer groups, the first is the default: `uniform` and \
            `range`."),
    string("group.consumer.migration.policy").default("bidirectional")
        .one_of_any_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"])
        .effective("Whether a group may change between the classic and the consumer protocol while it \
            is in use."),
    int("group.consumer.assignment.interval.ms").default("1000").at_least(0).cluster_wide()
        .effective("The least time between two assignments of a consumer group."),
    int("group.consumer.min.assignment.interval.ms").default("0").at_least(0)
        .effective("The least assignment interval that a consumer group may be given."),
    int("group.consumer.max.assignment.interval.ms").default("15000").at_least(0)
        .effective("The greatest assignment interval that a consumer group may be given."),
    boolean("group.consumer.assignor.offload.enable").default("true").internal().cluster_wide()
        .meaningless(THREADS, "Compute assignments on another thread."),
    int("group.consumer.regex.refresh.interval.ms").default("600000").at_least(10000).internal()
        .effective("How often subscriptions by pattern are looked up again."),
    int("group.streams.session.timeout.ms").default("45000").at_least(1)
        .waits(STREAMS, "How long a member of a streams group may be silent before it is put out."),
    int("group.streams.min.session.timeout.ms").default("45000").at_least(1)
        .waits(STREAMS, "The shortest session timeout that a streams group may be given."),
    int("group.streams.max.session.timeout.ms").default("60000").at_least(1)
        .waits(STREAMS, "The longest session timeout that a streams group may be given."),
    int("group.streams.heartbeat.interval.ms").default("5000").at_least(1)
        .waits(STREAMS, "How often members of streams groups are told to send heartbeats."),
    int("group.streams.min.heartbeat.interval.ms").default("5000").at_least(1)
        .waits(STREAMS, "The shortest heartbeat interval that a streams group may be given."),
    int("group.streams.max.heartbeat.interval.ms").default("15000").at_least(1)
        .waits(STREAMS, "The longest heartbeat interval that a streams group may be given."),
    int("group.streams.max.size").default("2147483647").at_least(1)
        .waits(STREAMS, "How many members a streams group may have."),
    int("group.streams.num.standby.replicas").default("0").at_least(0)
        .waits(STREAMS, "How many standby copies each stateful task gets."),
    int("group.streams.max.standby.replicas").default("2").at_least(0)
        .waits(STREAMS, "The most standby copies that a streams group may ask for."),
    int("group.streams.initial.rebalance.delay.ms").default("3000").at_least(0)
        .waits(STREAMS, "How long a new streams group waits for more members before its first assignment."),
    int("group.streams.assignment.interval.ms").default("1000").at_least(0).cluster_wide()
        .waits(STREAMS, "The least time between two assignments of a streams group."),
    int("group.streams.min.assignment.interval.ms").default("0").at_least(0)
        .waits(STREAMS, "The least assignment interval that a streams group may be given."),
    int("group.streams.max.assignment.interval.ms").default("15000").at_least(0)
        .waits(STREAMS, "The greatest assignment interval that a streams group may be given."),
    list("group.streams.assignors").default("sticky")
        .waits(STREAMS, "The task assignors on offer to streams groups."),
    boolean("group.streams.assignor.offload.enable").default("true").internal().cluster_wide()
        .meaningless(THREADS, "Compute task assignments on another thread."),
    int("group.streams.task.offset.interval.ms").default("60000").at_least(1).internal()
        .waits(STREAMS, "How often members report how far their tasks have restored."),
    int("group.streams.min.task.offset.interval.ms").default("15000").at_least(1).internal()
        .waits(STREAMS, "The shortest report interval that a streams group may be given."),
    int("group.streams.num.warmup.replicas").default("2").at_least(0).internal()
        .waits(STREAMS, "How many tasks may warm up on another member at a time."),
    int("group.streams.max.warmup.replicas").default("20").at_least(0).internal()
        .waits(STREAMS, "The most warm-up tasks that a streams group may ask for."),
    list("group.streams.rack.aware.assignment.tags").default("").low()
        .waits(STREAMS, "The client tags by which standby tasks are spread."),
    class("group.streams.topology.description.plugin.class")
        .meaningless(JAVA, "A Java class that takes in descriptions of topologies."),
    long("group.streams.acceptable.recovery.lag").default("10000").at_least(0).internal()
        .waits(STREAMS, "How many records a task may be behind and still count as caught up."),
];
