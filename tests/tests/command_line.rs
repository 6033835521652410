//! `jackdaw topic`, `produce`, `consume`, `api-versions` and `storage format` as a person uses them, on the built broker.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use jackdaw_tests::broker::{Broker, Options, binary};
use jackdaw_tests::checks::topic;
use jackdaw_tests::command::{jackdaw, run, text};

#[test]
fn a_topic_is_made_written_read_and_deleted() {
    let broker = Broker::start(Options::shards(2));
    let name = topic("by-hand");
    let ok = |arguments: &[&str], input: &str| jackdaw(broker.bootstrap(), arguments, input, true);
    ok(&["topic", "create", &name, "-p", "3"], "");
    assert!(ok(&["topic", "list", "--names"], "").lines().any(|line| line == name));
    let described = ok(&["topic", "describe", &name, "--format", "json"], "");
    assert!(described.contains("\"partitions\""), "{described}");
    let lines: String = (0..1000).map(|number| format!("key{number}\tvalue {number}\n")).collect();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        ok(&["produce", &name, "-k", "\t", "-z", codec], &lines);
    }
    let read = ok(&["consume", &name], "");
    assert_eq!(read.lines().count(), 5000);
    let mut values: Vec<&str> = read.lines().collect();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), 1000, "each value came five times");
    let json = ok(&["consume", &name, "-p", "0", "--from", "0", "-n", "1", "--format", "json"], "");
    assert!(json.contains("\"offset\":0"), "{json}");
    ok(&["topic", "delete", &name], "");
    assert!(!ok(&["topic", "list", "--names"], "").lines().any(|line| line == name));
}

#[test]
fn mistakes_end_with_the_next_step() {
    let broker = Broker::start(Options::shards(1).with(&["auto.create.topics.enable=false"]));
    let fails = |arguments: &[&str]| jackdaw(broker.bootstrap(), arguments, "x\n", false);
    let unknown = fails(&["topic", "describe", "no-such-topic"]);
    assert!(unknown.contains("no-such-topic") && unknown.contains("jackdaw topic"), "{unknown}");
    assert!(fails(&["topic", "create", "a b"]).contains("a b"));
    let nobody = ["topic", "list", "--bootstrap-server", "127.0.0.1:1"];
    assert!(fails(&nobody).contains("127.0.0.1:1"));
    assert!(jackdaw(broker.bootstrap(), &["api-versions"], "", true).contains("Produce"));
}

#[test]
fn a_directory_is_formatted_by_hand_and_then_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("server.properties");
    let data = dir.path().join("data");
    std::fs::write(&config, format!("log.dirs={}\n", data.display())).expect("a file");
    let cluster_id = "MkU3OEVBNTcwNTJENDM2Qg";
    let config = config.to_str().expect("a path in UTF-8");
    let format = ["storage", "format", "--config", config, "--cluster-id", cluster_id];
    let first = run(Command::new(binary()).args(format), "");
    assert!(first.status.success(), "{}{}", text(&first.stdout), text(&first.stderr));
    let properties = std::fs::read_to_string(data.join("meta.properties")).expect("a formatted directory");
    assert!(properties.contains(cluster_id), "{properties}");
    let again = run(Command::new(binary()).args(format), "");
    assert!(!again.status.success(), "formatting twice is refused");
    let ignored = run(Command::new(binary()).args(format).arg("--ignore-formatted"), "");
    assert!(ignored.status.success(), "{}", text(&ignored.stderr));
}

/// The file that Apache Kafka ships for a single node, but for its ports and directory.
#[test]
fn kafkas_own_file_for_one_node_is_served() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = dir.path().join("server.properties");
    let text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n\
         listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:9093\ncontroller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nnum.network.threads=3\n\
         num.io.threads=8\nlog.dirs={}\nnum.partitions=1\noffsets.topic.replication.factor=1\n",
        dir.path().join("data").display()
    );
    std::fs::write(&config, text).expect("a file");
    let mut child = Command::new(binary())
        .args(["--config", config.to_str().expect("a path in UTF-8")])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let log = BufReader::new(child.stderr.take().expect("a pipe"));
    let is_served = log.lines().map_while(Result::ok).any(|line| line.contains("serving listener"));
    child.kill().expect("our own child");
    child.wait().expect("our own child");
    assert!(is_served);
}
