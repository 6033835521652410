//! SIGKILL at random moments under idempotent and plain loads of every acks and flush policy: what was acknowledged
//! is there, nothing of an idempotent producer is there twice, and the order stays.
//!
//! `JACKDAW_TEST_KILLS` sets how many (5), `JACKDAW_TEST_KILL_SEED` their moments.

use std::time::Duration;

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::library::Library;
use jackdaw_tests::promises::PromisedLoad;
use jackdaw_tests::requests::create_with;
use jackdaw_tests::seeded::{Seeded, number};
use jackdaw_tests::wire::Connection;

const KILLS: u64 = 5;
const PARTITIONS: usize = 2;
const SERVED_MAX_MS: u64 = 1500;
/// A start on a few partitions takes about so long: kills within hit every step of it.
const START_MAX_MS: u64 = 150;

/// The topic's flush policy and the producer's acks.
const POLICIES: [(&[(&str, &str)], &str); 5] = [
    (&[], "1"),
    (&[], "all"),
    (&[], "idempotent"),
    (&[("flush.messages", "1")], "all"),
    (&[("flush.messages", "1")], "idempotent"),
];

#[test]
fn what_was_acknowledged_outlives_every_kill() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2).with(&["log.segment.bytes=1048576"]))
    else {
        return;
    };
    let mut random = Seeded::from_environment("JACKDAW_TEST_KILL_SEED");
    let mut loads = start_loads(&broker);
    loads.iter_mut().for_each(|load| load.await_acks(PARTITIONS));
    let kills = number("JACKDAW_TEST_KILLS").unwrap_or(KILLS);
    for kill in 0..kills {
        std::thread::sleep(Duration::from_millis(random.below(SERVED_MAX_MS)));
        broker.kill();
        while random.once_in(3) {
            broker.restart_and_kill(Duration::from_millis(random.below(START_MAX_MS)));
        }
        broker.reshard(1 + random.below(3) as u32);
        broker.restart();
        check(&broker, &mut loads, |load, connection| {
            load.note_acks();
            load.check(connection).map_err(|error| format!("after kill {kill}: {error}"))
        });
    }
    loads.iter_mut().for_each(|load| load.await_acks(PARTITIONS));
    loads.iter_mut().for_each(PromisedLoad::stop);
    check(&broker, &mut loads, PromisedLoad::check_all);
    for load in &loads {
        let (name, acked, doubled) = (load.name(), load.acked_count(), load.doubled_count());
        eprintln!("{name}: {acked} acknowledged over {kills} kills, {doubled} stored twice");
    }
}

fn start_loads(broker: &Broker) -> Vec<PromisedLoad> {
    let mut connection = Connection::open(broker.bootstrap());
    let mut loads = Vec::new();
    for library in [Library::Confluent, Library::Franz] {
        for (flush, acks) in POLICIES {
            let policy = if flush.is_empty() { "cached" } else { "flushed" };
            let name = topic(&format!("{policy}-{acks}-{}", library.name()));
            let topic = create_with(&mut connection, &name, PARTITIONS as i32, flush);
            loads.push(PromisedLoad::start(library, broker.bootstrap(), &topic, PARTITIONS, acks));
        }
    }
    loads
}

fn check(
    broker: &Broker,
    loads: &mut [PromisedLoad],
    judge: impl Fn(&mut PromisedLoad, &mut Connection) -> Result<(), String>,
) {
    let mut connection = Connection::open(broker.bootstrap());
    for load in loads {
        if let Err(broken) = judge(load, &mut connection) {
            panic!("{}: {broken}", load.name());
        }
    }
}
