//! A client that makes what it then ends: offsets, groups, topics. Whatever it was told to be gone must be gone.

use std::{rc::Rc, time::Duration};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        CreateTopicsRequest, DeleteGroupsRequest, DeleteTopicsRequest, OffsetCommitRequest,
        OffsetDeleteRequest, OffsetFetchRequest,
        delete_topics::DeleteTopicState,
        offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch::OffsetFetchRequestTopic,
    },
};
use jackdaw_ring::{now, sleep};

use super::{PATIENCE, Shared, broken, reached, requests};
use crate::{
    Host, Random, World, marks,
    workload::{
        broker::Broker,
        connection::{Connection, Lost},
    },
};

/// After so long a life in which offsets expire looks for them, once.
pub(super) const EXPIRY_MS: u64 = 100_000;
/// Their age then, at least.
const RETENTION_MS: u64 = 60_000;
/// What is due goes within this.
const GOES_WITHIN: Duration = Duration::from_secs(20);
const RETRY: Duration = Duration::from_millis(20);

/// An offset that was committed at this time, and nothing after it.
#[derive(Clone, Debug)]
pub(super) struct Left {
    group: String,
    topic: String,
    committed_ms: u64,
}

struct Undertaker {
    shared: Rc<Shared>,
    random: Random,
    /// A group without members.
    group: String,
    topic: String,
    /// What is committed; `None` where an answer was lost, or the node.
    known: Option<Option<i64>>,
    life: u64,
    is_made: bool,
}

pub(super) async fn run(shared: Rc<Shared>, number: u64, random: Random) {
    let (group, topic) = (format!("undertaken-{number}"), format!("work-mortal-{number}"));
    let mut undertaker = Undertaker { shared, random, group, topic, known: None, life: 0, is_made: false };
    loop {
        if undertaker.shared.is_serving() {
            let _ = undertaker.serve().await;
        }
        sleep(RETRY).await;
    }
}

impl Undertaker {
    async fn serve(&mut self) -> Result<(), Lost> {
        let mut connection = Connection::open(&self.shared.server).await?;
        // An answer was lost, or the node: nothing is known.
        (self.known, self.is_made) = (None, false);
        self.life = self.shared.server.life.get();
        self.forget_left();
        while self.shared.is_serving() {
            if !self.is_made {
                self.make_topic(&mut connection).await?;
            }
            self.commit(&mut connection).await?;
            self.check(&mut connection).await?;
            match self.random.below(6) {
                0 => self.delete_offset(&mut connection).await?,
                1 => self.delete_group(&mut connection).await?,
                2 => self.delete_topic(&mut connection).await?,
                _ => {}
            }
            let pause_ms = self.random.scaled(1, 3_000);
            self.shared.sleep_serving(pause_ms).await;
        }
        Ok(())
    }

    fn forget_left(&self) {
        self.shared.left.borrow_mut().retain(|left| left.group != self.group);
    }

    fn tell(&self, text: &str) {
        self.shared.server.host.comment(&format!("{}: {text}", self.group));
    }

    /// The node is stopping, or the answer says to try again; else a promise is broken.
    async fn bear(&self, code: i16, promise: &str, detail: &str) -> Result<(), Lost> {
        let error = ErrorCode::from_i16(code);
        let passes = matches!(
            error,
            ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorNotAvailable
        );
        if self.shared.is_stopping.get() {
            return Err(Lost);
        }
        if !passes {
            broken(promise, &format!("{error}: {detail}"));
        }
        sleep(RETRY).await;
        Ok(())
    }

    async fn make_topic(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        let request = requests::create(&self.topic, 2, &[]);
        let response = connection.call::<CreateTopicsRequest>(&request, 7).await?;
        let code = response.topics.first().map_or(0, |topic| topic.error_code);
        if code != 0 && ErrorCode::from_i16(code) != ErrorCode::TopicAlreadyExists {
            self.bear(code, "an absent topic is made", &format!("{response:?}")).await?;
            return Ok(());
        }
        self.is_made = true;
        Ok(())
    }

    async fn commit(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        let offset = self.random.below(1_000) as i64;
        let partition = OffsetCommitRequestPartition {
            partition_index: 0,
            committed_offset: offset,
            ..Default::default()
        };
        let topic = OffsetCommitRequestTopic {
            name: self.topic.clone(),
            partitions: vec![partition],
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: -1,
            topics: vec![topic],
            ..Default::default()
        };
        while self.shared.is_serving() {
            self.known = None;
            self.forget_left();
            let response = connection.call::<OffsetCommitRequest>(&request, 8).await?;
            let code = response.topics.first().and_then(|topic| topic.partitions.first());
            match code.map(|partition| partition.error_code) {
                Some(0) => {
                    self.known = Some(Some(offset));
                    let (group, topic) = (self.group.clone(), self.topic.clone());
                    let left = Left { group, topic, committed_ms: now().as_millis() };
                    self.shared.left.borrow_mut().push(left);
                    return Ok(());
                }
                Some(code) => self.bear(code, "who is no member commits", &format!("{response:?}")).await?,
                None => broken("an answer names what was asked", &format!("{response:?}")),
            }
        }
        Ok(())
    }

    /// The committed offset is the one that is known.
    async fn check(&self, connection: &mut Connection) -> Result<(), Lost> {
        let Some(known) = self.known else { return Ok(()) };
        let Some(found) = fetch(&self.shared, connection, &self.group, &self.topic).await? else {
            return Ok(());
        };
        if found != known {
            let detail = format!("{}: found {found:?} instead of {known:?}", self.group);
            broken("what is deleted is gone, and nothing else", &detail);
        }
        Ok(())
    }

    async fn delete_offset(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        let partition = OffsetDeleteRequestPartition { partition_index: 0 };
        let topic = OffsetDeleteRequestTopic { name: self.topic.clone(), partitions: vec![partition] };
        let request = OffsetDeleteRequest { group_id: self.group.clone(), topics: vec![topic] };
        let Some(Some(_)) = self.known.take() else { return Ok(()) };
        self.forget_left();
        let response = connection.call::<OffsetDeleteRequest>(&request, 0).await?;
        let of_partition = response.topics.first().and_then(|topic| topic.partitions.first());
        let code = match of_partition {
            _ if response.error_code != 0 => response.error_code,
            Some(partition) => partition.error_code,
            None => broken("an answer names what was asked", &format!("{response:?}")),
        };
        if code != 0 {
            return self.bear(code, "an offset is deleted", &format!("{response:?}")).await;
        }
        self.tell("its offset is deleted");
        marks::reach(reached::OFFSETS_DELETED);
        self.known = Some(None);
        self.check(connection).await
    }

    async fn delete_group(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        let Some(Some(_)) = self.known.take() else { return Ok(()) };
        self.forget_left();
        let request = DeleteGroupsRequest { groups_names: vec![self.group.clone()] };
        let response = connection.call::<DeleteGroupsRequest>(&request, 2).await?;
        let code = response.results.first().map_or(0, |result| result.error_code);
        if code != 0 {
            return self.bear(code, "an empty group is deleted", &format!("{response:?}")).await;
        }
        self.tell("is deleted");
        marks::reach(reached::GROUPS_DELETED);
        self.known = Some(None);
        self.check(connection).await
    }

    /// The topic goes, and one of its name comes: what was committed for the first does not stand for the second.
    async fn delete_topic(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        let Some(Some(_)) = self.known.take() else { return Ok(()) };
        self.forget_left();
        self.is_made = false;
        let topic = DeleteTopicState { name: Some(self.topic.clone()), ..Default::default() };
        let request = DeleteTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
        let response = connection.call::<DeleteTopicsRequest>(&request, 6).await?;
        let code = response.responses.first().map_or(0, |result| result.error_code);
        if code != 0 {
            return self.bear(code, "a topic is deleted", &format!("{response:?}")).await;
        }
        self.tell("its topic is deleted");
        marks::reach(reached::TOPICS_DELETED);
        if self.random.one_in(2) {
            self.make_topic(connection).await?;
        }
        let begun = now();
        while self.shared.is_serving() {
            if fetch(&self.shared, connection, &self.group, &self.topic).await? == Some(None) {
                marks::reach(reached::OFFSETS_GONE_WITH_TOPIC);
                return Ok(());
            }
            if now().0 - begun.0 > GOES_WITHIN.as_nanos() as u64 {
                broken("the offsets of a deleted topic go", &self.group);
            }
            sleep(RETRY).await;
        }
        Ok(())
    }
}

/// The committed offset of the topic's first partition; nothing where the coordinator is not there.
async fn fetch(
    shared: &Shared,
    connection: &mut Connection,
    group: &str,
    topic: &str,
) -> Result<Option<Option<i64>>, Lost> {
    let topic = OffsetFetchRequestTopic { name: topic.to_owned(), partition_indexes: vec![0] };
    let request =
        OffsetFetchRequest { group_id: group.to_owned(), topics: Some(vec![topic]), ..Default::default() };
    let response = connection.call::<OffsetFetchRequest>(&request, 7).await?;
    if response.error_code != 0 {
        let error = ErrorCode::from_i16(response.error_code);
        let passes = matches!(error, ErrorCode::CoordinatorLoadInProgress | ErrorCode::NotCoordinator);
        if !passes && !shared.is_stopping.get() {
            broken("committed offsets are read", &format!("{response:?}"));
        }
        return Ok(None);
    }
    let found = response.topics.first().and_then(|topic| topic.partitions.first());
    let Some(found) = found.filter(|found| found.error_code == 0) else {
        broken("committed offsets are read", &format!("{response:?}"))
    };
    Ok(Some((found.committed_offset >= 0).then_some(found.committed_offset)))
}

/// Wait until the node has looked for offsets that have expired: those of groups without members are gone, and those
/// of groups with members are there, although nobody has committed for as long.
pub(super) fn expect_expiry(world: &World, clients: &Host, shared: &Rc<Shared>, broker: &Broker) {
    let uptime_ms = || shared.server.host.uptime().as_millis() as u64;
    let end_ms = EXPIRY_MS + 2_000;
    let left_ms = end_ms.saturating_sub(uptime_ms());
    world.run_until(Duration::from_millis(left_ms), || !broker.goes_on());
    if !broker.goes_on() || uptime_ms() > end_ms + 1_000 {
        return;
    }
    let looked_ms = world.now().as_millis() as u64 - 2_000;
    let old = |left: &&Left| left.committed_ms + RETENTION_MS < looked_ms;
    let expired: Vec<Left> = shared.left.borrow().iter().filter(old).cloned().collect();
    let looking = clients.spawn(0, look(Rc::clone(shared), expired));
    let done = world.run_until(PATIENCE, || !broker.goes_on() || looking.is_finished());
    if broker.goes_on() && !done {
        broken("a request is answered", "expired offsets are not told");
    }
}

async fn look(shared: Rc<Shared>, expired: Vec<Left>) -> Result<(), Lost> {
    let mut connection = Connection::open(&shared.server).await?;
    for left in expired {
        match fetch(&shared, &mut connection, &left.group, &left.topic).await? {
            None => {}
            Some(None) => marks::reach(reached::OFFSETS_EXPIRED),
            Some(found) => {
                broken("offsets of a group without members expire", &format!("{left:?}: {found:?}"))
            }
        }
    }
    for (group, plan) in shared.plan.groups.iter().enumerate() {
        let has_members = shared.groups[group].iter().any(|slot| slot.status.borrow().epoch.is_some());
        if has_members {
            check_kept(&shared, &mut connection, group, &plan.name).await?;
        }
    }
    Ok(())
}

/// What a group with members has committed is there.
async fn check_kept(
    shared: &Shared,
    connection: &mut Connection,
    group: usize,
    name: &str,
) -> Result<(), Lost> {
    const VERSION: i16 = 8;
    let who = requests::Credentials { group: name.to_owned(), epoch: -1, ..Default::default() };
    let request = requests::fetch_offsets(shared, &who, VERSION, None, false);
    let sent = shared.tick();
    let response = connection.call::<OffsetFetchRequest>(&request, VERSION).await?;
    let found = match requests::read_offsets(shared, &response, VERSION) {
        Ok(found) => found,
        Err(_) => broken("committed offsets are read", &format!("{response:?}")),
    };
    let tick = shared.tick();
    let offsets = &mut shared.history.borrow_mut().offsets;
    for place in shared.places() {
        let found = found.get(&place).copied().flatten();
        offsets.on_fetched(group, place, sent, tick, found);
        if found.is_some() {
            marks::reach(reached::OFFSETS_NOT_EXPIRED);
        }
    }
    Ok(())
}
