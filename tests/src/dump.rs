//! Kafka's own reader of segments, indexes and snapshots, over the files of a stopped broker.

use std::path::{Path, PathBuf};

use crate::library::kafka_tool;

/// The files of a topic's partitions with these endings, in order.
pub fn files(data: &Path, topic: &str, endings: &[&str]) -> Vec<PathBuf> {
    let list = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display()));
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let partitions = list(data).into_iter().filter(|path| name(path).starts_with(&format!("{topic}-")));
    let mut found: Vec<PathBuf> = partitions
        .flat_map(|dir| list(&dir))
        .filter(|path| endings.iter().any(|e| name(path).ends_with(e)))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {endings:?} of {topic} in {}", data.display());
    found
}

/// Runs DumpLogSegments over files: what it prints, without a complaint.
pub fn tool(arguments: &[&str], files: &[PathBuf]) -> String {
    let (text, complaints) = run(arguments, files);
    assert!(complaints.is_empty(), "{arguments:?}: {complaints:#?}");
    text
}

/// The same over the files of a compacted topic, which has gaps between its offsets.
pub fn tool_on_gaps(arguments: &[&str], files: &[PathBuf]) -> String {
    let (text, mut complaints) = run(arguments, files);
    complaints.retain(|line| !line.contains("is followed by"));
    assert!(complaints.is_empty(), "{arguments:?}: {complaints:#?}");
    text
}

fn run(arguments: &[&str], files: &[PathBuf]) -> (String, Vec<String>) {
    let list: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let mut command = kafka_tool("org.apache.kafka.tools.DumpLogSegments");
    let output = command.args(arguments).arg("--files").arg(list.join(",")).output().expect("java");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {}\n{errors}", output.status);
    let lines = text.lines().chain(errors.lines());
    let complaints = lines.filter(|line| is_complaint(line)).map(str::to_owned).collect();
    (text, complaints)
}

fn is_complaint(line: &str) -> bool {
    // Said of every segment that does not begin at 0, of Kafka's own too, under the line "Non-consecutive offsets in".
    if line.contains(" -1 is followed by") {
        return false;
    }
    let signs = [
        "is followed by",
        "Mismatches in",
        "mismatch",
        "out of order",
        "corrupt",
        "Exception",
        "Could not",
        "trailing",
        "Found invalid",
        "ERROR",
        "is missing",
    ];
    signs.iter().any(|sign| line.contains(sign))
}
