//! Lines on a terminal that are drawn again and again, and the pause between.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::table;
use crate::cli::client::error::ClientError;
use crate::cli::client::interrupt::Interrupt;
use crate::cli::error::CommandError;

/// How often a pause looks for an interrupt.
const SLICE: Duration = Duration::from_millis(50);

/// Lines that are drawn over those before.
#[derive(Default)]
pub(crate) struct Screen {
    line_count: usize,
}

impl Screen {
    pub(crate) fn draw(&mut self, lines: &[String]) -> Result<(), CommandError> {
        let mut stdout = super::stdout();
        let mut text = String::new();
        if self.line_count > 0 {
            // Up to the first line, and away with all from there on.
            text.push_str(&format!("\x1b[{}A\x1b[J", self.line_count));
        }
        for line in lines {
            text.push_str(&table::cut_to_terminal(line));
            text.push('\n');
        }
        self.line_count = lines.len();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(CommandError::Output)
    }

    /// Something else was printed: the next lines go below it.
    pub(crate) fn forget(&mut self) {
        self.line_count = 0;
    }
}

/// Wait, unless somebody wants the end.
pub(crate) fn pause(until: Instant, interrupt: &Interrupt) -> Result<(), ClientError> {
    loop {
        if interrupt.is_raised() {
            return Err(ClientError::Interrupted);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
}
