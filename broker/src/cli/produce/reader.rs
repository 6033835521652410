//! Lines of stdin or a file, read on a thread of their own so that waiting for one can end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use crate::cli::error::CommandError;

/// The longest line: no broker takes a larger record with usual settings.
const LINE_BYTES_MAX: usize = 64 << 20;
/// Lines read ahead of the producer: enough that neither waits for the other.
const LINES_AHEAD: usize = 1024;

/// A line without its end.
#[derive(Debug)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    pub(super) text: Vec<u8>,
}

/// What came within the time given.
#[derive(Debug)]
pub(super) enum Next {
    Line(Line),
    Nothing,
    End,
    Failed(io::Error),
}

pub(super) struct LineReader {
    lines: Receiver<io::Result<Line>>,
}

impl LineReader {
    /// Begins to read `file`, or stdin.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, CommandError> {
        let source: Box<dyn BufRead + Send> = match file {
            Some(path) => {
                let failed =
                    |source| CommandError::Input { what: format!("cannot read {}", path.display()), source };
                Box::new(BufReader::with_capacity(64 * 1024, File::open(path).map_err(failed)?))
            }
            None => {
                if io::stdin().is_terminal() {
                    let _ = writeln!(io::stderr(), "Type records, one a line. Ctrl-D ends.");
                }
                Box::new(BufReader::with_capacity(64 * 1024, io::stdin()))
            }
        };
        let (sender, lines) = sync_channel(LINES_AHEAD);
        // It ends with its input, or with the process: nothing waits for it.
        std::thread::spawn(move || read_lines(source, &sender));
        Ok(Self { lines })
    }

    pub(super) fn next(&self, wait: Duration) -> Next {
        match self.lines.recv_timeout(wait) {
            Ok(Ok(line)) => Next::Line(line),
            Ok(Err(error)) => Next::Failed(error),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}

fn read_lines(mut source: impl BufRead, sender: &SyncSender<io::Result<Line>>) {
    let mut number = 0;
    loop {
        number += 1;
        let line = match read_line(&mut source) {
            Ok(None) => return,
            Ok(Some(text)) => Ok(Line { number, text }),
            Err(error) => Err(error),
        };
        let is_last = line.is_err();
        if sender.send(line).is_err() || is_last {
            return;
        }
    }
}

fn read_line(source: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = LINE_BYTES_MAX as u64 + 1;
    if source.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LINE_BYTES_MAX {
        return Err(io::Error::other(format!("a line is longer than {LINE_BYTES_MAX} bytes")));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_newlines_and_at_the_end() {
        let mut source = io::Cursor::new(b"a\n\nb\r\nc");
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut source).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [b"a".to_vec(), b"".to_vec(), b"b\r".to_vec(), b"c".to_vec()]);
    }
}
