//! What the broker under test logs: a test fails on a warning or an error that it did not expect.

use std::path::Path;

/// The lines at WARN or above, and panics, that contain none of `expected`.
pub fn complaints(log: &str, expected: &[&str]) -> Vec<String> {
    log.lines()
        .filter(|line| is_complaint(line) && !expected.iter().any(|e| line.contains(e)))
        .map(str::to_owned)
        .collect()
}

fn is_complaint(line: &str) -> bool {
    line.contains("panicked at") || line.split_whitespace().any(|word| matches!(word, "WARN" | "ERROR"))
}

/// Reads a log that the broker may still be writing.
pub fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The end of a log, for a failure's message.
pub fn tail(path: &Path) -> String {
    let text = read(path);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::complaints;

    #[test]
    fn warnings_errors_and_panics_are_complaints() {
        let log = "1 INFO net: WARNING\n1 WARN net: a\n2 ERROR disk: b\nthread 'x' panicked at c\n3 INFO d";
        assert_eq!(complaints(log, &[]).len(), 3);
        assert_eq!(complaints(log, &["disk: b", "net: a"]), ["thread 'x' panicked at c"]);
    }
}
