//! SIGKILL under an idempotent load, ten times: nothing acknowledged is lost or doubled, and the order stays.

use std::time::Duration;

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{await_topic, topic};
use jackdaw_tests::library::{LIBRARIES, Library};
use jackdaw_tests::program::Program;
use jackdaw_tests::record::hex;

const KILLS: usize = 10;
const PARTITIONS: usize = 3;

/// Acknowledgements that each load must see between two kills.
const ACKED_BETWEEN_KILLS: usize = 300;
const LOAD_DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn one_shard() {
    kill_ten_times(1);
}

#[test]
fn two_shards() {
    kill_ten_times(2);
}

/// A program under load, and the acknowledgements it has told: the offset of each partition's n-th record.
struct Load {
    program: Program,
    command: String,
    topic: String,
    acked: Vec<Vec<(usize, usize)>>,
}

impl Load {
    fn start(library: Library, bootstrap: &str) -> Self {
        let mut program = library.start(bootstrap);
        let topic = topic(&format!("load-{}", library.name()));
        program.run(&format!("create {topic} {PARTITIONS}"));
        await_topic(&mut program, &topic, PARTITIONS);
        let command = format!("load {topic} {PARTITIONS}");
        program.send(&command);
        Self { program, command, topic, acked: vec![Vec::new(); PARTITIONS] }
    }

    fn note(&mut self, line: &str) {
        let numbers: Vec<usize> = line.split(' ').skip(1).filter_map(|word| word.parse().ok()).collect();
        let ([partition, n, offset], true) = (&numbers[..], line.starts_with("acked ")) else {
            self.program.fail(&self.command, line);
        };
        self.acked[*partition].push((*n, *offset));
    }

    fn await_acks(&mut self, count: usize) {
        for _ in 0..count {
            match self.program.next_within(&self.command, LOAD_DEADLINE) {
                Some(line) => self.note(&line),
                None => self.program.fail(&self.command, "no further acknowledgement"),
            }
        }
    }

    /// Ends the load; every record that was sent is acknowledged then.
    fn stop(&mut self) {
        self.program.send("stop");
        match self.program.finish(&self.command) {
            Ok(lines) => lines.iter().for_each(|line| self.note(line)),
            Err(error) => self.program.fail(&self.command, &error),
        }
    }

    fn check(&self, reader: &mut Program) {
        for (partition, acked) in self.acked.iter().enumerate() {
            let name = format!("{} {partition}", self.topic);
            // The values count up from 0, so the log must be exactly them: each at the offset that is its number.
            for (i, &(n, offset)) in acked.iter().enumerate() {
                assert_eq!(
                    (n, offset),
                    (i, i),
                    "{name}: acknowledgement {i} is of record {n} at offset {offset}"
                );
            }
            let count = acked.len();
            assert_eq!(
                reader.run(&format!("offsets {} {partition}", self.topic)),
                [format!("0 {count}")],
                "{name}"
            );
            let found = reader.run(&format!("consume {} {partition} earliest {count}", self.topic));
            assert_eq!(found.len(), count, "{name}");
            for (n, line) in found.iter().enumerate() {
                let words: Vec<&str> = line.split(' ').collect();
                let value = hex(n.to_string().as_bytes());
                assert_eq!((words[1], words[4]), (n.to_string().as_str(), value.as_str()), "{name} at {n}");
            }
        }
    }
}

fn kill_ten_times(shards: u32) {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(shards)) else { return };
    let loading = LIBRARIES.into_iter().filter(|library| library.loads());
    let mut loads: Vec<Load> = loading.map(|library| Load::start(library, broker.bootstrap())).collect();
    for _ in 0..KILLS {
        loads.iter_mut().for_each(|load| load.await_acks(ACKED_BETWEEN_KILLS));
        broker.kill();
        broker.restart();
    }
    loads.iter_mut().for_each(|load| load.await_acks(ACKED_BETWEEN_KILLS));
    loads.iter_mut().for_each(Load::stop);
    let mut reader = Library::Franz.start(broker.bootstrap());
    loads.iter().for_each(|load| load.check(&mut reader));
    // And once more from the disk alone.
    broker.kill();
    broker.restart();
    let mut reader = Library::Confluent.start(broker.bootstrap());
    loads.iter().for_each(|load| load.check(&mut reader));
}
