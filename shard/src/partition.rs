//! One partition that this shard leads: its log, its offsets, who waits for it.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    path::PathBuf,
    rc::Rc,
    sync::Arc,
};

use jackdaw_core::{
    error_code::ErrorCode,
    partition_state::PartitionState,
    producer_state::{BatchInfo, BatchMetadata, Origin, Verdict},
    protocol::produce::ProduceResult,
    records::{TimestampType, ValidatedBatch},
};
use jackdaw_net::refusals::{Refusal, Refusals};
use jackdaw_ring::{channel::Notify, now, unix_ms};
use jackdaw_storage::{Journalled, Log, StorageError, journal::Block};

use crate::{
    commits::Commits,
    message::{PartitionCheckpoint, PartitionKey},
    metrics::{RequestCounters, Stage, TopicCount, TopicCounters},
    node::Fatal,
    view::{PartitionView, TopicSettings, TopicView},
    wakeups::Wakeups,
    watchers::Watchers,
};

/// In answers where the producer's own timestamps stand.
const NO_APPEND_TIME: i64 = -1;

/// A partition on its own shard. The reads are in `partition_read`.
pub(crate) struct Partition {
    pub(crate) key: PartitionKey,
    pub(crate) log_dir: usize,
    pub(crate) topic: Arc<str>,
    pub(crate) node_id: i32,
    pub(crate) log: RefCell<Log>,
    pub(crate) state: RefCell<PartitionView>,
    settings: RefCell<Arc<TopicSettings>>,
    /// Their order is asserted at each change.
    offsets: Cell<PartitionState>,
    /// Everything below is on stable storage, as far as this partition has waited for it.
    flushed_offset: Cell<i64>,
    /// Somebody waits for everything below to be there.
    wanted_offset: Cell<i64>,
    is_flushing: Cell<bool>,
    /// By the clock that never goes back.
    last_flush_ms: Cell<u64>,
    /// The half of the commit journal that has entries of it last; 0: none had.
    journal_half: Cell<u64>,
    flush_done: Notify,
    high_watermark_moved: Notify,
    /// Flushes and compactions under way: they name files by the directory's path.
    directory_users: Cell<usize>,
    directory_left: Notify,
    /// Its directory has another name or is gone: what fails there now is of no account.
    retired: Cell<bool>,
    /// The damage that a read met last, which was logged.
    pub(crate) told_damage: RefCell<Option<(PathBuf, u64)>>,
    pub(crate) watchers: Watchers,
    surroundings: Surroundings,
}

/// Where a partition's replica is.
pub(crate) struct PartitionPlace {
    pub(crate) node_id: i32,
    pub(crate) log_dir: usize,
}

/// What a partition has of its shard.
pub(crate) struct Surroundings {
    pub(crate) counters: Rc<TopicCounters>,
    pub(crate) requests: Rc<RequestCounters>,
    pub(crate) wakeups: Rc<Wakeups>,
    /// Of its log directory.
    pub(crate) commits: Rc<Commits>,
    pub(crate) fatal: Fatal,
}

/// Somebody works in a partition's directory; its name stays until this is dropped.
pub(crate) struct DirectoryUse(Rc<Partition>);

impl DirectoryUse {
    /// Flush the partition's files, and go on with the next commit if more is wanted by then.
    pub(crate) async fn flush(self) {
        if self.flush_segments().await && self.wants_more() {
            let commits = Rc::clone(&self.surroundings.commits);
            commits.add(self);
        }
    }
}

impl Deref for DirectoryUse {
    type Target = Rc<Partition>;

    fn deref(&self) -> &Rc<Partition> {
        &self.0
    }
}

impl Drop for DirectoryUse {
    fn drop(&mut self) {
        self.0.directory_users.set(self.0.directory_users.get() - 1);
        self.0.directory_left.notify_all();
    }
}

/// What became of a batch.
pub(crate) struct Appended {
    pub(crate) result: ProduceResult,
    /// The topic's flush policy: the answer waits until everything below this offset is on stable storage.
    pub(crate) flush: Option<i64>,
}

impl Appended {
    fn failed(error: ErrorCode) -> Self {
        Self { result: ProduceResult::failed(error), flush: None }
    }
}

impl Partition {
    pub(crate) fn new(
        topic: &TopicView,
        key: PartitionKey,
        place: PartitionPlace,
        log: Log,
        surroundings: Surroundings,
    ) -> Self {
        let (end_offset, recovery_point) = (log.log_end_offset(), log.recovery_point());
        let state = topic.partition(key.partition).cloned().unwrap_or_default();
        // The only replica: whatever is in the log is committed.
        let mut offsets = PartitionState::new(log.log_start_offset(), end_offset, end_offset);
        offsets.become_leader(state.leader_epoch);
        offsets.set_first_unstable_offset(log.producers().first_unstable_offset());
        Self {
            key,
            log_dir: place.log_dir,
            topic: Arc::clone(&topic.name),
            node_id: place.node_id,
            log: RefCell::new(log),
            state: RefCell::new(state),
            settings: RefCell::new(Arc::clone(&topic.settings)),
            offsets: Cell::new(offsets),
            flushed_offset: Cell::new(recovery_point),
            wanted_offset: Cell::new(recovery_point),
            is_flushing: Cell::new(false),
            last_flush_ms: Cell::new(now().as_millis()),
            journal_half: Cell::new(0),
            flush_done: Notify::default(),
            high_watermark_moved: Notify::default(),
            directory_users: Cell::new(0),
            directory_left: Notify::default(),
            retired: Cell::new(false),
            told_damage: RefCell::default(),
            watchers: Watchers::new(surroundings.wakeups.watch_count.clone()),
            surroundings,
        }
    }

    /// The topic or the partition's leadership changed.
    pub(crate) fn update(&self, topic: &TopicView) {
        if let Some(state) = topic.partition(self.key.partition) {
            self.change_offsets(|offsets| match state.leader == self.node_id {
                true => offsets.become_leader(state.leader_epoch),
                false => offsets.become_follower(state.leader_epoch),
            });
            *self.state.borrow_mut() = state.clone();
        }
        if !Arc::ptr_eq(&self.settings.borrow(), &topic.settings) {
            *self.settings.borrow_mut() = Arc::clone(&topic.settings);
            self.log.borrow_mut().set_config(topic.settings.log.clone());
        }
    }

    /// Whether this node leads, in the epoch that the client knows (-1: it does not say).
    pub(crate) fn check_leader(&self, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        let state = self.state.borrow();
        if state.leader != self.node_id {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        match current_leader_epoch {
            ..0 => Ok(()),
            epoch if epoch < state.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
            epoch if epoch > state.leader_epoch => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// Append one batch at the log's end.
    pub(crate) fn append(self: &Rc<Self>, batch: ValidatedBatch, acks: i16) -> Appended {
        if self.is_retired() {
            // Whoever still holds it: the next view says where the topic is, if it is anywhere.
            return Appended::failed(ErrorCode::NotLeaderOrFollower);
        }
        if let Err(error) = self.check_leader(-1).and_then(|()| self.check_isr(acks)) {
            return Appended::failed(error);
        }
        match self.check_producer(&batch) {
            Ok(Verdict::Append) => {}
            Ok(Verdict::Duplicate(first)) => return self.answer_duplicate(&first),
            Err(error) => return self.out_of_sequence(error),
        }
        match self.write(batch) {
            Ok(appended) => appended,
            Err(error) => self.append_failed(&error),
        }
    }

    /// The batch is in the log, perhaps not yet on stable storage: it may have been written just before a crash.
    fn answer_duplicate(self: &Rc<Self>, first: &BatchMetadata) -> Appended {
        let end_offset = first.last_offset + 1;
        let (log_start_offset, must_flush) = {
            let log = self.log.borrow();
            let is_flushed = self.flushed_offset.get() >= end_offset;
            // The first answer may still wait for a flush that is under way: no reader sees the batch before.
            let waits = self.high_watermark() < end_offset || self.must_flush(&log);
            (log.log_start_offset(), !is_flushed && waits)
        };
        // As Kafka does: the time that is remembered of the batch, whoever gave it.
        let result = ProduceResult::appended(first.base_offset(), first.timestamp_ms, log_start_offset);
        Appended { result, flush: must_flush.then(|| self.want_flush(end_offset)) }
    }

    /// A batch that does not follow its producer's last one.
    fn out_of_sequence(&self, error: ErrorCode) -> Appended {
        let mut appended = Appended::failed(error);
        appended.result.log_start_offset = self.log.borrow().log_start_offset();
        appended
    }

    fn check_isr(&self, acks: i16) -> Result<(), ErrorCode> {
        let needed = self.settings.borrow().min_insync_replicas;
        let state = self.state.borrow();
        if acks == -1 && state.isr.len() < needed.min(state.replicas.len()) {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        Ok(())
    }

    fn check_producer(&self, batch: &ValidatedBatch) -> Result<Verdict, ErrorCode> {
        let Some(info) = BatchInfo::of(batch.header()) else { return Ok(Verdict::Append) };
        let log = self.log.borrow();
        let verdict = log.producers().check(&info, Origin::Client { is_verified: true });
        verdict.map_err(|error| {
            tracing::debug!(topic = %self.topic, partition = self.key.partition, %error, "refused a batch");
            error.code()
        })
    }

    fn write(self: &Rc<Self>, mut batch: ValidatedBatch) -> Result<Appended, StorageError> {
        let leader_epoch = self.state.borrow().leader_epoch;
        let mut log = self.log.borrow_mut();
        let appended = log.append(std::slice::from_mut(&mut batch), leader_epoch, unix_ms())?;
        let append_time = match batch.header().timestamp_type() {
            TimestampType::LogAppendTime => batch.max_timestamp(),
            TimestampType::CreateTime => NO_APPEND_TIME,
        };
        let result = ProduceResult::appended(batch.base_offset(), append_time, log.log_start_offset());
        let counters = &self.surroundings.counters;
        counters.add(TopicCount::BytesIn, batch.size_bytes() as u64);
        counters.add(TopicCount::MessagesIn, u64::try_from(batch.header().records_count()).unwrap_or(0));
        let end_offset = appended.last_offset + 1;
        let must_flush = self.must_flush(&log);
        let first_unstable_offset = log.producers().first_unstable_offset();
        drop(log);
        self.change_offsets(|offsets| {
            offsets.append_to(end_offset);
            offsets.set_first_unstable_offset(first_unstable_offset);
        });
        if must_flush {
            return Ok(Appended { result, flush: Some(self.want_flush(end_offset)) });
        }
        if appended.has_rolled {
            // The finished segment becomes durable in the background, and the recovery point moves past it.
            self.want_flush(appended.base_offset);
        }
        self.advance(end_offset);
        Ok(Appended { result, flush: None })
    }

    fn append_failed(&self, error: &StorageError) -> Appended {
        if matches!(error, StorageError::AppendTooLarge { .. }) {
            return Appended::failed(ErrorCode::RecordListTooLarge);
        }
        if error.is_out_of_descriptors() && !self.log.borrow().has_failed() {
            // Nothing was written. Clients try again.
            if let Some(others) = Refusals::own().count(Refusal::Descriptors) {
                tracing::warn!(topic = %self.topic, partition = self.key.partition, others,
                    "refused a batch: no file descriptor is left; raise the limit (`ulimit -n`, LimitNOFILE=)");
            }
            return Appended::failed(ErrorCode::KafkaStorageError);
        }
        let what = format!("cannot append to {}-{}", self.topic, self.key.partition);
        self.surroundings.fatal.directory(self.log_dir, &what, error);
        Appended::failed(ErrorCode::KafkaStorageError)
    }

    /// `flush.ms`: begin a flush if there is something to flush and the last one is that long ago.
    pub(crate) fn flush_if_older(self: &Rc<Self>, now_ms: u64) {
        let is_due = {
            let log = self.log.borrow();
            let age_ms = now_ms.saturating_sub(self.last_flush_ms.get());
            let flush_ms = u64::try_from(log.config().flush_ms).unwrap_or(0);
            self.unflushed_count(&log) > 0 && age_ms >= flush_ms
        };
        if is_due && !self.is_retired() {
            let end_offset = self.log.borrow().log_end_offset();
            self.want_flush(end_offset);
        }
    }

    /// Begin a flush where compaction waits for one.
    pub(crate) fn flush_for_compaction(self: &Rc<Self>) {
        let waits = self.log.borrow().compaction_waits_for_flush(self.last_stable_offset());
        if waits && !self.is_retired() {
            let end_offset = self.log.borrow().log_end_offset();
            self.want_flush(end_offset);
        }
    }

    /// The directory is about to lose its name, perhaps to another partition: when this returns nobody works in it.
    pub(crate) async fn retire(&self) {
        self.leave();
        while self.directory_users.get() > 0 {
            self.directory_left.notified().await;
        }
    }

    /// Nothing comes of it any more: whoever waits is told.
    pub(crate) fn leave(&self) {
        self.retired.set(true);
        self.wake_all();
        self.flush_done.notify_all();
        self.high_watermark_moved.notify_all();
    }

    /// Hold the directory's name while files are made or renamed in it.
    pub(crate) fn use_directory(self: &Rc<Self>) -> DirectoryUse {
        self.directory_users.set(self.directory_users.get() + 1);
        DirectoryUse(Rc::clone(self))
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.get()
    }

    /// Offsets that are not on stable storage.
    fn unflushed_count(&self, log: &Log) -> i64 {
        log.log_end_offset() - self.flushed_offset.get()
    }

    /// `flush.messages`.
    fn must_flush(&self, log: &Log) -> bool {
        self.unflushed_count(log) >= log.config().flush_messages
    }

    /// Have everything below `end_offset` flushed: one flush at a time, each for all who wait.
    fn want_flush(self: &Rc<Self>, end_offset: i64) -> i64 {
        self.wanted_offset.set(self.wanted_offset.get().max(end_offset));
        if !self.is_flushing.replace(true) {
            self.surroundings.commits.add(self.use_directory());
        }
        end_offset
    }

    /// Whether more is wanted than is flushed. If not the next wish begins a flush.
    fn wants_more(&self) -> bool {
        let wants_more = self.flushed_offset.get() < self.wanted_offset.get() && !self.is_retired();
        self.is_flushing.set(wants_more);
        wants_more
    }

    fn on_flushed(&self, end_offset: i64) {
        self.last_flush_ms.set(now().as_millis());
        self.flushed_offset.set(self.flushed_offset.get().max(end_offset));
        self.advance(self.flushed_offset.get());
        self.flush_done.notify_all();
    }

    /// Put what is not durable into a block of the commit journal; `None`: it has to be flushed to its files.
    pub(crate) fn journal_into(&self, block: &mut Block) -> Result<Option<Journalled>, StorageError> {
        if self.is_retired() {
            return Ok(None);
        }
        self.log.borrow().journal_into(self.key.partition, block)
    }

    /// The journal is durable; true if more is wanted by now.
    pub(crate) fn on_journalled(&self, journalled: Journalled) -> bool {
        self.log.borrow_mut().journalled(journalled);
        self.on_flushed(journalled.up_to_offset());
        self.wants_more()
    }

    /// It has an entry in this half of the journal; true if that is the first.
    pub(crate) fn enter_half(&self, half: u64) -> bool {
        self.journal_half.replace(half) != half
    }

    pub(crate) fn last_half(&self) -> u64 {
        self.journal_half.get()
    }

    /// Flush the files; false if that failed, and the node stops.
    pub(crate) async fn flush_segments(&self) -> bool {
        if self.is_retired() {
            return true;
        }
        let begun = now();
        let flush = match self.log.borrow_mut().begin_flush() {
            Ok(flush) => flush,
            Err(error) => return self.flush_failed(&error),
        };
        let end_offset = flush.up_to_offset();
        match flush.run().await {
            Ok(flushed) => self.log.borrow_mut().flushed(flushed),
            // Nobody is answered: what was written may be lost.
            Err(error) => return self.flush_failed(&error),
        }
        self.surroundings.requests.record(Stage::Flush, begun, now());
        self.on_flushed(end_offset);
        true
    }

    /// Whether that is of no account.
    fn flush_failed(&self, error: &StorageError) -> bool {
        if !self.is_retired() {
            let what = format!("cannot flush {}-{}", self.topic, self.key.partition);
            self.surroundings.fatal.directory(self.log_dir, &what, error);
        }
        self.is_retired()
    }

    /// Wait until everything below `end_offset` is on stable storage; false if the partition is gone before. Never
    /// ends if the disk failed and the node stops.
    pub(crate) async fn flushed(&self, end_offset: i64) -> bool {
        while self.flushed_offset.get() < end_offset {
            if self.is_retired() {
                return false;
            }
            self.flush_done.notified().await;
        }
        true
    }

    /// Wait until everything below `end_offset` is committed; false if the partition is gone before.
    pub(crate) async fn committed(&self, end_offset: i64) -> bool {
        while self.high_watermark() < end_offset {
            if self.is_retired() {
                return false;
            }
            self.high_watermark_moved.notified().await;
        }
        true
    }

    /// A read of its files failed, not for damage.
    pub(crate) fn read_failed(&self, error: &dyn std::fmt::Display) {
        let what = format!("cannot read {}-{}", self.topic, self.key.partition);
        self.surroundings.fatal.directory_read(self.log_dir, &what, error);
    }

    pub(crate) fn min_insync_replicas(&self) -> usize {
        self.settings.borrow().min_insync_replicas
    }

    pub(crate) fn max_message_bytes(&self) -> usize {
        self.settings.borrow().validation.max_message_bytes
    }

    fn change_offsets<T>(&self, change: impl FnOnce(&mut PartitionState) -> T) -> T {
        let mut offsets = self.offsets.get();
        let changed = change(&mut offsets);
        self.offsets.set(offsets);
        changed
    }

    /// Everything below `end_offset` is committed: let readers have it.
    fn advance(&self, end_offset: i64) {
        if !self.change_offsets(|offsets| offsets.advance_high_watermark(end_offset)) {
            return;
        }
        let first_unstable_offset = {
            let mut log = self.log.borrow_mut();
            log.producers_mut().on_high_watermark(end_offset);
            log.producers().first_unstable_offset()
        };
        self.change_offsets(|offsets| offsets.set_first_unstable_offset(first_unstable_offset));
        self.high_watermark_moved.notify_all();
        self.wake_all();
    }

    /// Old segments went.
    pub(crate) fn on_log_start_offset(&self, log_start_offset: i64) {
        self.change_offsets(|offsets| offsets.advance_log_start_offset(log_start_offset));
    }

    pub(crate) fn high_watermark(&self) -> i64 {
        self.offsets.get().high_watermark()
    }

    /// Offset below which no transaction is open.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.offsets.get().last_stable_offset()
    }

    /// Wake all: their next read finds out why.
    pub(crate) fn wake_all(&self) {
        for watcher in self.watchers.take() {
            self.surroundings.wakeups.wake(watcher);
        }
    }

    pub(crate) fn checkpoint(&self) -> PartitionCheckpoint {
        let log = self.log.borrow();
        PartitionCheckpoint {
            log_dir: self.log_dir,
            topic: Arc::clone(&self.topic),
            partition: self.key.partition,
            high_watermark: self.high_watermark(),
            recovery_point: log.recovery_point(),
            log_start_offset: Some(log.log_start_offset()).filter(|offset| *offset > 0),
            first_dirty_offset: log.first_dirty_offset(),
            is_offline: false,
        }
    }
}
