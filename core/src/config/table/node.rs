//! Who this node is, its quorum and its metadata log.

use crate::limits::{SHARDS_MAX, SPIN_US_MAX};

use super::super::row::{ConfigKey, boolean, int, list, long, same, string};
use super::reasons::{
    CLUSTER, FEATURES, METRICS, PROVIDERS, QUORUM, SECURITY, SHARD_MEMORY, TEST_HOOK, THREADS,
};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    list("process.roles").required().alone("broker,controller").list_of(&["broker", "controller"]).high()
        .effective("What this node is: `broker`, `controller`, or both. Left out together with every \
            quorum key, the node is both and its own quorum."),
    int("node.id").required().alone("1").at_least(0).high().over(&[same("node.id"), same("broker.id")])
        .effective("The number of this node, unique among all brokers and controllers of the cluster."),
    int("broker.id").default("-1").high()
        .effective("The old name of `node.id`, which goes before it."),
    string("broker.rack")
        .effective("The rack or zone of this node, spread over when replicas are placed and offered to \
            clients that read from the nearest replica."),
    list("controller.listener.names").required().alone("CONTROLLER").high()
        .effective("Names of the listeners that controllers talk on, first the one this node uses to reach \
            the others."),
    list("controller.quorum.voters").default("").high()
        .effective("The fixed set of voters as `id@host:port`, separated by commas."),
    list("controller.quorum.bootstrap.servers").default("").high()
        .waits(QUORUM, "Addresses, `host:port`, where a node first asks for the quorum when the set of \
            voters is dynamic."),
    int("controller.quorum.election.timeout.ms").default("1000").at_least(0).high()
        .waits(QUORUM, "How long a candidate waits for votes before it starts another election."),
    int("controller.quorum.fetch.timeout.ms").default("2000").at_least(0).high()
        .waits(QUORUM, "How long a follower goes without a successful fetch from the leader before it asks \
            for an election, and a leader without a majority's fetches before it resigns."),
    int("controller.quorum.election.backoff.max.ms").default("1000").at_least(0).high()
        .waits(QUORUM, "The longest random wait between two elections, so that candidates do not split the \
            vote for ever."),
    int("controller.quorum.append.linger.ms").default("25").at_least(0)
        .waits(QUORUM, "How long the quorum's leader gathers records before it writes and sends them."),
    int("controller.quorum.request.timeout.ms").default("2000").at_least(0)
        .waits(QUORUM, "How long a request to another voter may take."),
    int("controller.quorum.retry.backoff.ms").default("20").at_least(0).low()
        .waits(QUORUM, "The pause before a failed request to another voter is tried again."),
    boolean("controller.quorum.auto.join.enable").default("false").low()
        .waits(QUORUM, "Whether a controller adds itself to the voters once it has caught up."),
    int("controller.quorum.fetch.snapshot.max.bytes").default("1048576").at_least(1).low()
        .waits(QUORUM, "The most bytes of a metadata snapshot asked for at once."),
    int("controller.quorum.fetch.max.bytes").default("1048576").at_least(1).low()
        .waits(QUORUM, "The most bytes of the metadata log asked for at once."),
    string("metadata.log.dir").high()
        .effective("Where the metadata log lies; the first of `log.dirs` when left out."),
    int("metadata.log.segment.bytes").default("1073741824").at_least(8388608).high()
        .effective("The size at which a new segment of the metadata log begins."),
    long("metadata.log.segment.ms").default("604800000").high()
        .effective("The age at which a new segment of the metadata log begins."),
    long("metadata.log.max.record.bytes.between.snapshots").default("20971520").at_least(1).high()
        .effective("How many bytes of new metadata records make the node write a snapshot."),
    long("metadata.log.max.snapshot.interval.ms").default("3600000").at_least(0).high()
        .effective("The longest time between two snapshots while there are new records; 0 takes them by \
            size alone."),
    long("metadata.max.retention.bytes").default("104857600").high()
        .effective("How large metadata log and snapshots may grow together before the oldest go; -1 for no \
            limit."),
    long("metadata.max.retention.ms").default("604800000").high()
        .effective("How old metadata segments and snapshots may grow before they go; -1 for no limit."),
    int("metadata.max.idle.interval.ms").default("500").at_least(0).low()
        .effective("How often an idle active controller writes a no-op record, so that followers know \
            how far behind they are; 0 for never."),
    int("initial.broker.registration.timeout.ms").default("60000")
        .waits(CLUSTER, "How long a starting broker tries to register with the controllers before it gives \
            up."),
    int("broker.heartbeat.interval.ms").default("2000")
        .effective("How often a broker tells the controller that it lives."),
    int("broker.session.timeout.ms").default("9000")
        .effective("How long a broker may be silent before the controller fences it."),
    string("sasl.mechanism.controller.protocol").default("GSSAPI").high()
        .waits(SECURITY, "The SASL mechanism used to reach controllers."),
    long("controller.performance.sample.period.ms").default("60000").at_least(100).internal()
        .waits(METRICS, "How often the controller's timings are summed up in the log."),
    long("controller.performance.always.log.threshold.ms").default("2000").at_least(0).internal()
        .waits(METRICS, "An event of the controller that takes longer is logged each time."),
    long("server.max.startup.time.ms").default("9223372036854775807").at_least(0).internal()
        .waits(CLUSTER, "How long start-up may wait for the cluster before the node gives up."),
    int("internal.metadata.log.segment.bytes").low().internal()
        .meaningless(TEST_HOOK, "Lets Kafka's tests make metadata segments smaller than the lower bound."),
    int("internal.metadata.max.batch.size.in.bytes").default("8388608").low().internal()
        .waits(QUORUM, "The largest batch of metadata records that a leader writes."),
    long("internal.metadata.delete.delay.millis").default("60000").low().internal()
        .waits(QUORUM, "How long a deleted metadata segment stays on disk."),
    boolean("unstable.api.versions.enable").default("false").high().internal()
        .waits(FEATURES, "Offer versions of requests that are not final yet."),
    boolean("unstable.feature.versions.enable").default("false").high().internal()
        .waits(FEATURES, "Allow feature levels that are not final yet."),
    boolean("controlled.shutdown.enable").default("true")
        .effective("Move leadership away before the node stops."),
    list("config.providers").default("").low().cluster_wide()
        .waits(PROVIDERS, "Names of the providers that resolve `${provider:path:key}` in values."),
    int("background.threads").default("10").at_least(1).high().cluster_wide()
        .meaningless(THREADS, "Kafka's threads for odd jobs."),
    int("num.recovery.threads.per.data.dir").default("2").at_least(1).high().cluster_wide()
        .meaningless(THREADS, "Kafka's threads that load and recover logs at start."),
    int("jackdaw.shards").between(1, SHARDS_MAX).high()
        .effective("How many shards the node runs, each one a thread on a core of its own; one for every core that \
            the process may use when left out."),
    int("jackdaw.spin.us").default("0").between(0, SPIN_US_MAX)
        .effective("How many microseconds a shard that has nothing to do looks for work before it sleeps, as long as it \
            has slept for less than that of late; 0 is never. A shorter way to the answer for a busy core."),
    string("jackdaw.http.listener").default("127.0.0.1:9644")
        .effective("Where `/metrics`, `/healthz` and `/readyz` are served over HTTP: host and port, every address where the host is left out, or nothing to serve them \
            nowhere. Where another process has the port, a node that was told of none goes on without, with a warning; one \
            that was told does not start. Whoever reaches it can read the names of topics, groups and clients: keep it on \
            an address of those who may."),
    long("jackdaw.shard.memory.bytes").at_least(16 << 20)
        .waits(SHARD_MEMORY, "The memory of one shard for requests, answers and caches; the shards' part of the memory that \
            the process may use when left out."),
];
