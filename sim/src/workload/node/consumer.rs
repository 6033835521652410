//! A consumer: reads from any offset, and follows the ends of partitions in a session, waiting for more.

use std::{rc::Rc, time::Duration};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{FetchRequest, FetchResponse},
};
use jackdaw_ring::{now, sleep};

use super::{
    PATIENCE, Phase, Shared,
    audit::list_offset,
    batches::Key,
    broken,
    history::Floor,
    requests::{self, LATEST},
};
use crate::{
    Random,
    workload::connection::{Connection, Lost},
};

/// Version by topic id.
const VERSION: i16 = 13;

pub(super) async fn run(shared: Rc<Shared>, mut random: Random) {
    loop {
        if shared.phase.get() == Phase::Serving {
            let _ = serve(&shared, &mut random).await;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

async fn serve(shared: &Rc<Shared>, random: &mut Random) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    while shared.phase.get() == Phase::Serving {
        let usable = shared.history.borrow().usable();
        if usable.is_empty() {
            sleep(Duration::from_millis(10)).await;
        } else if random.one_in(2) {
            let (key, name, is_mortal) = random.pick(&usable).clone();
            read_somewhere(shared, &mut connection, random, key, (!is_mortal).then_some(&*name)).await?;
        } else {
            let mut positions = Vec::new();
            for (key, ..) in &usable {
                if random.one_in(2) {
                    continue;
                }
                let floor = shared.history.borrow().floor(*key).0;
                positions.push((*key, if random.one_in(2) { floor } else { 0 }));
            }
            follow(shared, &mut connection, random, positions).await?;
        }
    }
    Ok(())
}

/// One fetch without a session, at any offset.
async fn read_somewhere(
    shared: &Shared,
    connection: &mut Connection,
    random: &mut Random,
    key: Key,
    name: Option<&str>,
) -> Result<(), Lost> {
    if let Some(name) = name.filter(|_| random.one_in(3)) {
        let floor = shared.history.borrow().floor(key);
        let end = list_offset(shared, connection, name, key, LATEST).await?;
        shared.history.borrow_mut().on_end(key, floor, end);
    }
    let end = shared.history.borrow().floor(key).0;
    let offset = random.below(end as u64 + 1) as i64;
    let mut positions = vec![(key, offset)];
    fetch(shared, connection, &mut positions, (0, -1), 0).await?;
    Ok(())
}

/// Follow partitions for some fetches.
async fn follow(
    shared: &Shared,
    connection: &mut Connection,
    random: &mut Random,
    mut positions: Vec<(Key, i64)>,
) -> Result<(), Lost> {
    let mut session = (0, 0);
    let mut changed = positions.clone();
    for _ in 0..random.between(1, 12) {
        if positions.is_empty() || shared.phase.get() != Phase::Serving {
            break;
        }
        let max_wait_ms = *random.pick(&[0, 50, 500, 10_000]);
        let before = positions.clone();
        let request = requests::fetch(&changed, session, max_wait_ms);
        let response = send(shared, connection, &mut positions, &request).await?;
        if response.error_code != 0 && shared.may_refuse() {
            return Err(Lost);
        }
        if response.error_code != 0 {
            broken("a session goes on", &format!("{response:?}"));
        }
        session = (response.session_id, session.1 + 1);
        // A session goes on with partitions that are gone; this client does not.
        if session.0 == 0 || positions.len() < before.len() {
            break;
        }
        changed = positions.iter().filter(|position| !before.contains(position)).copied().collect();
    }
    // Leave no session behind: epoch -1 closes it.
    fetch(shared, connection, &mut Vec::new(), (session.0, -1), 0).await?;
    Ok(())
}

async fn fetch(
    shared: &Shared,
    connection: &mut Connection,
    positions: &mut Vec<(Key, i64)>,
    session: (i32, i32),
    max_wait_ms: i32,
) -> Result<FetchResponse, Lost> {
    let request = requests::fetch(positions, session, max_wait_ms);
    send(shared, connection, positions, &request).await
}

async fn send(
    shared: &Shared,
    connection: &mut Connection,
    positions: &mut Vec<(Key, i64)>,
    request: &FetchRequest,
) -> Result<FetchResponse, Lost> {
    let floors: Vec<Floor> = positions.iter().map(|(key, _)| shared.history.borrow().floor(*key)).collect();
    let sent_ms = now().as_millis();
    connection.send(request, VERSION).await?;
    if shared.faults.borrow().is_jitter() && jackdaw_ring::random_u64().is_multiple_of(4) {
        // It reads late: meanwhile the answer fills what lies between.
        sleep(Duration::from_millis(jackdaw_ring::random_u64() % 3_000)).await;
    }
    let response = connection.answer::<FetchRequest>(VERSION).await?;
    let mut history = shared.history.borrow_mut();
    let mut is_empty = true;
    let mut gone = Vec::new();
    for topic in &response.responses {
        for data in &topic.partitions {
            let key = (topic.topic_id, data.partition_index);
            let Some(index) = positions.iter().position(|(known, _)| *known == key) else {
                broken("an answer names what was asked", &format!("{key:?}"))
            };
            match ErrorCode::from_i16(data.error_code) {
                ErrorCode::None => {}
                ErrorCode::UnknownTopicId | ErrorCode::UnknownTopicOrPartition
                    if !history.is_there(key.0) =>
                {
                    is_empty = false;
                    gone.push(key);
                    continue;
                }
                _ if shared.may_refuse() => return Err(Lost),
                _ if shared.faults.borrow().is_rotten(key) => {
                    is_empty = false;
                    continue;
                }
                error => broken("a partition serves", &format!("Fetch at {:?}: {error}", positions[index])),
            }
            history.on_end(key, floors[index], data.high_watermark);
            let records = data.records.clone().unwrap_or_default();
            if shared.faults.borrow().is_rotten(key) {
                is_empty &= records.is_empty();
                continue;
            }
            let next = history.on_read(key, positions[index].1, &records);
            if next > data.high_watermark {
                broken("only what is committed is read", &format!("{next} of {key:?}: {data:?}"));
            }
            is_empty &= records.is_empty();
            positions[index].1 = next;
        }
    }
    if is_empty && response.error_code == 0 && !shared.faults.borrow().excuses_delay() {
        let now_ms = now().as_millis();
        let max_wait_ms = match shared.plan.memory_bytes {
            None => u64::from(request.max_wait_ms.unsigned_abs()),
            // Where memory is short a long poll waits for its own behind others that wait.
            Some(_) => PATIENCE.as_millis() as u64,
        };
        // So long may a reader be late, and a disk stall.
        let late_ms = if shared.faults.borrow().is_jitter() { 30_000 } else { 0 };
        for (key, offset) in positions.iter() {
            history.check_waited(*key, *offset, sent_ms + late_ms, now_ms, max_wait_ms);
        }
    }
    positions.retain(|(key, _)| !gone.contains(key));
    Ok(response)
}
