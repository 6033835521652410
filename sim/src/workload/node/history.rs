//! What clients sent, were answered, and read; and what follows for everything that is read later.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::{
    records::{BatchView, Frame, compression::Decompressor},
    uuid::Uuid,
};

use super::{
    batches::{Key, Stamp, stamp_of},
    broken,
    plan::{Plan, TopicPlan},
};
use crate::{marks::reach, trace::hash_bytes};

/// How long after its records are acknowledged a waiting fetch is answered, and how late an answer may be.
const WAKE_UP_MS: u64 = 5_000;

/// How long a flush may take that `flush.ms` has begun, after one that was under way, on a disk that does not stall.
const FLUSH_TAKES_MS: u64 = 1_000;

/// A topic as its clients know it. Between a request and its answer it may be so or so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopicState {
    Absent,
    Creating,
    There(Uuid),
    Deleting(Uuid),
}

/// A batch in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    last_offset: i64,
    stamp: Stamp,
    /// Producer id, epoch, first and last sequence.
    sequence: (i64, i16, i32, i32),
    hash: u64,
}

#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    last_offset: i64,
    stamp: Stamp,
}

/// One partition.
#[derive(Debug)]
struct Partition {
    flush_messages: Option<u64>,
    /// What was acknowledged so long ago was flushed since.
    flushed_after_ms: Option<u64>,
    /// By base offset: all that was read and has not been lost since as it may.
    entries: BTreeMap<i64, Entry>,
    acknowledged: BTreeMap<i64, Acknowledged>,
    /// Log end and high watermark are never again below.
    floor: i64,
    /// Not even a power cut takes what is below.
    durable_end: i64,
    may_lose: bool,
    /// It was looked at in this life of the node: then it serves.
    serves: bool,
    /// Times that something was lost as it may.
    losses: u64,
    /// When the acknowledged end rose, and to where.
    rises: Vec<(u64, i64)>,
}

/// A batch as it was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    key: Key,
    crc: u32,
    records: i32,
}

/// The history of one world.
pub(super) struct History {
    topics: Vec<(TopicPlan, TopicState)>,
    partitions: BTreeMap<Key, Partition>,
    sent: BTreeMap<Stamp, Sent>,
    producer_ids: BTreeSet<i64>,
    decompressor: Decompressor,
    flush_scheduler_interval_ms: u64,
    life_began_ms: u64,
}

/// What a fetch or a look-up must not fall short of; taken before it is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor(pub(super) i64);

impl History {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            topics: plan.topics.iter().map(|topic| (topic.clone(), TopicState::Absent)).collect(),
            partitions: BTreeMap::new(),
            sent: BTreeMap::new(),
            producer_ids: BTreeSet::new(),
            decompressor: Decompressor::default(),
            flush_scheduler_interval_ms: plan.flush_scheduler_interval_ms.unsigned_abs(),
            life_began_ms: 0,
        }
    }

    pub(super) fn topic_count(&self) -> usize {
        self.topics.len()
    }

    pub(super) fn topic(&self, index: usize) -> (&TopicPlan, TopicState) {
        let (plan, state) = &self.topics[index];
        (plan, *state)
    }

    pub(super) fn set_topic(&mut self, index: usize, state: TopicState) {
        let (plan, known) = &mut self.topics[index];
        if let TopicState::There(id) | TopicState::Deleting(id) = *known
            && state == TopicState::Absent
        {
            self.partitions.retain(|key, _| key.0 != id);
        }
        *known = state;
        if let TopicState::There(id) = state {
            for partition in 0..plan.partitions {
                let flush_messages = plan.flush_messages;
                let flushed_after_ms = plan.flush_ms.map(|millis| {
                    millis.saturating_add(self.flush_scheduler_interval_ms).saturating_add(FLUSH_TAKES_MS)
                });
                let new = || Partition::new(flush_messages, flushed_after_ms);
                self.partitions.entry((id, partition)).or_insert_with(new);
            }
        }
    }

    /// The state of the topic with this id.
    pub(super) fn is_there(&self, id: Uuid) -> bool {
        self.topics.iter().any(|(_, state)| *state == TopicState::There(id))
    }

    /// Partitions that can be used, with their topics' names.
    pub(super) fn usable(&self) -> Vec<(Key, String, bool)> {
        let mut usable = Vec::new();
        for (plan, state) in &self.topics {
            if let TopicState::There(id) = state {
                usable.extend((0..plan.partitions).map(|p| ((*id, p), plan.name.clone(), plan.is_mortal)));
            }
        }
        usable
    }

    /// After a start: the topic has this id, or is not there.
    pub(super) fn on_found(&mut self, index: usize, found: Option<Uuid>) {
        let (plan, state) = &self.topics[index];
        let next = match (*state, found) {
            (TopicState::Absent | TopicState::Creating | TopicState::Deleting(_), None) => TopicState::Absent,
            (TopicState::Creating, Some(id)) => TopicState::There(id),
            (TopicState::There(known) | TopicState::Deleting(known), Some(id)) if known == id => {
                TopicState::There(id)
            }
            (state, found) => {
                broken("topics stay", &format!("{} is {state:?}, found was {found:?}", plan.name))
            }
        };
        self.set_topic(index, next);
    }

    pub(super) fn on_producer_id(&mut self, id: i64) {
        if !self.producer_ids.insert(id) {
            broken("producer ids are given once", &id.to_string());
        }
    }

    pub(super) fn on_sent(&mut self, stamp: Stamp, key: Key, bytes: &[u8]) {
        let Frame::Complete(batch) = BatchView::parse(bytes) else { panic!("a built batch is whole") };
        let (crc, records) = (batch.header().crc(), batch.header().records_count());
        self.sent.insert(stamp, Sent { key, crc, records });
    }

    pub(super) fn losses(&self, key: Key) -> u64 {
        self.partitions.get(&key).map_or(0, |partition| partition.losses)
    }

    pub(super) fn floor(&self, key: Key) -> Floor {
        Floor(self.partitions.get(&key).map_or(0, |partition| partition.floor))
    }

    /// A produce was answered without an error.
    pub(super) fn on_acknowledged(&mut self, key: Key, stamp: Stamp, base_offset: i64, now_ms: u64) {
        let Some(sent) = self.sent.get(&stamp).copied() else { panic!("{stamp:?} was not sent") };
        let Some(partition) = self.partitions.get_mut(&key) else { return };
        let last_offset = base_offset + i64::from(sent.records) - 1;
        if base_offset < 0 {
            broken("an acknowledgement names an offset", &format!("{base_offset} for {stamp:?} of {key:?}"));
        }
        if let Some((base, other)) = partition.acknowledged.range(..=last_offset).next_back()
            && other.last_offset >= base_offset
            && (*base, other.stamp) != (base_offset, stamp)
        {
            broken("offsets are given once", &format!("{base_offset} of {key:?}: {stamp:?} and {other:?}"));
        }
        partition.acknowledged.insert(base_offset, Acknowledged { last_offset, stamp });
        partition.check_acknowledged_entry(key, base_offset);
        let end = last_offset + 1;
        partition.floor = partition.floor.max(end);
        if partition.flush_messages == Some(1) {
            partition.durable_end = partition.durable_end.max(end);
        }
        if partition.rises.last().is_none_or(|(_, known)| *known < end) {
            partition.rises.push((now_ms, end));
        }
    }

    /// An end of the log or a high watermark was answered.
    pub(super) fn on_end(&mut self, key: Key, floor: Floor, end: i64) {
        let Some(partition) = self.partitions.get_mut(&key) else { return };
        if end < floor.0 {
            broken("the high watermark never goes back", &format!("{end} of {key:?}, known was {}", floor.0));
        }
        partition.floor = partition.floor.max(end);
    }

    /// The first look at the log after a start.
    pub(super) fn on_started(&mut self, key: Key, end: i64) {
        let Some(partition) = self.partitions.get_mut(&key) else { return };
        partition.on_started(key, end);
    }

    /// Batches were read: the offset behind the last one.
    pub(super) fn on_read(&mut self, key: Key, offset: i64, bytes: &[u8]) -> i64 {
        let Some(partition) = self.partitions.get_mut(&key) else { return offset };
        let mut next = offset;
        let mut position = 0;
        while let Frame::Complete(batch) = BatchView::parse(&bytes[position..]) {
            position += batch.size_bytes();
            let header = batch.header();
            let (base, last) = (header.base_offset(), header.last_offset());
            // Only the first may begin before the offset that was asked for.
            if base > next || (base < next && next != offset) || last < next {
                broken("offsets are dense", &format!("{base} to {last} of {key:?} instead of {next}"));
            }
            next = last + 1;
            let stamp = stamp_of(&batch, key, &mut self.decompressor);
            match self.sent.get(&stamp) {
                Some(sent)
                    if sent.key == key
                        && sent.crc == header.crc()
                        && sent.records == header.records_count() => {}
                other => broken("bytes as written", &format!("{stamp:?} at {base} of {key:?}: {other:?}")),
            }
            let sequence = (
                header.producer_id(),
                header.producer_epoch(),
                header.base_sequence(),
                if header.has_producer_id() { header.last_sequence() } else { -1 },
            );
            let entry = Entry { last_offset: last, stamp, sequence, hash: hash_bytes(batch.bytes()) };
            if let Some(known) = partition.entries.insert(base, entry)
                && known != entry
            {
                broken("two reads are equal", &format!("{base} of {key:?}: {known:?}, then {entry:?}"));
            }
            partition.check_acknowledged_entry(key, base);
        }
        next
    }

    /// Bytes of a partition that has rotted: as far as they are sound, the offset behind them; and whether they are.
    pub(super) fn on_rotten_read(&self, offset: i64, bytes: &[u8]) -> (i64, bool) {
        let mut next = offset;
        let mut position = 0;
        while let Frame::Complete(batch) = BatchView::parse(&bytes[position..]) {
            if batch.check_crc().is_err() {
                return (next, false);
            }
            position += batch.size_bytes();
            next = batch.header().last_offset() + 1;
        }
        (next, position == bytes.len())
    }

    /// All of a partition was read after a start.
    pub(super) fn on_audited(&mut self, key: Key, end: i64) {
        if let Some(partition) = self.partitions.get(&key) {
            partition.check_whole(key, end);
        }
    }

    /// A waiting fetch came back with nothing.
    pub(super) fn check_waited(&self, key: Key, offset: i64, sent_ms: u64, now_ms: u64, max_wait_ms: u64) {
        if now_ms > sent_ms + max_wait_ms + WAKE_UP_MS {
            let detail = format!("{} ms instead of {max_wait_ms}", now_ms - sent_ms);
            broken("a long poll is answered", &detail);
        }
        let Some(partition) = self.partitions.get(&key) else { return };
        if let Some((at_ms, _)) = partition.rises.iter().find(|(_, end)| *end > offset)
            && now_ms > at_ms.max(&sent_ms) + WAKE_UP_MS
        {
            broken("a long poll is answered", &format!("{offset} of {key:?} was there at {at_ms} ms"));
        }
    }

    pub(super) fn on_power_cut(&mut self, now_ms: u64) {
        for partition in self.partitions.values_mut() {
            partition.note_flushed_by_age(self.life_began_ms, now_ms);
            partition.may_lose = true;
            partition.floor = partition.durable_end;
        }
    }

    /// A life of the node begins.
    pub(super) fn on_life(&mut self, now_ms: u64) {
        self.life_began_ms = now_ms;
        for partition in self.partitions.values_mut() {
            partition.serves = false;
        }
    }

    /// A clean stop flushes everything, except of partitions that could not be opened.
    pub(super) fn on_stopped(&mut self) {
        for partition in self.partitions.values_mut().filter(|partition| partition.serves) {
            partition.durable_end = partition.durable_end.max(partition.floor);
        }
    }
}

impl Partition {
    fn new(flush_messages: Option<u64>, flushed_after_ms: Option<u64>) -> Self {
        Self {
            flush_messages,
            flushed_after_ms,
            entries: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            floor: 0,
            durable_end: 0,
            may_lose: false,
            serves: true,
            losses: 0,
            rises: Vec::new(),
        }
    }

    /// `flush.ms`: what was acknowledged long enough before now was flushed.
    fn note_flushed_by_age(&mut self, life_began_ms: u64, now_ms: u64) {
        let Some(after_ms) = self.flushed_after_ms.filter(|_| self.serves) else { return };
        let is_old = |at_ms: u64| at_ms >= life_began_ms && at_ms.saturating_add(after_ms) < now_ms;
        let old = self.rises.iter().rev().find(|(at_ms, _)| is_old(*at_ms));
        if let Some((_, end)) = old
            && *end > self.durable_end
        {
            reach("history: flush.ms has flushed what a power cut would take");
            self.durable_end = *end;
        }
    }

    fn check_acknowledged_entry(&self, key: Key, base_offset: i64) {
        let (Some(entry), Some(acknowledged)) =
            (self.entries.get(&base_offset), self.acknowledged.get(&base_offset))
        else {
            return;
        };
        if (entry.stamp, entry.last_offset) != (acknowledged.stamp, acknowledged.last_offset) {
            let detail = format!("{base_offset} of {key:?} was acknowledged to {acknowledged:?}: {entry:?}");
            broken("a batch is where its acknowledgement says", &detail);
        }
    }

    fn on_started(&mut self, key: Key, end: i64) {
        if end < self.floor {
            broken("durability", &format!("{key:?} ends at {end}, promised was {}", self.floor));
        }
        let lost: i64 =
            self.acknowledged.range(end..).map(|(base, batch)| batch.last_offset + 1 - *base).sum();
        if let Some(flush_messages) = self.flush_messages
            && lost as u64 >= flush_messages
        {
            let detail = format!("{lost} acknowledged records of {key:?} are lost");
            broken("durability", &format!("{detail}, flush.messages={flush_messages}"));
        }
        let known_end = self.entries.last_key_value().map_or(0, |(_, entry)| entry.last_offset + 1);
        if self.may_lose && (lost > 0 || known_end > end) {
            self.losses += 1;
        }
        self.may_lose = false;
        self.serves = true;
        self.floor = end;
        drop(self.entries.split_off(&end));
        drop(self.acknowledged.split_off(&end));
        self.rises.retain(|(_, known)| *known <= end);
        if let Some((base, entry)) = self.entries.last_key_value()
            && entry.last_offset >= end
        {
            broken("a loss is a suffix", &format!("{key:?} ends at {end}, inside {base} {entry:?}"));
        }
    }

    fn check_whole(&self, key: Key, end: i64) {
        let mut next = 0;
        let mut numbers: BTreeMap<u64, u32> = BTreeMap::new();
        let mut sequences: BTreeMap<(i64, i16), i32> = BTreeMap::new();
        for (base, entry) in self.entries.range(..end) {
            if *base != next {
                broken("offsets are dense", &format!("{base} of {key:?} instead of {next}"));
            }
            next = entry.last_offset + 1;
            let (writer, number) = entry.stamp;
            if let Some(before) = numbers.insert(writer, number)
                && before >= number
            {
                let name = if before == number { "no duplicate" } else { "a producer's order" };
                broken(name, &format!("{number} after {before} of writer {writer} at {base} of {key:?}"));
            }
            let (id, epoch, first, last) = entry.sequence;
            if id >= 0
                && let Some(before) = sequences.insert((id, epoch), last)
                && before.wrapping_add(1) & i32::MAX != first
            {
                broken("sequences are dense", &format!("{first} after {before} at {base} of {key:?}"));
            }
        }
        for base in self.acknowledged.range(..end).map(|(base, _)| base) {
            if !self.entries.contains_key(base) {
                broken(
                    "a batch is where its acknowledgement says",
                    &format!("none begins at {base} of {key:?}"),
                );
            }
        }
    }
}
