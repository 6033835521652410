//! Producer ids and transactions.

use super::super::row::{ConfigKey, boolean, int, short};
use super::reasons::TRANSACTIONS;

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    int("producer.id.expiration.ms").default("86400000").at_least(1).low().cluster_wide()
        .effective("How long an idle producer id is remembered by a partition; a transaction in flight \
            keeps it longer."),
    int("producer.id.expiration.check.interval.ms").default("600000").at_least(1).low().internal()
        .effective("How often forgotten producer ids are looked for."),
    int("transactional.id.expiration.ms").default("604800000").at_least(1).high()
        .waits(TRANSACTIONS, "How long an idle transactional id is remembered."),
    int("transaction.max.timeout.ms").default("900000").at_least(1).high()
        .waits(TRANSACTIONS, "The longest timeout that a producer may ask for its transactions."),
    boolean("transaction.two.phase.commit.enable").default("false").low()
        .waits(TRANSACTIONS, "Let producers leave transactions prepared for an outside coordinator."),
    boolean("transaction.partition.verification.enable").default("true").low().cluster_wide()
        .waits(TRANSACTIONS, "Ask the coordinator whether a partition belongs to the transaction before \
            the first write."),
    int("transaction.abort.timed.out.transaction.cleanup.interval.ms").default("10000").at_least(1).low()
        .waits(TRANSACTIONS, "How often transactions are looked for that took too long."),
    int("transaction.remove.expired.transaction.cleanup.interval.ms").default("3600000").at_least(1).low()
        .waits(TRANSACTIONS, "How often forgotten transactional ids are looked for."),
    short("transaction.state.log.replication.factor").default("3").alone("1").at_least(1).high()
        .waits(TRANSACTIONS, "How many replicas `__transaction_state` gets when it is created."),
    int("transaction.state.log.num.partitions").default("50").at_least(1).high()
        .waits(TRANSACTIONS, "How many partitions `__transaction_state` gets when it is created."),
    int("transaction.state.log.segment.bytes").default("104857600").at_least(1).high()
        .waits(TRANSACTIONS, "The segment size of `__transaction_state`."),
    int("transaction.state.log.min.isr").default("2").alone("1").at_least(1).high()
        .waits(TRANSACTIONS, "The `min.insync.replicas` of `__transaction_state`."),
    int("transaction.state.log.load.buffer.size").default("5242880").at_least(1).high()
        .waits(TRANSACTIONS, "How many bytes of `__transaction_state` are read at once while a coordinator \
            loads."),
    int("add.partitions.to.txn.retry.backoff.ms").default("20").at_least(1).high()
        .waits(TRANSACTIONS, "The pause before a partition is added again while the last transaction still \
            ends."),
    int("add.partitions.to.txn.retry.backoff.max.ms").default("100").at_least(0).high()
        .waits(TRANSACTIONS, "How long adding a partition is tried again within one request."),
];
