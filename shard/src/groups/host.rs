//! Hosts one coordinator: appends what it decides to its partition, replays it, answers when it is committed.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::{Rc, Weak},
    time::Duration,
};

use jackdaw_core::{
    config::GroupConfig,
    error_code::ErrorCode,
    group::{
        CallId, Context, Coordinator, GroupRecord, GroupSummary, Outcome, Request, Response,
        build_group_batches,
    },
    records::{Codec, compression::Compressor},
    uuid::Uuid,
};
use jackdaw_ring::{
    channel::{Notify, OnceReceiver, OnceSender, once},
    now, random_u64, spawn, timeout, unix_ms, yield_now,
};

use super::{Answer, load};
use crate::{partition::Partition, shard::Shard};

/// The coordinator of one partition, on the shard that leads it.
pub(super) struct GroupHost {
    shard: Weak<Shard>,
    partition: Rc<Partition>,
    leader_epoch: i32,
    codec: Codec,
    compressor: RefCell<Compressor>,
    state: RefCell<State>,
    waiting: RefCell<BTreeMap<CallId, Call>>,
    next_call: Cell<u64>,
    /// Where the records of the newest outcome end: no answer overtakes them.
    end_offset: Cell<i64>,
    /// When the timer's task wakes by itself.
    wakes_at_ms: Cell<u64>,
    timer_moved: Notify,
}

enum State {
    Loading,
    Active(Box<Coordinator>),
    /// The partition cannot be read.
    Failed,
    GivenUp,
}

/// A request that has no answer yet. The request itself is not kept: it may wait for minutes.
struct Call {
    /// The answer where the partition goes meanwhile.
    not_coordinator: Response,
    sender: OnceSender<Response>,
}

impl Call {
    fn refuse(self) {
        self.sender.send(self.not_coordinator);
    }
}

/// The caller's end of it.
pub(super) struct Waiting(OnceReceiver<Response>);

impl Waiting {
    pub(super) async fn wait(self) -> Response {
        let response = self.0.await;
        response.unwrap_or_else(|| panic!("every call of a coordinator is answered"))
    }
}

impl GroupHost {
    /// Load the partition's groups, then serve them.
    pub(super) fn start(
        shard: &Rc<Shard>,
        partition: Rc<Partition>,
        leader_epoch: i32,
        config: &GroupConfig,
    ) -> Rc<Self> {
        let host = Rc::new(Self {
            shard: Rc::downgrade(shard),
            partition,
            leader_epoch,
            codec: config.offsets.topic_codec,
            compressor: RefCell::default(),
            state: RefCell::new(State::Loading),
            waiting: RefCell::default(),
            next_call: Cell::new(0),
            end_offset: Cell::new(0),
            wakes_at_ms: Cell::new(u64::MAX),
            timer_moved: Notify::default(),
        });
        spawn(Rc::clone(&host).load_and_serve(config.clone()));
        host
    }

    pub(super) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    pub(super) fn is_loading(&self) -> bool {
        matches!(*self.state.borrow(), State::Loading)
    }

    /// Up to `count` groups after this one; none while they are not loaded.
    pub(super) fn summaries(&self, after: Option<&str>, count: usize) -> Vec<GroupSummary> {
        match &*self.state.borrow() {
            State::Active(coordinator) => coordinator.summaries(after, count),
            _ => Vec::new(),
        }
    }

    async fn load_and_serve(self: Rc<Self>, config: GroupConfig) {
        let mut coordinator = Coordinator::new(config);
        let loaded = load::load(&self.partition, &mut coordinator).await;
        if !matches!(*self.state.borrow(), State::Loading) {
            return;
        }
        let (topic, partition) = (&self.partition.topic, self.partition.key.partition);
        match loaded {
            Ok(count) => {
                if count > 0 {
                    tracing::info!(%topic, partition, records = count, "loaded groups and offsets");
                }
                self.activate(coordinator);
                self.keep_time().await;
            }
            Err(error) => {
                tracing::error!(%topic, partition,
                    "cannot load the groups of this partition, which are not served until it is repaired or \
                     deleted: {error}");
                *self.state.borrow_mut() = State::Failed;
            }
        }
    }

    fn activate(&self, coordinator: Coordinator) {
        *self.state.borrow_mut() = State::Active(Box::new(coordinator));
        let outcome = self.with_context(|coordinator, context| coordinator.activate(context));
        // Logged; the partition's own failure stops the node.
        let _ = self.take_unasked(outcome);
    }

    /// Nothing is decided here any more; who waits asks elsewhere.
    pub(super) fn give_up(&self) {
        *self.state.borrow_mut() = State::GivenUp;
        self.waiting.take().into_values().for_each(Call::refuse);
        self.timer_moved.notify_all();
    }

    pub(super) fn is_unreadable(&self) -> bool {
        matches!(*self.state.borrow(), State::Failed)
    }

    /// Decide one request.
    pub(super) fn call(self: &Rc<Self>, request: Request) -> Answer {
        let error = match *self.state.borrow() {
            State::Active(_) => None,
            State::Loading => Some(ErrorCode::CoordinatorLoadInProgress),
            State::Failed | State::GivenUp => Some(ErrorCode::NotCoordinator),
        };
        if let Some(error) = error {
            return Answer::Now(request.failed(error));
        }
        let call = CallId(self.next_call.get());
        self.next_call.set(call.0 + 1);
        let outcome = self.with_context(|coordinator, context| coordinator.handle(context, call, &request));
        let not_coordinator = request.failed(ErrorCode::NotCoordinator);
        let (sender, receiver) = once();
        self.waiting.borrow_mut().insert(call, Call { not_coordinator, sender });
        if let Err(error) = outcome.map_or(Err(ErrorCode::NotCoordinator), |outcome| self.take(outcome)) {
            self.fail(call, &request, error);
        }
        Answer::Later(Waiting(receiver))
    }

    fn with_context<T>(&self, ask: impl FnOnce(&mut Coordinator, &Context<'_>) -> T) -> Option<T> {
        let view = self.shard.upgrade()?.view();
        let context = Context {
            now_ms: now().as_millis(),
            unix_ms: unix_ms(),
            random: [random_u64(), random_u64()],
            image: &view.image,
        };
        match &mut *self.state.borrow_mut() {
            State::Active(coordinator) => Some(ask(coordinator, &context)),
            _ => None,
        }
    }

    /// Carry an outcome out. On an error nothing of it has happened, or its records are written up to a point where
    /// the group can go on from.
    fn take(&self, outcome: Outcome) -> Result<(), ErrorCode> {
        let Outcome { records, atomic, effects, responses } = outcome;
        let (written, result) = self.append(&records, atomic);
        if written == 0 {
            result?;
        }
        self.with_context(|coordinator, context| {
            coordinator.take(context, &records, written, effects);
        });
        self.set_timer();
        result?;
        self.answer(responses);
        Ok(())
    }

    /// How many records are written, and what stopped it before the last.
    fn append(&self, records: &[GroupRecord], atomic: bool) -> (usize, Result<(), ErrorCode>) {
        let max_bytes = self.partition.max_message_bytes();
        // A batch that must not be cut is then seen to be too large.
        let cut_at_bytes = if atomic { usize::MAX } else { max_bytes };
        let mut compressor = self.compressor.borrow_mut();
        let compression = (self.codec, &mut *compressor);
        let batches = match build_group_batches(records, unix_ms(), cut_at_bytes, compression) {
            Ok(batches) => batches,
            Err(error) => {
                tracing::error!(%error, "a group's record cannot be written; please report this");
                return (0, Err(ErrorCode::UnknownServerError));
            }
        };
        if batches.iter().any(|(batch, _)| batch.size_bytes() > max_bytes) {
            return (0, Err(ErrorCode::RecordListTooLarge));
        }
        let mut written = 0;
        for (batch, count) in batches {
            let appended = self.partition.append(batch, -1);
            if !appended.result.error_code.is_ok() {
                return (written, Err(appended.result.error_code));
            }
            self.end_offset.set(appended.result.base_offset + count as i64);
            written += count;
        }
        (written, Ok(()))
    }

    /// Send answers as soon as everything before them is committed.
    fn answer(&self, responses: Vec<(CallId, Response)>) {
        if responses.is_empty() {
            return;
        }
        let answers: Vec<_> = {
            let mut waiting = self.waiting.borrow_mut();
            let answers = responses.into_iter();
            answers.filter_map(|(call, response)| Some((waiting.remove(&call)?, response))).collect()
        };
        let end_offset = self.end_offset.get();
        if self.partition.high_watermark() >= end_offset {
            return answers.into_iter().for_each(|(call, response)| call.sender.send(response));
        }
        let partition = Rc::clone(&self.partition);
        spawn(async move {
            let is_committed = partition.committed(end_offset).await;
            for (call, response) in answers {
                if is_committed { call.sender.send(response) } else { call.refuse() }
            }
        });
    }

    /// Answer a call whose outcome could not be written.
    fn fail(&self, call: CallId, request: &Request, error: ErrorCode) {
        if let Some(call) = self.waiting.borrow_mut().remove(&call) {
            call.sender.send(request.failed(write_error(request, error)));
        }
        // Others may wait for what was to be written.
        let outcome = self.with_context(|coordinator, context| coordinator.write_failed(context, request));
        let _ = self.take_unasked(outcome);
    }

    /// Carry out what nobody asked for.
    fn take_unasked(&self, outcome: Option<Outcome>) -> Result<(), ErrorCode> {
        let taken = outcome.map_or(Ok(()), |outcome| self.take(outcome));
        if let Err(error) = taken {
            tracing::warn!(topic = %self.partition.topic, partition = self.partition.key.partition, %error,
                "what is due in a group cannot be written; it is tried again");
        }
        taken
    }

    /// Carry out what is due, one thing. What cannot be written is put off: others have their turn.
    fn poll(&self) {
        let polled = self.with_context(|coordinator, context| (coordinator.poll(context), context.now_ms));
        let Some((outcome, now_ms)) = polled else { return };
        if self.take_unasked(Some(outcome)).is_err() {
            self.with_context(|coordinator, _| coordinator.postpone(now_ms));
            self.timer_moved.notify_all();
        }
    }

    /// Topics have come or gone: what was committed for those that went goes, too.
    pub(super) fn on_new_metadata(&self, deleted_topics: &[(String, Uuid)]) {
        if !deleted_topics.is_empty() {
            self.with_context(|coordinator, context| coordinator.topics_deleted(context, deleted_topics));
        }
        self.poll();
        self.set_timer();
    }

    fn set_timer(&self) {
        let due = self.with_context(|coordinator, _| coordinator.next_timeout_ms()).flatten();
        // Later is found out when the timer wakes: heartbeats move deadlines all the time.
        if due.is_some_and(|due| due < self.wakes_at_ms.get()) {
            self.timer_moved.notify_all();
        }
    }

    /// Let the coordinator do what is due, as long as it is there.
    async fn keep_time(&self) {
        loop {
            let due = self.with_context(|coordinator, _| coordinator.next_timeout_ms());
            let Some(due) = due else { return };
            self.wakes_at_ms.set(due.unwrap_or(u64::MAX));
            let moved = self.timer_moved.notified();
            let Some(due) = due else {
                moved.await;
                continue;
            };
            let left = Duration::from_millis(due.saturating_sub(now().as_millis()));
            if timeout(left, moved).await.is_ok() {
                continue;
            }
            self.poll();
            // Much may be due at once; requests have their turn, too.
            yield_now().await;
        }
    }
}

/// What a failed write means to a client (as Kafka maps it).
fn write_error(request: &Request, error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::NotEnoughReplicas | ErrorCode::RequestTimedOut => {
            ErrorCode::CoordinatorNotAvailable
        }
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::RecordListTooLarge | ErrorCode::MessageTooLarge => match request {
            Request::OffsetCommit { .. } => ErrorCode::InvalidCommitOffsetSize,
            _ => ErrorCode::UnknownServerError,
        },
        error => error,
    }
}
