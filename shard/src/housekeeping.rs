//! What a shard does for its logs from time to time: flushes by age, retention, forgetting idle producers.

use std::{future::Future, path::PathBuf, rc::Rc, time::Duration};

use jackdaw_core::config::LogConfig;
use jackdaw_ring::{now, sleep, spawn, unix_ms};
use jackdaw_storage::{StorageError, unlink_paced};

use crate::{cleaner, partition::Partition, shard::Shard};

/// Longest pause that is slept at once; the intervals' "never" is longer than a timer counts.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Begin this shard's periodic work. It ends when the shard stops.
pub(crate) fn start(shard: &Rc<Shard>, config: &LogConfig) {
    let initial_delay_ms = config.initial_task_delay_ms;
    let every = |interval_ms: i64| (initial_delay_ms, interval_ms);
    spawn(repeat(Rc::clone(shard), every(config.flush_scheduler_interval_ms), flush_old));
    spawn(repeat(Rc::clone(shard), every(config.retention_check_interval_ms), delete_old_segments));
    let check_interval_ms = i64::from(config.producer_id_expiration_check_interval_ms);
    spawn(repeat(Rc::clone(shard), every(check_interval_ms), forget_idle_producers));
    cleaner::start(shard, &config.cleaner);
}

/// Do `work` after the initial delay and then at each interval, until the shard stops.
async fn repeat<F: Future<Output = ()>>(
    shard: Rc<Shard>,
    (initial_delay_ms, interval_ms): (i64, i64),
    work: impl Fn(Rc<Shard>) -> F,
) {
    // Short intervals are set by who does not want to wait for the initial delay.
    pause(initial_delay_ms.min(interval_ms)).await;
    loop {
        if shard.is_stopping() {
            return;
        }
        work(Rc::clone(&shard)).await;
        pause(interval_ms).await;
    }
}

pub(crate) async fn pause(millis: i64) {
    let mut left = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    while !left.is_zero() {
        let now = left.min(PAUSE_MAX);
        sleep(now).await;
        left -= now;
    }
}

/// The partitions there are now, one after the other with others' turns between them, until the shard stops: then their
/// logs are being closed.
async fn for_each(shard: &Shard, mut work: impl FnMut(&Rc<Partition>)) {
    let partitions: Vec<_> = shard.partitions.borrow().values().cloned().collect();
    for partition in partitions {
        if shard.is_stopping() {
            return;
        }
        work(&partition);
        jackdaw_ring::yield_now().await;
    }
}

/// `flush.ms`: what lies unflushed for longer is flushed.
async fn flush_old(shard: Rc<Shard>) {
    let now_ms = now().as_millis();
    for_each(&shard, |partition| partition.flush_if_older(now_ms)).await;
}

/// `retention.ms`, `retention.bytes`, and segments below a log start that moved on.
async fn delete_old_segments(shard: Rc<Shard>) {
    for_each(&shard, |partition| match delete_old_segments_of(partition) {
        Ok((files, delay_ms)) if !files.is_empty() => {
            spawn(unlink(files, delay_ms));
        }
        Ok(_) => {}
        Err(error) => {
            let what =
                format!("cannot delete old segments of {}-{}", partition.topic, partition.key.partition);
            shard.fatal.directory(partition.log_dir, &what, &error);
        }
    })
    .await;
}

fn delete_old_segments_of(partition: &Partition) -> Result<(Vec<PathBuf>, u64), StorageError> {
    if partition.is_retired() {
        return Ok((Vec::new(), 0));
    }
    let mut log = partition.log.borrow_mut();
    let count = log.delete_old_segments(partition.high_watermark(), unix_ms())?;
    if count > 0 {
        partition.on_log_start_offset(log.log_start_offset());
        tracing::info!(
            topic = %partition.topic, partition = partition.key.partition, count,
            log_start_offset = log.log_start_offset(), "deleted old segments"
        );
    }
    // Compaction, truncation and DeleteRecords leave files here, too.
    Ok((log.take_deleted_files(), log.config().file_delete_delay_ms))
}

async fn unlink(files: Vec<PathBuf>, delay_ms: u64) {
    if let Err(error) = unlink_paced(files, delay_ms).await {
        tracing::warn!(%error, "a deleted file stays until the next start");
    }
}

/// `producer.id.expiration.ms`.
async fn forget_idle_producers(shard: Rc<Shard>) {
    let expiration_ms = i64::from(shard.int_in_effect("producer.id.expiration.ms"));
    for_each(&shard, |partition| {
        partition.log.borrow_mut().producers_mut().remove_expired(unix_ms(), expiration_ms);
    })
    .await;
}
