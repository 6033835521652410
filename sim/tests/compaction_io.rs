//! What compaction asks of a disk: writes that its core does not wait for, and flushes that hold nobody up for long.

#![allow(clippy::unwrap_used, reason = "a test may stop where it likes")]

use std::{cell::RefCell, path::Path, time::Duration};

use jackdaw_core::{
    records::{BatchBuilder, NewRecord},
    uuid::Uuid,
};
use jackdaw_sim::{Host, World};
use jackdaw_storage::{Cleaner, CleanerConfig, Log, LogConfig};

const LIMIT: Duration = Duration::from_secs(3600);
const VALUE_BYTES: usize = 1 << 20;
/// Values of keys of their own: one segment of 40 MiB after compaction.
const VALUES: i64 = 40;
const MIB: u64 = 1 << 20;

async fn append(log: &RefCell<Log>, key: i64, value: &[u8]) {
    let mut builder = BatchBuilder::new();
    builder.append(&NewRecord {
        timestamp_ms: 0,
        key: Some(&key.to_be_bytes()),
        value: Some(value),
        headers: &[],
    });
    log.borrow_mut().append(&mut [builder.build_uncompressed()], 1, 0).unwrap();
    let end = log.borrow().log_end_offset();
    log.borrow_mut().producers_mut().on_high_watermark(end);
    let flush = log.borrow_mut().begin_flush().unwrap();
    let flushed = flush.run().await.unwrap();
    log.borrow_mut().flushed(flushed);
}

/// Bytes that are compacted, and those that the core wrote itself meanwhile.
async fn compact(host: Host) -> (u64, u64) {
    let config = LogConfig {
        segment_bytes: 64 << 20,
        is_compacted: true,
        delete_old_segments: false,
        min_cleanable_dirty_ratio: 0.0,
        ..LogConfig::default()
    };
    let log = RefCell::new(Log::create(Path::new("/data/t-0"), Uuid([7; 16]), config, 0).await.unwrap());
    for number in 0..VALUES {
        append(&log, number, &vec![number as u8; VALUE_BYTES]).await;
    }
    log.borrow_mut().roll(0).unwrap();
    append(&log, 0, b"in the active segment").await;
    let config = CleanerConfig {
        dedupe_buffer_bytes: 1 << 20,
        load_factor: 0.9,
        io_buffer_bytes: 512 << 10,
        bytes_per_second: f64::MAX,
    };
    let cleanable = log.borrow().cleanable(i64::MAX, 0).unwrap().unwrap();
    let before = host.inline_write_bytes();
    let stats = Cleaner::new(config).clean(&log, &cleanable, &|| false).await.unwrap().unwrap();
    (stats.bytes_after, host.inline_write_bytes() - before)
}

#[test]
fn compaction_writes_through_the_ring_and_flushes_often() {
    let world = World::new(1);
    let host = world.add_host();
    host.start(1);
    let (compacted_bytes, inline_bytes) = world.run(LIMIT, host.spawn(0, compact(host.clone())));
    assert!(compacted_bytes > VALUES as u64 * MIB, "{compacted_bytes}");
    assert!(inline_bytes < MIB, "{inline_bytes} bytes were written inline");
    // Each append was flushed alone, so this was a flush of compaction's.
    let at_once = host.flushed_at_once_bytes();
    assert!((MIB * 2..=18 * MIB).contains(&at_once), "one flush wrote {at_once} bytes");
}
