//! After every start: all topics and all of their partitions' records, against the history.

use std::rc::Rc;

use jackdaw_core::protocol::messages::{FetchRequest, ListOffsetsRequest, MetadataRequest};

use super::{
    Shared,
    batches::Key,
    broken,
    requests::{self, EARLIEST, LATEST},
};
use crate::{
    marks::reach,
    workload::connection::{Connection, Lost},
};

pub(super) async fn run(shared: Rc<Shared>) {
    // The connection breaks, or the node dies: with the next life there is another audit.
    let life = shared.server.life.get();
    while let Err(Lost) = audit(&shared).await {
        if shared.phase.get() != super::Phase::Auditing || shared.server.life.get() != life {
            return;
        }
        jackdaw_ring::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn audit(shared: &Rc<Shared>) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    find_topics(shared, &mut connection).await?;
    let usable = shared.history.borrow().usable();
    for (key, name, _) in usable {
        let Some(start) = try_list_offset(shared, &mut connection, &name, key, EARLIEST).await? else {
            shared.node.comment(&format!("{name}-{} does not serve", key.1));
            continue;
        };
        if start != 0 {
            broken("offsets are dense", &format!("{key:?} begins at {start}"));
        }
        let end = list_offset(shared, &mut connection, &name, key, LATEST).await?;
        shared.history.borrow_mut().on_started(key, end);
        if shared.faults.borrow().is_rotten(key) {
            reach("client: a damaged partition serves");
        }
        if !read_all(shared, &mut connection, key, end).await? {
            shared.node.comment(&format!("{name}-{} cannot be read", key.1));
            continue;
        }
        if shared.faults.borrow().is_rotten(key) {
            // What is read of it later need not be what was read now.
            continue;
        }
        shared.history.borrow_mut().on_audited(key, end);
        shared.node.comment(&format!("audited {name}-{} up to {end}", key.1));
    }
    Ok(())
}

async fn find_topics(shared: &Shared, connection: &mut Connection) -> Result<(), Lost> {
    let response = connection.call::<MetadataRequest>(&requests::metadata(), 12).await?;
    let mut history = shared.history.borrow_mut();
    for index in 0..history.topic_count() {
        let (plan, _) = history.topic(index);
        let found = response.topics.iter().find(|topic| topic.name.as_deref() == Some(plan.name.as_str()));
        if let Some(found) = found {
            let is_well = |index: i32| !shared.faults.borrow().is_rotten((found.topic_id, index));
            let mut partitions = found.partitions.iter();
            let whole = found.partitions.len() == plan.partitions as usize
                && partitions
                    .all(|partition| partition.error_code == 0 || !is_well(partition.partition_index));
            if (found.error_code != 0 || !whole) && !shared.faults.borrow().excuse() {
                broken("a topic is whole", &format!("{found:?}"));
            }
        }
        let id = found.map(|found| found.topic_id);
        history.on_found(index, id);
    }
    Ok(())
}

pub(super) async fn list_offset(
    shared: &Shared,
    connection: &mut Connection,
    name: &str,
    key: Key,
    timestamp: i64,
) -> Result<i64, Lost> {
    try_list_offset(shared, connection, name, key, timestamp).await?.ok_or(Lost)
}

/// An offset; `None` where the partition may refuse to say it.
async fn try_list_offset(
    shared: &Shared,
    connection: &mut Connection,
    name: &str,
    key: Key,
    timestamp: i64,
) -> Result<Option<i64>, Lost> {
    let partition = key.1;
    let request = requests::list_offset(name, partition, timestamp);
    let response = connection.call::<ListOffsetsRequest>(&request, 7).await?;
    let found = &response.topics[0].partitions[0];
    if found.error_code != 0 && shared.may_refuse_of(key) {
        return Ok(None);
    }
    if found.error_code != 0 {
        broken("a partition serves", &format!("ListOffsets of {name}-{partition}: {found:?}"));
    }
    Ok(Some(found.offset))
}

/// False where the partition may refuse to be read.
async fn read_all(shared: &Shared, connection: &mut Connection, key: Key, end: i64) -> Result<bool, Lost> {
    let mut offset = 0;
    let is_rotten = shared.faults.borrow().is_rotten(key);
    while offset < end {
        let request = requests::fetch(&[(key, offset)], (0, -1), 0);
        let response = connection.call::<FetchRequest>(&request, 13).await?;
        let data = response.responses.first().and_then(|topic| topic.partitions.first());
        if data.is_none_or(|data| data.error_code != 0) && shared.may_refuse_of(key) {
            if is_rotten {
                reach("client: a read of damage is refused");
            }
            return Ok(false);
        }
        let Some(data) = data.filter(|data| data.error_code == 0) else {
            broken("a partition serves", &format!("Fetch of {key:?} at {offset}: {response:?}"))
        };
        let records = data.records.clone().unwrap_or_default();
        if is_rotten {
            let (next, is_sound) = shared.history.borrow().on_rotten_read(offset, &records);
            if !is_sound {
                reach("client: a batch fails its CRC");
            }
            if !is_sound || next == offset {
                return Ok(false);
            }
            offset = next;
            continue;
        }
        let next = shared.history.borrow_mut().on_read(key, offset, &records);
        if next == offset {
            broken("what is there is read", &format!("nothing at {offset} of {key:?} which ends at {end}"));
        }
        offset = next;
    }
    Ok(true)
}
