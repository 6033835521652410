//! Client quotas: throttle times as Apache Kafka reports them, muted connections, refused changes. Rates are checked by the
//! bytes that were acknowledged and the throttle times that were told.

use std::time::Instant;

use jackdaw_core::protocol::messages as m;
use jackdaw_core::protocol::messages::{
    AlterClientQuotasRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
    MetadataRequest,
};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{eventually, topic};
use jackdaw_tests::requests::{FIRST_WITH_TOPIC_IDS, Topic, batch, create, fetch_request, produce_request};
use jackdaw_tests::tool::PRODUCER_PERF;
use jackdaw_tests::wire::Connection;

const EXCEEDED: i16 = 89;
/// The default windows: a rate is weighed against ten of them at least, a second each.
const SPAN_MS: f64 = 10_000.0;
const WINDOW_MS: f64 = 1000.0;

/// Sets one quota, or removes it, and waits until the broker knows.
fn set(connection: &mut Connection, entity: (&str, Option<&str>), key: &str, value: Option<f64>) {
    use m::alter_client_quotas::{
        AlterClientQuotasRequestEntityData, AlterClientQuotasRequestEntryData, OpData,
    };
    use m::describe_client_quotas::{ComponentData, DescribeClientQuotasRequest};
    let (kind, name) = (entity.0.to_owned(), entity.1.map(str::to_owned));
    let part = AlterClientQuotasRequestEntityData { entity_type: kind.clone(), entity_name: name.clone() };
    let op = OpData { key: key.to_owned(), value: value.unwrap_or(0.0), remove: value.is_none() };
    let entry = AlterClientQuotasRequestEntryData { entity: vec![part], ops: vec![op] };
    let request = AlterClientQuotasRequest { entries: vec![entry], validate_only: false };
    assert_eq!(connection.call(&request, 1).entries[0].error_code, 0);
    let match_type = if name.is_some() { 0 } else { 1 };
    let component = ComponentData { entity_type: kind, match_type, r#match: name };
    let request = DescribeClientQuotasRequest { components: vec![component], strict: true };
    eventually("the quota is known", || {
        let entries = connection.call(&request, 1).entries.unwrap_or_default();
        let values = entries.first().map(|entry| entry.values.as_slice()).unwrap_or_default();
        values.iter().find(|found| found.key == key).map(|found| found.value) == value
    });
}

/// A batch of one record of this size.
fn large(size_bytes: usize) -> bytes::Bytes {
    batch(&[&"x".repeat(size_bytes)], None)
}

/// Produces a record of this size: the throttle time.
fn produce(connection: &mut Connection, topic: &Topic, size_bytes: usize) -> i32 {
    let version = FIRST_WITH_TOPIC_IDS;
    let response = connection.call(&produce_request(topic, version, 0, -1, large(size_bytes)), version);
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    response.throttle_time_ms
}

/// What a client that has used so many bytes is told to wait; the broker's clock goes on while it uses them.
fn assert_throttled(throttle_ms: i32, used_bytes: f64, quota: f64, begun: Instant) {
    let at_once = used_bytes / quota * 1000.0 - SPAN_MS;
    let least = at_once - begun.elapsed().as_secs_f64() * 1000.0 - WINDOW_MS;
    let told = f64::from(throttle_ms);
    // Frames are a little larger than their records.
    assert!(
        told >= least && told <= at_once.max(0.0) * 1.05 + 20.0,
        "{told} for {used_bytes}: {least} to {at_once}"
    );
}

#[test]
fn producers_are_held_to_their_bytes_over_all_connections() {
    const QUOTA: f64 = 100_000.0;
    const SIZE: usize = 300_000;
    for shards in [1, 2] {
        let Some(broker) = Broker::start_to_stop(Options::shards(shards)) else { return };
        let mut admin = Connection::open(broker.bootstrap());
        let topic = create(&mut admin, &topic("produced"), 1);
        set(&mut admin, ("client-id", Some("limited")), "producer_byte_rate", Some(QUOTA));
        let begun = Instant::now();
        let mut connections: Vec<_> =
            (0..6).map(|_| Connection::open_as(broker.bootstrap(), "limited")).collect();
        for (index, connection) in connections.iter_mut().enumerate() {
            let throttle_ms = produce(connection, &topic, SIZE);
            let used = ((index + 1) * SIZE) as f64;
            assert_throttled(throttle_ms, used, QUOTA, begun);
            assert_eq!(throttle_ms > 0, index >= 3, "{throttle_ms} after {used}");
            assert_eq!(produce(&mut admin, &topic, SIZE), 0, "another client has no quota");
        }
        // The last one has to wait eight seconds: it is not heard meanwhile, and others are.
        let muted = &mut connections[5];
        let version = FIRST_WITH_TOPIC_IDS;
        muted.send(&produce_request(&topic, version, 0, -1, large(10)), version);
        for _ in 0..20 {
            assert_eq!(produce(&mut admin, &topic, 10), 0);
            assert!(!muted.is_answered());
        }
        // Who is not told either.
        let mut silent = Connection::open_as(broker.bootstrap(), "limited");
        silent.send(&produce_request(&topic, version, 0, 0, large(10)), version);
        silent.send(&MetadataRequest::default(), 12);
        produce(&mut admin, &topic, 10);
        assert!(!silent.is_answered(), "muted after a produce without an answer");
        // In the end all is there.
        let (_, response) = muted.answer::<m::ProduceRequest>(version);
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
        set(&mut admin, ("client-id", Some("limited")), "producer_byte_rate", None);
        let mut free = Connection::open_as(broker.bootstrap(), "limited");
        assert_eq!(produce(&mut free, &topic, SIZE), 0);
    }
}

#[test]
fn consumers_over_their_quota_get_nothing_yet() {
    const QUOTA: f64 = 10_000.0;
    for shards in [1, 2] {
        let Some(broker) = Broker::start_to_stop(Options::shards(shards)) else { return };
        let mut admin = Connection::open(broker.bootstrap());
        let topic = create(&mut admin, &topic("consumed"), 1);
        for _ in 0..10 {
            produce(&mut admin, &topic, 30_000);
        }
        set(&mut admin, ("client-id", None), "consumer_byte_rate", Some(QUOTA));
        let version = 17;
        let fetch = |connection: &mut Connection| {
            let response = connection.call(&fetch_request(&topic, version, 0, 0, 500), version);
            let records = |data: &m::fetch::PartitionData| data.records.as_ref().map_or(0, bytes::Bytes::len);
            let size_bytes: usize = response.responses.iter().flat_map(|t| &t.partitions).map(records).sum();
            (response.throttle_time_ms, response.responses.len(), size_bytes)
        };
        let begun = Instant::now();
        let mut first = Connection::open_as(broker.bootstrap(), "reader");
        // Never more than could be had at once. Apache Kafka fills that up to the byte with a part of a batch, and then has
        // some bytes too many for a few milliseconds.
        let mut answers = std::iter::repeat_with(|| fetch(&mut first));
        let found = answers.find(|&(throttle_ms, topics, _)| {
            assert!(throttle_ms < 100, "{throttle_ms}");
            topics > 0
        });
        let (throttle_ms, _, size_bytes) = found.expect("records");
        assert_eq!(throttle_ms, 0);
        assert!((80_000..=100_000).contains(&size_bytes), "{size_bytes}");
        // What it does not get does not count.
        for _ in 0..3 {
            let mut another = Connection::open_as(broker.bootstrap(), "reader");
            let (throttle_ms, topics, _) = fetch(&mut another);
            assert_eq!(topics, 0);
            assert!(throttle_ms > 0);
            assert_throttled(throttle_ms, 2.0 * size_bytes as f64, QUOTA, begun);
        }
        let mut another = Connection::open_as(broker.bootstrap(), "another");
        let throttle_ms = fetch(&mut another).0;
        assert!(throttle_ms < 100, "a default counts each client on its own: {throttle_ms}");
    }
}

#[test]
fn a_share_of_a_core_is_all_that_requests_may_take() {
    let Some(broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut admin = Connection::open(broker.bootstrap());
    let topic = create(&mut admin, &topic("timed"), 1);
    set(&mut admin, ("client-id", Some("busy")), "request_percentage", Some(0.00001));
    let told = |ask: &dyn Fn(&mut Connection) -> i32| {
        let mut connection = Connection::open_as(broker.bootstrap(), "busy");
        let throttle_ms = ask(&mut connection);
        // Nobody waits longer than a window for the time he took.
        assert!(throttle_ms > 0 && f64::from(throttle_ms) <= WINDOW_MS, "{throttle_ms}");
    };
    told(&|connection| connection.call(&MetadataRequest::default(), 12).throttle_time_ms);
    let software = m::ApiVersionsRequest {
        client_software_name: "test".to_owned(),
        client_software_version: "1".to_owned(),
        ..Default::default()
    };
    told(&|connection| connection.call(&software, 3).throttle_time_ms);
    told(&|connection| produce(connection, &topic, 10));
    told(&|connection| {
        let response = connection.call(&fetch_request(&topic, 12, 0, 0, 0), 12);
        assert_eq!(response.responses.len(), 0, "{response:?}");
        response.throttle_time_ms
    });
    assert_eq!(admin.call(&MetadataRequest::default(), 12).throttle_time_ms, 0);
}

#[test]
fn changes_to_partitions_are_refused_or_put_off() {
    let Some(broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut admin = Connection::open(broker.bootstrap());
    let names = ["first", "second", "third"].map(topic);
    let create = |name: &str, partitions: i32, version: i16| {
        let creatable = m::create_topics::CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            ..Default::default()
        };
        let request =
            CreateTopicsRequest { topics: vec![creatable], timeout_ms: 30_000, ..Default::default() };
        let response = Connection::open(broker.bootstrap()).call(&request, version);
        let result = &response.topics[0];
        (result.error_code, result.error_message.clone(), response.throttle_time_ms)
    };
    set(&mut admin, ("client-id", Some("test")), "controller_mutation_rate", Some(1.0));
    // Eleven may be had at once; the last may bring the bucket into debt.
    assert_eq!(create(&names[0], 30, 7), (0, None, 0));
    let in_debt = |throttle_ms: i32| assert!(throttle_ms > 0 && throttle_ms <= 19_000, "{throttle_ms}");
    let (error, text, throttle_ms) = create(&names[1], 1, 7);
    assert_eq!((error, text), (EXCEEDED, None));
    in_debt(throttle_ms);
    let (error, _, throttle_ms) = create(&names[0], 1, 7);
    assert_eq!((error, throttle_ms), (36, 0), "what is refused anyway costs nothing");

    let grown =
        m::create_partitions::CreatePartitionsTopic { name: names[0].clone(), count: 31, assignments: None };
    let request = CreatePartitionsRequest { topics: vec![grown], timeout_ms: 30_000, validate_only: false };
    let response = Connection::open(broker.bootstrap()).call(&request, 3);
    assert_eq!((response.results[0].error_code, &response.results[0].error_message), (EXCEEDED, &None));
    in_debt(response.throttle_time_ms);

    let named = m::delete_topics::DeleteTopicState { name: Some(names[0].clone()), ..Default::default() };
    let request = DeleteTopicsRequest { topics: vec![named], timeout_ms: 30_000, ..Default::default() };
    let response = Connection::open(broker.bootstrap()).call(&request, 6);
    assert_eq!((response.responses[0].error_code, &response.responses[0].error_message), (EXCEEDED, &None));
    in_debt(response.throttle_time_ms);

    // Clients that do not know the error have to wait, but it is done.
    let (error, _, throttle_ms) = create(&names[2], 1, 5);
    assert_eq!(error, 0);
    assert!(throttle_ms > 0 && throttle_ms <= 20_000, "{throttle_ms}");
    let mut free = Connection::open_as(broker.bootstrap(), "another");
    eventually("two of the topics are there", || {
        let found = free.call(&MetadataRequest { topics: None, ..Default::default() }, 12).topics;
        let is_there = |name: &String| found.iter().any(|topic| topic.name.as_ref() == Some(name));
        names.each_ref().map(is_there) == [true, false, true]
    });
}

#[test]
fn an_address_may_not_connect_too_often() {
    let Some(broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut admin = Connection::open(broker.bootstrap());
    set(&mut admin, ("ip", Some("127.0.0.1")), "connection_creation_rate", Some(1.0));
    let begun = Instant::now();
    let connections: Vec<_> = (0..16).map(|_| Connection::open(broker.bootstrap())).collect();
    let answered = |mut connection: Connection| connection.try_call(&MetadataRequest::default(), 12).is_ok();
    let count = connections.into_iter().map(answered).filter(|answered| *answered).count();
    let most = 10 + begun.elapsed().as_secs() as usize + 1;
    assert!((10..=most).contains(&count), "{count} of at most {most}");
    set(&mut admin, ("ip", Some("127.0.0.1")), "connection_creation_rate", None);
    assert!(answered(Connection::open(broker.bootstrap())));
}

#[test]
fn the_java_producer_is_told() {
    let Some(broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut admin = Connection::open(broker.bootstrap());
    let topic = create(&mut admin, &topic("java"), 4);
    set(&mut admin, ("user", None), "producer_byte_rate", Some(100_000.0));
    let records = ["--num-records", "26", "--record-size", "50000", "--throughput", "-1", "--print-metrics"];
    let properties = ["--command-property", "batch.size=60000", "--topic", &topic.name];
    let out = PRODUCER_PERF.run(broker.bootstrap(), &[&records[..], &properties].concat());
    let line = out.lines().find(|line| line.contains("produce-throttle-time-max"));
    let line = line.unwrap_or_else(|| panic!("no throttle time in\n{out}"));
    let told: f64 = line.rsplit(':').next().and_then(|told| told.trim().parse().ok()).unwrap_or(0.0);
    // 1.3 MB where 1 MB is free.
    assert!(told > 0.0 && told <= 3500.0, "{line}");
}
