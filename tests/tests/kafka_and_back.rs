//! Apache Kafka and we take turns on one directory under load: every record is there, idempotent producers go on over
//! each change, indexes hold.
//!
//! `JACKDAW_TEST_RECORDS` sets how many records it has at the end (20,000).

use jackdaw_tests::broker::Kind::{Apache, Jackdaw};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::dump::{files, tool};
use jackdaw_tests::library::Library;
use jackdaw_tests::promises::PromisedLoad;
use jackdaw_tests::requests::create;
use jackdaw_tests::seeded::number;
use jackdaw_tests::wire::Connection;

const RECORDS: u64 = 20_000;
const PARTITIONS: usize = 2;
/// Kafka's smallest segments, and an index entry for nearly each batch.
const SETTINGS: [&str; 2] = ["log.segment.bytes=1048576", "log.index.interval.bytes=256"];
const LOADS: [(Library, &str); 3] =
    [(Library::Confluent, "idempotent"), (Library::Franz, "idempotent"), (Library::Franz, "all")];

#[test]
fn cleanly_stopped() {
    take_turns(Broker::terminate, "No damage, 0 unfinished");
}

#[test]
fn killed() {
    // Apache Kafka may be killed while it makes `__consumer_offsets`: directories without their metadata are put aside.
    take_turns(Broker::kill, "No damage");
}

fn take_turns(stop: impl Fn(&mut Broker), judgement: &str) {
    // What a kill has left torn is cut, what it left half made is put aside.
    let expected = ["unflushed end", "cutting off what follows", "a partition that is not this node's"];
    let turns = [Apache, Jackdaw, Apache, Jackdaw];
    let mut broker = Broker::start_kind(turns[0], Options::shards(2).with(&SETTINGS).expecting(&expected));
    let mut connection = Connection::open(broker.bootstrap());
    let mut loads: Vec<PromisedLoad> = LOADS
        .into_iter()
        .map(|(library, acks)| {
            let topic =
                create(&mut connection, &topic(&format!("{acks}-{}", library.name())), PARTITIONS as i32);
            PromisedLoad::start(library, broker.bootstrap(), &topic, PARTITIONS, acks)
        })
        .collect();
    let a_turn = number("JACKDAW_TEST_RECORDS").unwrap_or(RECORDS) as usize / turns.len() / LOADS.len();
    for (turn, kind) in turns.into_iter().enumerate() {
        if turn > 0 {
            broker.restart_as(kind);
        }
        check(&broker, &mut loads, &format!("{kind:?}, turn {turn}"), PromisedLoad::check);
        loads.iter_mut().for_each(|load| load.await_acks(a_turn));
        if turn + 1 < turns.len() {
            stop(&mut broker);
        }
    }
    loads.iter_mut().for_each(PromisedLoad::stop);
    check(&broker, &mut loads, "at the end", PromisedLoad::check_all);
    // Kafka reads what it is left once more, then Kafka's and our own judge look at the files.
    stop(&mut broker);
    broker.restart_as(Apache);
    check(&broker, &mut loads, "Apache, once more", PromisedLoad::check_all);
    broker.terminate();
    let count: usize = loads.iter().map(PromisedLoad::acked_count).sum();
    eprintln!("{count} records over {} turns", turns.len());
    for load in &loads {
        let indexes = files(&broker.data_dir(), load.topic(), &[".index", ".timeindex"]);
        let checked = tool(&["--index-sanity-check"], &indexes);
        let passed =
            |line: &&str| line.ends_with("passed sanity check.") || line.ends_with("index is empty.");
        assert_eq!(checked.lines().filter(passed).count(), indexes.len(), "{checked}");
        tool(&["--verify-index-only"], &indexes);
    }
    let output = jackdaw_tests::command::run(
        std::process::Command::new(jackdaw_tests::broker::binary())
            .args(["storage", "check"])
            .arg(broker.data_dir()),
        "",
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains(judgement), "{said}");
}

fn check(
    broker: &Broker,
    loads: &mut [PromisedLoad],
    when: &str,
    judge: impl Fn(&mut PromisedLoad, &mut Connection) -> Result<(), String>,
) {
    let mut connection = Connection::open(broker.bootstrap());
    for load in loads {
        load.note_acks();
        judge(load, &mut connection).unwrap_or_else(|broken| panic!("{when}: {}: {broken}", load.name()));
    }
}
