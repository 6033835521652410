//! Printing: stdout with a quiet end when its reader goes, tables, JSON.

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
