//! Disks that fail or fill up under a broker: what clients see, what the log says, and what is there after the repair.
//!
//! The disks are loop-mounted; root alone may run this. What `docs/operations/failures.md` says of it was seen here.

use std::fs::File;
use std::io::Write as _;

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::describe_log_dirs::DescribeLogDirsRequest;
use jackdaw_core::protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponsePartition,
};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::http::Metrics;
use jackdaw_tests::loop_disk::{FileSystem, LoopDisk};
use jackdaw_tests::requests::{Topic, batch, create_with, end_offset, fetch, produce};
use jackdaw_tests::wire::Connection;

const PARTITIONS: i32 = 4;
const FETCH: i16 = 16;
const FLUSHED: &[(&str, &str)] = &[("flush.messages", "1")];
const OFFLINE_DIRS: &str = "kafka_log_logmanager_offlinelogdirectorycount";
const DISK_FAILED: i32 = 10;
const METADATA_FAILED: i32 = 11;
/// Larger than what a small disk has left, so that a batch does not fit.
const BALLAST_STEP_BYTES: usize = 1 << 20;
const VALUE_BYTES: usize = 64 << 10;

#[test]
fn one_directory_of_two_fails_and_the_other_serves() {
    let expected = ["log directory is offline", "partition is offline", "Input/output error"];
    let Some(mut scene) = Scene::start(TWO, &expected) else { return };
    let (failing, sound) = scene.partitions();
    scene.disk.fail();
    let refused = scene.produce(failing[0], "lost").1;
    assert_eq!(refused, ErrorCode::KafkaStorageError);
    scene.assert_offline(&failing, &sound);
    assert!(scene.broker.is_apache() || scene.offline_lines() == 1, "{}", scene.broker.log());
    // What comes goes to the other directory.
    let later = create_with(&mut scene.connection(), &topic("later"), PARTITIONS, FLUSHED);
    for partition in 0..PARTITIONS {
        assert_eq!(produce(&mut scene.connection(), &later, partition, batch(&["x"], None)).error_code, 0);
    }
    // A start without the directory changes nothing, and begins nothing anew.
    scene.broker.terminate();
    scene.broker.restart();
    scene.assert_offline(&failing, &sound);
    scene.broker.kill();
    scene.disk.remount();
    scene.broker.restart();
    scene.assert_all_there();
    scene.assert_offline_dirs(0.0);
}

#[test]
fn one_directory_of_two_is_full_and_the_other_serves() {
    let expected = ["log directory is offline", "No space left on device", "unflushed end", "cutting off"];
    let Some(mut scene) = Scene::start(TWO, &expected) else { return };
    let (failing, sound) = scene.partitions();
    let ballast = scene.fill();
    let error = scene.produce_until_refused(failing[0]);
    assert_eq!(error, ErrorCode::KafkaStorageError);
    scene.assert_offline(&failing, &sound);
    scene.broker.kill();
    std::fs::remove_file(ballast).expect("the ballast goes");
    scene.broker.restart();
    scene.assert_all_there();
}

#[test]
fn the_only_directory_fails_and_the_node_stops() {
    let Some(mut scene) = Scene::start(ONE, &["the node stops", "Input/output error"]) else { return };
    scene.disk.fail();
    scene.produce_into_the_void(0);
    let code = scene.broker.await_exit();
    assert!([DISK_FAILED, METADATA_FAILED].contains(&code), "{code}");
    scene.broker.assert_no_start(1, "Input/output error");
    scene.disk.remount();
    scene.broker.restart();
    scene.assert_all_there();
}

#[test]
fn the_only_directory_is_full_and_the_node_stops() {
    let expected = ["the node stops", "No space left on device", "unflushed end", "cutting off", "torn"];
    let Some(mut scene) = Scene::start(ONE, &expected) else { return };
    let ballast = scene.fill();
    while scene.try_produce(0, &"v".repeat(VALUE_BYTES)) == Some(ErrorCode::None) {}
    let code = scene.broker.await_exit();
    assert!([DISK_FAILED, METADATA_FAILED].contains(&code), "{code}");
    std::fs::remove_file(ballast).expect("the ballast goes");
    scene.broker.restart();
    scene.assert_all_there();
}

/// Whether the failing disk has one of two directories, and not that of the metadata, or all.
const TWO: bool = true;
const ONE: bool = false;

/// A broker that has a directory on a disk that may fail, and a topic whose every partition has a record.
struct Scene {
    broker: Broker,
    topic: Topic,
    /// What is there for certain: how many records of each partition.
    acked: Vec<i64>,
    disk: LoopDisk,
}

impl Scene {
    fn start(has_two: bool, expected: &[&'static str]) -> Option<Self> {
        let disk = LoopDisk::make(FileSystem::Ext4, None)?;
        let mut options = Options::shards(2).with_http().expecting(expected);
        let failing = disk.data_dir().display().to_string();
        options.log_dirs = Some(if has_two { format!("{{own}},{failing}") } else { failing });
        let broker = Broker::start_to_stop(options)?;
        let mut connection = Connection::open(broker.bootstrap());
        let topic = create_with(&mut connection, &topic("failing"), PARTITIONS, FLUSHED);
        let mut scene = Self { broker, topic, acked: vec![0; PARTITIONS as usize], disk };
        for partition in 0..PARTITIONS {
            assert_eq!(scene.produce(partition, "first"), (0, ErrorCode::None));
        }
        Some(scene)
    }

    fn connection(&self) -> Connection {
        Connection::open(self.broker.bootstrap())
    }

    /// Those on the disk that fails, and the others.
    fn partitions(&self) -> (Vec<i32>, Vec<i32>) {
        let is_there =
            |partition: &i32| self.disk.data_dir().join(format!("{}-{partition}", self.topic.name)).is_dir();
        let (failing, sound): (Vec<i32>, Vec<i32>) = (0..PARTITIONS).partition(is_there);
        assert!(!failing.is_empty() && !sound.is_empty(), "{failing:?} {sound:?}");
        (failing, sound)
    }

    fn produce(&mut self, partition: i32, value: &str) -> (i64, ErrorCode) {
        let answer = produce(&mut self.connection(), &self.topic, partition, batch(&[value], None));
        if answer.error_code == 0 {
            self.acked[partition as usize] = answer.base_offset + 1;
        }
        (answer.base_offset, ErrorCode::from_i16(answer.error_code))
    }

    fn produce_until_refused(&mut self, partition: i32) -> ErrorCode {
        let value = "v".repeat(VALUE_BYTES);
        loop {
            match self.produce(partition, &value).1 {
                ErrorCode::None => {}
                error => return error,
            }
        }
    }

    /// To a broker that may end meanwhile: none where it did.
    fn try_produce(&mut self, partition: i32, value: &str) -> Option<ErrorCode> {
        let mut connection = Connection::try_open(self.broker.bootstrap()).ok()?;
        let version = jackdaw_tests::requests::FIRST_WITH_TOPIC_IDS;
        let records = batch(&[value], None);
        let request = jackdaw_tests::requests::produce_request(&self.topic, version, partition, -1, records);
        let response = connection.try_call(&request, version).ok()?;
        let answer = &response.responses[0].partition_responses[0];
        if answer.error_code == 0 {
            self.acked[partition as usize] = answer.base_offset + 1;
        }
        Some(ErrorCode::from_i16(answer.error_code))
    }

    /// A record that must not be acknowledged.
    fn produce_into_the_void(&mut self, partition: i32) {
        assert_ne!(self.try_produce(partition, "lost"), Some(ErrorCode::None));
    }

    /// Leaves the disk room for a few batches.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.disk.mounted().join("ballast");
        let mut ballast = File::create(&path).expect("a file");
        let step = vec![0; BALLAST_STEP_BYTES];
        while ballast.write_all(&step).is_ok() {}
        let length = ballast.metadata().expect("its length").len();
        ballast.set_len(length - 2 * BALLAST_STEP_BYTES as u64).expect("a shorter file");
        let _ = ballast.sync_all();
        path
    }

    fn offline_lines(&self) -> usize {
        self.broker.log().lines().filter(|line| line.contains("log directory is offline")).count()
    }

    fn describe(&self) -> Vec<MetadataResponsePartition> {
        let topic = MetadataRequestTopic { name: Some(self.topic.name.clone()), ..Default::default() };
        let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
        self.connection().call(&request, 12).topics[0].partitions.clone()
    }

    fn assert_offline(&mut self, failing: &[i32], sound: &[i32]) {
        eventually("the failed directory's partitions have no leader", || {
            let described = self.describe();
            described.iter().all(|found| {
                let is_offline = found.leader_id == -1
                    && found.error_code == ErrorCode::LeaderNotAvailable.code()
                    && found.offline_replicas == found.replica_nodes;
                is_offline == failing.contains(&found.partition_index)
            })
        });
        for &partition in failing {
            assert_eq!(self.produce(partition, "lost").1, ErrorCode::KafkaStorageError);
            let fetched = fetch(&mut self.connection(), &self.topic, FETCH, partition, 0);
            assert_eq!(fetched.error_code, ErrorCode::KafkaStorageError.code());
        }
        for &partition in sound {
            let next = self.acked[partition as usize];
            assert_eq!(self.produce(partition, "more"), (next, ErrorCode::None));
        }
        self.assert_offline_dirs(1.0);
        let dirs = self.connection().call(&DescribeLogDirsRequest { topics: None }, 4).results;
        let codes: Vec<i16> = dirs.iter().map(|dir| dir.error_code).collect();
        assert_eq!(codes, [0, ErrorCode::KafkaStorageError.code()], "{dirs:?}");
    }

    fn assert_offline_dirs(&self, count: f64) {
        if !self.broker.is_apache() {
            assert_eq!(Metrics::scrape(&self.broker.http()).value(OFFLINE_DIRS), count);
        }
    }

    fn assert_all_there(&mut self) {
        for partition in 0..PARTITIONS {
            let (mut connection, acked) = (self.connection(), self.acked[partition as usize]);
            assert!(
                end_offset(&mut connection, &self.topic.name, partition) >= acked,
                "partition {partition}"
            );
            for offset in [0, acked - 1] {
                let fetched = fetch(&mut connection, &self.topic, FETCH, partition, offset);
                let is_there = fetched.records.is_some_and(|records| !records.is_empty());
                assert!(fetched.error_code == 0 && is_there, "partition {partition} at {offset}");
            }
            assert_eq!(self.produce(partition, "after the repair").1, ErrorCode::None);
        }
    }
}
