//! `/metrics`, `/healthz` and `/readyz` of a broker that clients use.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::{an_hour_ago_ms, await_topic, eventually, topic};
use jackdaw_tests::command::jackdaw;
use jackdaw_tests::http::{self, Metrics};
use jackdaw_tests::library::Library;
use jackdaw_tests::record::{self, EVERYTHING};
use jackdaw_tests::requests;
use jackdaw_tests::wire::Connection;

fn start(shards: u32) -> Option<Broker> {
    Broker::start_to_stop(Options::groups(shards).with_http())
}

/// A client produces and fetches: what was counted is what it did, of its topic and of all together.
#[test]
fn topics_count_what_a_client_does() {
    let Some(broker) = start(2) else { return };
    let scratch = broker.scratch();
    let topic = topic("counted");
    let mut client = Library::Confluent.start(broker.bootstrap());
    client.run(&format!("create {topic} 3"));
    await_topic(&mut client, &topic, 3);
    let before = Metrics::scrape(&broker.http());
    assert_eq!(
        before.value(&format!("kafka_server_brokertopicmetrics_bytesin_total{{topic=\"{topic}\"}}")),
        0.0
    );
    let records = record::make(1, 50, an_hour_ago_ms(), EVERYTHING);
    let file = scratch.path().join("records");
    record::write(&file, &records);
    for partition in 0..3 {
        client.run(&format!("produce {topic} {partition} none all {}", file.display()));
        client.run(&format!("consume {topic} {partition} 0 {}", records.len()));
    }
    let after = Metrics::scrape(&broker.http());
    let of_topic = |name: &str| {
        after.value(&format!("kafka_server_brokertopicmetrics_{name}_total{{topic=\"{topic}\"}}"))
    };
    let of_all = |name: &str| after.value(&format!("kafka_server_brokertopicmetrics_{name}_total"));
    assert_eq!(of_topic("messagesin"), 150.0);
    let size_bytes: f64 = (0..3).map(|partition| log_size_bytes(&broker, &topic, partition)).sum();
    assert_eq!(of_topic("bytesin"), size_bytes);
    assert!(of_topic("bytesout") >= size_bytes, "{after:?}");
    assert!(of_topic("totalproducerequests") >= 3.0);
    assert!(of_topic("totalfetchrequests") >= 3.0);
    assert_eq!(of_topic("failedproducerequests"), 0.0);
    for name in ["messagesin", "bytesin", "bytesout", "totalproducerequests", "totalfetchrequests"] {
        assert!(of_all(name) >= of_topic(name), "{name}");
    }
}

fn log_size_bytes(broker: &Broker, topic: &str, partition: usize) -> f64 {
    let path = broker.data_dir().join(format!("{topic}-{partition}/00000000000000000000.log"));
    std::fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).len() as f64
}

/// Each request is counted with its version, and its time is in the summaries; the stages of a shard's work, too.
#[test]
fn requests_are_counted_and_timed() {
    let Some(broker) =
        Broker::start_to_stop(Options::shards(1).with_http().with(&["log.flush.interval.messages=1"]))
    else {
        return;
    };
    let topic = topic("timed");
    let mut connection = Connection::open(broker.bootstrap());
    let created = requests::create(&mut connection, &topic, 1);
    for _ in 0..40 {
        requests::produce(&mut connection, &created, 0, requests::batch(&["a"], None));
    }
    for offset in 0..7 {
        requests::fetch(&mut connection, &created, 13, 0, offset);
    }
    // Nobody asked for an answer, and still it was a request.
    connection.send(&requests::produce_request(&created, 9, 0, 0, requests::batch(&["b"], None)), 9);
    requests::fetch(&mut connection, &created, 12, 0, 0);
    // A header's start of no API counts for nothing.
    Connection::open(broker.bootstrap()).send_raw(&jackdaw_tests::wire::frame(99, 31, 1, &[]));

    let metrics = Metrics::scrape(&broker.http());
    let count = |request: &str, version: i16| {
        let labels = format!("request=\"{request}\",version=\"{version}\"");
        metrics.value(&format!("kafka_network_requestmetrics_requests_total{{{labels}}}"))
    };
    assert_eq!([count("Produce", 13), count("Produce", 9)], [40.0, 1.0]);
    for request in ["Fetch", "FetchConsumer"] {
        assert_eq!([count(request, 13), count(request, 12)], [7.0, 1.0]);
    }
    for name in ["totaltimems", "requestqueuetimems", "localtimems", "remotetimems", "responsesendtimems"] {
        let of = |suffix: &str, more: &str| {
            metrics
                .value(&format!("kafka_network_requestmetrics_{name}{suffix}{{request=\"Produce\"{more}}}"))
        };
        assert_eq!(of("_count", ""), 41.0, "{name}");
        let quantiles = ["0.50", "0.75", "0.95", "0.98", "0.99", "0.999"]
            .map(|quantile| of("", &format!(",quantile=\"{quantile}\"")));
        assert!(quantiles.is_sorted(), "{name}: {quantiles:?}");
        assert!(of("_sum", "") <= 41.0 * quantiles[5] * 1.125, "{name}");
    }
    let total = metrics.value("kafka_network_requestmetrics_totaltimems_sum{request=\"Produce\"}");
    let parts = ["requestqueuetimems", "localtimems", "remotetimems", "responsesendtimems"].map(|part| {
        metrics.value(&format!("kafka_network_requestmetrics_{part}_sum{{request=\"Produce\"}}"))
    });
    assert!((parts.iter().sum::<f64>() - total).abs() < 1e-3, "{parts:?} make {total}");
    let stage =
        |stage: &str| metrics.value(&format!("jackdaw_stage_seconds_count{{shard=\"0\",stage=\"{stage}\"}}"));
    for name in ["validate", "append"] {
        assert_eq!(stage(name), 3.0, "one in 16 of 41 is timed: {name}");
    }
    for name in ["receive", "queue", "respond"] {
        assert!(stage(name) >= 49.0, "{name}");
    }
    assert!(stage("flush") >= 40.0);
}

/// Lag is what a group has not read yet, by partition and by topic; it follows what is produced and committed.
#[test]
fn lag_of_a_group() {
    let Some(broker) = start(2) else { return };
    let topic = topic("lag");
    let mut connection = Connection::open(broker.bootstrap());
    let created = requests::create(&mut connection, &topic, 2);
    let produce = |connection: &mut Connection, partition, values: &[&str]| {
        let answer = requests::produce(connection, &created, partition, requests::batch(values, None));
        assert_eq!(answer.error_code, 0);
    };
    produce(&mut connection, 0, &["a", "b", "c"]);
    produce(&mut connection, 1, &["d", "e"]);
    jackdaw(broker.bootstrap(), &["consume", &topic, "--group", "readers", "--count", "5"], "", true);
    produce(&mut connection, 0, &["f"]);
    produce(&mut connection, 1, &["g", "h", "i"]);

    let metrics = Metrics::scrape(&broker.http());
    let of = |name: &str, partition: i32| {
        let labels = format!("consumergroup=\"readers\",topic=\"{topic}\",partition=\"{partition}\"");
        metrics.value(&format!("kafka_consumergroup_{name}{{{labels}}}"))
    };
    assert_eq!([of("current_offset", 0), of("current_offset", 1)], [3.0, 2.0]);
    assert_eq!([of("lag", 0), of("lag", 1)], [1.0, 3.0]);
    let sum = |name: &str| {
        metrics.value(&format!("kafka_consumergroup_{name}{{consumergroup=\"readers\",topic=\"{topic}\"}}"))
    };
    assert_eq!([sum("current_offset_sum"), sum("lag_sum")], [5.0, 4.0]);
    assert_eq!(metrics.value("kafka_consumergroup_members{consumergroup=\"readers\"}"), 0.0);
    assert_eq!(metrics.value("kafka_coordinator_group_groupmetadatamanager_numgroups"), 1.0);
    assert_eq!(metrics.value("kafka_coordinator_group_groupmetadatamanager_numoffsets"), 2.0);
    let states: Vec<_> = metrics.keys("jackdaw_consumergroup_state").collect();
    assert_eq!(states.len(), 1, "{states:?}");
    assert!(states[0].contains("state=\"Empty\""), "{states:?}");

    jackdaw(broker.bootstrap(), &["consume", &topic, "--group", "readers", "--count", "4"], "", true);
    let metrics = Metrics::scrape(&broker.http());
    assert_eq!(
        metrics.value(&format!("kafka_consumergroup_lag_sum{{consumergroup=\"readers\",topic=\"{topic}\"}}")),
        0.0
    );
}

/// The lag is there again after a restart, as soon as the node says that it is ready; a topic made anew under an old
/// name has none from before.
#[test]
fn probes_and_a_restart() {
    let Some(mut broker) = start(2) else { return };
    let topic = topic("again");
    let mut connection = Connection::open(broker.bootstrap());
    let created = requests::create(&mut connection, &topic, 1);
    requests::produce(&mut connection, &created, 0, requests::batch(&["a", "b"], None));
    jackdaw(broker.bootstrap(), &["consume", &topic, "--group", "readers", "--count", "1"], "", true);
    for path in ["/healthz", "/readyz"] {
        let answer = http::get(&broker.http(), path);
        assert_eq!((answer.status, &*answer.body), (200, "ok\n"), "{path}");
    }
    broker.terminate();
    broker.restart();
    eventually("a ready node", || http::get(&broker.http(), "/readyz").status == 200);
    let key =
        format!("kafka_consumergroup_lag{{consumergroup=\"readers\",topic=\"{topic}\",partition=\"0\"}}");
    assert_eq!(Metrics::scrape(&broker.http()).value(&key), 1.0);
}

/// What HTTP clients may and may not ask.
#[test]
fn requests_of_http() {
    let Some(broker) = start(1) else { return };
    let address = broker.http();
    assert!(http::get(&address, "/").body.contains("/metrics"));
    assert_eq!(http::get(&address, "/metrics?x=y").status, 200);
    let cases = [
        ("GET", "/nothing", 404),
        ("POST", "/metrics", 405),
        ("HEAD", "/healthz", 200),
        ("HEAD", "/metrics", 200),
    ];
    for (method, path, status) in cases {
        let answer = http::request(&address, method, path);
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(method != "HEAD" || answer.body.is_empty(), "{answer:?}");
    }
    // Without chunks the end of the connection is the end of the page.
    let old = http::raw(&address, b"GET /metrics HTTP/1.0\r\n\r\n");
    let old = String::from_utf8(old).expect("text");
    assert!(!old.contains("chunked") && old.ends_with('\n'), "{old}");
    for garbage in [&b"\x16\x03\x01\x02\x00\r\n\r\n"[..], b"GET /metrics\r\n\r\n", &[b'a'; 40_000]] {
        let answer = http::raw(&address, garbage);
        assert!(
            answer.starts_with(b"HTTP/1.1 400 ") || answer.is_empty(),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(http::get(&address, "/healthz").status, 200);
}
