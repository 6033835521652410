//! A producer: batches to partitions of its choice, several requests in flight, and, where it is idempotent, again
//! after its connection broke.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        InitProducerIdRequest, ProduceRequest, ProduceResponse, produce::PartitionProduceResponse,
    },
};
use jackdaw_ring::{now, sleep, unix_ms};

use super::{
    Phase, Shared,
    batches::{BatchPlan, Key, Stamp, build},
    broken,
    requests::{self, FIRST_BY_ID, Part},
};
use crate::{
    Random,
    marks::reach,
    workload::connection::{Connection, Lost},
};

/// A producer that waits for no answers would fill the disk with segments.
const REQUESTS_A_LIFE: u64 = 250;

/// A request that waits for its answer.
struct InFlight {
    parts: Vec<(Part, Stamp, Option<u64>)>,
    /// The life of the node in which it was sent first.
    first_life: u64,
}

/// Who an idempotent producer is.
#[derive(Default)]
struct Identity {
    id: i64,
    sequences: BTreeMap<Key, i32>,
    /// What each partition had lost when this identity first wrote to it.
    losses: BTreeMap<Key, u64>,
}

struct Producer {
    shared: Rc<Shared>,
    random: Random,
    acks: i16,
    depth: usize,
    writer: u64,
    next_number: u32,
    is_idempotent: bool,
    identity: Option<Identity>,
    in_flight: VecDeque<InFlight>,
    /// Requests of a life of the node.
    sent_in_life: (u64, u64),
}

pub(super) async fn run(shared: Rc<Shared>, mut random: Random) {
    let is_idempotent = !random.one_in(4);
    let mut producer = Producer {
        is_idempotent,
        acks: if is_idempotent { -1 } else { *random.pick(&[-1, 0, 1]) },
        depth: random.between(1, shared.plan.depth_max) as usize,
        writer: shared.next_writer(),
        next_number: 0,
        identity: None,
        in_flight: VecDeque::new(),
        sent_in_life: (0, 0),
        shared,
        random,
    };
    loop {
        if matches!(producer.shared.phase.get(), Phase::Serving | Phase::Settling) {
            let life = producer.shared.server.life.get();
            let mut outstanding = 0;
            let _ = producer.serve(&mut outstanding).await;
            if producer.shared.server.life.get() == life {
                let all = &producer.shared.outstanding;
                all.set(all.get() - outstanding);
            }
            producer.after_connection();
        }
        sleep(Duration::from_millis(5)).await;
    }
}

impl Producer {
    /// What is not idempotent is not sent twice, and writes under another name on its next connection.
    fn after_connection(&mut self) {
        if !self.is_idempotent {
            self.in_flight.clear();
            self.become_another();
        }
    }

    fn become_another(&mut self) {
        self.identity = None;
        self.in_flight.clear();
        self.writer = self.shared.next_writer();
        self.next_number = 0;
    }

    async fn serve(&mut self, outstanding: &mut usize) -> Result<(), Lost> {
        let mut connection = Connection::open(&self.shared.server).await?;
        let version = *self.random.pick(&[9, FIRST_BY_ID, FIRST_BY_ID]);
        if self.is_idempotent && self.identity.is_none() {
            self.identify(&mut connection).await?;
        }
        // All that was not answered goes again, in its order, under its old sequences.
        for index in 0..self.in_flight.len() {
            self.count(outstanding, 1);
            let parts = &self.in_flight[index].parts;
            let version = self.version_for(version, parts);
            let request = requests::produce(version, self.acks, parts.iter().map(|(part, ..)| part));
            connection.send(&request, version).await?;
        }
        let mut versions: VecDeque<i16> =
            self.in_flight.iter().map(|request| self.version_for(version, &request.parts)).collect();
        loop {
            let may_send = self.shared.phase.get() == Phase::Serving;
            let wants = self.in_flight.len() < self.depth && may_send;
            if wants && (self.in_flight.is_empty() || self.random.one_in(2)) {
                let Some(parts) = self.next_parts() else {
                    sleep(Duration::from_millis(5)).await;
                    continue;
                };
                let version = self.version_for(version, &parts);
                let request = requests::produce(version, self.acks, parts.iter().map(|(part, ..)| part));
                if self.acks == 0 {
                    connection.tell(&request, version).await?;
                } else {
                    self.in_flight.push_back(InFlight { parts, first_life: connection.life });
                    versions.push_back(version);
                    self.count(outstanding, 1);
                    connection.send(&request, version).await?;
                }
                let pace = self.random.scaled(1, self.shared.plan.pace_us);
                sleep(Duration::from_micros(pace)).await;
            } else if let Some(version) = versions.pop_front() {
                let response = connection.answer::<ProduceRequest>(version).await?;
                let Some(answered) = self.in_flight.pop_front() else { return Err(Lost) };
                *outstanding -= 1;
                self.shared.outstanding.set(self.shared.outstanding.get() - 1);
                self.take_answer(&connection, answered, &response)?;
            } else if !matches!(self.shared.phase.get(), Phase::Serving | Phase::Settling) {
                return Err(Lost);
            } else {
                sleep(Duration::from_millis(5)).await;
            }
        }
    }

    fn count(&self, outstanding: &mut usize, more: usize) {
        *outstanding += more;
        self.shared.outstanding.set(self.shared.outstanding.get() + more);
    }

    async fn identify(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        let response = connection.call::<InitProducerIdRequest>(&requests::init_producer(), 4).await?;
        if response.error_code != 0 && self.shared.may_refuse() {
            return Err(Lost);
        }
        if response.error_code != 0 {
            broken("a producer gets its id", &format!("{response:?}"));
        }
        self.shared.history.borrow_mut().on_producer_id(response.producer_id);
        self.identity = Some(Identity { id: response.producer_id, ..Identity::default() });
        Ok(())
    }

    /// By name only what keeps its name.
    fn version_for(&self, wanted: i16, parts: &[(Part, Stamp, Option<u64>)]) -> i16 {
        if parts.iter().any(|(part, ..)| part.name.is_empty()) { FIRST_BY_ID } else { wanted }
    }

    /// A request's batches, each to another partition.
    fn next_parts(&mut self) -> Option<Vec<(Part, Stamp, Option<u64>)>> {
        let mut usable = self.shared.history.borrow().usable();
        if self.sent_in_life.0 != self.shared.server.life.get() {
            self.sent_in_life = (self.shared.server.life.get(), 0);
        }
        self.sent_in_life.1 += 1;
        if usable.is_empty() || self.sent_in_life.1 > REQUESTS_A_LIFE {
            return None;
        }
        let count = if self.random.one_in(3) { self.random.between(1, usable.len() as u64) } else { 1 };
        let mut parts = Vec::new();
        for _ in 0..count {
            let (key, name, is_mortal) = usable.swap_remove(self.random.index(usable.len()));
            let name = if is_mortal { String::new() } else { name };
            parts.push(self.next_part(key, name));
        }
        Some(parts)
    }

    fn next_part(&mut self, key: Key, name: String) -> (Part, Stamp, Option<u64>) {
        let plan = &self.shared.plan;
        let stamp = (self.writer, self.next_number);
        self.next_number += 1;
        let records = self.random.between(1, plan.records_max);
        let sequence = self.identity.as_mut().map(|identity| {
            let next = identity.sequences.entry(key).or_insert(0);
            let first = *next;
            *next += records as i32;
            (identity.id, 0, first)
        });
        let losses = self.identity.as_mut().map(|identity| {
            *identity.losses.entry(key).or_insert_with(|| self.shared.history.borrow().losses(key))
        });
        let batch = BatchPlan {
            key,
            stamp,
            records,
            largest_value_bytes: plan.largest_value_bytes,
            codec: *self.random.pick(&plan.codecs),
            sequence,
            now_ms: unix_ms(),
        };
        let records = build(&batch, &mut self.random);
        self.shared.history.borrow_mut().on_sent(stamp, key, &records);
        (Part { key, name, records }, stamp, losses)
    }

    fn take_answer(
        &mut self,
        connection: &Connection,
        answered: InFlight,
        response: &ProduceResponse,
    ) -> Result<(), Lost> {
        let results: Vec<&PartitionProduceResponse> =
            response.responses.iter().flat_map(|topic| &topic.partition_responses).collect();
        if results.len() != answered.parts.len() {
            broken("an answer names what was asked", &format!("{response:?}"));
        }
        let mut is_refused = false;
        let first_life = answered.first_life;
        let is_refusal = |code| code != ErrorCode::None.code();
        if self.shared.may_refuse() && results.iter().any(|result| is_refusal(result.error_code)) {
            // To be sent again; what was taken is a duplicate then.
            self.in_flight.push_front(answered);
            return Err(Lost);
        }
        for ((part, stamp, losses), result) in answered.parts.into_iter().zip(results) {
            let mut history = self.shared.history.borrow_mut();
            match ErrorCode::from_i16(result.error_code) {
                ErrorCode::None => {
                    if self.shared.faults.borrow().is_rotten(part.key) {
                        reach("client: a damaged partition takes records");
                    }
                    let now_ms = now().as_millis();
                    history.on_acknowledged(part.key, stamp, result.base_offset, now_ms);
                }
                ErrorCode::UnknownTopicId | ErrorCode::UnknownTopicOrPartition
                    if !history.is_there(part.key.0) => {}
                // What a damaged header says of its producer's sequences is taken for true where no CRC is checked.
                ErrorCode::KafkaStorageError | ErrorCode::OutOfOrderSequenceNumber
                    if self.shared.faults.borrow().is_rotten(part.key) =>
                {
                    is_refused = true;
                }
                // A restart forgets all but the last batch of the window; a loss leaves a gap.
                ErrorCode::OutOfOrderSequenceNumber
                    if !history.is_there(part.key.0)
                        || first_life != connection.life
                        || losses.is_some_and(|known| history.losses(part.key) > known) =>
                {
                    is_refused = true;
                }
                error => broken(
                    "a right batch is taken",
                    &format!("{error} for {stamp:?} of {:?} first sent in {}", part.key, first_life),
                ),
            }
        }
        if is_refused {
            self.become_another();
            return Err(Lost);
        }
        Ok(())
    }
}
