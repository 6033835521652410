//! `jackdaw storage dump`: every kind of file, as text and as JSON lines.

use std::path::Path;
use std::process::Command;

use jackdaw_tests::broker::{Broker, Options, binary};
use jackdaw_tests::checks::topic;
use jackdaw_tests::command::{jackdaw, run, text};
use jackdaw_tests::dump::files;
use serde_json::{Value, json};

/// What a dump prints, and its exit code.
fn dump(arguments: &[&str], paths: &[&Path]) -> (String, Option<i32>) {
    let output = run(Command::new(binary()).args(["storage", "dump"]).args(arguments).args(paths), "");
    (text(&output.stdout), output.status.code())
}

/// The lines of a dump, which has no damage.
fn lines(arguments: &[&str], paths: &[&Path]) -> Vec<Value> {
    let (said, code) = dump(&[arguments, &["--format", "json"]].concat(), paths);
    assert_eq!(code, Some(0), "{arguments:?} {paths:?}: {said}");
    said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn every_file_of_a_stopped_broker() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let (topic, at) = (topic("dumped"), broker.bootstrap().to_owned());
    jackdaw(&at, &["topic", "create", &topic, "--partitions", "1"], "", true);
    for round in 0..10 {
        let records: String =
            (0..200).map(|n| n + round * 200).map(|n| format!("key-{n}:value {n}\n")).collect();
        jackdaw(&at, &["produce", &topic, "-k", ":", "-z", "lz4", "-H", "h=1"], &records, true);
    }
    jackdaw(&at, &["consume", &topic, "--group", "readers", "--count", "50"], "", true);
    broker.terminate();
    let data = broker.data_dir();
    let partition = data.join(format!("{topic}-0"));

    let log = files(&data, &topic, &[".log"]).remove(0);
    let dumped = lines(&["--records"], &[&log]);
    let (batches, records) = (of_kind(&dumped, "batch"), of_kind(&dumped, "record"));
    assert!(
        batches.len() >= 10
            && batches.iter().all(|batch| batch["is_sound"] == true && batch["codec"] == "lz4")
    );
    assert_eq!(records.len(), 2_000);
    assert_eq!((&records[7]["key"], &records[7]["value"]), (&json!("key-7"), &json!("value 7")));
    assert_eq!((&records[0]["offset"], &records[0]["headers"]), (&json!(0), &json!([["h", "1"]])));
    let encoded = lines(&["--records", "--encoding", "base64"], &[&log]);
    assert_eq!(of_kind(&encoded, "record")[0]["headers"], json!([["h", "MQ=="]]));
    let (said, _) = dump(&["--records"], &[&log]);
    assert!(said.contains("key=key-7 value=\"value 7\""), "{}", &said[..2_000]);
    assert!(of_kind(&lines(&[], &[&log]), "record").is_empty());

    let all = lines(&["--records"], &[&partition, &data]);
    assert_eq!(of_kind(&all, "epoch")[0], &json!({"kind": "epoch", "epoch": 0, "start_offset": 0}));
    assert!(of_kind(&all, "entry").iter().any(|entry| entry["position"].as_u64() > Some(0)));
    assert!(of_kind(&all, "entry").iter().any(|entry| entry["timestamp"].as_i64() > Some(0)));
    assert!(of_kind(&all, "offset").iter().any(|line| line["topic"] == topic.as_str()));
    assert!(of_kind(&all, "line").iter().any(|line| line["text"] == "version: 0"));
    assert!(of_kind(&all, "producer").iter().all(|line| line["producer_id"].as_i64() >= Some(0)));

    let metadata = lines(&["--records"], &[&data.join("__cluster_metadata-0")]);
    let named =
        |line: &&Value| line["value"]["type"] == "TopicRecord" && line["value"]["name"] == topic.as_str();
    assert!(metadata.iter().any(|line| named(&line)), "the topic's record");
    assert!(of_kind(&metadata, "control").iter().any(|line| line["type"] == "SnapshotHeader"));
    assert!(of_kind(&metadata, "control").iter().any(|line| line["type"] == "LeaderChange"));

    let offsets = files(&data, "__consumer_offsets", &[".log"]);
    let offsets: Vec<&Path> = offsets.iter().map(AsRef::as_ref).collect();
    let groups = lines(&["--records"], &offsets);
    let committed = groups.iter().find(|line| line["key"]["type"] == "OffsetCommitKey").expect("a commit");
    assert_eq!((&committed["key"]["group"], &committed["value"]["offset"]), (&json!("readers"), &json!(50)));
    let raw = lines(&["--records", "--decoder", "none"], &offsets);
    assert!(raw.iter().all(|line| line["key"]["type"].is_null()));

    let mut bytes = std::fs::read(&log).expect("a segment");
    bytes[100] ^= 1;
    std::fs::write(&log, bytes).expect("a damaged segment");
    let (said, code) = dump(&[], &[&log]);
    assert!(code == Some(1) && said.contains("is_sound=false reason=\"stored CRC"), "{said}");
    let (_, code) = dump(&[], &[&data.join("nothing.log")]);
    assert_eq!(code, Some(1));
}
