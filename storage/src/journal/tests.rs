//! What recovery makes of a journal and of segments as crashes leave them.

use std::path::Path;

use jackdaw_core::uuid::Uuid;

use super::{block::FoundBlock, *};
use crate::{
    Log, LogConfig, StorageError, clean_shutdown,
    layout::FileKind,
    log_dir::LogDir,
    test_dir::{batch, content, in_dir, names, overwrite},
};

const TOPIC_ID: Uuid = Uuid([7; 16]);
/// Halves of 16 KiB: three small blocks, and room to say that the other half is free.
const SMALL_BYTES: u64 = 32 << 10;

fn flushed_each() -> LogConfig {
    LogConfig { flush_messages: 1, ..LogConfig::default() }
}

/// A log with one flushed batch, and a journal beside its directory.
async fn begin(dir: &Path) -> (Log, Journal) {
    let mut log = Log::create(&dir.join("t-0"), TOPIC_ID, flushed_each(), 0).await.unwrap();
    append(&mut log);
    flush(&mut log).await;
    (log, Journal::create(dir, 0, SMALL_BYTES).await.unwrap())
}

fn append(log: &mut Log) {
    log.append(&mut [batch(2, 20, 1000)], 0, 0).unwrap();
}

async fn flush(log: &mut Log) {
    let flushed = log.begin_flush().unwrap().run().await.unwrap();
    log.flushed(flushed);
}

/// Make what was appended durable by the journal.
async fn commit(log: &mut Log, journal: &mut Journal) {
    let journalled = log.journal_into(0, journal.block().unwrap()).unwrap().unwrap();
    let flushed = journal.write().unwrap().run().await.unwrap();
    journal.flushed(flushed);
    log.journalled(journalled);
}

fn segment(dir: &Path) -> std::path::PathBuf {
    FileKind::Log.path(&dir.join("t-0"), 0)
}

fn journal_path(dir: &Path) -> std::path::PathBuf {
    dir.join("jackdaw-journal-0")
}

/// What the power cut leaves of a segment, whatever it leaves of it, recovery has all that was journalled.
#[test]
fn what_a_segment_lacks_is_written_into_it() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        let flushed_bytes = content(&segment(&dir)).len();
        for _ in 0..3 {
            append(&mut log);
            append(&mut log);
            commit(&mut log, &mut journal).await;
        }
        let whole = content(&segment(&dir));
        let file = content(&journal_path(&dir));
        let batch_bytes = flushed_bytes;
        let zeros_behind = |length: usize| {
            let mut image = whole[..length].to_vec();
            image.resize(whole.len() + 100, 0);
            image
        };
        let mut hole = whole.clone();
        hole[2 * batch_bytes..3 * batch_bytes].fill(0);
        let cuts: [Vec<u8>; 6] = [
            whole.clone(),
            whole[..flushed_bytes].to_vec(),
            whole[..flushed_bytes + 10].to_vec(),
            whole[..4 * batch_bytes + 10].to_vec(),
            zeros_behind(flushed_bytes),
            hole,
        ];
        for cut in cuts {
            overwrite(&segment(&dir), &cut);
            overwrite(&journal_path(&dir), &file);
            replay(&dir).await.unwrap();
            assert_eq!(content(&segment(&dir))[..whole.len()], whole, "cut to {}", cut.len());
            assert_eq!(names(&dir), ["t-0"], "the journal is gone");
        }
    });
}

/// A block that was being written is none; of those before it all are read.
#[test]
fn a_torn_block_at_the_end_is_left_out() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        let mut ends = vec![content(&segment(&dir)).len()];
        for _ in 0..2 {
            append(&mut log);
            commit(&mut log, &mut journal).await;
            ends.push(content(&segment(&dir)).len());
        }
        let whole = content(&segment(&dir));
        let mut file = content(&journal_path(&dir));
        file[2 * ALIGN_BYTES + 60] ^= 1;
        overwrite(&journal_path(&dir), &file);
        overwrite(&segment(&dir), &whole[..ends[0]]);
        replay(&dir).await.unwrap();
        assert_eq!(content(&segment(&dir)), whole[..ends[1]]);
    });
}

/// What was promised is gone, and nobody says that all is well.
#[test]
fn a_lost_block_before_the_last_is_damage() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        for _ in 0..3 {
            append(&mut log);
            commit(&mut log, &mut journal).await;
        }
        let mut file = content(&journal_path(&dir));
        file[2 * ALIGN_BYTES + 60] ^= 1;
        overwrite(&journal_path(&dir), &file);
        let error = replay(&dir).await.unwrap_err();
        assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
        assert_eq!(names(&dir), ["jackdaw-journal-0", "t-0"], "it stays for whoever looks into it");
    });
}

#[test]
fn a_lost_first_block_is_damage_unless_nothing_was_written() {
    in_dir(|dir| async move {
        let (mut log, _) = begin(&dir).await;
        let lose_first = || {
            let mut file = content(&journal_path(&dir));
            file[..ALIGN_BYTES].fill(0);
            overwrite(&journal_path(&dir), &file);
        };
        lose_first();
        replay(&dir).await.unwrap();
        assert_eq!(names(&dir), ["t-0"], "it was being made");
        append(&mut log);
        let mut journal = Journal::create(&dir, 0, SMALL_BYTES).await.unwrap();
        commit(&mut log, &mut journal).await;
        lose_first();
        let error = replay(&dir).await.unwrap_err();
        assert!(error.to_string().contains("first block"), "{error}");
    });
}

/// Whoever sends records that look like blocks does not know the journal's number.
#[test]
fn what_looks_like_a_block_is_none() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        append(&mut log);
        commit(&mut log, &mut journal).await;
        let mut file = content(&journal_path(&dir));
        let forged = Block::new(100).finish(&BlockHeader { run: 1, sequence: 99, needed_from: 99 }).to_vec();
        file[3 * ALIGN_BYTES..4 * ALIGN_BYTES].copy_from_slice(&forged);
        overwrite(&journal_path(&dir), &file);
        let whole = content(&segment(&dir));
        overwrite(&segment(&dir), &whole[..whole.len() / 2]);
        replay(&dir).await.unwrap();
        assert_eq!(content(&segment(&dir)), whole);
    });
}

/// A half is begun again only when a durable block says that nothing in it is needed; a crash at any point finds all
/// that is.
#[test]
fn the_halves_take_turns() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        let mut switched_count = 0;
        for _ in 0..40 {
            append(&mut log);
            if journal.is_half_full() {
                assert!(journal.switch());
                assert!(!journal.switch(), "the other half is in use");
                switched_count += 1;
                commit(&mut log, &mut journal).await;
                check_crash(&dir, &log).await;
                flush(&mut log).await;
                journal.release();
                assert!(journal.has_news() && journal.is_other_in_use());
                let flushed = journal.write_empty().unwrap().run().await.unwrap();
                journal.flushed(flushed);
                assert!(!journal.has_news() && !journal.is_other_in_use());
            } else {
                commit(&mut log, &mut journal).await;
            }
            check_crash(&dir, &log).await;
        }
        assert!(switched_count > 10, "{switched_count}");
        journal.remove().await.unwrap();
        assert_eq!(names(&dir), ["t-0"]);
    });
}

/// Merge into a copy of what was flushed.
async fn check_crash(dir: &Path, log: &Log) {
    let copy = dir.join("copy");
    for name in names(&dir.join("t-0")) {
        jackdaw_ring::file::create_directory_all(&copy.join("t-0")).unwrap();
        overwrite(&copy.join("t-0").join(&name), &content(&dir.join("t-0").join(&name)));
    }
    overwrite(&journal_path(&copy), &content(&journal_path(dir)));
    let whole = content(&segment(dir));
    // All batches are of one size.
    let flushed_bytes = whole.len() * log.recovery_point() as usize / log.log_end_offset() as usize;
    overwrite(&segment(&copy), &whole[..flushed_bytes]);
    replay(&copy).await.unwrap();
    let merged = content(&segment(&copy));
    assert!(merged == whole, "{} of {} bytes, {flushed_bytes} flushed", merged.len(), whole.len());
    crate::test_dir::remove_all(&copy);
}

/// Kafka started on the directory after a crash, cut the torn end and appended its own.
#[test]
fn what_another_program_wrote_stays() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        let flushed = content(&segment(&dir));
        append(&mut log);
        append(&mut log);
        commit(&mut log, &mut journal).await;
        let mut theirs = batch(1, 33, 5);
        theirs.assign(2, 9);
        let theirs = [flushed.as_slice(), theirs.header_bytes(), theirs.body()].concat();
        let file = content(&journal_path(&dir));
        for image in [theirs, flushed[..flushed.len() - 1].to_vec()] {
            overwrite(&segment(&dir), &image);
            overwrite(&journal_path(&dir), &file);
            replay(&dir).await.unwrap();
            assert_eq!(content(&segment(&dir)), image);
        }
        // And after its clean stop the journal is not even looked at.
        overwrite(&segment(&dir), &flushed);
        overwrite(&journal_path(&dir), &file);
        clean_shutdown::write(&dir, 1).await.unwrap();
        drop(LogDir::open(&dir).await.unwrap());
        assert_eq!(content(&segment(&dir)), flushed);
        assert!(!names(&dir).contains(&"jackdaw-journal-0".to_owned()));
    });
}

#[test]
fn entries_of_what_is_gone_are_left_out() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        append(&mut log);
        commit(&mut log, &mut journal).await;
        jackdaw_ring::file::rename(
            &dir.join("t-0"),
            &dir.join("t-0.0123456789abcdef0123456789abcdef-delete"),
        )
        .unwrap();
        replay(&dir).await.unwrap();
        assert!(!names(&dir).contains(&"jackdaw-journal-0".to_owned()));
    });
}

/// A new segment, much at once, and a compacted topic are flushed to the files; and so is the first after a start.
#[test]
fn what_the_journal_does_not_take() {
    in_dir(|dir| async move {
        let (mut log, mut journal) = begin(&dir).await;
        let mut takes = |log: &Log| log.journal_into(0, journal.block().unwrap()).unwrap().is_some();
        assert!(!takes(&log), "nothing was appended");
        append(&mut log);
        assert!(takes(&log));
        log.roll(0).unwrap();
        append(&mut log);
        assert!(!takes(&log), "the new segment's name may not be durable");
        flush(&mut log).await;
        log.append(&mut [batch(1, 70_000, 1000)], 0, 0).unwrap();
        assert!(!takes(&log), "too much");
        flush(&mut log).await;
        append(&mut log);
        assert!(takes(&log));
        log.set_config(LogConfig { is_compacted: true, ..flushed_each() });
        assert!(!takes(&log), "compaction may rewrite it");
        log.set_config(LogConfig::default());
        assert!(!takes(&log), "nobody waits for it");
    });
}

#[test]
fn a_block_is_read_as_it_was_written() {
    let mut block = Block::new(300);
    let entry = EntryHeader {
        topic_id: TOPIC_ID,
        partition: 5,
        size_bytes: 3,
        segment_base_offset: 1 << 40,
        position: 77,
    };
    block.entry(&entry).unwrap().copy_from_slice(b"abc");
    assert!(block.entry(&EntryHeader { size_bytes: 300, ..entry }).is_none(), "it is full");
    let header = BlockHeader { run: 1, sequence: 2, needed_from: 1 };
    let bytes = block.finish(&header).to_vec();
    assert_eq!(bytes.len(), ALIGN_BYTES);
    let found = FoundBlock::parse(&bytes).unwrap();
    assert_eq!(found.header, header);
    assert_eq!(found.entries().collect::<Vec<_>>(), [(entry, b"abc".as_slice())]);
    for index in 0..79 {
        let mut flipped = bytes.clone();
        flipped[index] ^= 0x10;
        assert!(FoundBlock::parse(&flipped).is_none(), "byte {index}");
    }
    assert!(FoundBlock::parse(&bytes[..70]).is_none());
    assert!(FoundBlock::parse(&[]).is_none());
}
