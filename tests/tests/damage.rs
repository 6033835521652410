//! Flushed data is damaged while the broker is stopped: what the next start says, what clients are told, and that
//! everything else serves. What a broker with damaged metadata does is in `damaged_metadata`.

use std::path::{Path, PathBuf};

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponsePartition,
};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::command::jackdaw;
use jackdaw_tests::dump::files;
use jackdaw_tests::requests::{Topic, batch, create, create_with, end_offset, fetch, produce};
use jackdaw_tests::wire::Connection;

const FETCH: i16 = 16;
/// A value of this size fills a segment of Kafka's smallest size with some thirty batches.
const VALUE_BYTES: usize = 32 << 10;
const BATCHES: i64 = 100;

/// A stopped broker, the topic that is to be damaged, and one that is to serve on.
struct Scene {
    broker: Broker,
    damaged: Topic,
    sound: Topic,
}

impl Scene {
    /// `None` where the environment names a broker that the test may not stop.
    fn stopped(log: &[&'static str]) -> Option<Self> {
        let options = Options::shards(2).with(&["log.segment.bytes=1048576"]).expecting(log);
        let mut broker = Broker::start_to_stop(options)?;
        let mut connection = Connection::open(broker.bootstrap());
        let sound = create(&mut connection, &topic("sound"), 1);
        let damaged = create_with(&mut connection, &topic("damaged"), 1, &[]);
        let value = "v".repeat(VALUE_BYTES);
        for topic in [&damaged, &sound] {
            for _ in 0..BATCHES {
                assert_eq!(produce(&mut connection, topic, 0, batch(&[&value], None)).error_code, 0);
            }
        }
        broker.terminate();
        Some(Self { broker, damaged, sound })
    }

    fn files(&self, ending: &str) -> Vec<PathBuf> {
        files(&self.broker.data_dir(), &self.damaged.name, &[ending])
    }

    /// The damaged partition is offline, as Kafka shows one, and the other serves.
    fn assert_offline(&mut self, said: &str) {
        let mut connection = Connection::open(self.broker.bootstrap());
        let log = self.broker.log();
        let line = log.lines().rfind(|line| line.contains("partition is offline")).unwrap_or_default();
        assert!(line.contains(said), "{said} is not in the log:\n{log}");
        let partition = describe(&mut connection, &self.damaged.name);
        assert_eq!((partition.leader_id, partition.error_code), (-1, ErrorCode::LeaderNotAvailable.code()));
        assert_eq!(partition.offline_replicas, partition.replica_nodes);
        let answer = produce(&mut connection, &self.damaged, 0, batch(&["x"], None));
        assert_eq!(answer.error_code, ErrorCode::KafkaStorageError.code());
        let fetched = fetch(&mut connection, &self.damaged, FETCH, 0, 0);
        assert_eq!(fetched.error_code, ErrorCode::KafkaStorageError.code());
        self.assert_sound(&mut connection);
    }

    fn assert_sound(&self, connection: &mut Connection) {
        let end = end_offset(connection, &self.sound.name, 0);
        assert_eq!(produce(connection, &self.sound, 0, batch(&["x"], None)).base_offset, end);
        let fetched = fetch(connection, &self.sound, FETCH, 0, 0);
        assert!(fetched.error_code == 0 && fetched.records.is_some_and(|records| !records.is_empty()));
        let partition = describe(connection, &self.sound.name);
        assert!(partition.leader_id >= 0 && partition.offline_replicas.is_empty());
    }

    /// The partition's directory is put back as it was: everything is there again.
    fn repair(&mut self, saved: &[(PathBuf, Vec<u8>)]) {
        self.broker.terminate();
        for (path, bytes) in saved {
            std::fs::write(path, bytes).expect("the file is put back");
        }
        self.broker.restart();
        let mut connection = Connection::open(self.broker.bootstrap());
        assert_eq!(end_offset(&mut connection, &self.damaged.name, 0), BATCHES);
        for offset in [0, BATCHES / 2, BATCHES - 1] {
            assert_eq!(fetch(&mut connection, &self.damaged, FETCH, 0, offset).error_code, 0);
        }
        let answer = produce(&mut connection, &self.damaged, 0, batch(&["x"], None));
        assert_eq!((answer.error_code, answer.base_offset), (0, BATCHES));
    }
}

fn describe(connection: &mut Connection, name: &str) -> MetadataResponsePartition {
    let asked = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![asked]), ..Default::default() };
    connection.call(&request, 12).topics[0].partitions[0].clone()
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> (PathBuf, Vec<u8>) {
    let saved = std::fs::read(path).expect("a file of the partition");
    let mut bytes = saved.clone();
    change(&mut bytes);
    std::fs::write(path, bytes).expect("a damaged file");
    (path.to_path_buf(), saved)
}

#[test]
fn a_missing_segment_takes_its_partition_offline() {
    let Some(mut scene) = Scene::stopped(&["partition is offline"]) else { return };
    let missing = scene.files(".log").remove(1);
    let name = missing.file_stem().unwrap().to_str().unwrap().to_owned();
    let of_segment: Vec<PathBuf> =
        scene.files("").into_iter().filter(|path| path.ends_with_stem(&name)).collect();
    let saved: Vec<_> = of_segment.iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    of_segment.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    scene.broker.restart();
    scene.assert_offline(&format!("{name}.log is damaged at byte 0: the records from offset "));
    // The damage is not forgotten by a stop, and no start mends it by cutting.
    scene.broker.terminate();
    scene.broker.restart();
    scene.assert_offline("Put them back from a replica or a backup");
    scene.repair(&saved);
}

/// Files of one segment.
trait OfSegment {
    fn ends_with_stem(&self, stem: &str) -> bool;
}

impl OfSegment for PathBuf {
    fn ends_with_stem(&self, stem: &str) -> bool {
        let extension = self.extension().unwrap_or_default();
        self.file_stem().is_some_and(|own| own == stem) && extension != "snapshot"
    }
}

#[test]
fn a_flipped_bit_at_the_end_of_what_was_flushed_takes_its_partition_offline() {
    let Some(mut scene) = Scene::stopped(&["partition is offline"]) else { return };
    let last = scene.files(".log").pop().unwrap();
    // The last batch's magic: the log does not end with a batch any more.
    let saved = change(&last, |bytes| {
        let mut position = 0;
        let mut last = 0;
        while position < bytes.len() {
            last = position;
            let length =
                [bytes[position + 8], bytes[position + 9], bytes[position + 10], bytes[position + 11]];
            position += 12 + u32::from_be_bytes(length) as usize;
        }
        bytes[last + 16] ^= 0x40;
    });
    scene.broker.restart();
    scene.assert_offline(&last.display().to_string());
    scene.repair(&[saved]);
}

#[test]
fn leader_epochs_of_another_partition_take_it_offline() {
    let Some(mut scene) = Scene::stopped(&["partition is offline"]) else { return };
    let path = scene.files("leader-epoch-checkpoint").remove(0);
    let saved = change(&path, |bytes| *bytes = b"0\n1\n5 0\n".to_vec());
    scene.broker.restart();
    scene.assert_offline("it says epoch 5 of offset");
    scene.repair(&[saved]);
}

#[test]
fn an_index_of_another_segment_is_made_anew() {
    let Some(mut scene) = Scene::stopped(&["the segment's indexes are not its own"]) else { return };
    let indexes = scene.files(".index");
    let other = std::fs::read(&indexes[0]).unwrap();
    let (path, own) = change(&indexes[1], |bytes| *bytes = other);
    scene.broker.restart();
    let mut connection = Connection::open(scene.broker.bootstrap());
    for offset in 0..BATCHES {
        let fetched = fetch(&mut connection, &scene.damaged, FETCH, 0, offset);
        let first = i64::from_be_bytes(*fetched.records.as_deref().unwrap().first_chunk().unwrap());
        assert_eq!((fetched.error_code, first), (0, offset));
    }
    scene.broker.terminate();
    assert_eq!(std::fs::read(path).unwrap(), own);
}

/// A start does not read what was flushed: damage in its middle is met by a read, which says so to its client, and by
/// nobody else.
#[test]
fn a_read_that_meets_damage_is_told_and_others_are_not() {
    let Some(mut scene) = Scene::stopped(&["a read met damage"]) else { return };
    let log = scene.files(".log").remove(1);
    let first_offset: i64 = log.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let saved = change(&log, |bytes| bytes[16] ^= 0x40);
    scene.broker.restart();
    let mut connection = Connection::open(scene.broker.bootstrap());
    for _ in 0..3 {
        let fetched = fetch(&mut connection, &scene.damaged, FETCH, 0, first_offset);
        assert_eq!(fetched.error_code, ErrorCode::CorruptMessage.code());
    }
    let told = scene.broker.log();
    let told: Vec<&str> = told.lines().filter(|line| line.contains("a read met damage")).collect();
    assert!(told.len() == 1 && told[0].contains(&log.display().to_string()), "{told:?}");
    for offset in [0, first_offset - 1, BATCHES - 1] {
        assert_eq!(fetch(&mut connection, &scene.damaged, FETCH, 0, offset).error_code, 0, "{offset}");
    }
    let answer = produce(&mut connection, &scene.damaged, 0, batch(&["x"], None));
    assert_eq!((answer.error_code, answer.base_offset), (0, BATCHES));
    // A client says so, too, and ends.
    let offset = first_offset.to_string();
    let said = jackdaw(
        scene.broker.bootstrap(),
        &["consume", &scene.damaged.name, "--from", &offset, "--count", "1"],
        "",
        false,
    );
    assert!(said.contains("CORRUPT_MESSAGE"), "{said}");
    scene.assert_sound(&mut connection);
    drop(saved);
}
