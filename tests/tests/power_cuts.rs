//! Power cuts under load: what was acknowledged under `flush.messages=1` is on the disk as the cut left it.
//!
//! The data are on a loop-mounted file system. For a cut the broker is killed and the disk's file copied as it is, or
//! the file system is told to stop in the middle of its work; then the disk is mounted again and recovered.
//! `JACKDAW_TEST_CUTS` sets how many (3 for each file system), `JACKDAW_TEST_CUT_SEED` their moments. Root alone may run this.

use std::fs::File;
use std::io::Write as _;
use std::time::Duration;

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::library::Library;
use jackdaw_tests::loop_disk::{Cut, FileSystem, LoopDisk};
use jackdaw_tests::promises::PromisedLoad;
use jackdaw_tests::requests::create_with;
use jackdaw_tests::seeded::{Seeded, number};
use jackdaw_tests::wire::Connection;

const CUTS: u64 = 3;
const PARTITIONS: usize = 2;
const SERVED_MAX_MS: u64 = 1200;

/// What a cut leaves to say, and what a broker says whose disk goes before it does.
const EXPECTED_LOG: [&str; 5] =
    ["unflushed end", "cutting off what follows", "torn", "Input/output error", "damaged producer snapshot"];
const FLUSHED: &[(&str, &str)] = &[("flush.messages", "1")];

#[test]
fn ext4_keeps_what_was_acknowledged() {
    cut_under_load(FileSystem::Ext4);
}

#[test]
fn xfs_keeps_what_was_acknowledged() {
    cut_under_load(FileSystem::Xfs);
}

fn cut_under_load(system: FileSystem) {
    let Some(disk) = LoopDisk::make(system, None) else { return };
    let Some(mut scene) = Scene::start(disk, FLUSHED, &["all", "idempotent"]) else { return };
    let mut random = Seeded::from_environment("JACKDAW_TEST_CUT_SEED");
    let cuts = number("JACKDAW_TEST_CUTS").unwrap_or(CUTS);
    for cut in 0..cuts {
        std::thread::sleep(Duration::from_millis(random.below(SERVED_MAX_MS)));
        let kind = if random.once_in(2) { Cut::Shutdown } else { Cut::Copy };
        scene.cut(kind);
        scene.check().unwrap_or_else(|broken| panic!("{system}, after cut {cut} ({kind:?}): {broken}"));
    }
    scene.loads.iter_mut().for_each(|load| load.await_acks(PARTITIONS));
    scene.loads.iter_mut().for_each(PromisedLoad::stop);
    let mut connection = Connection::open(scene.broker.bootstrap());
    for load in &mut scene.loads {
        load.check_all(&mut connection).unwrap_or_else(|broken| panic!("{system}: {broken}"));
        let (name, acked, doubled) = (load.name(), load.acked_count(), load.doubled_count());
        eprintln!("{system}: {name}: {acked} acknowledged over {cuts} cuts, {doubled} stored twice");
    }
}

/// Without it a test that finds nothing would mean nothing.
#[test]
fn a_topic_that_is_not_flushed_loses_what_was_acknowledged() {
    for system in [FileSystem::Ext4, FileSystem::Xfs] {
        for cut in [Cut::Copy, Cut::Shutdown] {
            let Some(disk) = LoopDisk::make(system, None) else { continue };
            let Some(mut scene) = Scene::start(disk, &[], &["all"]) else { return };
            scene.loads.iter_mut().for_each(|load| load.await_acks(1000));
            scene.cut(cut);
            let broken = scene.check().expect_err("what was not flushed is lost");
            eprintln!("{system}, {cut:?}: {broken}");
        }
    }
}

#[test]
fn a_cut_keeps_what_was_synced_and_nothing_else() {
    for system in [FileSystem::Ext4, FileSystem::Xfs] {
        for cut in [Cut::Copy, Cut::Shutdown] {
            let Some(mut disk) = LoopDisk::make(system, None) else { continue };
            let write = |name: &str| {
                let mut file = File::create(disk.mounted().join(name)).expect("a file");
                file.write_all(&[b'x'; 100_000]).expect("a write");
                file
            };
            let synced = write("synced");
            synced.sync_all().expect("fsync");
            File::open(disk.mounted()).and_then(|dir| dir.sync_all()).expect("fsync of the directory");
            let appended = File::options().append(true).open(disk.mounted().join("synced"));
            appended.and_then(|mut file| file.write_all(&[b'y'; 100_000])).expect("a write");
            drop((synced, write("unsynced")));
            disk.cut(cut, || ());
            let length =
                |name: &str| std::fs::metadata(disk.mounted().join(name)).map_or(0, |found| found.len());
            let bytes = std::fs::read(disk.mounted().join("synced")).expect("what was synced");
            assert_eq!((bytes.len(), length("unsynced")), (100_000, 0), "{system} {cut:?}");
            assert!(bytes.iter().all(|&byte| byte == b'x'), "{system} {cut:?}");
        }
    }
}

/// A broker on the disk, under load. The broker ends first.
struct Scene {
    loads: Vec<PromisedLoad>,
    broker: Broker,
    disk: LoopDisk,
}

impl Scene {
    fn start(disk: LoopDisk, policy: &[(&str, &str)], acks: &[&'static str]) -> Option<Self> {
        let mut options = Options::shards(2).with(&["log.segment.bytes=1048576"]).expecting(&EXPECTED_LOG);
        options.log_dirs = Some(disk.data_dir().display().to_string());
        let broker = Broker::start_to_stop(options)?;
        let mut connection = Connection::open(broker.bootstrap());
        let mut loads = Vec::new();
        for library in [Library::Confluent, Library::Franz] {
            for acks in acks {
                let name = topic(&format!("{acks}-{}", library.name()));
                let topic = create_with(&mut connection, &name, PARTITIONS as i32, policy);
                loads.push(PromisedLoad::start(library, broker.bootstrap(), &topic, PARTITIONS, acks));
            }
        }
        loads.iter_mut().for_each(|load| load.await_acks(PARTITIONS));
        Some(Self { loads, broker, disk })
    }

    /// Cuts the power under the broker, and starts it on what is left.
    fn cut(&mut self, cut: Cut) {
        let broker = &mut self.broker;
        self.disk.cut(cut, || broker.kill());
        self.loads.iter_mut().for_each(PromisedLoad::note_acks);
        self.broker.restart();
    }

    fn check(&mut self) -> Result<(), String> {
        let mut connection = Connection::open(self.broker.bootstrap());
        self.loads.iter_mut().try_for_each(|load| load.check(&mut connection))
    }
}
