//! What is asked and done of partitions, directories and the quorum: Kafka's tools, and answers that were Apache Kafka
//! 4.4.0's.

use jackdaw_core::protocol::messages as m;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::requests::{Topic, batch, create, create_with, end_offset, fetch, init_producer, produce};
use jackdaw_tests::tool::{
    DELETE_RECORDS, GET_OFFSETS, LEADER_ELECTION, LOG_DIRS, QUORUM, REASSIGN, TOPICS, TRANSACTIONS,
};
use jackdaw_tests::wire::Connection;

const OFFSET_OUT_OF_RANGE: i16 = 1;

fn write(connection: &mut Connection, topic: &Topic, partition: i32, count: usize) {
    for _ in 0..count {
        assert_eq!(produce(connection, topic, partition, batch(&["a"], None)).error_code, 0);
    }
}

#[test]
fn topics_grow() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("grown");
    let mut connection = Connection::open(broker.bootstrap());
    let grown = create(&mut connection, &name, 2);
    let mut ask = |counts: &[(&str, i32)], assignments: Option<&[&[i32]]>, validate_only: bool| {
        use m::create_partitions::{
            CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
        };
        let assignment = |ids: &&[i32]| CreatePartitionsAssignment { broker_ids: ids.to_vec() };
        let topics = counts.iter().map(|(name, count)| CreatePartitionsTopic {
            name: (*name).to_owned(),
            count: *count,
            assignments: assignments.map(|all| all.iter().map(assignment).collect()),
        });
        let request = CreatePartitionsRequest { topics: topics.collect(), timeout_ms: 30_000, validate_only };
        let results = connection.call(&request, 3).results;
        assert_eq!(results.len(), 1, "{results:?}");
        format!("{} {}", results[0].error_code, results[0].error_message.clone().unwrap_or_default())
    };
    let name = name.as_str();
    assert_eq!(ask(&[(name, 3)], None, true), "0 ");
    assert_eq!(ask(&[(name, 3)], None, false), "0 ", "nothing was changed before");
    assert_eq!(ask(&[(name, 3)], None, false), "37 Topic already has 3 partition(s).");
    for count in [2, 0, -1] {
        let text =
            format!("37 The topic {name} currently has 3 partition(s); {count} would not be an increase.");
        assert_eq!(ask(&[(name, count)], None, false), text);
    }
    assert_eq!(ask(&[("no-such-topic", 3)], None, false), "3 ");
    assert_eq!(ask(&[(name, 8), (name, 9)], None, false), "42 Duplicate topic name.");
    let too_many = "44 Excessively large number of additional partitions per request.";
    assert_eq!(ask(&[(name, i32::MAX)], None, true), too_many);
    assert_eq!(ask(&[(name, 4)], Some(&[&[1]]), false), "0 ");
    let count = "39 Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.";
    assert_eq!(ask(&[(name, 6)], Some(&[&[1]]), false), count);
    let manual = "39 The manual partition assignment includes";
    for (ids, text) in [
        (&[] as &[i32], "an empty replica list."),
        (&[1, 1], "the broker 1 more than once."),
        (&[9], "broker 9, but no such broker is registered."),
    ] {
        assert_eq!(ask(&[(name, 5)], Some(&[ids]), false), format!("{manual} {text}"));
    }
    TOPICS.run(broker.bootstrap(), &["--alter", "--topic", name, "--partitions", "6"]);
    let described = TOPICS.run(broker.bootstrap(), &["--describe", "--topic", name]);
    assert!(described.contains("PartitionCount: 6"), "{described}");
    for partition in 0..6 {
        write(&mut connection, &grown, partition, 1);
        assert_eq!(end_offset(&mut connection, name, partition), 1);
    }
}

#[test]
fn records_are_deleted() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let name = "deleted-from";
    let deleted = create(&mut connection, name, 2);
    create_with(&mut connection, "compacted", 1, &[("cleanup.policy", "compact")]);
    write(&mut connection, &deleted, 0, 5);
    write(&mut connection, &deleted, 1, 5);
    let delete = |connection: &mut Connection, topic: &str, partition: i32, offset: i64, version: i16| {
        use m::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
        let asked = DeleteRecordsPartition { partition_index: partition, offset };
        let topics = vec![DeleteRecordsTopic { name: topic.to_owned(), partitions: vec![asked] }];
        let request = DeleteRecordsRequest { topics, timeout_ms: 30_000 };
        let result = connection.call(&request, version).topics.remove(0).partitions.remove(0);
        (result.error_code, result.low_watermark)
    };
    let cases = [
        (name, 0, 2, (0, 2)),
        (name, 0, 2, (0, 2)),
        (name, 0, 1, (0, 2)),
        (name, 0, 6, (OFFSET_OUT_OF_RANGE, -1)),
        (name, 0, -2, (OFFSET_OUT_OF_RANGE, -1)),
        (name, 99, 0, (3, -1)),
        ("no-such-topic", 0, 0, (3, -1)),
        ("compacted", 0, 0, (44, -1)),
    ];
    for (topic, partition, offset, result) in cases {
        for version in 0..=2 {
            assert_eq!(
                delete(&mut connection, topic, partition, offset, version),
                result,
                "{topic} {offset}"
            );
        }
    }
    let below = fetch(&mut connection, &deleted, 12, 0, 1);
    assert_eq!((below.error_code, below.log_start_offset), (OFFSET_OUT_OF_RANGE, -1));
    assert_eq!(fetch(&mut connection, &deleted, 12, 0, 2).error_code, 0);
    assert_eq!(delete(&mut connection, name, 1, -1, 2), (0, 5), "everything");

    let scratch = broker.scratch();
    let file = scratch.path().join("offsets.json");
    let json = format!(
        "{{\"partitions\": [{{\"topic\": \"{name}\", \"partition\": 0, \"offset\": 3}}], \"version\": 1}}"
    );
    std::fs::write(&file, json).expect("a file");
    let file = file.to_str().expect("a path in UTF-8");
    let out = DELETE_RECORDS.run(broker.bootstrap(), &["--offset-json-file", file]);
    assert!(out.contains("low_watermark: 3"), "{out}");

    let earliest = |broker: &Broker| {
        let out = GET_OFFSETS.run(broker.bootstrap(), &["--topic", name, "--time", "earliest"]);
        let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let expected = [format!("{name}:0:3"), format!("{name}:1:5")];
    assert_eq!(earliest(&broker), expected);
    broker.terminate();
    broker.restart();
    assert_eq!(earliest(&broker), expected, "the starts are kept");
    let latest = GET_OFFSETS.run(broker.bootstrap(), &["--topic", name]);
    assert!(latest.contains(&format!("{name}:0:5")), "{latest}");
}

#[test]
fn epochs_end_where_kafka_says() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("epochs");
    let mut connection = Connection::open(broker.bootstrap());
    let asked = create(&mut connection, &name, 1);
    write(&mut connection, &asked, 0, 5);
    let mut ask = |topic: &str, partition: i32, current: i32, epoch: i32, version: i16| {
        use m::offset_for_leader_epoch::{
            OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
        };
        let partitions =
            vec![OffsetForLeaderPartition { partition, current_leader_epoch: current, leader_epoch: epoch }];
        let topics = vec![OffsetForLeaderTopic { topic: topic.to_owned(), partitions }];
        let request = OffsetForLeaderEpochRequest { replica_id: -1, topics };
        let result = connection.call(&request, version).topics.remove(0).partitions.remove(0);
        (result.error_code, result.leader_epoch, result.end_offset)
    };
    for version in 2..=4 {
        assert_eq!(ask(&name, 0, -1, 0, version), (0, 0, 5));
    }
    let cases = [
        (0, 0, 0, (0, 0, 5)),
        (0, 1, 0, (75, -1, -1)),
        (0, -2, 0, (0, 0, 5)),
        (0, -1, 5, (0, -1, -1)),
        (0, -1, -1, (0, -1, -1)),
        (99, -1, 0, (3, -1, -1)),
    ];
    for (partition, current, epoch, result) in cases {
        assert_eq!(ask(&name, partition, current, epoch, 4), result, "{partition} {current} {epoch}");
    }
    assert_eq!(ask("no-such-topic", 0, -1, 0, 4), (3, -1, -1));
}

#[test]
fn producers_are_described() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("producers");
    let mut connection = Connection::open(broker.bootstrap());
    let written = create(&mut connection, &name, 2);
    let (id, epoch) = init_producer(&mut connection);
    for sequence in 0..3 {
        produce(&mut connection, &written, 1, batch(&["a"], Some((id, epoch, sequence))));
    }
    let mut ask = |topic: &str, partition: i32| {
        use m::describe_producers::{DescribeProducersRequest, TopicRequest};
        let topics = vec![TopicRequest { name: topic.to_owned(), partition_indexes: vec![partition] }];
        connection.call(&DescribeProducersRequest { topics }, 0).topics.remove(0).partitions.remove(0)
    };
    let described = ask(&name, 1);
    let producer = &described.active_producers[0];
    assert_eq!((producer.producer_id, producer.last_sequence), (id, 2));
    assert_eq!((producer.coordinator_epoch, producer.current_txn_start_offset), (-1, -1));
    assert_eq!(ask(&name, 0).active_producers, []);
    let missing = ask(&name, 99);
    assert_eq!((missing.error_code, missing.error_message), (3, None));
    let missing = ask("no-such-topic", 0);
    let text = "This server does not host this topic-partition.";
    assert_eq!((missing.error_code, missing.error_message.as_deref()), (3, Some(text)));
    assert_eq!(ask("a b", 0).error_code, 17);
    let of_partition = ["describe-producers", "--topic", &name, "--partition", "1"];
    let out = TRANSACTIONS.run(broker.bootstrap(), &of_partition);
    assert!(out.contains(&id.to_string()), "{out}");
}

#[test]
fn directories_are_described() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("sized");
    let mut connection = Connection::open(broker.bootstrap());
    let sized = create(&mut connection, &name, 2);
    write(&mut connection, &sized, 0, 5);
    let mut ask = |topics: Option<&[(&str, &[i32])]>, version: i16| {
        use m::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
        let topic = |(topic, partitions): &(&str, &[i32])| DescribableLogDirTopic {
            topic: (*topic).to_owned(),
            partitions: partitions.to_vec(),
        };
        let topics = topics.map(|topics| topics.iter().map(topic).collect());
        let results = connection.call(&DescribeLogDirsRequest { topics }, version).results;
        assert_eq!((results.len(), results[0].error_code), (1, 0));
        let mut sizes: Vec<(String, i32, i64)> = Vec::new();
        for topic in &results[0].topics {
            for partition in &topic.partitions {
                sizes.push((topic.name.clone(), partition.partition_index, partition.partition_size));
            }
        }
        sizes.retain(|(topic, ..)| *topic == name);
        sizes.sort();
        sizes
    };
    for version in 1..=5 {
        let sizes = ask(None, version);
        assert_eq!(sizes, [(name.clone(), 0, 345), (name.clone(), 1, 0)], "version {version}");
    }
    assert_eq!(ask(Some(&[(&name, &[0, 99])]), 4), [(name.clone(), 0, 345)]);
    assert_eq!(ask(Some(&[("no-such-topic", &[0])]), 4), []);
    assert_eq!(ask(Some(&[]), 4), []);
    let out = LOG_DIRS.run(broker.bootstrap(), &["--describe", "--topic-list", &name]);
    assert!(out.contains(&format!("\"partition\":\"{name}-0\",\"size\":345")), "{out}");
}

#[test]
fn leaders_and_assignments_stay_where_they_are() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("led");
    let mut connection = Connection::open(broker.bootstrap());
    create(&mut connection, &name, 2);
    let mut elect = |kind: i8, topic: &str, partition: i32| {
        use m::elect_leaders::{ElectLeadersRequest, TopicPartitions};
        let asked = TopicPartitions { topic: topic.to_owned(), partitions: vec![partition] };
        let request = ElectLeadersRequest {
            election_type: kind,
            topic_partitions: Some(vec![asked]),
            timeout_ms: 30_000,
        };
        let response = connection.call(&request, 2);
        let result = &response.replica_election_results[0].partition_result[0];
        let text = result.error_message.clone().unwrap_or_default();
        format!("{} {} {text}", response.error_code, result.error_code)
    };
    let not_needed = "0 84 Leader election not needed for topic partition.";
    assert_eq!(elect(0, &name, 0), not_needed);
    assert_eq!(elect(1, &name, 1), not_needed);
    assert_eq!(elect(0, "no-such-topic", 0), "0 3 No such topic as no-such-topic");
    assert_eq!(elect(0, &name, 99), format!("0 3 No such partition as {name}-99"));
    assert_eq!(elect(5, &name, 0), "42 42 Unknown election type 5");

    let mut reassign = |topic: &str, partition_index: i32, replicas: Option<&[i32]>| {
        use m::alter_partition_reassignments::{
            AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
        };
        let partition = ReassignablePartition { partition_index, replicas: replicas.map(<[i32]>::to_vec) };
        let topics = vec![ReassignableTopic { name: topic.to_owned(), partitions: vec![partition] }];
        let request = AlterPartitionReassignmentsRequest {
            timeout_ms: 30_000,
            allow_replication_factor_change: true,
            topics,
        };
        let result = connection.call(&request, 1).responses.remove(0).partitions.remove(0);
        format!("{} {}", result.error_code, result.error_message.unwrap_or_default())
    };
    assert_eq!(reassign(&name, 0, Some(&[1])), "0 ");
    assert_eq!(reassign(&name, 0, None), "85 ");
    let manual = "39 The manual partition assignment includes";
    assert_eq!(reassign(&name, 0, Some(&[])), format!("{manual} an empty replica list."));
    assert_eq!(reassign(&name, 0, Some(&[1, 1])), format!("{manual} the broker 1 more than once."));
    let unregistered = format!("{manual} broker 9, but no such broker is registered.");
    assert_eq!(reassign(&name, 0, Some(&[1, 9])), unregistered);
    assert_eq!(reassign(&name, 99, Some(&[1])), format!("3 Unable to find partition {name}:99."));
    assert_eq!(reassign("no-such-topic", 0, None), "3 Unable to find a topic named no-such-topic.");

    let all = ["--election-type", "preferred", "--all-topic-partitions"];
    LEADER_ELECTION.run(broker.bootstrap(), &all);
    let listed = REASSIGN.run(broker.bootstrap(), &["--list"]);
    assert!(listed.contains("No partition reassignments found."), "{listed}");
}

#[test]
fn the_quorum_is_described() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let mut ask = |topic: &str, partition: i32, version: i16| {
        use m::describe_quorum::{
            DescribeQuorumRequest, DescribeQuorumRequestPartitionData, DescribeQuorumRequestTopicData,
        };
        let partitions = vec![DescribeQuorumRequestPartitionData { partition_index: partition }];
        let topics = vec![DescribeQuorumRequestTopicData { topic_name: topic.to_owned(), partitions }];
        connection.call(&DescribeQuorumRequest { topics }, version).topics.remove(0).partitions.remove(0)
    };
    for version in 0..=2 {
        let quorum = ask("__cluster_metadata", 0, version);
        assert_eq!((quorum.error_code, quorum.leader_id, quorum.current_voters.len()), (0, 1, 1));
        assert!(quorum.leader_epoch > 0 && quorum.high_watermark > 0, "{quorum:?}");
        assert_eq!(ask("__cluster_metadata", 1, version).error_code, 3);
        assert_eq!(ask("other", 0, version).error_code, 3);
    }
    let status = QUORUM.run(broker.bootstrap(), &["describe", "--status"]);
    assert!(status.contains("LeaderId:") && status.contains("CurrentVoters:"), "{status}");
    let replication = QUORUM.run(broker.bootstrap(), &["describe", "--replication"]);
    assert!(replication.contains("Leader"), "{replication}");
}

#[test]
fn a_broker_that_is_not_there_is_not_unregistered() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let request = m::unregister_broker::UnregisterBrokerRequest { broker_id: 99 };
    let response = connection.call(&request, 0);
    assert_eq!(response.error_code, 102);
    assert_eq!(response.error_message.as_deref(), Some("Broker ID 99 is not currently registered"));
    eventually("the broker is there", || {
        let request = m::metadata::MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
        connection.call(&request, 9).brokers.len() == 1
    });
}
