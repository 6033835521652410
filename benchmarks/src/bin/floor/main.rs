//! The floor: the bare work of a broker on this machine, on plain system calls with nothing around it, so that a broker's
//! cost can be told as a multiple of it. Prints CPU time of the serving thread alone, and one line of JSON a figure.
//!
//! `perf-scripts/floor` builds and runs it.

mod append;
mod clock;
mod commit;
mod exchange;
mod medians;
mod send;

use std::path::PathBuf;

use serde_json::{Value, json};

/// How long each figure is measured.
pub(crate) struct Plan {
    /// Where files are made; the disk that counts.
    directory: PathBuf,
    /// Moved by each figure that moves bytes.
    bytes: u64,
    /// Of each figure that counts requests.
    seconds: f64,
    rounds: usize,
}

const USAGE: &str = "floor DIRECTORY [GB-A-FIGURE 2] [SECONDS-A-FIGURE 2] [ROUNDS 3]\nfloor --medians FILE";

type Outcome = Result<Value, Box<dyn std::error::Error>>;
type Figure = (&'static str, fn(&Plan) -> Outcome);

/// What is measured, by name, in the order of the table.
const FIGURES: &[Figure] = &[
    ("receive", append::receive),
    ("receive + CRC", append::receive_and_check),
    ("receive + CRC + write, new file", append::append_to_new),
    ("receive + CRC + write, over cached pages", append::append_over),
    ("sendfile, hot, 1 MiB", send::send_file),
    ("request and answer, 1 connection, 5 in flight", exchange::one),
    ("request and answer, 10 connections, 5 in flight", exchange::ten),
    ("request, write and answer, 1 connection, 5 in flight", exchange::one_with_write),
    ("group commit, 5 appends in flight, growing file", commit::growing),
    ("group commit, 50 appends in flight, growing file", commit::growing_50),
    ("group commit, 50 appends in flight, written file", commit::written_50),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [option, file] = arguments.as_slice()
        && option == "--medians"
    {
        print!("{}", medians::table(&std::fs::read_to_string(file)?)?);
        return Ok(());
    }
    let directory = arguments.first().ok_or(USAGE)?;
    let number = |index: usize, default: f64| arguments.get(index).map_or(Ok(default), |text| text.parse());
    let plan = Plan {
        directory: PathBuf::from(directory),
        bytes: (number(1, 2.0)? * 1e9) as u64,
        seconds: number(2, 2.0)?,
        rounds: number(3, 3.0)? as usize,
    };
    for round in 0..plan.rounds {
        for (name, measure) in FIGURES {
            let mut line = measure(&plan).map_err(|error| format!("{name}: {error}"))?;
            line["figure"] = json!(name);
            line["round"] = json!(round);
            println!("{line}");
        }
    }
    Ok(())
}
