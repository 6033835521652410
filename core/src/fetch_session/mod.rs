//! Fetch sessions (KIP-227): a client names its partitions once, later fetches name only what changed, and
//! responses hold only what is new.
//!
//! A fetch handler calls `FetchSessions::begin`. For an incremental fetch it applies the request to the session,
//! serves the session's partitions in order, and asks `FetchSession::include` of each whether it goes into the
//! response. For a full fetch it serves the request's partitions and calls `create` with the outcome.

mod partition_table;
mod session;

use std::collections::BTreeMap;

pub use self::{
    partition_table::PartitionSlot,
    session::{FetchOutcome, FetchParameters, FetchSession, FetchedPartition, TopicKey, TopicRef},
};
use crate::{error_code::ErrorCode, limits};

/// No session.
pub const NO_SESSION_ID: i32 = 0;
/// The epoch of a fetch that wants a new session.
const INITIAL_EPOCH: i32 = 0;
/// The epoch of a fetch that ends its session or wants none.
const FINAL_EPOCH: i32 = -1;
/// After so long without a fetch a session may make room for any other; one may keep its place for so long.
const EVICTION_MS: i64 = 120_000;

/// How to answer a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchMode {
    /// The request's partitions, all in the response, session id 0.
    Sessionless,
    /// The same, and then a session for the next fetches.
    Full,
    /// The session's partitions; the session has gone on to its next epoch.
    Incremental,
}

/// The sessions of one shard.
#[derive(Clone, Debug)]
pub struct FetchSessions {
    sessions: BTreeMap<i32, FetchSession>,
    slots: usize,
    /// Partitions in all sessions.
    partitions_count: usize,
    /// Shards have ranges of their own, so that no client that comes back to another shard meets a session
    /// that is not its own.
    first_id: i32,
    last_id: i32,
}

impl FetchSessions {
    /// Room for `slots` sessions (`max.incremental.fetch.session.cache.slots`, divided among the shards), whose
    /// ids lie in a range of this shard's own.
    ///
    /// # Panics
    /// Where the range is empty or not positive.
    pub fn new(slots: usize, ids: std::ops::RangeInclusive<i32>) -> Self {
        assert!(*ids.start() > NO_SESSION_ID && ids.start() <= ids.end(), "session ids are positive");
        let room = ids.end().abs_diff(*ids.start()) as usize;
        let slots = slots.min(limits::FETCH_SESSIONS_MAX).min(room);
        Self {
            sessions: BTreeMap::new(),
            slots,
            partitions_count: 0,
            first_id: *ids.start(),
            last_id: *ids.end(),
        }
    }

    /// Decides how a fetch with this session id and epoch is answered. The error codes are for the whole
    /// response, which then has no partitions.
    pub fn begin(
        &mut self,
        session_id: i32,
        session_epoch: i32,
        uses_topic_ids: bool,
        now_ms: i64,
    ) -> Result<FetchMode, ErrorCode> {
        if session_epoch == INITIAL_EPOCH || session_epoch == FINAL_EPOCH {
            self.remove(session_id);
            return Ok(if session_epoch == FINAL_EPOCH { FetchMode::Sessionless } else { FetchMode::Full });
        }
        let session = self.sessions.get_mut(&session_id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if session.epoch() != session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.uses_topic_ids() != uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.begin_fetch(now_ms);
        Ok(FetchMode::Incremental)
    }

    /// The session of an incremental fetch.
    pub fn session_mut(&mut self, session_id: i32) -> Option<&mut FetchSession> {
        self.sessions.get_mut(&session_id)
    }

    /// Applies an incremental request to its session: partitions that are new or whose parameters changed, and
    /// partitions to forget. A session without partitions ends and the fetch is `Sessionless`; one without room
    /// ends with an error that makes the client begin anew.
    pub fn update<'a>(
        &mut self,
        session_id: i32,
        partitions: impl IntoIterator<Item = (TopicRef<'a>, FetchParameters)>,
        forgotten: impl IntoIterator<Item = (TopicRef<'a>, i32)>,
    ) -> Result<FetchMode, ErrorCode> {
        let session = self.sessions.get_mut(&session_id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
        let count_before = session.len();
        for (topic, parameters) in partitions {
            session.set(topic, parameters);
        }
        for (topic, partition) in forgotten {
            session.forget(topic, partition);
        }
        self.partitions_count = self.partitions_count - count_before + session.len();
        let is_empty = session.is_empty();
        if self.partitions_count > limits::FETCH_SESSION_PARTITIONS_MAX {
            self.remove(session_id);
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        if is_empty {
            self.remove(session_id);
            return Ok(FetchMode::Sessionless);
        }
        Ok(FetchMode::Incremental)
    }

    /// Keeps a session for a client that fetched these partitions with these outcomes. Its id, which the
    /// response carries, or 0 where there is no room. `random` is anything: ids cannot be guessed from order.
    pub fn create<'a, I>(
        &mut self,
        partitions: I,
        uses_topic_ids: bool,
        is_privileged: bool,
        now_ms: i64,
        random: u32,
    ) -> i32
    where
        I: IntoIterator<Item = (TopicRef<'a>, FetchParameters, FetchOutcome)>,
        I::IntoIter: ExactSizeIterator,
    {
        let partitions = partitions.into_iter();
        let partitions_count = partitions.len();
        if partitions_count == 0 || !self.make_room(partitions_count, is_privileged, now_ms) {
            return NO_SESSION_ID;
        }
        let mut session = FetchSession::new(uses_topic_ids, is_privileged, now_ms);
        for (topic, parameters, outcome) in partitions {
            session.set_with_outcome(topic, parameters, &outcome);
        }
        let session_id = self.unused_id(random);
        self.partitions_count += session.len();
        self.sessions.insert(session_id, session);
        session_id
    }

    /// Ends a session, if there is one.
    pub fn remove(&mut self, session_id: i32) {
        if let Some(session) = self.sessions.remove(&session_id) {
            self.partitions_count -= session.len();
        }
    }

    /// Sessions (a metric of Kafka's: NumIncrementalFetchSessions).
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Partitions in all sessions (NumIncrementalFetchPartitionsCached).
    pub fn partitions_count(&self) -> usize {
        self.partitions_count
    }

    /// Finds room for a session, at the cost of one that is worth less.
    fn make_room(&mut self, partitions_count: usize, is_privileged: bool, now_ms: i64) -> bool {
        if self.slots == 0 || partitions_count > limits::FETCH_SESSION_PARTITIONS_MAX {
            return false;
        }
        if self.sessions.len() >= self.slots {
            let Some(session_id) = self.to_evict(partitions_count, is_privileged, now_ms) else {
                return false;
            };
            self.remove(session_id);
        }
        self.partitions_count + partitions_count <= limits::FETCH_SESSION_PARTITIONS_MAX
    }

    /// The session that gives way: the one longest unused, if that is stale; else the least valuable of those
    /// that may be evicted, if the new one is worth more. Replicas come before consumers, then size counts.
    /// A consumer's session keeps its place for a while against other consumers, a replica's against all.
    fn to_evict(&self, partitions_count: usize, is_privileged: bool, now_ms: i64) -> Option<i32> {
        let (session_id, oldest) = self.sessions.iter().min_by_key(|(_, session)| session.last_used_ms())?;
        if now_ms - oldest.last_used_ms() > EVICTION_MS {
            return Some(*session_id);
        }
        let may_evict = |session: &FetchSession| {
            (is_privileged && !session.is_privileged()) || now_ms - session.created_ms() > EVICTION_MS
        };
        let worth = |session: &FetchSession| (session.is_privileged(), session.len());
        let evictable = self.sessions.iter().filter(|(_, session)| may_evict(session));
        let (session_id, least) = evictable.min_by_key(|(id, session)| (worth(session), **id))?;
        ((is_privileged, partitions_count) > worth(least)).then_some(*session_id)
    }

    fn unused_id(&self, random: u32) -> i32 {
        let width = self.last_id.abs_diff(self.first_id);
        let mut session_id = self.first_id + (random % (width.max(1))) as i32;
        while self.sessions.contains_key(&session_id) {
            session_id = if session_id >= self.last_id { self.first_id } else { session_id + 1 };
        }
        session_id
    }
}

#[cfg(test)]
mod tests;
