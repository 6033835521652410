//! A client program of `tests/clients` as a child process that commands are sent to.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

/// Longer than the programs' own 30 seconds: what fails tells its own reason first.
const ANSWER_DEADLINE: Duration = Duration::from_secs(45);

/// A running client program. It is ended when dropped.
pub struct Program {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    errors: NamedTempFile,
}

impl Program {
    pub fn start(name: &str, mut command: Command) -> Self {
        let errors = NamedTempFile::new().expect("a temporary file");
        let stderr = File::create(errors.path()).expect("a temporary file");
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = spawned
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}; run tests/clients/setup first"));
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { name: name.to_owned(), child, input, lines, errors }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs one command: the lines of its answer, or the program's error.
    pub fn try_run(&mut self, command: &str) -> Result<Vec<String>, String> {
        self.send(command);
        self.finish(command)
    }

    /// Runs one command that must succeed.
    pub fn run(&mut self, command: &str) -> Vec<String> {
        self.try_run(command).unwrap_or_else(|error| self.fail(command, &error))
    }

    /// Sends a line without waiting for an answer.
    pub fn send(&mut self, line: &str) {
        if let Err(e) = writeln!(self.input, "{line}") {
            self.fail(line, &format!("it does not take commands: {e}"));
        }
    }

    /// The next line of an answer.
    pub fn next_line(&mut self, command: &str) -> String {
        self.next_within(command, ANSWER_DEADLINE).unwrap_or_else(|| self.fail(command, "no line in time"))
    }

    /// The next line, or none within `limit`.
    pub fn next_within(&mut self, command: &str, limit: Duration) -> Option<String> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => self.fail(command, "the program ended"),
        }
    }

    /// Collects the rest of an answer.
    pub fn finish(&mut self, command: &str) -> Result<Vec<String>, String> {
        let deadline = Instant::now() + ANSWER_DEADLINE;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(line) = self.next_within(command, left) else {
                let came = lines.len();
                self.fail(command, &format!("no answer in time, {came} lines came"));
            };
            if line == "ok" {
                return Ok(lines);
            }
            if let Some(error) = line.strip_prefix("error ") {
                return Err(error.to_owned());
            }
            lines.push(line);
        }
    }

    /// Fails the test with what the program had to say.
    pub fn fail(&self, command: &str, what: &str) -> ! {
        let errors = std::fs::read_to_string(self.errors.path()).unwrap_or_default();
        let last: Vec<&str> = errors.lines().rev().take(5).collect();
        panic!("{} at `{command}`: {what}\nits last errors: {last:#?}", self.name);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
