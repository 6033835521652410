//! Damage in what was flushed, which recovery does not read: found at the segments' ends, or by who reads.

use super::*;
use crate::layout::LEADER_EPOCHS;

/// A closed log, and how often each of its segments begins.
async fn closed(dir: &Path) -> (Log, Vec<i64>) {
    let mut log = written(dir).await;
    log.close().unwrap().run().await.unwrap();
    let bases = log.segments.iter().map(Segment::base_offset).collect();
    (log, bases)
}

fn copy_of(log: &Log, dir: &Path) -> PathBuf {
    let copy = dir.join("t-1");
    copy_dir(log.dir(), &copy);
    copy
}

async fn refused(dir: &Path, inputs: RecoveryInputs) -> String {
    let text = open(dir, inputs).await.err().expect("damage").to_string();
    remove_all(dir);
    text
}

fn remove_segment(dir: &Path, base_offset: i64) {
    for kind in FileKind::OF_SEGMENT {
        let path = kind.path(dir, base_offset);
        if jackdaw_ring::file::metadata(&path).unwrap().is_some() {
            jackdaw_ring::file::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn a_missing_segment_is_damage_after_any_stop() {
    in_dir(|dir| async move {
        let (log, bases) = closed(&dir).await;
        let end = log.log_end_offset();
        for inputs in [clean(end), unclean(end), unclean(bases[3])] {
            let copy = copy_of(&log, &dir);
            remove_segment(&copy, bases[2]);
            let text = refused(&copy, inputs).await;
            assert!(
                text.contains(&format!("from offset {} to {} are missing", bases[2], bases[3] - 1)),
                "{text}"
            );
            assert!(text.contains("cleaner-offset-checkpoint"), "{text}");
        }
        // What the advice says.
        let copy = copy_of(&log, &dir);
        remove_segment(&copy, bases[2]);
        let inputs = RecoveryInputs { first_dirty_offset: Some(0), ..clean(end) };
        let (recovered, report) = open(&copy, inputs).await.unwrap();
        assert_eq!((recovered.log_end_offset(), report.truncated_bytes), (end, 0));
        let read = recovered.read(bases[2], 1, end, true).unwrap().unwrap();
        assert_eq!(read.first_offset, bases[3]);
    });
}

#[test]
fn an_index_without_its_segment_is_damage_after_a_clean_stop() {
    in_dir(|dir| async move {
        let (log, bases) = closed(&dir).await;
        let end = log.log_end_offset();
        // Of the first one nothing else tells.
        let copy = copy_of(&log, &dir);
        jackdaw_ring::file::remove_file(&FileKind::Log.path(&copy, bases[0])).unwrap();
        let text = refused(&copy, clean(end)).await;
        assert!(
            text.contains(&format!("{SEGMENT_0}.log")) && text.contains("missing, though it has an index"),
            "{text}"
        );
    });
}

#[test]
fn an_index_of_another_segment_is_made_anew() {
    in_dir(|dir| async move {
        let (log, bases) = closed(&dir).await;
        let end = log.log_end_offset();
        let expected = index_files(&log);
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
            for (from, to) in [(0, 1), (1, 0), (bases.len() - 1, 1), (1, bases.len() - 1)] {
                let copy = copy_of(&log, &dir);
                let (from, to) = (kind.path(&copy, bases[from]), kind.path(&copy, bases[to]));
                if content(&from) != content(&to) {
                    overwrite(&to, &content(&from));
                    let (mut recovered, report) = open(&copy, clean(end)).await.unwrap();
                    if kind == FileKind::OffsetIndex {
                        assert_eq!(report.reindexed_segment_count, 1, "{}", to.display());
                    }
                    for offset in 0..end {
                        let first = recovered.read(offset, 1, end, true).unwrap().unwrap().first_offset;
                        assert_eq!(first, log.read(offset, 1, end, true).unwrap().unwrap().first_offset);
                    }
                    recovered.close().unwrap().run().await.unwrap();
                    if kind == FileKind::OffsetIndex {
                        assert_eq!(index_files(&recovered), expected, "{}", to.display());
                    }
                }
                remove_all(&copy);
            }
        }
    });
}

#[test]
fn leader_epochs_of_another_partition_are_damage() {
    in_dir(|dir| async move {
        let (log, _) = closed(&dir).await;
        let end = log.log_end_offset();
        for (text, inputs) in [
            ("0\n2\n0 0\n7 40\n", clean(end)),
            ("0\n2\n0 0\n7 40\n", unclean(end)),
            ("0\n1\n5 0\n", unclean(end)),
            ("0\n1\n0 0\n", clean(end)),
        ] {
            let copy = copy_of(&log, &dir);
            overwrite(&copy.join(LEADER_EPOCHS), text.as_bytes());
            let refusal = refused(&copy, inputs).await;
            assert!(
                refusal.contains("leader-epoch-checkpoint") && refusal.contains("it says epoch"),
                "{refusal}"
            );
        }
        // What the advice says: without the file and without a recovery point it is made anew.
        let copy = copy_of(&log, &dir);
        jackdaw_ring::file::remove_file(&copy.join(LEADER_EPOCHS)).unwrap();
        let (recovered, _) = open(&copy, unclean(0)).await.unwrap();
        assert_eq!(recovered.leader_epochs().entries(), log.leader_epochs().entries());
    });
}

#[test]
fn a_read_that_meets_damage_says_where() {
    in_dir(|dir| async move {
        let (log, bases) = closed(&dir).await;
        let end = log.log_end_offset();
        let copy = copy_of(&log, &dir);
        let path = FileKind::Log.path(&copy, bases[1]);
        let mut bytes = content(&path);
        bytes[16] = 9;
        overwrite(&path, &bytes);
        let (recovered, _) = open(&copy, clean(end)).await.unwrap();
        let text = recovered.read(bases[1], 1, end, true).err().unwrap().to_string();
        assert!(text.contains(&path.display().to_string()) && text.contains("damaged at byte 0"), "{text}");
        assert!(recovered.read(bases[2], 1, end, true).is_ok() && recovered.read(0, 1, end, true).is_ok());
        remove_all(&copy);

        let copy = copy_of(&log, &dir);
        let path = FileKind::OffsetIndex.path(&copy, bases[1]);
        let mut bytes = content(&path);
        assert!(bytes.len() > 8, "two entries");
        bytes[3] += 1;
        overwrite(&path, &bytes);
        let (recovered, _) = open(&copy, clean(end)).await.unwrap();
        let offset = bases[1] + i64::from(bytes[3]);
        let text = recovered.read(offset, 1, end, true).err().unwrap().to_string();
        assert!(text.contains(&path.display().to_string()) && text.contains("remove the index"), "{text}");
    });
}
