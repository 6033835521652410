//! Tests only: an executor on the real ring, a directory that goes when the test has passed, and batches.

use std::{
    future::Future,
    path::{Path, PathBuf},
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
};

use jackdaw_core::records::{
    BatchBuilder, ControlType, NewRecord, ValidatedBatch, control::build_end_transaction_marker,
};
use jackdaw_ring::{Executor, UringConfig, UringDriver, file};

use crate::atomic_file;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Run `test` in a fresh directory.
pub(crate) fn in_dir<F: Future<Output = ()> + 'static>(test: impl FnOnce(PathBuf) -> F + 'static) {
    let driver = UringDriver::new(&UringConfig::default()).unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("jackdaw-storage-{}-{number}", std::process::id()));
    Executor::new(Rc::new(driver)).run(async move {
        file::create_directory_all(&dir).unwrap();
        test(dir.clone()).await;
        remove_all(&dir);
    });
}

pub(crate) fn remove_all(dir: &Path) {
    for entry in file::list_directory(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir { remove_all(&path) } else { file::remove_file(&path).unwrap() }
    }
    file::remove_directory(dir).unwrap();
}

/// A batch of `count` records with values of `value_bytes`, the first at `timestamp_ms` and each 1 ms later.
pub(crate) fn batch(count: usize, value_bytes: usize, timestamp_ms: i64) -> ValidatedBatch {
    fill(BatchBuilder::new(), count, value_bytes, timestamp_ms)
}

/// The same of an idempotent producer; transactional where the epoch is odd.
pub(crate) fn producer_batch(producer_id: i64, epoch: i16, sequence: i32, count: usize) -> ValidatedBatch {
    let builder = BatchBuilder::new().producer(producer_id, epoch, sequence);
    let builder = if epoch % 2 == 1 { builder.transactional() } else { builder };
    fill(builder, count, 20, 1000)
}

/// The marker that ends the transaction of a producer.
pub(crate) fn marker(producer_id: i64, epoch: i16, is_abort: bool) -> ValidatedBatch {
    let control_type = if is_abort { ControlType::Abort } else { ControlType::Commit };
    build_end_transaction_marker(control_type, &[0, 0, 0, 0, 0, 9], producer_id, epoch, 1000)
}

fn fill(mut builder: BatchBuilder, count: usize, value_bytes: usize, timestamp_ms: i64) -> ValidatedBatch {
    for index in 0..count {
        let value: Vec<u8> = (0..value_bytes).map(|byte| (byte * 7 + index) as u8).collect();
        builder.append(&NewRecord {
            timestamp_ms: timestamp_ms + index as i64,
            key: Some(b"key"),
            value: Some(&value),
            headers: &[],
        });
    }
    builder.build_uncompressed()
}

/// All bytes of a file.
pub(crate) fn content(path: &Path) -> Vec<u8> {
    file::read_all(path, 1 << 30).unwrap()
}

/// Replace the content of a file.
pub(crate) fn overwrite(path: &Path, bytes: &[u8]) {
    atomic_file::create(path, bytes).unwrap();
}

/// Copy the files of a directory, as a crash would leave them if nothing in memory were lost.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    file::create_directory_all(to).unwrap();
    for entry in file::list_directory(from).unwrap() {
        overwrite(&to.join(&entry.name), &content(&from.join(&entry.name)));
    }
}

/// Names of the files in a directory.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    file::list_directory(dir).unwrap().into_iter().map(|entry| entry.name).collect()
}
