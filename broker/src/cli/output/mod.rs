//! Printing: stdout with a quiet end when its reader goes, tables, JSON.

pub(crate) mod screen;
pub(crate) mod table;

use std::io::{self, BufWriter, StdoutLock, Write};

use serde_json::Value;

use super::client::error::ClientError;
use super::error::CommandError;

/// Stdout, buffered.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 * 1024, io::stdout().lock())
}

/// Prints text as it is.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(CommandError::Output)
}

/// Prints one JSON document, indented.
pub(crate) fn print_json(value: &Value) -> Result<(), CommandError> {
    print(&format!("{value:#}\n"))
}

/// `1 topic`, `2 topics`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("{number} {noun}") } else { format!("{number} {noun}s") }
}

/// Bytes in the unit that leaves the fewest digits.
pub(crate) fn size_text(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024.0 {
        return format!("{bytes:.0} B");
    }
    let mut size = bytes / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Says on stderr what failed and what to do next.
pub(crate) fn print_error(error: &CommandError) {
    let Some(text) = error.text() else { return };
    let mut stderr = io::stderr().lock();
    // Where stderr is closed nobody listens.
    let _ = writeln!(stderr, "error: {text}");
    for line in error.advice() {
        let _ = writeln!(stderr, "  {line}");
    }
}

/// Prints each failure; the command has failed if there is one.
pub(crate) fn report_failures(
    results: impl IntoIterator<Item = Result<(), ClientError>>,
) -> Result<(), CommandError> {
    let mut outcome = Ok(());
    for error in results.into_iter().filter_map(Result::err) {
        print_error(&error.into());
        outcome = Err(CommandError::Reported);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        let cases = [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1536.0, "1.5 KiB"),
            (5.0 * 1024.0 * 1024.0 * 1024.0, "5.0 GiB"),
            (9.3e18, "8260.1 PiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size_text(bytes), text);
        }
    }
}
