//! Runs workloads from seeds: `jackdaw-sim [--workload NAME] [--seeds N] [--from S] [--seed S] [--twice]`.

use std::{panic::catch_unwind, process::ExitCode};

use jackdaw_sim::{
    marks::{self, Marks},
    workload::{self, SEEDS_REACH_ALL_MARKS, WORKLOADS, Workload},
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
    marks::listen();
    let mut failed = Vec::new();
    let mut is_blind = false;
    for workload in &options.workloads {
        let (failed_seeds, reached) = run(workload, &options);
        failed.extend(failed_seeds.into_iter().map(|seed| (workload.name, seed)));
        is_blind |= !print_marks(workload, &reached, options.count);
    }
    for (name, seed) in &failed {
        println!(
            "FAILED: replay with `cargo xtask sim --workload {name} --seed {seed}` (JACKDAW_SIM_TRACE=1 prints all)"
        );
    }
    if failed.is_empty() && !is_blind { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Print what was reached; false where so many seeds should have reached more.
fn print_marks(workload: &Workload, reached: &Marks, seed_count: u64) -> bool {
    for (mark, count) in reached {
        println!("{count:>9} {mark}");
    }
    let missing = workload.marks.iter().filter(|mark| !reached.contains_key(*mark));
    let missing: Vec<_> = missing.filter(|_| seed_count >= SEEDS_REACH_ALL_MARKS).collect();
    for mark in &missing {
        println!("NOT REACHED by {}: {mark}", workload.name);
    }
    missing.is_empty()
}

/// The seeds that failed, and the marks of the others: in how many seeds each was reached.
fn run(workload: &'static Workload, options: &Options) -> (Vec<u64>, Marks) {
    let mut reached = Marks::new();
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
        for mark in outcome.marks.into_keys() {
            *reached.entry(mark).or_insert(0) += 1;
        }
    }
    println!(
        "{}: {} seeds from {}, {crashes} crashes, {work} pieces of work, {} failed",
        workload.name,
        options.count,
        options.first,
        failed.len()
    );
    (failed, reached)
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
