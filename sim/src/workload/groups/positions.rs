//! Where a member is in its partitions: reading committed offsets, consuming, committing.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{FetchRequest, OffsetCommitRequest, OffsetFetchRequest},
};

use super::{
    broken,
    history::Place,
    member::{Member, Trouble},
    requests,
};
use crate::workload::{connection::Connection, node::requests::fetch};

const FETCH_VERSION: i16 = 13;
/// The coordinator of a KIP-848 group checks a reader's epoch from this version on.
const FIRST_WITH_EPOCH: i16 = 9;

#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// The next offset to read.
    next: i64,
    /// The last offset that was committed, or was found committed.
    committed: i64,
}

pub(super) type Positions = BTreeMap<Place, Position>;

impl Member {
    /// Whether all that it owns is consumed and committed, as far as it knows.
    pub(super) fn is_settled(&self) -> bool {
        let is_done = |place| self.positions.get(place).is_some_and(|found| found.next == found.committed);
        !self.joins && self.owned.iter().all(is_done)
    }

    /// Find positions, consume, and perhaps commit.
    pub(super) async fn work(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        self.find_positions(connection).await?;
        self.consume(connection).await?;
        if !self.shared.is_serving() || self.random.one_in(3) {
            let owned = self.owned.iter().copied().collect();
            self.commit(connection, owned, false).await?;
        }
        Ok(())
    }

    async fn find_positions(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let is_missing = |place: &&Place| !self.positions.contains_key(*place);
        let missing: BTreeSet<Place> = self.owned.iter().filter(is_missing).copied().collect();
        if missing.is_empty() {
            return Ok(());
        }
        let version = self.versions.fetch;
        let checks_epoch = self.is_consumer() && version >= FIRST_WITH_EPOCH;
        let request =
            requests::fetch_offsets(&self.shared, &self.credentials(), version, Some(&missing), checks_epoch);
        let sent = self.shared.tick();
        let response = self.call::<OffsetFetchRequest>(connection, &request, version).await?;
        let found = match requests::read_offsets(&self.shared, &response, version) {
            Ok(found) => found,
            Err(code) => return Err(self.trouble(code, "OffsetFetch")),
        };
        let tick = self.shared.tick();
        let mut history = self.shared.history.borrow_mut();
        for place in missing {
            let Some(commit) = found.get(&place).copied() else {
                broken("an answer names what was asked", &format!("{place:?}: {response:?}"))
            };
            history.offsets.on_fetched(self.group, place, sent, tick, commit);
            let offset = commit.map_or(0, |(_, offset)| offset);
            history.log.check_consumed(self.group, place, offset);
            self.positions.insert(place, Position { next: offset, committed: offset });
        }
        Ok(())
    }

    async fn consume(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let asked: Vec<_> = self
            .positions
            .iter()
            .map(|((topic, partition), position)| ((self.shared.topic_id(*topic), *partition), position.next))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let request = fetch(&asked, (0, -1), *self.random.pick(&[0, 10, 100]));
        let response = self.call::<FetchRequest>(connection, &request, FETCH_VERSION).await?;
        for topic in &response.responses {
            for data in &topic.partitions {
                let key = (topic.topic_id, data.partition_index);
                let number = self.shared.topics.borrow().iter().position(|id| *id == Some(topic.topic_id));
                let place = number.map(|number| (number, data.partition_index));
                let Some((place, position)) =
                    place.and_then(|place| Some((place, self.positions.get_mut(&place)?)))
                else {
                    broken("an answer names what was asked", &format!("{key:?}"))
                };
                if data.error_code != 0 && self.shared.is_stopping.get() {
                    return Err(Trouble::Lost);
                }
                if data.error_code != 0 {
                    broken("a partition serves", &format!("Fetch of {place:?} at {position:?}: {data:?}"));
                }
                let records = data.records.clone().unwrap_or_default();
                let mut history = self.shared.history.borrow_mut();
                position.next = history.log.on_consumed(self.group, place, key, position.next, &records);
            }
        }
        Ok(())
    }

    /// Commit the positions of these partitions; `must_fail` where this member surely is none any more.
    pub(super) async fn commit(
        &mut self,
        connection: &mut Connection,
        places: Vec<Place>,
        must_fail: bool,
    ) -> Result<(), Trouble> {
        let again = must_fail || self.random.one_in(8);
        let mut offsets = BTreeMap::new();
        let mut foreign = BTreeSet::new();
        let sent = self.shared.tick();
        let identity = self.identity();
        for place in places {
            let Some(position) = self.positions.get(&place).copied() else { continue };
            if position.next == position.committed && !again {
                continue;
            }
            let history = &mut *self.shared.history.borrow_mut();
            let number = history.offsets.on_sent(self.group, place, position.next, sent);
            offsets.insert(place, (number, position.next));
            let is_foreign = if self.plan().owns_by_time() {
                history.ownership.owner(self.group, place).is_some_and(|owner| owner != identity)
            } else {
                history.ownership.newest(self.group) > self.epoch
            };
            if is_foreign || must_fail || self.is_dead {
                foreign.insert(place);
            }
        }
        if offsets.is_empty() {
            return Ok(());
        }
        let version = self.versions.commit;
        let request = requests::commit(&self.shared, &self.credentials(), version, &offsets);
        let response = self.call::<OffsetCommitRequest>(connection, &request, version).await?;
        let tick = self.shared.tick();
        let mut trouble = None;
        for topic in &response.topics {
            let number = self
                .shared
                .plan
                .topics
                .iter()
                .position(|known| known.name == topic.name && version < requests::FIRST_BY_ID);
            let by_id = || self.shared.topics.borrow().iter().position(|id| *id == Some(topic.topic_id));
            let Some(number) = number.or_else(by_id) else {
                broken("an answer names what was asked", &format!("{response:?}"))
            };
            for data in &topic.partitions {
                let place = (number, data.partition_index);
                let Some((commit, offset)) = offsets.remove(&place) else {
                    broken("an answer names what was asked", &format!("{response:?}"))
                };
                if data.error_code == 0 {
                    if foreign.contains(&place) {
                        let detail =
                            format!("{identity} of group {}, epoch {}: {place:?}", self.group, self.epoch);
                        let owner = self
                            .shared
                            .history
                            .borrow()
                            .ownership
                            .owner(self.group, place)
                            .map(str::to_owned);
                        let detail = format!("{detail}, dead {}, {must_fail}, owner {owner:?}", self.is_dead);
                        broken("a fenced member cannot commit", &detail);
                    }
                    self.shared.history.borrow_mut().offsets.on_acknowledged(self.group, place, commit, tick);
                    if let Some(position) = self.positions.get_mut(&place) {
                        position.committed = offset;
                    }
                } else if is_refusal(data.error_code) {
                    self.shared.history.borrow_mut().offsets.on_refused(self.group, place, commit, tick);
                } else {
                    self.shared.history.borrow_mut().offsets.on_unclear(self.group, place, commit, tick);
                }
                if data.error_code != 0 {
                    trouble = Some(data.error_code);
                }
            }
        }
        if !offsets.is_empty() {
            broken("an answer names what was asked", &format!("{offsets:?} is missing in {response:?}"));
        }
        trouble.map_or(Ok(()), |code| Err(self.trouble(code, "OffsetCommit")))
    }
}

/// Whether an error says that nothing was committed. Others may come after the record was written.
pub(super) fn is_refusal(code: i16) -> bool {
    matches!(
        ErrorCode::from_i16(code),
        ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId
            | ErrorCode::FencedMemberEpoch
            | ErrorCode::StaleMemberEpoch
            | ErrorCode::RebalanceInProgress
            | ErrorCode::GroupIdNotFound
            | ErrorCode::CoordinatorLoadInProgress
    )
}
