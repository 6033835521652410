//! After every start: the topics are there or made, and all committed offsets are held against the history.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        CreateTopicsRequest, FindCoordinatorRequest, ListOffsetsRequest, MetadataRequest, OffsetFetchRequest,
    },
};
use jackdaw_ring::sleep;

use super::{
    Phase, Shared, broken,
    requests::{self, Credentials},
    simple, table,
};
use crate::workload::{
    connection::{Connection, Lost},
    node::requests::{LATEST, list_offset, metadata},
};

const OFFSETS_TOPIC: &str = "__consumer_offsets";
const RETRY: Duration = Duration::from_millis(20);

pub(super) async fn run(shared: Rc<Shared>) {
    let life = shared.server.life.get();
    // The connection breaks, or the node dies: with the next life there is another audit.
    while let Err(Lost) = audit(&shared).await {
        if shared.phase.get() != Phase::Auditing || shared.server.life.get() != life {
            return;
        }
        sleep(RETRY).await;
    }
}

async fn audit(shared: &Rc<Shared>) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    find_topics(shared, &mut connection).await?;
    for place in shared.places() {
        check_end(shared, &mut connection, place).await?;
    }
    let found = table::read_all(shared, &mut connection).await?;
    shared.history.borrow_mut().table.on_audited(&found);
    for (group, plan) in shared.plan.groups.iter().enumerate() {
        let who = Credentials { group: plan.name.clone(), epoch: -1, ..Default::default() };
        check_offsets(shared, &mut connection, group, &who).await?;
    }
    check_offsets(shared, &mut connection, shared.plan.groups.len(), &simple::credentials()).await
}

async fn find_topics(shared: &Shared, connection: &mut Connection) -> Result<(), Lost> {
    loop {
        let response = connection.call::<MetadataRequest>(&metadata(), 12).await?;
        let find = |name: &str| response.topics.iter().find(|topic| topic.name.as_deref() == Some(name));
        let names: Vec<_> = response.topics.iter().filter_map(|topic| topic.name.as_deref()).collect();
        shared.server.host.comment(&format!("topics: {names:?}"));
        let mut missing = None;
        for (index, plan) in shared.plan.topics.iter().enumerate() {
            let mut topics = shared.topics.borrow_mut();
            match (topics[index], find(&plan.name)) {
                (None, None) => {
                    let flush = ("flush.messages", "1".to_owned());
                    missing = Some(requests::create(&plan.name, plan.partitions, &[flush]));
                }
                (known, Some(found)) if known.is_none_or(|known| known == found.topic_id) => {
                    topics[index] = Some(found.topic_id);
                }
                (known, found) => {
                    broken("topics stay", &format!("{known:?}, found {found:?} in {response:?}"))
                }
            }
        }
        match (shared.table.get(), find(table::TOPIC)) {
            (None, None) => missing = Some(create_table(shared)),
            (known, Some(found)) if known.is_none_or(|known| known == found.topic_id) => {
                shared.table.set(Some(found.topic_id));
            }
            (known, found) => broken("topics stay", &format!("{known:?}, found {found:?} in {response:?}")),
        }
        if let Some(bytes) = shared.plan.offsets_segment_bytes.filter(|_| find(OFFSETS_TOPIC).is_none()) {
            let configs =
                [("cleanup.policy", "compact".to_owned()), ("internal.segment.bytes", bytes.to_string())];
            let partitions = shared.plan.offsets_partitions as i32;
            missing = Some(requests::create(OFFSETS_TOPIC, partitions, &configs));
        }
        let Some(request) = missing else { return Ok(()) };
        let response = connection.call::<CreateTopicsRequest>(&request, 7).await?;
        if response.topics.first().is_none_or(|topic| topic.error_code != 0) {
            broken("an absent topic is made", &format!("{response:?}"));
        }
    }
}

fn create_table(shared: &Shared) -> CreateTopicsRequest {
    let plan = &shared.plan.table;
    let configs = [
        ("cleanup.policy", "compact".to_owned()),
        ("internal.segment.bytes", plan.segment_bytes.to_string()),
        ("delete.retention.ms", plan.delete_retention_ms.to_string()),
        ("flush.messages", "1".to_owned()),
    ];
    requests::create(table::TOPIC, 1, &configs)
}

async fn check_end(shared: &Shared, connection: &mut Connection, place: (usize, i32)) -> Result<(), Lost> {
    let name = &shared.plan.topics[place.0].name;
    let request = list_offset(name, place.1, LATEST);
    let response = connection.call::<ListOffsetsRequest>(&request, 7).await?;
    let end =
        response.topics.first().and_then(|topic| topic.partitions.first()).map_or(-1, |found| found.offset);
    let known = shared.history.borrow().log.end(place);
    if end < known {
        broken("durability", &format!("{place:?} ends at {end}, promised was {known}: {response:?}"));
    }
    Ok(())
}

async fn check_offsets(
    shared: &Shared,
    connection: &mut Connection,
    group: usize,
    who: &Credentials,
) -> Result<(), Lost> {
    loop {
        let request = requests::find_coordinator(&who.group, 3);
        let response = connection.call::<FindCoordinatorRequest>(&request, 3).await?;
        match ErrorCode::from_i16(response.error_code) {
            ErrorCode::None => break,
            ErrorCode::CoordinatorNotAvailable => sleep(RETRY).await,
            _ => broken("a coordinator is found", &format!("{response:?}")),
        }
    }
    loop {
        let version = 8;
        let request = requests::fetch_offsets(shared, who, version, None, false);
        let response = connection.call::<OffsetFetchRequest>(&request, version).await?;
        let found = match requests::read_offsets(shared, &response, version) {
            Ok(found) => found,
            Err(code) => match ErrorCode::from_i16(code) {
                ErrorCode::CoordinatorLoadInProgress | ErrorCode::NotCoordinator => {
                    sleep(RETRY).await;
                    continue;
                }
                _ => broken("committed offsets are read", &format!("{response:?}")),
            },
        };
        let found: BTreeMap<_, _> =
            found.into_iter().filter_map(|(place, found)| Some((place, found?))).collect();
        let tick = shared.tick();
        shared.server.host.comment(&format!("offsets of {}: {found:?}", who.group));
        shared.history.borrow_mut().offsets.on_audited(group, tick, &found);
        return Ok(());
    }
}
