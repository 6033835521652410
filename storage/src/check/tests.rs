//! A directory as it is left is clean; each kind of damage is named with its file.

use super::*;
use crate::{
    Log, LogConfig, LogDir, MetaProperties,
    checkpoint::PartitionOffsets,
    test_dir::{batch, content, copy_dir, in_dir, marker, names, overwrite, producer_batch, remove_all},
};

/// Segments of the log below, the first and a later one.
const SEGMENT_0: &str = "t-0/00000000000000000000";
const SEGMENT_1: &str = "t-0/00000000000000000020";

/// A directory with one partition, several segments, two epochs, and transactions, stopped cleanly.
async fn stopped(dir: &Path) -> i64 {
    let mut log_dir = LogDir::open(dir).await.unwrap();
    let properties = MetaProperties { cluster_id: "c".into(), node_id: 1, directory_id: None };
    log_dir.set_meta_properties(properties).await.unwrap();
    let config = LogConfig { segment_bytes: 1500, index_interval_bytes: 200, ..LogConfig::default() };
    let mut log = Log::create(&dir.join("t-0"), Uuid([7; 16]), config, 0).await.unwrap();
    for round in 0..12 {
        let epoch = round / 6;
        log.append(&mut [producer_batch(1, 0, round * 2, 2)], epoch, 0).unwrap();
        log.append(&mut [batch(2, 30, i64::from(round)), producer_batch(2, 1, round, 1)], epoch, 0).unwrap();
        log.append(&mut [marker(2, 1, round % 2 == 0)], epoch, 0).unwrap();
    }
    log.close().unwrap().run().await.unwrap();
    let end = log.log_end_offset();
    let lines = PartitionOffsets::from([(("t".to_owned(), 0), end)]);
    log_dir.close(&lines, &PartitionOffsets::new(), 3).await.unwrap();
    end
}

async fn checked(dir: &Path) -> Vec<Finding> {
    check(&[dir.to_path_buf()], &mut |_| {}).await.unwrap().findings
}

/// Change the content of a file.
fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = content(path);
    change(&mut bytes);
    overwrite(path, &bytes);
}

fn copy_all(from: &Path, to: &Path) {
    copy_dir(&from.join("t-0"), &to.join("t-0"));
    for entry in file::list_directory(from).unwrap().into_iter().filter(|entry| !entry.is_dir) {
        overwrite(&to.join(&entry.name), &content(&from.join(&entry.name)));
    }
}

#[test]
fn a_stopped_directory_is_clean_and_nothing_is_changed() {
    in_dir(|dir| async move {
        let end = stopped(&dir).await;
        let before: Vec<_> =
            names(&dir.join("t-0")).iter().map(|name| content(&dir.join("t-0").join(name))).collect();
        let mut progress = Vec::new();
        let report = check(std::slice::from_ref(&dir), &mut |seen| progress.push(seen)).await.unwrap();
        assert_eq!(report.findings, []);
        assert_eq!((report.partition_count, report.record_count), (1, end as u64));
        assert_eq!((report.clean_dir_count, report.dir_count), (1, 1));
        assert!(report.segment_count > 2 && report.batch_count == 48);
        let last = progress.last().unwrap();
        assert_eq!((last.done_bytes, last.done_bytes), (report.size_bytes, last.total_bytes));
        let after: Vec<_> =
            names(&dir.join("t-0")).iter().map(|name| content(&dir.join("t-0").join(name))).collect();
        assert!(before == after && names(&dir).contains(&layout::CLEAN_SHUTDOWN.to_owned()));
    });
}

#[test]
fn each_damage_is_named_with_its_file() {
    in_dir(|dir| async move {
        let end = stopped(&dir.join("good")).await;
        type Change = fn(&Path);
        let cases: &[(&str, &str, Change)] = &[
            ("t-0/00000000000000000000.log", "CRC", |dir| {
                change(&dir.join(format!("{SEGMENT_0}.log")), |b| b[100] ^= 1)
            }),
            ("t-0/00000000000000000000.log", "are no batch", |dir| {
                change(&dir.join(format!("{SEGMENT_0}.log")), |bytes| bytes[16] = 9);
            }),
            ("t-0/00000000000000000000.log", "where 2 or more is next", |dir| {
                change(&dir.join(format!("{SEGMENT_0}.log")), |bytes| {
                    let first = i32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize + 12;
                    bytes[first + 7] = 0;
                });
            }),
            ("t-0/00000000000000000020.log", "a segment is gone", |dir| {
                file::remove_file(&dir.join(format!("{SEGMENT_1}.log"))).unwrap();
            }),
            ("t-0/00000000000000000020.index", "there is no .log", |dir| {
                file::remove_file(&dir.join(format!("{SEGMENT_1}.log"))).unwrap();
            }),
            ("t-0/00000000000000000020.index", "no such batch begins", |dir| {
                overwrite(&dir.join(format!("{SEGMENT_1}.index")), &[0, 0, 0, 1, 0, 0, 0, 9]);
            }),
            ("t-0/00000000000000000020.timeindex", "which no such batch has", |dir| {
                change(&dir.join(format!("{SEGMENT_1}.timeindex")), |bytes| bytes[7] ^= 1);
            }),
            ("t-0/00000000000000000020.timeindex", "are no entry", |dir| {
                change(&dir.join(format!("{SEGMENT_1}.timeindex")), |bytes| bytes.push(0));
            }),
            ("t-0/00000000000000000000.txnindex", "no such marker", |dir| {
                change(&dir.join(format!("{SEGMENT_0}.txnindex")), |bytes| bytes[9] ^= 1);
            }),
            ("t-0/00000000000000000000.index", "missing", |dir| {
                file::remove_file(&dir.join(format!("{SEGMENT_0}.index"))).unwrap();
            }),
            ("t-0/leader-epoch-checkpoint", "another partition", |dir| {
                overwrite(&dir.join("t-0/leader-epoch-checkpoint"), b"0\n2\n0 0\n1 7\n");
            }),
            ("t-0/leader-epoch-checkpoint", "malformed", |dir| {
                overwrite(&dir.join("t-0/leader-epoch-checkpoint"), b"0\n3\n0 0\n");
            }),
            ("t-0/partition.metadata", "missing", |dir| {
                file::remove_file(&dir.join("t-0/partition.metadata")).unwrap();
            }),
            ("t-0", "but all below", |dir| {
                overwrite(&dir.join(layout::RECOVERY_POINTS), b"0\n1\nt 0 100\n");
            }),
            ("t-0", "was 99", |dir| overwrite(&dir.join(layout::HIGH_WATERMARKS), b"0\n1\nt 0 99\n")),
            ("lost+found", "not a partition's", |dir| {
                file::create_directory_all(&dir.join("lost+found")).unwrap()
            }),
            ("meta.properties", "node.id", |dir| {
                overwrite(&dir.join("meta.properties"), b"version=1\ncluster.id=c\n")
            }),
        ];
        for (path, text, damage) in cases {
            let copy = dir.join("copy");
            copy_all(&dir.join("good"), &copy);
            damage(&copy);
            let found = checked(&copy).await;
            let is_it = |finding: &Finding| {
                finding.path == copy.join(path)
                    && finding.text.contains(text)
                    && finding.severity == Severity::Damage
            };
            assert!(found.iter().any(is_it), "{path}: {text}\n{found:#?}");
            remove_all(&copy);
        }
        let snapshot = format!("t-0/{end:020}.snapshot");
        change(&dir.join("good").join(&snapshot), |bytes| bytes[8] ^= 1);
        let found = checked(&dir.join("good")).await;
        assert!(found[0].text.contains("CRC") && found[0].path.ends_with(&snapshot), "{found:#?}");
    });
}

#[test]
fn after_a_kill_a_torn_end_is_no_damage_and_flushed_data_is() {
    in_dir(|dir| async move {
        let end = stopped(&dir).await;
        file::remove_file(&dir.join(layout::CLEAN_SHUTDOWN)).unwrap();
        let log = names(&dir.join("t-0")).into_iter().rfind(|name| name.ends_with(".log")).unwrap();
        change(&dir.join("t-0").join(&log), |bytes| bytes.truncate(bytes.len() - 5));
        let found = checked(&dir).await;
        assert!(found.iter().any(|finding| finding.severity == Severity::Damage), "flushed: {found:#?}");
        overwrite(&dir.join(layout::RECOVERY_POINTS), format!("0\n1\nt 0 {}\n", end - 1).as_bytes());
        let found = checked(&dir).await;
        assert!(found.iter().all(|finding| finding.severity == Severity::Unfinished), "{found:#?}");
        assert!(found.iter().any(|finding| finding.text.contains("cuts the log off here")), "{found:#?}");
        overwrite(&dir.join("t-0/00000000000000000000.log.deleted"), b"old");
        let found = checked(&dir).await;
        assert!(found.iter().any(|finding| finding.text.contains("1 files of deleted")), "{found:#?}");
    });
}

#[test]
fn a_directory_of_nobody_is_refused() {
    in_dir(|dir| async move {
        let refused = check(&[dir], &mut |_| {}).await.unwrap_err().to_string();
        assert!(refused.contains("no log directory"), "{refused}");
    });
}
