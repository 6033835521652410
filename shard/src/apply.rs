//! Taking a view over: logs of partitions that came are opened, of those that went are removed; and the end of all.

use std::{collections::BTreeMap, path::PathBuf, rc::Rc, sync::Arc, time::Duration};

use jackdaw_ring::{sleep, spawn, timeout, unix_ms};
use jackdaw_storage::{
    Log, RecoveryProgress, RecoveryReport, StorageError,
    layout::{PartitionDirState, partition_dir_name},
    log_dir::{
        CreateRequest, OpenRequest, OpenedLog, create_logs, open_logs, remove_partition_dir,
        retire_partition_dir,
    },
    side_by_side,
};

use crate::{
    dir_failures::is_of_the_disk,
    limits::{LOGS_CLOSED_AT_ONCE, LOGS_MADE_AT_ONCE, LOGS_OPENED_AT_ONCE},
    log_dirs::random_uuid,
    message::{Applied, ApplyStep, PartitionCheckpoint, PartitionKey},
    node::Fatal,
    partition::{Partition, PartitionPlace, Surroundings},
    placement::Place,
    shard::Shard,
    view::{TopicView, View},
};

/// A start that takes longer says how far it is this often.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// Do one step of taking a view over.
pub(crate) async fn apply(shard: &Rc<Shard>, view: &Arc<View>, step: ApplyStep) -> Applied {
    let done = |has_changed: bool| Applied { has_changed, offline: Vec::new() };
    match step {
        ApplyStep::Retire => done(retire_gone(shard, view).await),
        // The logs are being closed: they are not to be opened beside that.
        ApplyStep::Open if shard.is_stopping() => Applied::default(),
        ApplyStep::Open => {
            let has_changed = open_new(shard, view).await;
            Applied { has_changed, offline: shard.offline.borrow().keys().copied().collect() }
        }
        ApplyStep::Show => {
            let before = shard.view();
            shard.set_view(Arc::clone(view));
            shard.counters.retain_topics(|topic_id| view.topics.contains_key(&topic_id));
            shard.groups.follow(shard, &before, view);
            Applied::default()
        }
    }
}

/// Open or make the logs that the view places here.
async fn open_new(shard: &Rc<Shard>, view: &View) -> bool {
    leave_failed_dirs(shard);
    let own = shard.rpc.own();
    let (mut found, mut new) = (Vec::new(), Vec::new());
    for (key, place) in view.placement.iter().filter(|(_, place)| place.shard == own) {
        let Some(topic) = view.topic_by_id(key.topic_id) else { continue };
        if let Some(partition) = shard.partition(key) {
            partition.update(topic);
        } else if shard.offline.borrow().contains_key(&key) {
            // The next start tries again.
        } else if shard.fatal.dirs().is_failed(place.log_dir) {
            let lines = offline_lines(shard, topic, key, place);
            shard.offline.borrow_mut().insert(key, lines);
        } else if shard.identity.existing.contains_key(&key) {
            found.push((topic, key, place));
        } else {
            new.push((topic, key, place));
        }
    }
    open_found(shard, found).await;
    let is_new = !new.is_empty();
    create_new(shard, new).await;
    is_new
}

/// Take the partitions of directories that have failed offline.
fn leave_failed_dirs(shard: &Shard) {
    let dirs = shard.fatal.dirs();
    if dirs.count() == 0 {
        return;
    }
    let left: Vec<Rc<Partition>> = {
        let mut partitions = shard.partitions.borrow_mut();
        partitions
            .extract_if(.., |_, partition| dirs.is_failed(partition.log_dir))
            .map(|(_, left)| left)
            .collect()
    };
    for partition in left {
        let lines = PartitionCheckpoint { is_offline: true, ..partition.checkpoint() };
        shard.offline.borrow_mut().insert(partition.key, lines);
        partition.leave();
    }
}

/// Make the logs of partitions that came.
async fn create_new(shard: &Rc<Shard>, new: Vec<(&TopicView, PartitionKey, Place)>) {
    let requests = new.iter().map(|(topic, key, place)| CreateRequest {
        path: dir(shard, topic, *key, *place),
        topic_id: key.topic_id,
        config: topic.settings.log.clone(),
    });
    let created = create_logs(requests.collect(), LOGS_MADE_AT_ONCE, unix_ms()).await;
    for ((topic, key, place), (_, created)) in new.into_iter().zip(created) {
        take_in(shard, topic, key, place, created.map(|log| (log, RecoveryReport::default())));
    }
}

fn dir(shard: &Shard, topic: &TopicView, key: PartitionKey, place: Place) -> PathBuf {
    shard.identity.log_dirs[place.log_dir].join(partition_dir_name(&topic.name, key.partition))
}

/// Open the logs whose files were found at start.
async fn open_found(shard: &Rc<Shard>, found: Vec<(&TopicView, PartitionKey, Place)>) {
    let mut by_dir = BTreeMap::new();
    let mut requests = Vec::with_capacity(found.len());
    for (topic, key, place) in found {
        let path = dir(shard, topic, key, place);
        requests.push(OpenRequest {
            topic: topic.name.to_string(),
            partition: key.partition,
            path: path.clone(),
            config: topic.settings.log.clone(),
            inputs: shard.identity.existing[&key].inputs,
        });
        by_dir.insert(path, (topic, key, place));
    }
    for (request, opened) in open_with_progress(requests).await {
        if let Some((topic, key, place)) = by_dir.remove(&request.path) {
            take_in(shard, topic, key, place, flush_recovered(opened).await);
        }
    }
}

/// Open the logs; where that takes long, say how far it is.
async fn open_with_progress(requests: Vec<OpenRequest>) -> Vec<OpenedLog> {
    let (count, progress) = (requests.len(), Rc::new(RecoveryProgress::default()));
    let mut opening = std::pin::pin!(open_logs(requests, LOGS_OPENED_AT_ONCE, unix_ms(), &progress));
    loop {
        if let Ok(opened) = timeout(PROGRESS_INTERVAL, opening.as_mut()).await {
            return opened;
        }
        tracing::info!(
            done = progress.done_count.get(),
            of = count,
            checked_bytes = progress.checked_bytes.get(),
            "opening the logs of this shard's partitions"
        );
    }
}

/// A topic that promises to flush shows nothing before it is flushed; nor what a crash has left in its log.
async fn flush_recovered(
    opened: Result<(Log, RecoveryReport), StorageError>,
) -> Result<(Log, RecoveryReport), StorageError> {
    let (mut log, report) = opened?;
    if log.unflushed_count() >= log.config().flush_messages {
        let flushed = log.begin_flush()?.run().await?;
        log.flushed(flushed);
    }
    Ok((log, report))
}

/// Lead the partition of this log from here on.
fn take_in(
    shard: &Rc<Shard>,
    topic: &TopicView,
    key: PartitionKey,
    place: Place,
    opened: Result<(Log, RecoveryReport), StorageError>,
) {
    let (mut log, report) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            // The others serve; clients of this one are told KAFKA_STORAGE_ERROR.
            tracing::error!(topic = %topic.name, partition = key.partition, "partition is offline: {error}");
            let what = "cannot open a log";
            if error.is_failed_flush() {
                shard.fatal.directory(place.log_dir, what, &error);
            } else if is_of_the_disk(&error) {
                shard.fatal.directory_read(place.log_dir, what, &error);
            }
            let lines = offline_lines(shard, topic, key, place);
            shard.offline.borrow_mut().insert(key, lines);
            return;
        }
    };
    if report.truncated_bytes > 0 {
        tracing::warn!(topic = %topic.name, partition = key.partition, bytes = report.truncated_bytes,
            reason = report.truncated_because.as_deref().unwrap_or("torn"), "cut the log's unflushed end");
    }
    if let Some(state) = topic.partition(key.partition) {
        log.begin_leader_epoch(state.leader_epoch);
    }
    let place = PartitionPlace { node_id: shard.identity.node_id, log_dir: place.log_dir };
    let surroundings = Surroundings {
        counters: shard.counters.topic(key.topic_id),
        requests: Rc::clone(&shard.counters.requests),
        wakeups: Rc::clone(&shard.wakeups),
        commits: Rc::clone(&shard.commits[place.log_dir]),
        fatal: shard.fatal.clone(),
    };
    let partition = Partition::new(topic, key, place, log, surroundings);
    shard.partitions.borrow_mut().insert(key, Rc::new(partition));
}

/// What the checkpoint files said of a partition before it could not be opened: they must go on saying it, or the
/// next start would take its damage for a torn end.
fn offline_lines(shard: &Shard, topic: &TopicView, key: PartitionKey, place: Place) -> PartitionCheckpoint {
    let inputs = shard.identity.existing.get(&key).map(|found| found.inputs);
    let recovery_point = inputs.map_or(0, |inputs| inputs.recovery_point);
    PartitionCheckpoint {
        log_dir: place.log_dir,
        topic: Arc::clone(&topic.name),
        partition: key.partition,
        high_watermark: recovery_point,
        recovery_point,
        log_start_offset: inputs.and_then(|inputs| inputs.log_start_offset),
        first_dirty_offset: inputs.and_then(|inputs| inputs.first_dirty_offset),
        is_offline: true,
    }
}

/// Give the directories of partitions that are not in the view any more another name. All at once: each waits for
/// the disk.
async fn retire_gone(shard: &Rc<Shard>, view: &View) -> bool {
    let own = shard.rpc.own();
    let is_gone = |key: &PartitionKey| view.owner(*key) != Some(own);
    let gone: Vec<Rc<Partition>> = {
        let mut partitions = shard.partitions.borrow_mut();
        let keys: Vec<PartitionKey> = partitions.keys().copied().filter(is_gone).collect();
        keys.into_iter().filter_map(|key| partitions.remove(&key)).collect()
    };
    let offline: Vec<PartitionCheckpoint> = {
        let mut offline = shard.offline.borrow_mut();
        let keys: Vec<PartitionKey> = offline.keys().copied().filter(is_gone).collect();
        keys.into_iter().filter_map(|key| offline.remove(&key)).collect()
    };
    let has_changed = !gone.is_empty() || !offline.is_empty();
    let mut retired: Vec<_> =
        gone.into_iter().map(|partition| spawn(retire(Rc::clone(shard), partition))).collect();
    retired.extend(offline.into_iter().map(|lines| spawn(retire_offline(Rc::clone(shard), lines))));
    for task in retired {
        task.await;
    }
    has_changed
}

/// The directory of a partition that was never opened.
async fn retire_offline(shard: Rc<Shard>, lines: PartitionCheckpoint) {
    let log_dir = &shard.identity.log_dirs[lines.log_dir];
    let (topic, number) = (&lines.topic, lines.partition);
    let retired =
        retire_partition_dir(log_dir, topic, number, PartitionDirState::Deleted, random_uuid()).await;
    if let Err(error) = retired {
        if error.is_failed_flush() {
            shard.fatal.directory(lines.log_dir, &format!("cannot delete {topic}-{number}"), &error);
            return;
        }
        // The next start removes it.
        tracing::warn!(%topic, partition = number, %error, "cannot delete an offline partition");
    }
}

async fn retire(shard: Rc<Shard>, partition: Rc<Partition>) {
    partition.retire().await;
    let log_dir = &shard.identity.log_dirs[partition.log_dir];
    let (topic, number) = (&partition.topic, partition.key.partition);
    match retire_partition_dir(log_dir, topic, number, PartitionDirState::Deleted, random_uuid()).await {
        Ok(path) => {
            spawn(remove_later(partition, path));
        }
        Err(error) => {
            shard.fatal.directory(partition.log_dir, &format!("cannot delete {topic}-{number}"), &error);
        }
    }
}

/// Remove the files after `file.delete.delay.ms`: until then the log's open files serve those who still read.
async fn remove_later(partition: Rc<Partition>, path: PathBuf) {
    let delay_ms = partition.log.borrow().config().file_delete_delay_ms;
    sleep(Duration::from_millis(delay_ms)).await;
    drop(partition);
    if let Err(error) = remove_partition_dir(&path, 0).await {
        tracing::warn!(%error, "a deleted partition stays until the next start");
    }
}

/// What the checkpoint files say of this shard's partitions.
pub(crate) fn checkpoints(shard: &Shard) -> Vec<PartitionCheckpoint> {
    let mut lines: Vec<_> =
        shard.partitions.borrow().values().map(|partition| partition.checkpoint()).collect();
    lines.extend(shard.offline.borrow().values().cloned());
    lines
}

/// Close all logs the clean way.
pub(crate) async fn close_all(shard: &Shard) -> Vec<PartitionCheckpoint> {
    let partitions: Vec<_> = std::mem::take(&mut *shard.partitions.borrow_mut()).into_values().collect();
    let mut closed: Vec<PartitionCheckpoint> = shard.offline.borrow().values().cloned().collect();
    let fatal = shard.fatal.clone();
    let close = move |partition| close(partition, fatal.clone());
    closed.extend(side_by_side(partitions, LOGS_CLOSED_AT_ONCE, close).await.into_iter().flatten());
    closed
}

async fn close(partition: Rc<Partition>, fatal: Fatal) -> Option<PartitionCheckpoint> {
    let flush = partition.log.borrow_mut().close();
    let flushed = match flush {
        Ok(flush) => flush.run().await,
        Err(error) => Err(error),
    };
    match flushed {
        Ok(flushed) => {
            partition.log.borrow_mut().flushed(flushed);
            Some(partition.checkpoint())
        }
        Err(error) => {
            let what = format!("cannot close {}-{}", partition.topic, partition.key.partition);
            fatal.directory(partition.log_dir, &what, &error);
            None
        }
    }
}
