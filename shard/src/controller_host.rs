//! Hosts the metadata quorum's voter and the controller: carries out what they order, answers when it is committed
//! and every shard has seen it.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use jackdaw_core::{
    controller::{Context, Controller, Outcome, Request, Response, Settings},
    metadata::{Image, Loader, VersionedRecord, build_leader_change_batch, build_metadata_batch},
    protocol::{EncodeError, records::MetadataRecord},
    records::ValidatedBatch,
    uuid::Uuid,
};
use jackdaw_raft::{Input, Output, Raft, ReplicaKey, Start, VoterSet};
use jackdaw_ring::{
    channel::{Notify, Queue},
    now, random_u64, spawn, timeout, unix_ms,
};
use jackdaw_storage::{Log, MetadataDir, SnapshotId, unlink_paced};

use crate::{
    dir_failures::DirFailures,
    limits::PUBLICATIONS_MAX,
    metadata_log::{FoundMetadata, offset_and_epoch},
    metadata_snapshots::Snapshots,
    node::NodeError,
    rollout,
    shard::Shard,
    view::View,
    view_build::ViewBuilder,
};

/// How the metadata quorum is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuorumState {
    /// -1 for none.
    pub(crate) leader_id: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) high_watermark: i64,
    pub(crate) log_end_offset: i64,
}

/// The host, on its shard.
pub(crate) struct ControllerHost {
    shard: Weak<Shard>,
    settings: Settings,
    kraft_version: i16,
    raft: RefCell<Raft>,
    dir: MetadataDir,
    log: RefCell<Log>,
    snapshots: Rc<Snapshots>,
    /// What the directory was formatted with.
    bootstrap: Vec<MetadataRecord>,
    controller: RefCell<Option<Controller>>,
    /// What is committed.
    committed: RefCell<Loader>,
    /// Of the newest committed batch.
    committed_timestamp_ms: Cell<i64>,
    proposals: RefCell<BTreeMap<u64, Proposal>>,
    next_proposal: Cell<u64>,
    /// Appended and not yet committed, in the order of the log.
    uncommitted: RefCell<VecDeque<Appended>>,
    views: RefCell<ViewBuilder>,
    publications: Queue<Publication>,
    /// Everything below is committed and known to every shard.
    published_offset: Cell<i64>,
    broker_epoch: Cell<i64>,
    is_stirred: Cell<bool>,
    stirred: Notify,
    is_flushing: Cell<bool>,
    /// The log takes no more: what still runs ends.
    is_closed: Cell<bool>,
    progress: Notify,
}

/// A batch on its way to the log.
struct Proposal {
    batch: ValidatedBatch,
    records: Vec<VersionedRecord>,
}

/// News on its way to the shards.
enum Publication {
    /// A committed state; without a view where nothing changed that they see.
    Committed { view: Option<Arc<View>>, offset: i64 },
    /// A directory of this node has failed.
    FailedDirectory,
}

struct Appended {
    base_offset: i64,
    end_offset: i64,
    epoch: i32,
    timestamp_ms: i64,
    size_bytes: u64,
    records: Vec<VersionedRecord>,
}

/// What a host is made from.
pub(crate) struct HostParts {
    pub(crate) settings: Settings,
    pub(crate) raft_config: jackdaw_raft::Config,
    pub(crate) voters: VoterSet,
    pub(crate) found: FoundMetadata,
    pub(crate) views: ViewBuilder,
}

impl ControllerHost {
    /// Take up the voter's place. The host works when `drive` runs.
    pub(crate) fn start(shard: &Rc<Shard>, parts: HostParts) -> Rc<Self> {
        let HostParts { settings, raft_config, voters, found, views } = parts;
        let kraft_version = raft_config.kraft_version;
        let mut raft = Raft::new(raft_config);
        let log_bounds = found.bounds();
        let FoundMetadata { dir, log, loader, quorum_state, snapshots, bootstrap, .. } = found;
        raft.step(now().as_millis(), Input::Start(Start { quorum_state, log: log_bounds, voters }));
        let snapshots = Snapshots::new(
            &settings.broker.metadata_log,
            dir.clone(),
            snapshots,
            found.bytes_since_snapshot,
            now().as_millis(),
        );
        Rc::new(Self {
            shard: Rc::downgrade(shard),
            settings,
            kraft_version,
            raft: RefCell::new(raft),
            dir,
            log: RefCell::new(log),
            snapshots,
            bootstrap,
            controller: RefCell::default(),
            committed: RefCell::new(loader),
            committed_timestamp_ms: Cell::new(found.last_timestamp_ms),
            proposals: RefCell::default(),
            next_proposal: Cell::new(1),
            uncommitted: RefCell::default(),
            views: RefCell::new(views),
            publications: Queue::bounded(PUBLICATIONS_MAX),
            published_offset: Cell::new(0),
            broker_epoch: Cell::new(-1),
            is_stirred: Cell::new(true),
            stirred: Notify::default(),
            is_flushing: Cell::new(false),
            is_closed: Cell::new(false),
            progress: Notify::default(),
        })
    }

    /// Carry out the voter's orders, for ever.
    pub(crate) async fn drive(self: Rc<Self>) {
        loop {
            loop {
                let output = self.raft.borrow_mut().poll_output();
                let Some(output) = output else { break };
                if let Err(error) = self.carry_out(output).await {
                    self.fail(&error);
                    return;
                }
            }
            if self.is_stirred.replace(false) {
                continue;
            }
            self.wait().await;
        }
    }

    async fn wait(&self) {
        let deadline = self.raft.borrow().poll_timeout();
        let now_ms = now().as_millis();
        let stirred = self.stirred.notified();
        match deadline {
            None => stirred.await,
            Some(deadline) => {
                let left = Duration::from_millis(deadline.saturating_sub(now_ms));
                if timeout(left, stirred).await.is_err() {
                    self.raft.borrow_mut().step(now().as_millis(), Input::Timeout);
                }
            }
        }
    }

    fn stir(&self) {
        self.is_stirred.set(true);
        self.stirred.notify_all();
    }

    fn step(&self, input: Input) {
        self.raft.borrow_mut().step(now().as_millis(), input);
        self.stir();
    }

    fn fail(&self, error: &dyn std::fmt::Display) {
        if self.is_closed.get() {
            return;
        }
        if let Some(shard) = self.shard.upgrade() {
            shard.fatal.metadata(error);
        }
    }

    async fn carry_out(self: &Rc<Self>, output: Output) -> Result<(), NodeError> {
        match output {
            Output::PersistQuorumState(state) => {
                self.dir.write_quorum_state(&state.to_json()).await?;
            }
            Output::AppendLeaderChange { offset, epoch, voters, granting_voters } => {
                let leader_id = self.settings.broker.node.id;
                let (voters, granting) = (keys(&voters), keys(&granting_voters));
                let batch =
                    build_leader_change_batch(self.kraft_version, leader_id, &voters, &granting, unix_ms())
                        .map_err(|error| cannot_encode(&error))?;
                self.append(offset, epoch, batch, Vec::new())?;
            }
            Output::AppendBatch { id, base_offset, epoch } => {
                let proposal = self.proposals.borrow_mut().remove(&id);
                let Some(Proposal { batch, records }) = proposal else {
                    return Err(NodeError::Metadata(format!("proposal {id} is unknown")));
                };
                self.append(base_offset, epoch, batch, records)?;
            }
            Output::HighWatermark { offset } => {
                let publication = self.commit(offset)?;
                self.take_snapshot_if_due();
                // The queue closes when the node stops.
                let _ = self.publications.push(publication).await;
            }
            Output::LeaderReady { epoch } => self.become_controller(epoch)?,
            Output::LostLeadership { epoch } => {
                tracing::info!(epoch, "no longer the active controller");
                *self.controller.borrow_mut() = None;
            }
            Output::BecameLeader { epoch, start_offset } => {
                tracing::info!(epoch, start_offset, "leads the metadata quorum");
            }
            Output::LeaderChanged { epoch, leader_id } => {
                tracing::debug!(epoch, ?leader_id, "metadata leader");
            }
            Output::RefuseProposal { id } => {
                self.proposals.borrow_mut().remove(&id);
            }
            Output::Fatal(fatal) => return Err(NodeError::Metadata(fatal.to_string())),
            // Orders that only a quorum of several nodes gives.
            Output::AppendFetched { .. }
            | Output::Truncate { .. }
            | Output::FetchSnapshot { .. }
            | Output::Send { .. }
            | Output::Reply { .. } => {
                return Err(NodeError::Metadata(
                    "this release runs a metadata quorum of one node; remove the others from \
                     controller.quorum.voters"
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn append(
        self: &Rc<Self>,
        base_offset: i64,
        epoch: i32,
        mut batch: ValidatedBatch,
        records: Vec<VersionedRecord>,
    ) -> Result<(), NodeError> {
        let end_offset = {
            let mut log = self.log.borrow_mut();
            let appended = log.append(std::slice::from_mut(&mut batch), epoch, unix_ms())?;
            assert_eq!(appended.base_offset, base_offset, "the metadata log and its voter agree on offsets");
            appended.last_offset + 1
        };
        self.uncommitted.borrow_mut().push_back(Appended {
            base_offset,
            end_offset,
            epoch,
            timestamp_ms: batch.max_timestamp(),
            size_bytes: batch.size_bytes() as u64,
            records,
        });
        self.step(Input::Appended { end_offset });
        self.flush();
        Ok(())
    }

    /// One flush at a time; each covers what was appended until it began.
    fn flush(self: &Rc<Self>) {
        if self.is_flushing.replace(true) {
            return;
        }
        let host = Rc::clone(self);
        spawn(async move {
            if let Err(error) = host.flush_all().await {
                host.fail(&error);
            }
        });
    }

    async fn flush_all(&self) -> Result<(), NodeError> {
        loop {
            let flush = self.log.borrow_mut().begin_flush()?;
            let end_offset = flush.up_to_offset();
            let flushed = flush.run().await?;
            let unflushed = {
                let mut log = self.log.borrow_mut();
                log.flushed(flushed);
                log.unflushed_count()
            };
            self.step(Input::Flushed { end_offset });
            if unflushed == 0 {
                self.is_flushing.set(false);
                return Ok(());
            }
        }
    }

    /// Apply what is committed.
    fn commit(&self, offset: i64) -> Result<Publication, NodeError> {
        {
            let mut uncommitted = self.uncommitted.borrow_mut();
            let mut committed = self.committed.borrow_mut();
            while uncommitted.front().is_some_and(|appended| appended.end_offset <= offset) {
                let Some(appended) = uncommitted.pop_front() else { break };
                if appended.records.is_empty() {
                    committed.skip(appended.end_offset - 1, appended.epoch);
                }
                for (record_offset, record) in (appended.base_offset..).zip(&appended.records) {
                    committed
                        .replay(record_offset, appended.epoch, &record.record)
                        .map_err(|error| NodeError::Metadata(error.to_string()))?;
                }
                self.snapshots.committed(appended.size_bytes);
                self.committed_timestamp_ms.set(appended.timestamp_ms);
            }
        }
        let image = self.committed.borrow().publish();
        let view = self.views.borrow_mut().build(image);
        Ok(Publication::Committed { view, offset })
    }

    /// Committed state ends with a batch: the high watermark does.
    fn take_snapshot_if_due(self: &Rc<Self>) {
        let now_ms = now().as_millis();
        if self.is_closed.get()
            || !self.snapshots.is_due(now_ms)
            || self.committed.borrow().is_in_transaction()
        {
            return;
        }
        let image = self.committed.borrow().publish();
        let (host, timestamp_ms) = (Rc::clone(self), self.committed_timestamp_ms.get());
        spawn(async move {
            // Without it the log only stays longer; the next one is tried as soon as it is due.
            if let Err(error) = host.take_snapshot(image, timestamp_ms, now_ms).await {
                tracing::error!(%error, "cannot take a snapshot of the metadata");
            }
        });
    }

    async fn take_snapshot(
        &self,
        image: Arc<Image>,
        timestamp_ms: i64,
        now_ms: u64,
    ) -> Result<(), NodeError> {
        let id = self.snapshots.take(image, timestamp_ms, now_ms).await?;
        let log_size_bytes = self.log.borrow().size_bytes();
        let oldest_kept = self.snapshots.oldest_kept(log_size_bytes, unix_ms());
        if let Some(oldest_kept) = oldest_kept
            && !self.is_closed.get()
        {
            self.snapshots.delete_below(oldest_kept).await?;
            self.advance_log_start(oldest_kept)?;
        }
        let log_start_offset = self.log.borrow().log_start_offset();
        tracing::info!(end_offset = id.end_offset, epoch = id.epoch, log_start_offset, "metadata snapshot");
        self.step(Input::SnapshotTaken { snapshot: offset_and_epoch(id), log_start_offset });
        Ok(())
    }

    /// Nobody needs what this snapshot holds as records any more.
    fn advance_log_start(&self, oldest_kept: SnapshotId) -> Result<(), NodeError> {
        let (files, delay_ms) = {
            let mut log = self.log.borrow_mut();
            log.set_log_start_offset(oldest_kept.end_offset)?;
            log.delete_old_segments(oldest_kept.end_offset, unix_ms())?;
            (log.take_deleted_files(), log.config().file_delete_delay_ms)
        };
        spawn(async move {
            if let Err(error) = unlink_paced(files, delay_ms).await {
                tracing::warn!(%error, "an old segment of the metadata log stays until the next start");
            }
        });
        Ok(())
    }

    /// Show committed states to the shards, one after the other, for ever.
    pub(crate) async fn publish(self: Rc<Self>) {
        while let Some(publication) = self.publications.pop().await {
            let Some(shard) = self.shard.upgrade() else { return };
            match publication {
                Publication::Committed { view, offset } => {
                    if let Some(view) = view {
                        rollout::show(&shard, view).await;
                    }
                    self.published_offset.set(offset);
                    self.progress.notify_all();
                }
                Publication::FailedDirectory => rollout::show_again(&shard).await,
            }
        }
    }

    /// Have every shard take the partitions of each directory that fails offline, for ever.
    pub(crate) async fn follow_directories(self: Rc<Self>, dirs: DirFailures) {
        loop {
            dirs.next().await;
            // The queue closes when the node stops.
            let _ = self.publications.push(Publication::FailedDirectory).await;
        }
    }

    /// We lead and know all that was committed before: decide from here on.
    fn become_controller(self: &Rc<Self>, epoch: i32) -> Result<(), NodeError> {
        tracing::info!(epoch, "active controller");
        let loader = self.committed.borrow().clone();
        let controller = Controller::new(self.settings.clone(), loader, now().as_millis());
        let outcome = controller.activate(&self.bootstrap);
        *self.controller.borrow_mut() = Some(controller);
        self.take_outcome(outcome)?;
        self.progress.notify_all();
        Ok(())
    }

    fn context(&self) -> Context {
        Context {
            now_ms: now().as_millis(),
            next_offset: self.raft.borrow().end_offset(),
            random: [random_u64(), random_u64()],
        }
    }

    /// Append an outcome's records; its response may be sent when everything below the returned offset is published.
    fn take_outcome<R>(self: &Rc<Self>, outcome: Outcome<R>) -> Result<(R, i64), NodeError> {
        let context = self.context();
        {
            let mut controller = self.controller.borrow_mut();
            let Some(controller) = controller.as_mut() else {
                return Err(NodeError::Metadata("the controller is gone".to_owned()));
            };
            controller.accept(&context, &outcome.effects);
            let epoch = self.raft.borrow().epoch();
            for (offset, record) in (context.next_offset..).zip(&outcome.records) {
                controller
                    .replay(offset, epoch, &record.record)
                    .map_err(|error| NodeError::Metadata(error.to_string()))?;
            }
        }
        for records in outcome.batches() {
            self.propose(records.to_vec())?;
        }
        let end_offset = self.raft.borrow().end_offset();
        Ok((outcome.response, end_offset))
    }

    fn propose(self: &Rc<Self>, records: Vec<VersionedRecord>) -> Result<(), NodeError> {
        let id = self.next_proposal.get();
        self.next_proposal.set(id + 1);
        let record_count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let batch = build_metadata_batch(&records, unix_ms()).map_err(|error| cannot_encode(&error))?;
        self.proposals.borrow_mut().insert(id, Proposal { batch, records });
        self.step(Input::Propose { id, record_count });
        Ok(())
    }

    async fn published(&self, offset: i64) {
        while self.published_offset.get() < offset {
            self.progress.notified().await;
        }
    }

    /// Decide one request and wait until its records are committed and every shard knows them.
    pub(crate) async fn handle(self: &Rc<Self>, request: Request) -> Option<Response> {
        let outcome = {
            let controller = self.controller.borrow();
            controller.as_ref()?.handle(&self.context(), &request)
        };
        // A heartbeat that changes nothing tells nothing that could still be undone: it must not wait for disks, or a
        // broker that is busy opening logs would count as dead.
        let is_idle_heartbeat = outcome.records.is_empty() && matches!(request, Request::BrokerHeartbeat(_));
        match self.take_outcome(outcome) {
            Ok((response, _)) if is_idle_heartbeat => Some(response),
            Ok((response, end_offset)) => {
                self.published(end_offset).await;
                Some(response)
            }
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    /// Wait until the controller is active.
    pub(crate) async fn active(&self) {
        while self.controller.borrow().is_none() {
            self.progress.notified().await;
        }
    }

    /// Answer a shard; `None` where the controller is not active.
    pub(crate) async fn call(self: &Rc<Self>, mut request: Request) -> Option<Response> {
        if let Request::AllocateProducerIds(request) = &mut request {
            // Only the host knows the epoch under which its broker is registered.
            (request.broker_id, request.broker_epoch) =
                (self.settings.broker.node.id, self.broker_epoch.get());
        }
        self.handle(request).await
    }

    /// What is due by the controller's clock, for ever.
    pub(crate) async fn keep_time(self: Rc<Self>) {
        loop {
            let due = self.controller.borrow().as_ref().and_then(Controller::next_timeout_ms);
            let left = due.map_or(1000, |due| due.saturating_sub(now().as_millis()).max(1));
            jackdaw_ring::sleep(Duration::from_millis(left)).await;
            if self.is_closed.get() {
                return;
            }
            let outcome = {
                let controller = self.controller.borrow();
                controller.as_ref().map(|controller| controller.poll(&self.context()))
            };
            if let Some(outcome) = outcome
                && let Err(error) = self.take_outcome(outcome)
            {
                self.fail(&error);
                return;
            }
        }
    }

    pub(crate) fn quorum(&self) -> QuorumState {
        let raft = self.raft.borrow();
        QuorumState {
            leader_id: raft.leader_id().unwrap_or(-1),
            leader_epoch: raft.epoch(),
            high_watermark: raft.high_watermark(),
            log_end_offset: raft.end_offset(),
        }
    }

    pub(crate) fn set_broker_epoch(&self, epoch: i64) {
        self.broker_epoch.set(epoch);
    }

    pub(crate) fn broker_epoch(&self) -> i64 {
        self.broker_epoch.get()
    }

    pub(crate) fn published_offset(&self) -> i64 {
        self.published_offset.get()
    }

    /// Close the metadata log the clean way.
    pub(crate) async fn close(&self) -> Result<(), NodeError> {
        self.is_closed.set(true);
        let flush = self.log.borrow_mut().close()?;
        flush.run().await?;
        Ok(())
    }
}

fn keys(replicas: &[ReplicaKey]) -> Vec<(i32, Uuid)> {
    replicas.iter().map(|key| (key.id, key.directory_id)).collect()
}

fn cannot_encode(error: &EncodeError) -> NodeError {
    NodeError::Metadata(format!("a record cannot be encoded: {error}"))
}

/// This node as a voter of a static quorum.
pub(crate) fn replica_of_node(id: i32) -> ReplicaKey {
    ReplicaKey::of_node(id)
}
