//! The tasks of this repository: `cargo xtask` lists them.

mod ci;
mod codegen;
mod docs;
mod fuzz;
mod sim;
mod step;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask TASK
  codegen [--check]   write the wire codec from core/schema
  docs [--check]      write docs/CONFIG.md from the table of keys
  tidy                check the rules of the house
  sim [--seeds N] [--seed S] [--workload NAME] [--twice]
                      run the simulator; a seed that fails says how to replay it
  fuzz [--target NAME] [--seconds N] [--seed S] | --list | --replay NAME FILE
                      feed damaged input to everything that reads foreign bytes
  setup               install the client libraries that the tests drive
  test [ARGUMENTS]    set up, build the release broker, run every test
  parity [ARGUMENTS]  the same requests to Apache Kafka and to the release broker, answers compared
  ci                  all of what .ci/run checks";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["codegen", rest @ ..] => codegen::run(rest),
        ["docs", rest @ ..] => docs::run(rest),
        ["tidy"] => tidy::run(),
        ["sim", rest @ ..] => sim::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["setup"] => ci::setup(),
        ["test", rest @ ..] => ci::test(rest),
        ["parity", rest @ ..] => ci::parity(rest),
        ["ci"] => ci::run(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The directory of the workspace.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
