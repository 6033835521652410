//! Every version of Produce and Fetch that Kafka 4.4 serves, side by side on one partition.

use jackdaw_core::protocol::messages::{ApiVersionsRequest, FetchRequest, ProduceRequest};
use jackdaw_core::protocol::{Message, Request};
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::requests::{batch, create, fetch, produce_request};
use jackdaw_tests::wire::Connection;

/// The first version of Produce with today's batches; older ones are advertised for librdkafka's sake alone.
const FIRST_PRODUCE: i16 = 3;
const FIRST_FETCH: i16 = 4;

#[test]
fn each_version_writes_and_reads_the_same() {
    let broker = Broker::start(Options::shards(2));
    let mut connection = Connection::open(broker.bootstrap());
    let topic = create(&mut connection, &topic("versions"), 1);
    let records = batch(&["one", "two"], None);
    for (i, version) in (FIRST_PRODUCE..=ProduceRequest::MAX_VERSION).enumerate() {
        let response = connection.call(&produce_request(&topic, version, 0, -1, records.clone()), version);
        let answer = &response.responses[0].partition_responses[0];
        assert_eq!(
            (answer.error_code, answer.base_offset),
            (0, 2 * i as i64),
            "Produce {version}: {answer:?}"
        );
    }
    let newest = fetch(&mut connection, &topic, FetchRequest::MAX_VERSION, 0, 0);
    let produced = (FIRST_PRODUCE..=ProduceRequest::MAX_VERSION).count();
    assert_eq!(newest.high_watermark, 2 * produced as i64);
    for version in FIRST_FETCH..=FetchRequest::MAX_VERSION {
        let found = fetch(&mut connection, &topic, version, 0, 0);
        assert_eq!(found.error_code, 0, "Fetch {version}");
        assert_eq!(found.high_watermark, newest.high_watermark, "Fetch {version}");
        assert_eq!(found.records, newest.records, "Fetch {version}");
    }
    // As the producer sent it, but for base offset and leader epoch, which stand before the checksum.
    let stored = newest.records.expect("records");
    assert_eq!(stored[16..records.len()], records[16..]);
}

#[test]
fn what_is_advertised_holds_those_versions() {
    let broker = Broker::start(Options::shards(1));
    // Kafka refuses an empty name.
    let (name, version) = ("test".to_owned(), "1".to_owned());
    let request = ApiVersionsRequest {
        client_software_name: name,
        client_software_version: version,
        ..Default::default()
    };
    let response = Connection::open(broker.bootstrap()).call(&request, 3);
    let range = |key: i16| {
        let found =
            response.api_keys.iter().find(|of| of.api_key == key).unwrap_or_else(|| panic!("no api {key}"));
        (found.min_version, found.max_version)
    };
    assert_eq!(range(ProduceRequest::KEY.code()), (0, ProduceRequest::MAX_VERSION));
    assert_eq!(range(FetchRequest::KEY.code()), (FIRST_FETCH, FetchRequest::MAX_VERSION));
}
