//! `jackdaw topic`, `produce`, `consume`, `api-versions` and `storage format` as a person uses them, on the built broker.

use std::io::{BufRead as _, BufReader, Write as _};
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
fn deleting_what_is_not_there_hints_at_no_creation() {
    let broker = Broker::start(Options::shards(1));
    let error = jackdaw(broker.bootstrap(), &["topic", "delete", "no-such-topic"], "", false);
    assert!(error.contains("no-such-topic") && error.contains("topic list"), "{error}");
    assert!(!error.contains("topic create"), "{error}");
}

#[test]
fn topics_that_come_and_go_are_logged() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    jackdaw(broker.bootstrap(), &["topic", "create", "logged", "--partitions", "3"], "", true);
    jackdaw(broker.bootstrap(), &["topic", "create", "stays"], "", true);
    jackdaw(broker.bootstrap(), &["topic", "delete", "logged"], "", true);
    broker.terminate();
    broker.restart();
    let log = broker.log();
    let lines = |what: &str| -> Vec<&str> { log.lines().filter(|line| line.contains(what)).collect() };
    // Not again at the restart.
    assert_eq!(lines("topic created").len(), 2, "{log}");
    let [deleted] = lines("topic deleted")[..] else { panic!("{log}") };
    assert!(["topic=logged", "partitions=3", "id="].iter().all(|part| deleted.contains(part)), "{deleted}");
}

/// With shards that look for work before they sleep.
#[test]
fn an_interrupt_ends_following_as_a_shell_expects() {
    let broker = Broker::start(Options::shards(2).with(&["jackdaw.spin.us=100"]));
    let name = topic("followed");
    jackdaw(broker.bootstrap(), &["topic", "create", &name], "", true);
    jackdaw(broker.bootstrap(), &["produce", &name], "one\n", true);
    let mut child = Command::new(binary())
        .args(["consume", &name, "--follow"])
        .env("JACKDAW_BOOTSTRAP_SERVER", broker.bootstrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a record");
    assert_eq!(line, "one\n");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(130), ""));
}

#[test]
fn a_producer_says_that_nobody_answers() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(1)) else { return };
    jackdaw(broker.bootstrap(), &["topic", "create", "lost"], "", true);
    let mut child = Command::new(binary())
        .args(["produce", "lost"])
        .env("JACKDAW_BOOTSTRAP_SERVER", broker.bootstrap())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"one\n").expect("the command reads");
    let mut admin = jackdaw_tests::wire::Connection::open(broker.bootstrap());
    jackdaw_tests::checks::eventually("the first record is written", || {
        jackdaw_tests::requests::end_offset(&mut admin, "lost", 0) == 1
    });
    broker.kill();
    input.write_all(b"two\n").expect("the command reads");
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains(broker.bootstrap()) && line.contains("trying again"), "{line}");
    broker.restart();
    drop(input);
    let output = child.wait_with_output().expect("the command ends");
    assert!(output.status.success() && !text(&output.stderr).contains("trying"), "{}", text(&output.stderr));
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
    let other = dir.path().join("other");
    let other = format!("log.dirs={}", other.display());
    let other = run(Command::new(binary()).args(["storage", "format", "--override", &other]), "");
    assert!(other.status.success() && dir.path().join("other/meta.properties").exists(), "{other:?}");
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
