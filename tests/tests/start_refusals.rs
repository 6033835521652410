//! What stops a start, or is said at one: each with its exit code and a sentence. `docs/operations/failures.md` has the table.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jackdaw_core::records::Batches;
use jackdaw_tests::broker::{Broker, Options, binary, wait};
use jackdaw_tests::loop_disk::{FileSystem, LoopDisk};

/// The configuration or the arguments must change first.
const USAGE: i32 = 2;
const ERROR: i32 = 1;
/// A directory's lock is waited for, as a port is.
const REFUSED_WITHIN: Duration = Duration::from_secs(30);
const A_DAY_MS: i64 = 24 * 3600 * 1000;

/// One start that is refused.
struct Refusal {
    overrides: Vec<String>,
    code: i32,
    said: String,
}

fn refusal(log_dirs: &str, others: &[&str], code: i32, said: &str) -> Refusal {
    let dirs = format!("log.dirs={log_dirs}");
    let overrides = std::iter::once(dirs).chain(others.iter().map(|&other| other.to_owned())).collect();
    Refusal { overrides, code, said: said.to_owned() }
}

#[test]
fn each_has_its_sentence_and_its_exit_code() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let dir = |name: &str| scratch.path().join(name).display().to_string();
    let (ours, other, copy, file) = (dir("ours"), dir("other"), dir("copy"), dir("file"));
    for formatted in [&ours, &other] {
        format(formatted);
    }
    std::fs::create_dir(&copy).expect("a directory");
    std::fs::copy(format!("{ours}/meta.properties"), format!("{copy}/meta.properties")).expect("a copy");
    std::fs::write(&file, "").expect("a file");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listener = format!("listeners=PLAINTEXT://{}", taken.local_addr().expect("its address"));
    let refusals = [
        refusal(&ours, &["node.id=2"], USAGE, "belongs to node 1, but node.id is 2"),
        refusal(&format!("{ours},{other}"), &[], USAGE, "all of log.dirs must belong to one"),
        refusal(&format!("{ours},{copy}"), &[], USAGE, "one is a copy"),
        refusal(&file, &[], USAGE, "is a file; log.dirs and metadata.log.dir name directories"),
        refusal(&ours, &["metadata.log.dir=/nowhere"], USAGE, "set metadata.log.dir="),
        refusal(&ours, &[&listener], ERROR, "stop what has the port, or set listeners"),
        refusal(
            &ours,
            &["listeners=PLAINTEXT://192.0.2.1:9092"],
            ERROR,
            "no interface of this host has the address",
        ),
    ];
    for refusal in refusals {
        assert_refused(&refusal);
    }
}

#[test]
fn a_second_broker_on_the_same_directory() {
    let Some(broker) = Broker::start_to_stop(Options::shards(1)) else { return };
    let dirs = broker.data_dir().display().to_string();
    assert_refused(&refusal(&dirs, &[], ERROR, "another broker runs on this directory"));
}

#[test]
fn a_read_only_file_system() {
    let Some(disk) = LoopDisk::make(FileSystem::Ext4, None) else { return };
    let data = disk.data_dir().display().to_string();
    format(&data);
    disk.remount_with("ro");
    assert_refused(&refusal(&data, &[], ERROR, "mount it writable: Read-only file system"));
}

#[test]
fn a_clock_that_has_gone_back_is_told_and_the_node_serves() {
    let options = Options::shards(1).expecting(&["the clock is behind the newest record"]);
    let Some(mut broker) = Broker::start_to_stop(options) else { return };
    broker.terminate();
    postpone_last_batch(&broker.data_dir().join("__cluster_metadata-0/00000000000000000000.log"));
    broker.restart();
    assert!(broker.log().contains("the clock is behind the newest record"), "{}", broker.log());
}

/// As if it had been written a day later.
fn postpone_last_batch(log: &Path) {
    let mut bytes = std::fs::read(log).expect("the metadata log");
    let (mut position, mut last) = (0, 0);
    for batch in Batches::new(&bytes) {
        last = position;
        position += batch.expect("a sound log").size_bytes();
    }
    let batch = Batches::new(&bytes[last..]).next().expect("a batch").expect("a sound batch");
    let (mut header, body) = (*batch.header(), batch.body().to_vec());
    header.set_base_timestamp(header.base_timestamp() + A_DAY_MS);
    header.set_max_timestamp(header.max_timestamp() + A_DAY_MS);
    header.seal(&body);
    let head = header.to_bytes();
    bytes[last..last + head.len()].copy_from_slice(&head);
    std::fs::write(log, bytes).expect("the log takes it");
}

fn format(dir: &str) {
    let dirs = format!("log.dirs={dir}");
    let output = Command::new(binary()).args(["storage", "format", "--override", &dirs]).output();
    let output = output.expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_refused(refusal: &Refusal) {
    let log = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut child = start(&refusal.overrides, log.path().to_path_buf());
    let status = wait(&mut child, REFUSED_WITHIN);
    let _ = child.kill();
    let said = std::fs::read_to_string(log.path()).expect("its log");
    let code = status.and_then(|status| status.code());
    let Refusal { overrides, code: expected, said: words } = refusal;
    assert!(code == Some(*expected) && said.contains(words), "{overrides:?}: {code:?}\n{said}");
    let errors = said.lines().filter(|line| line.contains(" ERROR ") || line.starts_with("error")).count();
    assert_eq!(errors, 1, "{overrides:?}: one line says it:\n{said}");
}

fn start(overrides: &[String], log: PathBuf) -> Child {
    let log = std::fs::File::create(log).expect("a log");
    let errors = log.try_clone().expect("a second handle");
    let mut command = Command::new(binary());
    // Port 0: whichever is free.
    for pair in ["listeners=PLAINTEXT://127.0.0.1:0", "jackdaw.http.listener="] {
        command.args(["--override", pair]);
    }
    overrides.iter().for_each(|pair| {
        command.args(["--override", pair]);
    });
    let spawned = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
    spawned.expect("the binary runs")
}
