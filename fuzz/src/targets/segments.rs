//! A partition's directory as a crash, a disk or another program left it, opened as at a start. On a simulated disk.

use std::{
    io::IoSlice,
    path::{Path, PathBuf},
    time::Duration,
};

use jackdaw_core::{records::Batches, uuid::Uuid};
use jackdaw_ring::{
    File,
    file::{self, OpenOptions},
    unix_ms,
};
use jackdaw_sim::World;
use jackdaw_storage::{Log, LogConfig, RecoveryInputs, StorageError, layout};

use super::{pieces, records};

const TOPIC_ID: Uuid = Uuid(*b"a topic of fuzz!");
const LIMIT: Duration = Duration::from_secs(3600);
const SEAL: u8 = 1;
const IS_CLEAN: u8 = 2;
const IS_COMPACTED: u8 = 4;
const READ_BYTES: usize = 1 << 20;

/// Run on a machine of its own.
pub(super) fn simulate<F: Future<Output = ()> + 'static>(work: impl FnOnce(PathBuf) -> F + 'static) {
    let world = World::new(1);
    let host = world.add_host();
    host.start(1);
    let task = host.spawn(0, async move {
        let dir = PathBuf::from("/data");
        file::create_directory_all(&dir).expect("a directory");
        work(dir).await;
    });
    world.run(LIMIT, task);
}

pub(super) fn write(path: &Path, bytes: &[u8]) {
    let options = OpenOptions { write: true, create: true, truncate: true, ..OpenOptions::default() };
    let file = File::open(path, options).expect("a file");
    file.write_all_at(&mut [IoSlice::new(bytes)], 0).expect("written");
}

fn config(choices: u8) -> LogConfig {
    LogConfig {
        is_compacted: choices & IS_COMPACTED != 0,
        segment_bytes: 4096,
        index_interval_bytes: 64,
        ..LogConfig::default()
    }
}

/// Make the CRCs of all batches right, as far as their lengths say where they are.
fn seal_all(bytes: &mut [u8]) {
    let mut rest = bytes;
    while rest.len() > 12 {
        let length = i32::from_be_bytes([rest[8], rest[9], rest[10], rest[11]]);
        let size = usize::try_from(length).map_or(0, |length| length.saturating_add(12));
        if size == 0 || size > rest.len() {
            return;
        }
        let (batch, after) = rest.split_at_mut(size);
        records::seal(batch);
        rest = after;
    }
}

/// Choices, the recovery point in a byte, and the only segment.
pub(super) fn recovery(input: &[u8]) {
    let Some((&[choices, recovery_point], bytes)) = input.split_first_chunk::<2>() else { return };
    let mut bytes = bytes.to_vec();
    if choices & SEAL != 0 {
        seal_all(&mut bytes);
    }
    simulate(move |dir| async move {
        let dir = dir.join("t-0");
        drop(Log::create(&dir, TOPIC_ID, config(choices), 0).await.expect("a new log"));
        write(&layout::FileKind::Log.path(&dir, 0), &bytes);
        open(&dir, choices, recovery_point).await;
    });
}

/// Open the log, read it, stop it, and open it again.
async fn open(dir: &Path, choices: u8, recovery_point: u8) {
    let is_clean = choices & IS_CLEAN != 0;
    let inputs = RecoveryInputs {
        is_clean,
        recovery_point: recovery_point.into(),
        first_dirty_offset: (choices & IS_COMPACTED != 0).then_some(0),
        ..RecoveryInputs::unknown()
    };
    let Ok((mut log, _)) = Log::open(dir, config(choices), inputs, unix_ms()).await else { return };
    let all = read_all(&log);
    // Of a clean stop it is taken that the files are as they were.
    assert!(all.is_ok() || is_clean, "a checked log cannot be read: {all:?}");
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    assert!(start <= end && end >= i64::from(recovery_point) || is_clean);
    let Ok(flush) = log.close() else { return };
    flush.run().await.expect("a flush");
    drop(log);
    let inputs =
        RecoveryInputs { is_clean: true, recovery_point: end, log_start_offset: Some(start), ..inputs };
    match Log::open(dir, config(choices), inputs, unix_ms()).await {
        Ok((log, _)) => assert_eq!(log.log_end_offset(), end, "it ends elsewhere after a clean stop"),
        Err(error) => assert!(is_clean, "it cannot be opened after a clean stop: {error}"),
    }
}

/// How many records the batches say that they have.
fn read_all(log: &Log) -> Result<i64, StorageError> {
    let (mut offset, mut count) = (log.log_start_offset(), 0);
    while let Some(read) = log.read(offset, READ_BYTES, log.log_end_offset(), true)? {
        let mut bytes = vec![0; read.length];
        let length = read.file.read_at(&mut bytes, read.position).expect("a read");
        let before = offset;
        for batch in Batches::new(&bytes[..length]).map_while(Result::ok) {
            offset = offset.max(batch.header().last_offset() + 1);
            count += i64::from(batch.header().records_count());
        }
        if offset == before {
            break;
        }
    }
    Ok(count)
}

fn segment(offsets: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut offset = 0_i64;
    for mut batch in records::batches() {
        batch[..8].copy_from_slice(&if offsets { offset } else { 0 }.to_be_bytes());
        offset += 5;
        bytes.extend(batch);
    }
    bytes
}

pub(super) fn recovery_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for choices in [0, SEAL, IS_CLEAN, SEAL | IS_CLEAN, IS_COMPACTED, SEAL | IS_COMPACTED] {
        for recovery_point in [0, 20, 45] {
            let mut input = vec![choices, recovery_point];
            input.extend(segment(true));
            seeds.push(input);
        }
    }
    let mut input = vec![SEAL, 0];
    input.extend(segment(false));
    seeds.push(input);
    seeds
}

/// Choices, and what stands in the files beside the log: offset index, time index, aborted transactions, producers, epochs.
pub(super) fn indexes(input: &[u8]) {
    let Some((&choices, rest)) = input.split_first() else { return };
    let contents: Vec<Option<Vec<u8>>> =
        pieces::split(rest).into_iter().map(|piece| piece.map(<[u8]>::to_vec)).collect();
    simulate(move |dir| async move {
        let dir = dir.join("t-0");
        drop(Log::create(&dir, TOPIC_ID, config(choices), 0).await.expect("a new log"));
        let bytes = segment(true);
        let end = 5 * records::batches().len() as i64;
        write(&layout::FileKind::Log.path(&dir, 0), &bytes);
        let files = [
            layout::FileKind::OffsetIndex.path(&dir, 0),
            layout::FileKind::TimeIndex.path(&dir, 0),
            layout::FileKind::TransactionIndex.path(&dir, 0),
            layout::FileKind::ProducerSnapshot.path(&dir, end),
            dir.join(layout::LEADER_EPOCHS),
        ];
        for (path, content) in files.iter().zip(&contents) {
            if let Some(content) = content {
                write(path, content);
            }
        }
        open(&dir, choices, if choices & 8 != 0 { 20 } else { 0 }).await;
    });
}

pub(super) fn index_seeds() -> Vec<Vec<u8>> {
    let first = records::batches()[0].len() as u32;
    let mut offsets = Vec::new();
    let mut times = Vec::new();
    for (last_offset, position) in [(9_u32, first), (14, 2 * first)] {
        offsets.extend(last_offset.to_be_bytes());
        offsets.extend(position.to_be_bytes());
        times.extend((1_767_225_600_000_i64 + i64::from(last_offset)).to_be_bytes());
        times.extend(last_offset.to_be_bytes());
    }
    let mut aborted = vec![0, 0];
    for number in [7_i64, 30, 34, 34] {
        aborted.extend(number.to_be_bytes());
    }
    let producers = super::logs::producer_snapshot_seeds().remove(0);
    let contents = [offsets.as_slice(), &times, &aborted, &producers, b"0\n1\n0 0\n"].map(Some);
    let mut seeds = Vec::new();
    for choices in [0, IS_CLEAN, IS_CLEAN | 8, IS_COMPACTED | IS_CLEAN] {
        let mut input = vec![choices];
        input.extend(pieces::join(contents));
        seeds.push(input);
    }
    seeds
}
