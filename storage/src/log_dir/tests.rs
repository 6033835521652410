//! A log directory over stops and starts.

use super::*;
use crate::test_dir::{batch, in_dir, names, overwrite};

fn offsets(entries: &[(&str, i32, i64)]) -> PartitionOffsets {
    entries.iter().map(|(topic, partition, offset)| (((*topic).to_owned(), *partition), *offset)).collect()
}

/// The lock is of the process, as Java's is, so within one process it only can be seen to be given back.
#[test]
fn the_lock_ends_with_its_directory() {
    in_dir(|dir| async move {
        let path = dir.join("logs");
        drop(LogDir::open(&path).await.unwrap());
        assert!(LogDir::open(&path).await.is_ok());
        assert_eq!(names(&path), [".lock"]);
    });
}

#[test]
fn a_clean_stop_is_remembered_until_the_next_start() {
    in_dir(|dir| async move {
        let mut log_dir = LogDir::open(&dir).await.unwrap();
        assert!(!log_dir.is_clean() && log_dir.meta_properties().is_none());
        let properties =
            MetaProperties { cluster_id: "c".into(), node_id: 1, directory_id: Some(Uuid([5; 16])) };
        log_dir.set_meta_properties(properties.clone()).await.unwrap();
        log_dir.write_high_watermarks(&offsets(&[("t", 0, 9)])).await.unwrap();
        log_dir.close(&offsets(&[("t", 0, 10)]), &offsets(&[("t", 0, 4)]), 77).await.unwrap();

        let log_dir = LogDir::open(&dir).await.unwrap();
        assert!(log_dir.is_clean());
        assert_eq!(log_dir.previous_broker_epoch(), 77);
        assert_eq!(log_dir.meta_properties(), Some(&properties));
        assert_eq!(log_dir.high_watermark("t", 0), Some(9));
        let inputs = log_dir.recovery_inputs("t", 0, 1000);
        assert_eq!((inputs.is_clean, inputs.recovery_point, inputs.log_start_offset), (true, 10, Some(4)));
        let inputs = log_dir.recovery_inputs("t", 1, 1000);
        assert_eq!((inputs.recovery_point, inputs.log_start_offset), (0, None));
        drop(log_dir);
        assert!(!LogDir::open(&dir).await.unwrap().is_clean(), "a crash after the start is unclean");
    });
}

#[test]
fn logs_made_together_are_as_those_made_alone() {
    in_dir(|dir| async move {
        let log_dir = LogDir::open(&dir).await.unwrap();
        overwrite(&dir.join("t-1"), b"a file where a directory should be");
        let request = |number| CreateRequest {
            path: log_dir.partition_path("t", number),
            topic_id: Uuid([3; 16]),
            config: LogConfig::default(),
        };
        let created = create_logs((0..100).map(request).collect(), 7, 0).await;
        let failed: Vec<_> = (0..).zip(&created).filter(|(_, (_, log))| log.is_err()).collect();
        assert_eq!(failed.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
        drop(Log::create(&dir.join("alone-0"), Uuid([3; 16]), LogConfig::default(), 0).await.unwrap());
        for (number, (request, _)) in (0..).zip(&created).filter(|(number, _)| *number != 1) {
            assert_eq!(request.path, log_dir.partition_path("t", number));
            assert_eq!(names(&request.path), names(&dir.join("alone-0")));
        }
    });
}

#[test]
fn directories_are_listed_or_refused() {
    in_dir(|dir| async move {
        for name in ["t-0", "t-1.0123456789abcdef0123456789abcdef-delete", "__cluster_metadata-0"] {
            file::create_directory_all(&dir.join(name)).unwrap();
        }
        overwrite(&dir.join("some-file.txt"), b"ignored");
        let log_dir = LogDir::open(&dir).await.unwrap();
        let found = log_dir.partition_dirs().unwrap();
        let states: Vec<_> = found.iter().map(|found| (found.name.partition, found.name.state)).collect();
        assert_eq!(states, [(0, PartitionDirState::Current), (1, PartitionDirState::Deleted)]);
        remove_partition_dir(&found[1].path, 0).await.unwrap();
        let retired = log_dir.retire("t", 0, PartitionDirState::Stray, Uuid([1; 16])).await.unwrap();
        assert!(names(&dir).iter().any(|name| retired.ends_with(name) && name.ends_with("-stray")));
        file::create_directory_all(&dir.join("lost+found")).unwrap();
        let refused = log_dir.partition_dirs().unwrap_err().to_string();
        assert!(refused.contains("lost+found"), "{refused}");
    });
}

#[test]
fn all_logs_are_opened_also_where_one_is_damaged() {
    in_dir(|dir| async move {
        let log_dir = LogDir::open(&dir).await.unwrap();
        let mut requests = Vec::new();
        for partition in 0..10 {
            let path = log_dir.partition_path("t", partition);
            let mut log = Log::create(&path, Uuid([3; 16]), LogConfig::default(), 0).await.unwrap();
            log.append(&mut [batch(partition as usize + 1, 10, 0)], 0, 0).unwrap();
            requests.push(OpenRequest {
                topic: "t".into(),
                partition,
                path,
                config: LogConfig::default(),
                inputs: log_dir.recovery_inputs("t", partition, 1000),
            });
        }
        file::remove_file(&requests[4].path.join("partition.metadata")).unwrap();
        let opened = open_logs(requests, 3, 0, &Default::default()).await;
        assert_eq!(opened.len(), 10);
        for (request, result) in opened {
            match result {
                Ok((log, _)) => assert_eq!(log.log_end_offset(), i64::from(request.partition) + 1),
                Err(_) => assert_eq!(request.partition, 4),
            }
        }
    });
}
