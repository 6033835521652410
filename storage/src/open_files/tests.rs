//! Many logs with few descriptors.

use std::path::Path;

use jackdaw_core::{records::Batches, uuid::Uuid};
use jackdaw_ring::yield_now;

use super::*;
use crate::{
    Log, LogConfig, RecoveryInputs,
    test_dir::{batch, in_dir},
};

const LOGS: usize = 24;

fn config() -> LogConfig {
    LogConfig { segment_bytes: 2000, index_interval_bytes: 100, ..LogConfig::default() }
}

async fn create(dir: &Path, index: usize) -> Log {
    let path = dir.join(format!("t-{index}"));
    Log::create(&path, Uuid([index as u8 + 1; 16]), config(), 0).await.unwrap()
}

fn fill(log: &mut Log, count: usize) {
    for _ in 0..count {
        log.append(&mut [batch(2, 100, 100)], 3, 0).unwrap();
    }
}

/// The number of batches that can be read.
fn count_batches(log: &Log) -> usize {
    let (mut count, mut offset) = (0, 0);
    while let Some(read) = log.read(offset, 1 << 20, i64::MAX, true).unwrap() {
        let mut bytes = vec![0; read.length];
        assert_eq!(read.file.read_at(&mut bytes, read.position).unwrap(), read.length);
        for found in Batches::new(&bytes).map(|batch| batch.unwrap().header().last_offset() + 1) {
            (count, offset) = (count + 1, found);
        }
    }
    count
}

async fn flush(log: &mut Log) {
    let flushed = log.begin_flush().unwrap().run().await.unwrap();
    log.flushed(flushed);
}

async fn settle(open_files: &OpenFiles) {
    while open_files.is_flushing.get() {
        jackdaw_ring::sleep(std::time::Duration::from_millis(1)).await;
        yield_now().await;
    }
}

#[test]
fn logs_with_less_descriptors_than_files_hold_all_their_records() {
    in_dir(|dir| async move {
        let open_files = OpenFiles::own();
        open_files.set_max(0);
        let mut logs = Vec::new();
        for index in 0..LOGS {
            logs.push(create(&dir, index).await);
        }
        assert!(open_files.open_count() <= SEGMENT_FILES_OPEN_MIN, "{}", open_files.open_count());
        for _ in 0..3 {
            for log in &mut logs {
                fill(log, 10);
                settle(&open_files).await;
            }
        }
        assert!(open_files.closed_count() > 0);
        // Each log has several segments, of three files.
        assert!(logs.iter().all(|log| log.segment_count() >= 3));
        for log in &mut logs {
            assert_eq!(count_batches(log), 30);
            flush(log).await;
        }
        fill(&mut logs[0], 1);
        settle(&open_files).await;
        assert!(open_files.open_count() <= SEGMENT_FILES_OPEN_MIN, "{}", open_files.open_count());
        drop(logs);
        assert_eq!(open_files.open_count(), 0);
        let inputs = RecoveryInputs { recovery_point: 60, ..RecoveryInputs::unknown() };
        for index in 0..LOGS {
            let opened = Log::open(&dir.join(format!("t-{index}")), config(), inputs, 0).await;
            let (log, report) = opened.unwrap();
            assert_eq!((log.log_end_offset(), report.truncated_bytes), (60 + 2 * i64::from(index == 0), 0));
            settle(&open_files).await;
        }
    });
}

#[test]
fn what_no_flush_has_covered_stays_open() {
    in_dir(|dir| async move {
        let open_files = OpenFiles::own();
        let mut log = create(&dir, 0).await;
        fill(&mut log, 1);
        assert_eq!(open_files.open_count(), 1);
        open_files.make_room(0);
        // It is closed by a task, which has not run.
        assert_eq!(open_files.open_count(), 1);
        settle(&open_files).await;
        assert_eq!((open_files.open_count(), open_files.closed_count()), (0, 1));
        // Who uses a file keeps it open, whatever is flushed.
        let read = log.read(0, 1 << 20, i64::MAX, true).unwrap().unwrap();
        open_files.make_room(0);
        settle(&open_files).await;
        assert_eq!(open_files.open_count(), 1);
        drop(read);
        open_files.make_room(0);
        assert_eq!(open_files.open_count(), 0);
        assert_eq!(count_batches(&log), 1);
    });
}

#[test]
fn a_log_that_nobody_writes_takes_no_descriptor_after_a_clean_start() {
    in_dir(|dir| async move {
        let mut log = create(&dir, 0).await;
        flush(&mut log).await;
        drop(log);
        let inputs = RecoveryInputs { is_clean: true, ..RecoveryInputs::unknown() };
        let (mut log, _) = Log::open(&dir.join("t-0"), config(), inputs, 0).await.unwrap();
        assert_eq!(OpenFiles::own().open_count(), 0);
        fill(&mut log, 1);
        assert_eq!(OpenFiles::own().open_count(), 1);
    });
}
