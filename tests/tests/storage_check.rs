//! `jackdaw storage check`: silent about directories as brokers leave them, Apache Kafka's too, and not about damage.

use std::path::Path;
use std::process::{Command, Output};

use jackdaw_tests::broker::{Broker, Kind, Options, binary};
use jackdaw_tests::checks::topic;
use jackdaw_tests::command::{jackdaw, run, text};
use jackdaw_tests::dump::files;
use jackdaw_tests::library::kafka_tool;
use serde_json::Value;

/// Kafka's smallest segment, so that partitions roll.
const SEGMENT_BYTES: &str = "log.segment.bytes=1048576";

fn check(data: &Path, format: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(["storage", "check", "--format", format]).arg(data);
    run(&mut command, "")
}

/// Plain, compressed and keyed records over several segments, and a group's offsets.
fn fill(broker: &Broker) -> String {
    let topic = topic("checked");
    let lines: String = (0..60_000).map(|n| format!("key-{}:value number {n}\n", n % 50)).collect();
    let at = broker.bootstrap();
    jackdaw(at, &["topic", "create", &topic, "--partitions", "2"], "", true);
    for codec in ["none", "zstd"] {
        jackdaw(at, &["produce", &topic, "-k", ":", "-z", codec], &lines, true);
    }
    let compacted = format!("{topic}-compacted");
    let config = ["--config", "cleanup.policy=compact"];
    jackdaw(at, &["topic", "create", &compacted, config[0], config[1]], "", true);
    jackdaw(at, &["produce", &compacted, "-k", ":"], &lines, true);
    jackdaw(at, &["consume", &topic, "--group", "g", "--count", "100"], "", true);
    topic
}

fn assert_clean(data: &Path) {
    let output = check(data, "text");
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("No damage"), "{said}{}", text(&output.stderr));
}

#[test]
fn our_directory_is_clean_and_damage_is_named() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2).with(&[SEGMENT_BYTES])) else { return };
    let topic = fill(&broker);
    let data = broker.data_dir();
    let refused = check(&data, "text");
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("is locked"), "{}", text(&refused.stderr));
    broker.terminate();
    let output = check(&data, "json");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["findings"], &report["is_clean_stop"]), (&Value::Array(Vec::new()), &true.into()));
    assert!(report["record_count"].as_u64() > Some(180_000), "{report}");
    broker.restart();
    broker.kill();
    assert_clean(&data);

    broker.restart();
    broker.terminate();
    let log = files(&data, &topic, &[".log"]).remove(0);
    let mut bytes = std::fs::read(&log).expect("a segment");
    bytes[5_000] ^= 0x40;
    std::fs::write(&log, bytes).expect("a damaged segment");
    let output = check(&data, "json");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["damage_count"], &report["findings"][0]["severity"]), (&1.into(), &"damage".into()));
    assert_eq!(report["findings"][0]["path"], log.display().to_string());
    assert!(report["findings"][0]["position"].as_u64() < Some(5_000), "{report}");
    let said = text(&check(&data, "text").stdout);
    assert!(said.contains("CRC") && said.contains("1 finding of damage"), "{said}");
}

#[test]
fn apache_kafkas_directory_is_clean() {
    let options = Options::default().with(&[SEGMENT_BYTES, "log.cleaner.backoff.ms=500"]);
    if std::env::var_os("JACKDAW_TEST_BOOTSTRAP").is_some() {
        return;
    }
    let mut broker = Broker::start_kind(Kind::Apache, options);
    let topic = fill(&broker);
    let mut transactions = kafka_tool("org.apache.kafka.tools.ProducerPerformance");
    transactions.args([
        "--topic",
        &topic,
        "--num-records",
        "5000",
        "--record-size",
        "100",
        "--throughput",
        "-1",
    ]);
    transactions.args(["--transactional-id", "t", "--transaction-duration-ms", "50"]);
    let output = run(transactions.args(["--bootstrap-server", broker.bootstrap()]), "");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    broker.terminate();
    assert_clean(&broker.data_dir());
    broker.restart();
    broker.kill();
    assert_clean(&broker.data_dir());
}

#[test]
fn what_is_no_log_directory_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = check(dir.path(), "text");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("meta.properties is missing"), "{}", text(&output.stderr));
}
