//! Topics that come into being when they are first produced to.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, await_topic, topic};
use jackdaw_tests::kcat;
use jackdaw_tests::library::Library::{self, Aiokafka, Confluent, ConfluentOld, Franz, Java, KafkaPython};
use jackdaw_tests::record::{self, EVERYTHING, Expressible};

/// The libraries that ask for a missing topic by default.
const CREATING: [Library; 5] = [Java, Confluent, ConfluentOld, KafkaPython, Aiokafka];

#[test]
fn a_produce_creates_its_topic() {
    let Some(broker) = Broker::start_to_stop(Options::shards(2).with(&["num.partitions=3"])) else { return };
    let scratch = broker.scratch();
    let file = scratch.path().join("records");
    let records = record::make(1, 5, an_hour_ago_ms(), Expressible { null_headers: false, ..EVERYTHING });
    record::write(&file, &records);
    let mut reader = Franz.start(broker.bootstrap());
    for library in CREATING {
        let mut program = library.start(broker.bootstrap());
        let topic = topic(&format!("auto-{}", library.name()));
        assert_eq!(
            program.run(&format!("produce {topic} 2 none all {}", file.display())),
            ["0"],
            "{}",
            library.name()
        );
        await_topic(&mut program, &topic, 3);
        assert_eq!(reader.run(&format!("consume {topic} 2 earliest 5")), record::printed(2, 0, &records));
    }
    let topic = topic("auto-kcat");
    std::fs::write(&file, "k:v\n").expect("a line for kcat");
    kcat::produce(broker.bootstrap(), &topic, 1, "none", "all", &file).unwrap_or_else(|e| panic!("{e}"));
    await_topic(&mut reader, &topic, 3);
    assert_eq!(reader.run(&format!("offsets {topic} 1")), ["0 1"]);
}

#[test]
fn asking_alone_creates_nothing() {
    let broker = Broker::start(Options::default());
    let mut program = Franz.start(broker.bootstrap());
    let topic = topic("never");
    for _ in 0..3 {
        assert!(program.try_run(&format!("describe {topic}")).is_err());
        assert!(Java.start(broker.bootstrap()).try_run(&format!("describe {topic}")).is_err());
    }
}

#[test]
fn nothing_is_created_where_it_is_switched_off() {
    let Some(broker) = Broker::start_to_stop(Options::default().with(&["auto.create.topics.enable=false"]))
    else {
        return;
    };
    let scratch = broker.scratch();
    let line = scratch.path().join("line");
    std::fs::write(&line, "k:v\n").expect("a line for kcat");
    let topic = topic("refused");
    let refused = kcat::run(
        broker.bootstrap(),
        &[
            "-P",
            "-t",
            &topic,
            "-p",
            "0",
            "-X",
            "topic.metadata.propagation.max.ms=0",
            "-X",
            "message.timeout.ms=3000",
        ],
        Some(&line),
    );
    assert!(refused.is_err(), "kcat produced to a topic that must not be there");
    assert!(Franz.start(broker.bootstrap()).try_run(&format!("describe {topic}")).is_err());
}
