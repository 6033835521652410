//! Quotas of users, clients, addresses and brokers, which are set only while the node runs.

use super::super::row::{ConfigKey, double, int, long, string};
use super::reasons::{CLUSTER, SECURITY};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const USER_AND_CLIENT: &[ConfigKey] = &[
    long("producer_byte_rate").default("9223372036854775807")
        .effective("How many bytes a second may be produced through one broker."),
    long("consumer_byte_rate").default("9223372036854775807")
        .effective("How many bytes a second may be fetched through one broker."),
    double("request_percentage").default("2147483647")
        .effective("How much of a core's time requests may take, in percent; more than 100 is more than one core."),
    double("controller_mutation_rate").default("2147483647")
        .effective("How many partitions a second may be created or deleted."),
    string("SCRAM-SHA-256").waits(SECURITY, "The user's credential for SASL SCRAM-SHA-256."),
    string("SCRAM-SHA-512").waits(SECURITY, "The user's credential for SASL SCRAM-SHA-512."),
];

#[rustfmt::skip] // as above
pub(super) const ADDRESS: &[ConfigKey] = &[
    int("connection_creation_rate").default("2147483647").at_least(0)
        .effective("How many new connections a second an address may open."),
];

#[rustfmt::skip] // as above
pub(super) const BROKER_QUOTA: &[ConfigKey] = &[
    long("leader.replication.throttled.rate").default("9223372036854775807").at_least(0).cluster_wide()
        .waits(CLUSTER, "How many bytes a second leaders send to throttled followers."),
    long("follower.replication.throttled.rate").default("9223372036854775807").at_least(0).cluster_wide()
        .waits(CLUSTER, "How many bytes a second throttled followers fetch."),
    long("replica.alter.log.dirs.io.max.bytes.per.second").default("9223372036854775807").at_least(0).cluster_wide()
        .waits(CLUSTER, "How many bytes a second moves between directories may take."),
];
