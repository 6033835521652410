//! kcat, which has a command line of its own: records with text keys and values, and its output parsed.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::broker::wait;
use crate::record::Field;

const DEADLINE: Duration = Duration::from_secs(45);

/// Runs kcat to its end and gives what it printed.
pub fn run(bootstrap: &str, arguments: &[&str], input: Option<&Path>) -> Result<Vec<u8>, String> {
    let (mut output, errors) = (tempfile::tempfile().expect("a file"), tempfile::tempfile().expect("a file"));
    let mut command = Command::new("kcat");
    command.args(["-b", bootstrap]).args(arguments);
    command.stdin(input.map_or(Stdio::null(), |path| File::open(path).expect("kcat's input").into()));
    command.stdout(output.try_clone().expect("a file")).stderr(errors.try_clone().expect("a file"));
    let mut child =
        command.spawn().unwrap_or_else(|e| panic!("cannot start kcat: {e}; run tests/clients/setup first"));
    let status = wait(&mut child, DEADLINE);
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    match status {
        Some(status) if status.success() => Ok(whole(&mut output)),
        other => Err(format!(
            "kcat {arguments:?}: {other:?}: {}",
            String::from_utf8_lossy(&whole(&mut { errors }))
        )),
    }
}

fn whole(file: &mut File) -> Vec<u8> {
    use std::io::{Read as _, Seek as _};
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("what kcat printed");
    bytes
}

/// Produces `key:value` lines with one header for all of them; an empty value is null (`-Z`).
pub fn produce(
    bootstrap: &str,
    topic: &str,
    partition: usize,
    codec: &str,
    acks: &str,
    lines: &Path,
) -> Result<(), String> {
    let (partition, codec, acks) =
        (partition.to_string(), format!("compression.codec={codec}"), format!("acks={acks}"));
    let arguments =
        ["-P", "-t", topic, "-p", &partition, "-X", &codec, "-X", &acks, "-K", ":", "-Z", "-H", "from=kcat"];
    run(bootstrap, &arguments, Some(lines)).map(drop)
}

/// A record as kcat shows it: its headers are left out, for kcat prints them as text without an escape.
pub struct Shown {
    pub partition: usize,
    pub offset: usize,
    pub timestamp_ms: i64,
    pub key: Field,
    pub value: Field,
}

/// Reads records from one partition or all; `from` is kcat's `-o`.
pub fn consume(
    bootstrap: &str,
    topic: &str,
    partition: Option<usize>,
    from: &str,
    count: usize,
) -> Vec<Shown> {
    let count = count.to_string();
    let partition = partition.map(|p| p.to_string());
    let mut arguments = vec!["-C", "-q", "-t", topic, "-o", from, "-c", &count];
    arguments.extend(partition.iter().flat_map(|p| ["-p", p]));
    // Sizes first, then the bytes: binary fields need no separator.
    arguments.extend(["-f", "%p %o %T %K %S\n%k%s"]);
    let output = run(bootstrap, &arguments, None).unwrap_or_else(|e| panic!("{e}"));
    let mut rest = output.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        found.push(parse(&mut rest));
    }
    found
}

fn parse(rest: &mut &[u8]) -> Shown {
    let end = rest.iter().position(|&b| b == b'\n').expect("a line of sizes");
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 1..];
    let numbers: Vec<i64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [partition, offset, timestamp_ms, key, value] = numbers[..] else { panic!("kcat printed {line:?}") };
    let (partition, offset) = (partition as usize, offset as usize);
    Shown { partition, offset, timestamp_ms, key: take(rest, key), value: take(rest, value) }
}

/// A field of the printed size; -1 is null.
fn take(rest: &mut &[u8], size: i64) -> Field {
    let size = usize::try_from(size).ok()?;
    let (field, left) = rest.split_at(size);
    *rest = left;
    Some(field.to_vec())
}
