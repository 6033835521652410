//! A writer and a reader of a compacted topic: records with keys, and tombstones.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use bytes::Bytes;
use jackdaw_core::{
    protocol::messages::{FetchRequest, ListOffsetsRequest, ProduceRequest},
    records::{BatchBuilder, BatchView, Frame, Header, NewRecord, Record, Records},
};
use jackdaw_ring::{now, sleep, unix_ms};

use super::{Shared, broken, history::Last};
use crate::{
    Random,
    workload::{
        connection::{Connection, Lost},
        node::requests::{FIRST_BY_ID, LATEST, Part, fetch, list_offset, produce},
    },
};

pub(super) const TOPIC: &str = "table";
/// The header that says which write a record is; a tombstone has no value to say it.
const NUMBER: &[u8] = b"number";
const VALUE: &[u8] = b"some value";

pub(super) async fn write(shared: Rc<Shared>, mut random: Random) {
    let mut number = 0;
    loop {
        if shared.is_serving() {
            let _ = write_some(&shared, &mut random, &mut number).await;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

pub(super) async fn read(shared: Rc<Shared>, mut random: Random) {
    loop {
        if shared.is_serving()
            && let Ok(mut connection) = Connection::open(&shared.server).await
        {
            while shared.is_serving() && read_all(&shared, &mut connection).await.is_ok() {
                shared.sleep_serving(random.scaled(50, 5_000)).await;
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// A batch of records under random keys, some of them tombstones, and what is in it.
fn some_records(shared: &Shared, random: &mut Random, number: &mut u64) -> (Bytes, Vec<(u64, u64)>) {
    let mut builder = BatchBuilder::new();
    let mut sent = Vec::new();
    let mut history = shared.history.borrow_mut();
    for _ in 0..random.between(1, 3) {
        let key = random.below(shared.plan.table.keys);
        let is_tombstone = random.one_in(4);
        *number += 1;
        let header = Header { key: NUMBER, value: Some(&number.to_be_bytes()) };
        builder.append(&NewRecord {
            timestamp_ms: unix_ms(),
            key: Some(&key.to_be_bytes()),
            value: (!is_tombstone).then_some(VALUE),
            headers: &[header],
        });
        history.table.on_sent(key, *number, is_tombstone, now().as_millis());
        sent.push((key, *number));
    }
    (builder.build_uncompressed().to_vec().into(), sent)
}

async fn write_some(shared: &Rc<Shared>, random: &mut Random, number: &mut u64) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    while shared.is_serving() {
        let (records, sent) = some_records(shared, random, number);
        let part = Part { key: (shared.table_id(), 0), name: String::new(), records };
        let request = produce(FIRST_BY_ID, -1, std::iter::once(&part));
        let response = connection.call::<ProduceRequest>(&request, FIRST_BY_ID).await?;
        let result = response.responses.first().and_then(|topic| topic.partition_responses.first());
        match result {
            Some(result) if result.error_code == 0 => {
                let table = &mut shared.history.borrow_mut().table;
                for (offset, (key, number)) in (result.base_offset..).zip(sent) {
                    table.on_acknowledged(key, number, offset);
                }
            }
            _ if shared.is_stopping.get() => return Err(Lost),
            _ => broken("a right batch is taken", &format!("{response:?}")),
        }
        sleep(Duration::from_micros(random.scaled(1, shared.plan.table.pace_us))).await;
    }
    Ok(())
}

/// Read the log from its start to the end that it has now, and hold it against the history.
pub(super) async fn read_all(
    shared: &Shared,
    connection: &mut Connection,
) -> Result<BTreeMap<u64, Last>, Lost> {
    let known = shared.history.borrow().table.known();
    let mut doubts = BTreeSet::new();
    loop {
        let found = read_once(shared, connection).await?;
        doubts = shared.history.borrow().table.check(&known, &found, now().as_millis(), &doubts);
        if doubts.is_empty() {
            return Ok(found);
        }
    }
}

/// The last record of each key.
async fn read_once(shared: &Shared, connection: &mut Connection) -> Result<BTreeMap<u64, Last>, Lost> {
    let response = connection.call::<ListOffsetsRequest>(&list_offset(TOPIC, 0, LATEST), 7).await?;
    let end = response.topics.first().and_then(|topic| topic.partitions.first());
    let Some(end) = end.filter(|end| end.error_code == 0).map(|end| end.offset) else {
        if shared.is_stopping.get() {
            return Err(Lost);
        }
        broken("a partition serves", &format!("{response:?}"))
    };
    let mut found = BTreeMap::new();
    let mut offset = 0;
    while offset < end {
        let request = fetch(&[((shared.table_id(), 0), offset)], (0, -1), 0);
        let response = connection.call::<FetchRequest>(&request, FIRST_BY_ID).await?;
        let data = response.responses.first().and_then(|topic| topic.partitions.first());
        let Some(data) = data.filter(|data| data.error_code == 0) else {
            if shared.is_stopping.get() {
                return Err(Lost);
            }
            broken("a partition serves", &format!("Fetch at {offset}: {response:?}"))
        };
        let next = take(shared, offset, data.records.as_deref().unwrap_or_default(), &mut found);
        if next == offset {
            broken("what is there is read", &format!("nothing at {offset} of {TOPIC}, which ends at {end}"));
        }
        offset = next;
    }
    Ok(found)
}

/// Look at every record: the offset behind the last batch.
fn take(shared: &Shared, offset: i64, bytes: &[u8], found: &mut BTreeMap<u64, Last>) -> i64 {
    let mut next = offset;
    let mut position = 0;
    while let Frame::Complete(batch) = BatchView::parse(&bytes[position..]) {
        position += batch.size_bytes();
        let header = batch.header();
        if header.last_offset() < next {
            broken("offsets rise", &format!("{} after {next}", header.last_offset()));
        }
        next = header.last_offset() + 1;
        for record in Records::new(batch.body(), header.records_count()) {
            let Ok(record) = record else { broken("bytes as written", &format!("{header:?}")) };
            let place = header.base_offset() + i64::from(record.offset_delta);
            let Some((key, number)) = key_and_number(&record) else {
                broken("bytes as written", &format!("{record:?}"))
            };
            let last = Last { offset: place, number, is_tombstone: record.value.is_none() };
            shared.history.borrow_mut().table.on_read(key, last);
            found.insert(key, last);
        }
    }
    next
}

fn key_and_number(record: &Record<'_>) -> Option<(u64, u64)> {
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
    let header = record.headers().next().filter(|header| header.key == NUMBER)?;
    Some((number(record.key?)?, number(header.value?)?))
}
