//! Each shard, and what Kafka's thread pools would tell of all together.

use std::time::Duration;

use jackdaw_core::metrics::{Family, Value, inventory::shards};
use jackdaw_net::refusals::Refusal;

use super::{NodeSamples, Page};
use crate::metrics::samples::ShardState;

type Read = fn(&ShardState) -> Value;

const OF_EACH: [(&Family, Read); 11] = [
    (&shards::BUSY, |state| seconds(state.usage.busy_ns)),
    (&shards::IDLE, |state| seconds(state.usage.idle_ns)),
    (&shards::SLEEPS, |state| state.usage.sleeps.into()),
    (&shards::POLLS, |state| state.usage.polls.into()),
    (&shards::PARTITIONS, |state| state.partition_count.into()),
    (&shards::MEMORY, |state| state.memory_bytes.into()),
    (&shards::MEMORY_LEFT, |state| state.memory_left_bytes.into()),
    (&shards::CONNECTIONS, |state| state.connection_count.into()),
    (&shards::CONNECTIONS_MADE, |state| state.connections_accepted.into()),
    (&shards::OPEN_FILES, |state| state.open_files.into()),
    (&shards::CLOSED_FILES, |state| state.closed_files.into()),
];

fn seconds(nanos: u64) -> Value {
    Duration::from_nanos(nanos).as_secs_f64().into()
}

pub(super) fn write(page: &mut Page<'_>, samples: &NodeSamples) {
    let text = &mut page.text;
    for (family, read) in OF_EACH {
        text.head(family);
        for (number, shard) in samples.shards.iter().enumerate() {
            text.sample(family, &[&number.to_string()], read(&shard.state));
        }
    }
    text.head(&shards::REFUSALS);
    for (number, shard) in samples.shards.iter().enumerate() {
        for (refusal, count) in Refusal::ALL.into_iter().zip(shard.state.refusals) {
            text.sample(&shards::REFUSALS, &[&number.to_string(), refusal.name()], count);
        }
    }
    let sum =
        |read: fn(&ShardState) -> usize| samples.shards.iter().map(|shard| read(&shard.state)).sum::<usize>();
    let left = sum(|state| state.memory_left_bytes);
    text.single(&shards::MEMORY_POOL_AVAILABLE, left);
    text.single(&shards::MEMORY_POOL_USED, sum(|state| state.memory_bytes).saturating_sub(left));
    for family in [&shards::PURGATORY, &shards::DELAYED] {
        text.head(family);
        text.sample(family, &["Fetch"], sum(|state| state.fetches_waiting));
        // Appends wait for nobody but the disk.
        text.sample(family, &["Produce"], 0_u64);
    }
    text.single(&shards::FETCH_SESSIONS, sum(|state| state.fetch_session_count));
    text.single(&shards::FETCH_SESSION_PARTITIONS, sum(|state| state.fetch_session_partitions));
    let idle = [
        &shards::HANDLERS_IDLE,
        &shards::HANDLERS_IDLE_PLAIN,
        &shards::NETWORK_IDLE,
        &shards::NETWORK_IDLE_PLAIN,
    ];
    idle.into_iter().for_each(|family| text.single(family, samples.idle_share));
}
