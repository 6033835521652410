//! How one seed runs.

use jackdaw_core::records::Codec;

use crate::{Host, Random, World};

/// A topic that clients use.
#[derive(Clone, Debug)]
pub(super) struct TopicPlan {
    pub(super) name: String,
    pub(super) partitions: i32,
    pub(super) segment_bytes: u64,
    /// `flush.messages`; without it the kernel decides.
    pub(super) flush_messages: Option<u64>,
    /// `flush.ms`; without it records wait for the kernel.
    pub(super) flush_ms: Option<u64>,
    /// May be deleted and made again; used by id only.
    pub(super) is_mortal: bool,
}

/// All that a seed decides before the world begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) topics: Vec<TopicPlan>,
    pub(super) lives: u64,
    pub(super) producers: u64,
    pub(super) consumers: u64,
    pub(super) largest_value_bytes: u64,
    pub(super) records_max: u64,
    pub(super) depth_max: u64,
    /// Microseconds between two produce requests.
    pub(super) pace_us: u64,
    pub(super) checkpoint_interval_ms: u64,
    pub(super) index_interval_bytes: u64,
    pub(super) delete_delay_ms: u64,
    pub(super) codecs: Vec<Codec>,
    /// One in so many segments resets its connection, except while the auditor reads; 0 is never.
    pub(super) reset_one_in: u64,
    /// `jackdaw.journal.bytes`; 0 is no commit journal.
    pub(super) journal_bytes: u64,
    /// `queued.max.request.bytes`; without it there is plenty.
    pub(super) memory_bytes: Option<u64>,
    /// How often the node looks for what `flush.ms` has flushed.
    pub(super) flush_scheduler_interval_ms: i64,
}

impl Plan {
    pub(super) fn draw(random: &mut Random) -> Self {
        let (largest_value_bytes, records_max) = (random.scaled(10, 400), random.scaled(1, 8));
        // A batch must fit into a segment.
        let smallest_bytes = 200 + records_max * (largest_value_bytes + 80);
        let draw = |number| TopicPlan::draw(random, number, smallest_bytes);
        let topics = (0..3).map(draw).collect::<Vec<_>>();
        let topics = topics[..random.between(1, 3) as usize].to_vec();
        let all = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
        let codecs = if random.one_in(2) { vec![Codec::None] } else { all.to_vec() };
        Self {
            topics,
            codecs,
            reset_one_in: if random.one_in(2) { random.scaled(100, 4000) } else { 0 },
            lives: random.between(3, 6),
            producers: random.between(1, 3),
            consumers: random.between(1, 2),
            largest_value_bytes,
            records_max,
            depth_max: random.between(1, 5),
            pace_us: random.scaled(200, 40_000),
            checkpoint_interval_ms: random.scaled(20, 5000),
            index_interval_bytes: random.scaled(1, 4096),
            delete_delay_ms: random.scaled(1, 60_000),
            journal_bytes: 0,
            memory_bytes: None,
            flush_scheduler_interval_ms: i64::MAX,
        }
    }

    /// How large the commit journals are, if there are any: small ones are full soon; of a stream of its own.
    pub(super) fn draw_journal(&mut self, random: &mut Random) {
        self.journal_bytes = if random.one_in(4) { 0 } else { random.scaled(1, 200_000) };
    }

    /// Whether memory is short, so that requests and reads from disk wait for each other; of a stream of its own.
    pub(super) fn draw_memory(&mut self, random: &mut Random) {
        self.memory_bytes = random.one_in(2).then(|| random.scaled(1, 20_000));
    }

    /// Some topics have `flush.ms`.
    pub(super) fn draw_flush_ms(&mut self, random: &mut Random) {
        self.flush_scheduler_interval_ms = random.scaled(20, 300) as i64;
        for topic in &mut self.topics {
            topic.flush_ms = (!random.one_in(3)).then(|| random.scaled(1, 300));
        }
    }

    /// Turn the faults of network and disk up or down.
    pub(super) fn set_faults(&self, world: &World, node: &Host, random: &mut Random) {
        let late = random.scaled(10, 500);
        world.network_faults(|faults| faults.late_one_in = late);
        let slow = random.scaled(5, 100);
        node.disk_faults(|faults| faults.slow_sync_one_in = slow);
    }
}

impl TopicPlan {
    fn draw(random: &mut Random, number: u64, smallest_bytes: u64) -> Self {
        Self {
            name: format!("topic-{number}"),
            partitions: random.between(1, 3) as i32,
            segment_bytes: smallest_bytes + random.scaled(100, 60_000),
            flush_messages: match random.below(4) {
                0 => None,
                1 => Some(random.between(2, 6)),
                _ => Some(1),
            },
            flush_ms: None,
            is_mortal: random.one_in(2),
        }
    }
}
