//! A consumer without a group's membership: it commits any offsets, forward and back, and reads them again.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{OffsetCommitRequest, OffsetFetchRequest},
};
use jackdaw_ring::sleep;

use super::{
    Shared, broken,
    history::Place,
    positions::is_refusal,
    requests::{self, Credentials},
};
use crate::{
    Random,
    workload::connection::{Connection, Lost},
};

pub(super) const GROUP: &str = "simple";

pub(super) async fn run(shared: Rc<Shared>, mut random: Random) {
    loop {
        if shared.is_serving() {
            let _ = serve(&shared, &mut random).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

pub(super) fn credentials() -> Credentials {
    Credentials { group: GROUP.to_owned(), epoch: -1, ..Default::default() }
}

async fn serve(shared: &Rc<Shared>, random: &mut Random) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    let places = shared.places();
    while shared.is_serving() {
        let some: BTreeSet<Place> = places.iter().copied().filter(|_| random.one_in(2)).collect();
        if some.is_empty() {
            continue;
        }
        if random.one_in(2) {
            commit(shared, random, &mut connection, some).await?;
        } else {
            fetch(shared, random, &mut connection, some).await?;
        }
        if random.one_in(60) {
            return Err(Lost);
        }
        sleep(Duration::from_millis(random.scaled(1, 1_000))).await;
    }
    Ok(())
}

fn may_fail(shared: &Shared, code: i16) -> bool {
    let error = ErrorCode::from_i16(code);
    shared.is_stopping.get()
        || matches!(error, ErrorCode::CoordinatorLoadInProgress | ErrorCode::NotCoordinator)
}

async fn commit(
    shared: &Shared,
    random: &mut Random,
    connection: &mut Connection,
    places: BTreeSet<Place>,
) -> Result<(), Lost> {
    let group = shared.plan.groups.len();
    let sent = shared.tick();
    let mut offsets = BTreeMap::new();
    for place in places {
        let offset = random.below(1000) as i64;
        let number = shared.history.borrow_mut().offsets.on_sent(group, place, offset, sent);
        offsets.insert(place, (number, offset));
    }
    // Older versions hold for a time that the client gives.
    let version = random.between(2, 9) as i16;
    let request = requests::commit(shared, &credentials(), version, &offsets);
    connection.send(&request, version).await?;
    if random.one_in(20) {
        return Err(Lost);
    }
    let response = connection.answer::<OffsetCommitRequest>(version).await?;
    let tick = shared.tick();
    let register = &mut shared.history.borrow_mut().offsets;
    for topic in &response.topics {
        for data in &topic.partitions {
            let number = shared.plan.topics.iter().position(|known| known.name == topic.name);
            let place = number.map(|number| (number, data.partition_index));
            let Some((place, (number, _))) = place.and_then(|place| Some((place, offsets.remove(&place)?)))
            else {
                broken("an answer names what was asked", &format!("{response:?}"))
            };
            match data.error_code {
                0 => register.on_acknowledged(group, place, number, tick),
                code if is_refusal(code) => register.on_refused(group, place, number, tick),
                _ => register.on_unclear(group, place, number, tick),
            }
            if data.error_code != 0 && !may_fail(shared, data.error_code) {
                broken("who is no member commits", &format!("{response:?}"));
            }
        }
    }
    Ok(())
}

async fn fetch(
    shared: &Shared,
    random: &mut Random,
    connection: &mut Connection,
    places: BTreeSet<Place>,
) -> Result<(), Lost> {
    let group = shared.plan.groups.len();
    let version = random.between(1, 10) as i16;
    let sent = shared.tick();
    let request = requests::fetch_offsets(shared, &credentials(), version, Some(&places), false);
    let response = connection.call::<OffsetFetchRequest>(&request, version).await?;
    let tick = shared.tick();
    match requests::read_offsets(shared, &response, version) {
        Ok(found) => {
            let register = &mut shared.history.borrow_mut().offsets;
            for place in places {
                let Some(commit) = found.get(&place) else {
                    broken("an answer names what was asked", &format!("{place:?}: {response:?}"))
                };
                register.on_fetched(group, place, sent, tick, *commit);
            }
        }
        Err(code) if may_fail(shared, code) => {}
        Err(_) => broken("committed offsets are read", &format!("{response:?}")),
    }
    Ok(())
}
