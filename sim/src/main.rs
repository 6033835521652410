//! Runs workloads from seeds: `jackdaw-sim [--workload NAME] [--seeds N] [--from S] [--seed S] [--twice]`.

use std::{panic::catch_unwind, process::ExitCode};

use jackdaw_sim::{
    trace::PRINT,
    workload::{self, WORKLOADS, Workload, groups},
};

struct Options {
    workloads: Vec<&'static Workload>,
    first: u64,
    count: u64,
    /// Run each seed twice and compare the traces.
    twice: bool,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    if std::env::var_os(PRINT).is_some() {
        // The node's own log between the lines of the trace.
        let printed = tracing_subscriber::fmt()
            .without_time()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(std::io::stderr);
        printed.init();
    }
    let mut failed = Vec::new();
    for workload in &options.workloads {
        failed.extend(run(workload, &options).into_iter().map(|seed| (workload.name, seed)));
    }
    for (name, seed) in &failed {
        println!(
            "FAILED: replay with `cargo xtask sim --workload {name} --seed {seed}` (JACKDAW_SIM_TRACE=1 prints all)"
        );
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The seeds that failed.
fn run(workload: &'static Workload, options: &Options) -> Vec<u64> {
    let mut failed = Vec::new();
    let (mut crashes, mut work) = (0, 0);
    for seed in options.first..options.first + options.count {
        let Ok(outcome) = catch_unwind(|| (workload.run)(seed)) else {
            failed.push(seed);
            continue;
        };
        if options.twice {
            match catch_unwind(|| (workload.run)(seed)) {
                Ok(again) if again == outcome => {}
                again => {
                    eprintln!("seed {seed} gave two runs: {outcome:?} and {again:?}");
                    failed.push(seed);
                }
            }
        }
        crashes += outcome.crash_count;
        work += outcome.work_count;
    }
    println!(
        "{}: {} seeds from {}, {crashes} crashes, {work} pieces of work, {} failed",
        workload.name,
        options.count,
        options.first,
        failed.len()
    );
    for (what, count) in groups::reached::take().into_iter().filter(|(_, count)| *count > 0) {
        println!("{}: {count} {what}", workload.name);
    }
    failed
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { workloads: WORKLOADS.iter().collect(), first: 0, count: 100, twice: false };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
            value.ok_or_else(|| format!("{argument} needs a number"))
        };
        match argument.as_str() {
            "--seeds" => options.count = number()?,
            "--from" => options.first = number()?,
            "--seed" => (options.first, options.count) = (number()?, 1),
            "--twice" => options.twice = true,
            "--workload" => {
                let name = arguments.next().unwrap_or_default();
                let known: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
                let found = workload::find(&name);
                options.workloads = vec![found.ok_or(format!("--workload is one of {}", known.join(", ")))?];
            }
            _ => return Err(format!("{argument}: --workload NAME, --seeds N, --from S, --seed S, --twice")),
        }
    }
    Ok(options)
}
