//! The leader's side of Fetch: checks, progress, and fetches that wait.

use jackdaw_core::{error_code::ErrorCode, limits::METADATA_OBSERVER_COUNT_MAX};

use crate::{
    log_view::Position,
    membership::ReplicaKey,
    message::{FetchOutcome, FetchRequest, ResponseBody},
    node::Raft,
    progress::Progress,
    role::Role,
};

/// A fetch that found nothing new and may wait.
#[derive(Clone, Debug)]
pub(crate) struct ParkedFetch {
    pub(crate) correlation: u64,
    replica: ReplicaKey,
    fetch_offset: i64,
    high_watermark: Option<i64>,
    until_ms: u64,
}

impl Raft {
    pub(crate) fn on_fetch_request(&mut self, now_ms: u64, correlation: u64, request: FetchRequest) {
        if let Some(error) = self.fetch_error(&request) {
            return self.reply_to_fetch(correlation, error, FetchOutcome::Nothing);
        }
        self.note_alive(now_ms, &request.replica);
        match self.log.position_of(request.fetch_offset, request.last_fetched_epoch) {
            Position::Diverging(end) => {
                self.reply_to_fetch(correlation, ErrorCode::None, FetchOutcome::Diverging(end));
            }
            Position::Snapshot(snapshot) => {
                self.reply_to_fetch(correlation, ErrorCode::None, FetchOutcome::Snapshot(snapshot));
            }
            Position::Valid => self.on_valid_fetch(now_ms, correlation, request),
        }
    }

    fn fetch_error(&self, request: &FetchRequest) -> Option<ErrorCode> {
        if let Some(error) = self.cluster_error(request.cluster_id.as_deref()) {
            return Some(error);
        }
        if request.fetch_offset < 0 || request.last_fetched_epoch < 0 || request.epoch < 0 {
            return Some(ErrorCode::InvalidRequest);
        }
        if request.epoch < self.epoch {
            return Some(ErrorCode::FencedLeaderEpoch);
        }
        if request.epoch > self.epoch {
            return Some(ErrorCode::UnknownLeaderEpoch);
        }
        (!matches!(self.role, Role::Leader(_))).then_some(ErrorCode::NotLeaderOrFollower)
    }

    /// Any fetch in our epoch shows that the voter follows us, whatever its log looks like.
    fn note_alive(&mut self, now_ms: u64, replica: &ReplicaKey) {
        if !self.voters().is_voter(replica) {
            return;
        }
        let own_vote = usize::from(self.is_voter());
        let needed = self.voters().majority() - own_vote;
        if let Role::Leader(leader) = &mut self.role {
            leader.heard_from(&self.config, replica.id, needed, now_ms);
        }
    }

    fn on_valid_fetch(&mut self, now_ms: u64, correlation: u64, request: FetchRequest) {
        self.note_progress(now_ms, &request);
        self.advance_leader_high_watermark();
        let fetch = ParkedFetch {
            correlation,
            replica: request.replica,
            fetch_offset: request.fetch_offset,
            high_watermark: request.high_watermark,
            until_ms: now_ms + request.max_wait_ms,
        };
        if self.has_news_for(&fetch) || request.max_wait_ms == 0 {
            return self.answer_fetch(&fetch);
        }
        // A replica sends one fetch at a time: an older one is one it gave up.
        let replaced = self.take_parked(|parked| parked.replica == fetch.replica);
        for old in replaced {
            self.answer_fetch(&old);
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.parked.push(fetch);
        }
    }

    fn note_progress(&mut self, now_ms: u64, request: &FetchRequest) {
        let is_voter = self.voters().is_voter(&request.replica);
        let leader_end = self.log.end_offset;
        let Role::Leader(leader) = &mut self.role else { return };
        if is_voter {
            let progress = leader.voters.entry(request.replica.id).or_default();
            progress.on_fetch(now_ms, request.fetch_offset, leader_end);
        } else if request.replica.id >= 0 {
            let observers = &mut leader.observers;
            if observers.len() >= METADATA_OBSERVER_COUNT_MAX && !observers.contains_key(&request.replica) {
                let oldest = observers.iter().min_by_key(|(_, seen)| seen.last_fetch_ms).map(|(key, _)| *key);
                oldest.map(|key| observers.remove(&key));
            }
            let progress = observers.entry(request.replica).or_insert_with(Progress::default);
            progress.on_fetch(now_ms, request.fetch_offset, leader_end);
        }
    }

    fn has_news_for(&self, fetch: &ParkedFetch) -> bool {
        let high_watermark_is_old = fetch.high_watermark.is_some_and(|known| known < self.high_watermark);
        fetch.fetch_offset < self.log.appended_end || high_watermark_is_old
    }

    fn answer_fetch(&mut self, fetch: &ParkedFetch) {
        let end_offset = self.log.appended_end.max(fetch.fetch_offset);
        let outcome = FetchOutcome::Range { start_offset: fetch.fetch_offset, end_offset };
        self.reply_to_fetch(fetch.correlation, ErrorCode::None, outcome);
    }

    fn reply_to_fetch(&mut self, correlation: u64, error: ErrorCode, outcome: FetchOutcome) {
        let (high_watermark, log_start_offset) = (self.high_watermark, self.log.start_offset);
        let body = ResponseBody::Fetch { high_watermark, log_start_offset, outcome };
        self.reply(correlation, error, body);
    }

    fn take_parked(&mut self, due: impl Fn(&ParkedFetch) -> bool) -> Vec<ParkedFetch> {
        let Role::Leader(leader) = &mut self.role else { return Vec::new() };
        leader.parked.extract_if(.., |fetch| due(fetch)).collect()
    }

    /// Answers the waiting fetches that now have something to get.
    pub(crate) fn answer_parked_fetches(&mut self) {
        let (appended_end, high_watermark) = (self.log.appended_end, self.high_watermark);
        let due = self.take_parked(|fetch| {
            fetch.fetch_offset < appended_end
                || fetch.high_watermark.is_some_and(|known| known < high_watermark)
        });
        for fetch in due {
            self.answer_fetch(&fetch);
        }
    }

    /// Answers the fetches that waited long enough; returns when the next one has.
    pub(crate) fn expire_parked_fetches(&mut self, now_ms: u64) -> Option<u64> {
        for fetch in self.take_parked(|fetch| fetch.until_ms <= now_ms) {
            self.answer_fetch(&fetch);
        }
        let Role::Leader(leader) = &self.role else { return None };
        leader.parked.iter().map(|fetch| fetch.until_ms).min()
    }
}
