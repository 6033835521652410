//! One topic of 100 partitions, written and read over connections that land on any shard.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, assert_same_records, await_topic, topic};
use jackdaw_tests::library::Library::{self, Aiokafka, Confluent, ConfluentOld, Franz, Java, Sarama};
use jackdaw_tests::program::Program;
use jackdaw_tests::record::{self, EVERYTHING, Expressible, Record};

const PARTITIONS: usize = 100;
const RECORDS: usize = 4;

/// Each is a connection or more of its own, and writes every partition. Two of one kind also share nothing.
const CLIENTS: [Library; 7] = [Franz, Franz, Confluent, ConfluentOld, Java, Aiokafka, Sarama];

#[test]
fn one_shard() {
    hundred_partitions(1);
}

#[test]
fn two_shards() {
    hundred_partitions(2);
}

fn hundred_partitions(shards: u32) {
    let broker = Broker::start(Options::shards(shards));
    let topic = topic("hundred");
    let mut programs = CLIENTS.map(|library| library.start(broker.bootstrap()));
    programs[0].run(&format!("create {topic} {PARTITIONS}"));
    await_topic(&mut programs[0], &topic, PARTITIONS);

    // One after another, so that every partition's order is known.
    let scratch = broker.scratch();
    let mut written: Vec<Vec<Record>> = vec![Vec::new(); PARTITIONS];
    for (i, program) in programs.iter_mut().enumerate() {
        let file = scratch.path().join(format!("{i}"));
        let within = Expressible { neither: false, ..EVERYTHING };
        let records = record::make(i as u64, RECORDS, an_hour_ago_ms(), within);
        record::write(&file, &records);
        for (partition, so_far) in written.iter_mut().enumerate() {
            let offset = program.run(&format!("produce {topic} {partition} none all {}", file.display()));
            assert_eq!(offset, [so_far.len().to_string()], "{} to {partition}", program.name());
            so_far.extend(records.iter().cloned());
        }
    }

    let expected: Vec<String> =
        written.iter().enumerate().flat_map(|(p, records)| record::printed(p, 0, records)).collect();
    std::thread::scope(|scope| {
        for program in &mut programs {
            let (topic, expected) = (&topic, &expected);
            scope.spawn(move || read_twice(program, topic, expected));
        }
    });
}

/// The second read takes what the first left: a consumer's fetch session, and connections that have been idle.
fn read_twice(program: &mut Program, topic: &str, expected: &[String]) {
    for time in ["first", "second"] {
        let found = program.run(&format!("consume {topic} all earliest {}", expected.len()));
        assert_same_records(&format!("{} reads the {time} time", program.name()), found, expected);
    }
}
