//! Listeners, connections and requests.

use super::super::row::{ConfigKey, int, list, long, string};
use super::reasons::{CLUSTER, PURGATORY, SECURITY, SHARD_QUEUES, SOCKETS, THREADS};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    list("listeners").default("PLAINTEXT://:9092").alone("PLAINTEXT://127.0.0.1:9092").high().per_broker()
        .effective("Where the node listens, as `NAME://host:port` separated by commas. An empty host means \
            every address; port 0 takes a free one."),
    list("advertised.listeners").high()
        .effective("The addresses that clients are told to use; the listeners themselves when left out."),
    string("listener.security.protocol.map")
        .default("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT").low()
        .per_broker()
        .effective("The security protocol of each listener name, as `NAME:PROTOCOL` separated by commas."),
    string("inter.broker.listener.name")
        .waits(CLUSTER, "The listener that brokers use among themselves."),
    string("security.inter.broker.protocol").default("PLAINTEXT")
        .one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
        .waits(CLUSTER, "The security protocol between brokers, where no `inter.broker.listener.name` is \
            given."),
    list("early.start.listeners").high()
        .waits(SECURITY, "Listeners that open before the node has finished starting."),
    int("socket.send.buffer.bytes").default("262144").high()
        .effective("The kernel's send buffer of a connection; -1 leaves it to the system. The system caps it at \
            net.core.wmem_max."),
    int("socket.receive.buffer.bytes").default("-1").high()
        .effective("The kernel's receive buffer of a connection; -1 leaves it to the system. The system caps it at \
            net.core.rmem_max."),
    int("socket.request.max.bytes").default("104857600").at_least(1).high()
        .effective("The largest request accepted. It is checked before memory is taken."),
    int("socket.listen.backlog.size").default("50").at_least(1)
        .waits(SOCKETS, "How many connections may wait to be accepted on a listener of a shard."),
    int("max.connections").default("2147483647").at_least(0).cluster_wide()
        .effective("How many connections the node keeps open; further ones are closed at once."),
    int("max.connections.per.ip").default("2147483647").at_least(0).cluster_wide()
        .effective("How many connections one client address may have; further ones are closed at once."),
    string("max.connections.per.ip.overrides").default("").cluster_wide()
        .effective("Exceptions to `max.connections.per.ip`, as `address:count` separated by commas. Names of hosts are \
            not looked up."),
    int("max.connection.creation.rate").default("2147483647").at_least(0).cluster_wide()
        .effective("How many new connections a second the node accepts; those beyond it wait."),
    long("connections.max.idle.ms").default("600000")
        .effective("A connection without requests for this long is closed."),
    int("connection.failed.authentication.delay.ms").default("100").at_least(0).low()
        .waits(SECURITY, "How long a failed log-in is answered late, to slow down guessing."),
    long("connections.max.reauth.ms").default("0")
        .waits(SECURITY, "How long a SASL log-in is good for before the client must log in again; 0 for \
            ever."),
    int("queued.max.requests").default("500").at_least(1).high()
        .meaningless(SHARD_QUEUES, "How many requests wait between Kafka's network and I/O threads."),
    long("queued.max.request.bytes").default("-1")
        .effective("How many bytes of requests, what is decoded from them, and records read from disk each shard may \
            have in hand, beside its receive buffers; -1 for 256 MiB. Beyond it sockets are not read and less is \
            fetched."),
    int("num.network.threads").default("3").at_least(1).high().cluster_wide()
        .meaningless(THREADS, "Kafka's threads that read and write sockets."),
    int("num.io.threads").default("8").at_least(1).high().cluster_wide()
        .meaningless(THREADS, "Kafka's threads that handle requests."),
    int("request.timeout.ms").default("30000").high()
        .waits(CLUSTER, "How long a request of this node to another one may take."),
    long("socket.connection.setup.timeout.ms").default("10000")
        .waits(CLUSTER, "How long a connection to another node may take to open, at first."),
    long("socket.connection.setup.timeout.max.ms").default("30000")
        .waits(CLUSTER, "How long a connection to another node may take to open after repeated failures."),
    int("fetch.max.bytes").default("57671680").at_least(1024)
        .effective("The most bytes in one answer to a fetch, whatever the client asks for. The first batch \
            is sent whole even when it is larger."),
    int("max.incremental.fetch.session.cache.slots").default("1000").at_least(0)
        .effective("How many incremental fetch sessions the node remembers."),
    int("max.request.partition.size.limit").default("2000").at_least(1)
        .effective("How many partitions one DescribeTopicPartitions answer may hold."),
    int("fetch.purgatory.purge.interval.requests").default("1000")
        .meaningless(PURGATORY, "How many finished waits Kafka's fetch purgatory lets gather."),
    int("producer.purgatory.purge.interval.requests").default("1000")
        .meaningless(PURGATORY, "How many finished waits Kafka's produce purgatory lets gather."),
    int("delete.records.purgatory.purge.interval.requests").default("1")
        .meaningless(PURGATORY, "How many finished waits Kafka's purgatory of record deletions lets gather."),
];
