//! A consumer at the end of a partition gets the next record when it is produced: the broker wakes its fetch.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, await_topic, topic};
use jackdaw_tests::library::{LIBRARIES, Library};
use jackdaw_tests::program::Program;
use jackdaw_tests::record::{self, EVERYTHING};

#[test]
fn one_shard() {
    every_library_waits(1);
}

#[test]
fn two_shards() {
    every_library_waits(2);
}

/// All wait for the same two partitions, each with a fetch of a minute; one produce to each wakes all of them.
/// A broker that leaves them asleep is found out by the programs' own 30 seconds.
fn every_library_waits(shards: u32) {
    let broker = Broker::start(Options::shards(shards).with(&["group.initial.rebalance.delay.ms=0"]));
    let scratch = broker.scratch();
    let topic = topic("wait");
    let mut writer = Library::Franz.start(broker.bootstrap());
    writer.run(&format!("create {topic} 2"));
    await_topic(&mut writer, &topic, 2);
    // Something before the end, which nobody must see.
    let before = record::make(1, 3, an_hour_ago_ms(), EVERYTHING);
    let file = scratch.path().join("records");
    record::write(&file, &before);
    (0..2).for_each(|p| drop(writer.run(&format!("produce {topic} {p} none all {}", file.display()))));

    let waiting = LIBRARIES.into_iter().flat_map(|library| [(library, 0), (library, 1)]);
    let mut waiting: Vec<(Program, String, usize)> = waiting
        .map(|(library, partition)| {
            let (mut program, command) =
                (library.start(broker.bootstrap()), format!("wait {topic} {partition}"));
            program.send(&command);
            (program, command, partition)
        })
        .collect();
    for (program, command, _) in &mut waiting {
        assert_eq!(program.next_line(command), "waiting", "{}", program.name());
    }

    let mut after = record::make(2, 4, an_hour_ago_ms(), EVERYTHING).split_off(3);
    after[0].headers.clear();
    record::write(&file, &after);
    for partition in 0..2 {
        writer.run(&format!("produce {topic} {partition} zstd all {}", file.display()));
    }
    for (program, command, partition) in &mut waiting {
        let found = program.finish(command).unwrap_or_else(|error| program.fail(command, &error));
        assert_eq!(
            found,
            record::printed(*partition, before.len(), &after),
            "{} at {command}",
            program.name()
        );
    }
}
