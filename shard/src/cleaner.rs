//! A shard's compaction: of its partitions the dirtiest one, then the next, in the background.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::config::LogCleanerConfig;
use jackdaw_ring::{spawn, unix_ms, yield_now};
use jackdaw_storage::{CleanFailure, CleanStats, Cleanable, Cleaner, CleanerConfig};

use crate::{housekeeping::pause, message::PartitionKey, partition::Partition, shard::Shard};

/// The shortest rest, whatever `log.cleaner.backoff.ms` says: looking for work is work, too.
const BACKOFF_MIN_MS: i64 = 10;

/// How soon a shorter rest takes effect.
const REST_STEP_MS: i64 = 1000;

/// Partitions looked at before others get their turn.
const PARTITIONS_PER_TURN: usize = 64;

/// Begin to compact this shard's logs, unless `log.cleaner.enable` says no. It ends when the shard stops.
pub(crate) fn start(shard: &Rc<Shard>, config: &LogCleanerConfig) {
    if config.enable {
        let cleaning = Cleaning {
            shard: Rc::clone(shard),
            cleaner: Cleaner::new(share(config, shard.rpc.shards())),
            uncleanable: BTreeSet::new(),
            put_off: BTreeSet::new(),
        };
        spawn(cleaning.run());
    }
}

/// One of `shards` equal parts of what the node may use.
fn share(config: &LogCleanerConfig, shards: usize) -> CleanerConfig {
    CleanerConfig {
        dedupe_buffer_bytes: usize::try_from(config.dedupe_buffer_size).unwrap_or(0) / shards,
        load_factor: config.io_buffer_load_factor,
        io_buffer_bytes: usize::try_from(config.io_buffer_size).unwrap_or(0) / shards,
        bytes_per_second: config.io_max_bytes_per_second / shards as f64,
    }
}

/// The background task.
struct Cleaning {
    shard: Rc<Shard>,
    cleaner: Cleaner,
    /// Damaged; the next start tries again.
    uncleanable: BTreeSet<PartitionKey>,
    /// The system refused something; tried again after the next rest, so that others have their turn before.
    put_off: BTreeSet<PartitionKey>,
}

impl Cleaning {
    async fn run(mut self) {
        while !self.shard.is_stopping() {
            self.cleaner.set_config(share(&self.shard.cleaner_in_effect(), self.shard.rpc.shards()));
            let goes_on = match self.dirtiest().await {
                Some((partition, cleanable)) => self.clean(&partition, &cleanable).await,
                None => false,
            };
            if !goes_on {
                self.rest().await;
                self.put_off.clear();
            }
        }
    }

    /// `log.cleaner.backoff.ms`, also where that is made shorter meanwhile.
    async fn rest(&self) {
        let mut rested_ms = 0;
        while !self.shard.is_stopping() {
            let backoff_ms = self.shard.cleaner_in_effect().backoff_ms.max(BACKOFF_MIN_MS);
            let left_ms = backoff_ms.saturating_sub(rested_ms);
            if left_ms <= 0 {
                return;
            }
            let step_ms = left_ms.min(REST_STEP_MS);
            pause(step_ms).await;
            rested_ms += step_ms;
        }
    }

    /// Of the partitions that are due the one of which the largest part is new.
    async fn dirtiest(&mut self) -> Option<(Rc<Partition>, Cleanable)> {
        let partitions: Vec<Rc<Partition>> = {
            let partitions = self.shard.partitions.borrow();
            let is_compacted = |partition: &&Rc<Partition>| partition.log.borrow().config().is_compacted;
            partitions.values().filter(is_compacted).cloned().collect()
        };
        let mut dirtiest: Option<(Rc<Partition>, Cleanable)> = None;
        for (index, partition) in partitions.into_iter().enumerate() {
            if index % PARTITIONS_PER_TURN == PARTITIONS_PER_TURN - 1 {
                yield_now().await;
            }
            let is_left_out =
                self.uncleanable.contains(&partition.key) || self.put_off.contains(&partition.key);
            if partition.is_retired() || is_left_out || self.shard.holds_in_journal(&partition) {
                continue;
            }
            partition.flush_for_compaction();
            let found = partition.log.borrow().cleanable(partition.last_stable_offset(), unix_ms());
            match found {
                Ok(Some(cleanable)) => {
                    let is_dirtier = dirtiest
                        .as_ref()
                        .is_none_or(|(_, known)| cleanable.dirty_ratio() > known.dirty_ratio());
                    if is_dirtier {
                        dirtiest = Some((partition, cleanable));
                    }
                }
                Ok(None) => {}
                Err(error) => _ = self.failed(&partition, error.into()),
            }
        }
        dirtiest
    }

    /// Whether to look for the next one at once.
    async fn clean(&mut self, partition: &Rc<Partition>, cleanable: &Cleanable) -> bool {
        let shard = Rc::clone(&self.shard);
        let is_cancelled = || partition.is_retired() || shard.is_stopping();
        let _directory = partition.use_directory();
        match self.cleaner.clean(&partition.log, cleanable, &is_cancelled).await {
            Ok(Some(stats)) => {
                tell(partition, cleanable, &stats);
                true
            }
            // Told already why, or not worth a word: the segments changed meanwhile.
            Ok(None) => false,
            Err(failure) => self.failed(partition, failure),
        }
    }

    /// Whether others can be compacted.
    fn failed(&mut self, partition: &Partition, failure: CleanFailure) -> bool {
        let (topic, number) = (&partition.topic, partition.key.partition);
        match failure {
            CleanFailure::Uncleanable(error) => {
                tracing::error!(
                    %topic, partition = number, %error,
                    "this partition is not compacted any more until the next start; it goes on otherwise"
                );
                self.uncleanable.insert(partition.key);
                true
            }
            CleanFailure::Io(error) => {
                tracing::warn!(%topic, partition = number, %error, "could not compact this partition; tries again");
                self.put_off.insert(partition.key);
                true
            }
            CleanFailure::Disk(error) => {
                let what = format!("cannot compact {topic}-{number}");
                self.shard.fatal.directory(partition.log_dir, &what, &error)
            }
        }
    }
}

fn tell(partition: &Partition, cleanable: &Cleanable, stats: &CleanStats) {
    tracing::info!(
        topic = %partition.topic, partition = partition.key.partition,
        from_offset = cleanable.first_dirty_offset, end_offset = stats.end_offset, keys = stats.key_count,
        bytes_before = stats.bytes_before, bytes_after = stats.bytes_after,
        segments_before = stats.segments_before, segments_after = stats.segments_after, "compacted"
    );
}
