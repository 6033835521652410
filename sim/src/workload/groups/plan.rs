//! How one seed runs.

use crate::{Host, Random, World};

/// How the members of a group share its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Classic: all is given up before each rebalance.
    Eager,
    /// Classic: only what moves is given up.
    Cooperative,
    /// KIP-848: the coordinator assigns.
    Consumer,
    /// Each member is cooperative or one of KIP-848, from its beginning to its end.
    Mixed,
}

/// A place for one member after the other.
#[derive(Clone, Debug)]
pub(super) struct SlotPlan {
    /// `group.instance.id`.
    pub(super) instance: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct GroupPlan {
    pub(super) name: String,
    pub(super) protocol: Protocol,
    pub(super) slots: Vec<SlotPlan>,
    pub(super) session_ms: u64,
    pub(super) rebalance_ms: u64,
    /// KIP-848: which of the coordinator's assignors.
    pub(super) assignor: &'static str,
    /// KIP-848: members subscribe by an expression, which also stands for topics that come and go.
    pub(super) by_regex: bool,
}

/// A topic that groups consume.
#[derive(Clone, Debug)]
pub(super) struct TopicPlan {
    pub(super) name: String,
    pub(super) partitions: i32,
}

/// All that a seed decides before the world begins.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) topics: Vec<TopicPlan>,
    pub(super) groups: Vec<GroupPlan>,
    pub(super) lives: u64,
    pub(super) producers: u64,
    /// Microseconds between two produce requests.
    pub(super) pace_us: u64,
    /// `flush.messages=1` for the offsets topic: not even a power cut takes what was acknowledged.
    pub(super) flushes_offsets: bool,
    pub(super) offsets_partitions: u64,
    /// `internal.segment.bytes` of the offsets topic; without it the node makes the topic by itself.
    pub(super) offsets_segment_bytes: Option<u64>,
    pub(super) initial_delay_ms: u64,
    /// `group.consumer.session.timeout.ms`; the heartbeats are a fifth of it.
    pub(super) consumer_session_ms: u64,
    pub(super) assignment_interval_ms: u64,
    pub(super) checkpoint_interval_ms: u64,
    pub(super) cleaner_backoff_ms: u64,
    pub(super) cleaner_buffer_bytes: u64,
    /// Which part of a compacted log must be new before it is compacted.
    pub(super) cleanable_ratio: &'static str,
    pub(super) delete_delay_ms: u64,
    /// One in so many turns of a member something happens to it.
    pub(super) whim_one_in: u64,
    /// One in so many segments resets its connection, except while the auditor reads; 0 is never.
    pub(super) reset_one_in: u64,
    pub(super) table: TablePlan,
    /// Clients that make and delete topics, groups and offsets of their own.
    pub(super) undertakers: u64,
    /// In the last life offsets expire after a minute.
    pub(super) expires: bool,
}

/// A topic of which only the last value of each key has to stay.
#[derive(Clone, Debug)]
pub(super) struct TablePlan {
    pub(super) keys: u64,
    pub(super) segment_bytes: u64,
    pub(super) delete_retention_ms: u64,
    /// Microseconds between two writes.
    pub(super) pace_us: u64,
}

impl Plan {
    pub(super) fn draw(random: &mut Random) -> Self {
        let consumer_session_ms = random.between(1_500, 6_000);
        let (topics, groups) = (random.between(1, 2), random.between(1, 3));
        let topics = (0..topics).map(|number| TopicPlan {
            name: format!("work-{number}"),
            partitions: random.between(1, 5) as i32,
        });
        let topics = topics.collect();
        let groups = (0..groups).map(|number| GroupPlan::draw(random, number, consumer_session_ms)).collect();
        Self {
            topics,
            groups,
            lives: random.between(2, 4),
            producers: random.between(1, 2),
            pace_us: random.scaled(4_000, 400_000),
            flushes_offsets: random.one_in(2),
            offsets_partitions: random.between(1, 4),
            offsets_segment_bytes: random.one_in(2).then(|| random.scaled(4_000, 16_000)),
            initial_delay_ms: if random.one_in(3) { 0 } else { random.scaled(10, 1_500) },
            consumer_session_ms,
            assignment_interval_ms: if random.one_in(2) { 0 } else { random.scaled(10, 1_000) },
            checkpoint_interval_ms: random.scaled(20, 5_000),
            cleaner_backoff_ms: random.scaled(10, 3_000),
            cleaner_buffer_bytes: random.scaled(2_000, 600_000),
            cleanable_ratio: *random.pick(&["0.01", "0.2", "0.5"]),
            delete_delay_ms: random.scaled(1, 60_000),
            whim_one_in: random.scaled(8, 100),
            reset_one_in: if random.one_in(2) { random.scaled(100, 4_000) } else { 0 },
            table: TablePlan {
                keys: random.scaled(1, 30),
                segment_bytes: random.scaled(400, 10_000),
                delete_retention_ms: random.scaled(1, 20_000),
                pace_us: random.scaled(10_000, 400_000),
            },
            undertakers: 0,
            expires: false,
        }
    }

    /// Members of both protocols in one group, expressions, and what ends: groups, topics and offsets.
    pub(super) fn mix(&mut self, random: &mut Random) {
        for group in &mut self.groups {
            if random.one_in(2) {
                group.protocol = Protocol::Mixed;
                group.session_ms = self.consumer_session_ms;
            }
            group.by_regex = group.owns_by_time() && random.one_in(2);
        }
        self.undertakers = random.between(1, 2);
        self.expires = random.one_in(3);
    }

    /// Turn the faults of network and disk up or down.
    pub(super) fn set_faults(&self, world: &World, node: &Host, random: &mut Random) {
        let late = random.scaled(10, 500);
        world.network_faults(|faults| faults.late_one_in = late);
        // Who answers before a flush is over is found out only while one is under way.
        let slow = random.scaled(2, 100);
        node.disk_faults(|faults| faults.slow_sync_one_in = slow);
    }

    pub(super) fn heartbeat_ms(&self) -> u64 {
        self.consumer_session_ms / 5
    }
}

/// What the coordinator knows.
const PROTOCOLS: &[Protocol] = &[Protocol::Eager, Protocol::Cooperative, Protocol::Consumer];

impl GroupPlan {
    fn draw(random: &mut Random, number: u64, consumer_session_ms: u64) -> Self {
        let protocol = *random.pick(PROTOCOLS);
        let name = format!("group-{number}");
        let static_one_in = *random.pick(&[0, 1, 2, 3]);
        let slot_count = random.between(1, 5);
        let slot = |index| SlotPlan {
            instance: random.one_in(static_one_in).then(|| format!("{name}-instance-{index}")),
        };
        let slots = (0..slot_count).map(slot).collect();
        let is_consumer = protocol == Protocol::Consumer;
        let session_ms = random.between(1_200, 6_000);
        Self {
            name,
            protocol,
            slots,
            session_ms: if is_consumer { consumer_session_ms } else { session_ms },
            // Whoever hears of a rebalance by its next heartbeat must be in time for it.
            rebalance_ms: random.between(1_500, 8_000) + session_ms / 2,
            assignor: *random.pick(&["uniform", "range"]),
            by_regex: false,
        }
    }

    /// Whether its members may own a partition at the same time only one after the other, by the clock: those of a
    /// classic group do so by generations.
    pub(super) fn owns_by_time(&self) -> bool {
        matches!(self.protocol, Protocol::Consumer | Protocol::Mixed)
    }

    /// The assignor's name in the classic protocol.
    pub(super) fn classic_name(&self) -> &'static str {
        if self.protocol == Protocol::Eager { "eager" } else { "cooperative" }
    }

    pub(super) fn is_static(&self) -> bool {
        self.slots.iter().any(|slot| slot.instance.is_some())
    }
}
