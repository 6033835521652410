//! Formatting: what the files hold, that a second run changes nothing, what is refused.

use jackdaw_core::{
    config::Settings,
    metadata::{METADATA_VERSION, build_metadata_batch, read_snapshot},
    protocol::records::metadata::FeatureLevelRecord,
};
use jackdaw_ring::{Executor, UringConfig, UringDriver};

use super::*;
use crate::{dir_failures::DirFailures, log_dirs::LogDirs, metadata_log::FoundMetadata};

/// A directory of this test's own, and a configuration whose logs are below it.
fn with_config<F>(name: &str, dirs: &[&str], test: impl FnOnce(PathBuf, BrokerConfig) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let base = std::env::temp_dir().join(format!("jackdaw-format-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&base);
    let log_dirs: Vec<_> = dirs.iter().map(|dir| base.join(dir).display().to_string()).collect();
    let mut settings = Settings::default();
    settings.read_override(&format!("log.dirs={}", log_dirs.join(","))).unwrap();
    let (config, _) = BrokerConfig::new(settings).unwrap();
    let driver = UringDriver::new(&UringConfig::default()).unwrap();
    Executor::new(std::rc::Rc::new(driver)).run(test(base.clone(), config));
    std::fs::remove_dir_all(&base).unwrap();
}

#[test]
fn all_directories_of_one_cluster_and_the_bootstrap_in_one_of_them() {
    with_config("all", &["a", "b"], |base, config| async move {
        let done = format(&config, Some("c".to_owned()), false).await.unwrap();
        assert_eq!(done.formatted, [base.join("a"), base.join("b")]);
        let read = |dir| MetaProperties::read(&base.join(dir)).unwrap().unwrap();
        assert_eq!((read("a").cluster_id, read("b").cluster_id), ("c".to_owned(), "c".to_owned()));
        assert_ne!(read("a").directory_id, read("b").directory_id);
        assert!(!MetadataDir::new(&base.join("b")).exists().unwrap());
        let metadata = MetadataDir::new(&base.join("a"));
        let snapshot = read_snapshot(&metadata.read_snapshot(BOOTSTRAP).await.unwrap()).unwrap();
        assert_eq!(snapshot.records, default_bootstrap_records());
    });
}

#[test]
fn a_metadata_log_in_the_wrong_place_stops_the_start() {
    with_config("moved", &["a", "b"], |base, config| async move {
        LogDirs::open(&config, &DirFailures::new(&config)).await.unwrap();
        std::fs::rename(base.join("a/__cluster_metadata-0"), base.join("b/__cluster_metadata-0")).unwrap();
        let refused = LogDirs::open(&config, &DirFailures::new(&config)).await.err().unwrap().to_string();
        assert!(refused.contains("set metadata.log.dir="), "{refused}");
    });
}

#[test]
fn the_newest_snapshot_and_the_log_after_it_are_the_state() {
    with_config("load", &["a"], |base, config| async move {
        LogDirs::open(&config, &DirFailures::new(&config)).await.unwrap();
        let feature = |level| {
            let record = FeatureLevelRecord { name: METADATA_VERSION.into(), feature_level: level };
            VersionedRecord::new(record, 0)
        };
        let mut found = FoundMetadata::read(&config, false).await.unwrap();
        assert_eq!((found.loader.image().offset, found.bounds().snapshot), (-1, None));
        assert_eq!(found.bootstrap, default_bootstrap_records());
        for level in [25, 26, 27] {
            let batch = build_metadata_batch(&[feature(level), feature(level)], 1000).unwrap();
            found.log.append(&mut [batch], 1, 0).unwrap();
        }
        // The log's records before the snapshot differ from it: what is read shows where each came from.
        let frame = SnapshotFrame { epoch: 1, last_contained_log_timestamp_ms: 7, voters: None, now_ms: 8 };
        let write = async |end_offset, records: &[VersionedRecord]| {
            let batches = snapshot_batches(records, &frame).unwrap();
            let content: Vec<u8> = batches.iter().flat_map(ValidatedBatch::to_vec).collect();
            MetadataDir::new(&base.join("a"))
                .write_snapshot(SnapshotId { end_offset, epoch: 1 }, &content)
                .await
        };
        write(4, &[feature(20)]).await.unwrap();
        drop(found);
        let found = FoundMetadata::read(&config, false).await.unwrap();
        let image = found.loader.image();
        assert_eq!((image.offset, image.features.level(METADATA_VERSION)), (5, 27));
        assert_eq!(found.bounds().snapshot.map(|snapshot| snapshot.offset), Some(4));
        assert_eq!(found.last_timestamp_ms, 1000);
        write(6, &[feature(21)]).await.unwrap();
        let found = FoundMetadata::read(&config, false).await.unwrap();
        assert_eq!(
            (found.loader.image().features.level(METADATA_VERSION), found.bytes_since_snapshot),
            (21, 0)
        );
    });
}

#[test]
fn formatted_directories_are_refused_or_left_alone() {
    with_config("again", &["a", "b"], |base, config| async move {
        let one = format(&config, None, false).await.unwrap();
        std::fs::remove_file(base.join("b/meta.properties")).unwrap();
        let refused = format(&config, None, false).await.unwrap_err().to_string();
        assert!(refused.contains("--ignore-formatted"), "{refused}");
        let other = format(&config, Some("x".to_owned()), true).await.unwrap_err().to_string();
        assert!(other.contains(&one.cluster_id), "{other}");
        let two = format(&config, None, true).await.unwrap();
        assert_eq!((two.cluster_id, two.formatted), (one.cluster_id, vec![base.join("b")]));
        assert_eq!(two.skipped, [base.join("a")]);
    });
}
