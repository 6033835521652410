//! Races the ring against plain epoll and glommio: an echo server of 100-byte requests on one core, its client on
//! another. Prints server CPU per request and the client's latency, each variant interleaved with the base.
//!
//! `cargo run --release -p jackdaw-bench --bin race [ROUNDS] [SECONDS]`; `race serve VARIANT CPU` is its own child.

mod client;
mod servers;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

use client::{Load, Outcome};

const LOADS: [Load; 3] = [
    Load { name: "1 connection", connections: 1, depth: 1 },
    Load { name: "64 connections", connections: 64, depth: 1 },
    Load { name: "64 x 8 pipelined", connections: 64, depth: 8 },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, variant, cpu] = arguments.as_slice()
        && serve == "serve"
    {
        return servers::serve(variant, cpu.parse()?);
    }
    let rounds: usize = arguments.first().map_or(Ok(5), |text| text.parse())?;
    let seconds: f64 = arguments.get(1).map_or(Ok(1.0), |text| text.parse())?;
    race(rounds, Duration::from_secs_f64(seconds))
}

/// Every variant once a round, in an order that turns with the rounds; raw figures go to standard output.
fn race(rounds: usize, duration: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "load,round,variant,requests,cpu_us_per_request,p50_us,p99_us")?;
    let mut results: Vec<(usize, usize, Outcome)> = Vec::new();
    for (load_index, load) in LOADS.iter().enumerate() {
        for round in 0..rounds {
            for step in 0..servers::VARIANTS.len() {
                let variant = (step + round) % servers::VARIANTS.len();
                let name = servers::VARIANTS[variant];
                let outcome =
                    run(name, load, duration).map_err(|error| format!("{name}, {}: {error}", load.name))?;
                writeln!(
                    output,
                    "{},{round},{name},{},{:.3},{:.1},{:.1}",
                    load.name, outcome.requests, outcome.cpu_us_per_request, outcome.p50_us, outcome.p99_us
                )?;
                results.push((load_index, variant, outcome));
            }
        }
    }
    summarise(&mut output, &results)
}

fn run(variant: &str, load: &Load, duration: Duration) -> Result<Outcome, Box<dyn std::error::Error>> {
    let cpus = jackdaw_ring::placement::allowed_cpus()?;
    let (Some(first), Some(second)) = (cpus.first(), cpus.get(1)) else {
        return Err("the race needs two CPUs: one for the server, one for its client".into());
    };
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", variant, &first.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let Some(stdout) = child.stdout.take() else { return Err("the server has no output".into()) };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let outcome = line
        .trim()
        .parse::<u16>()
        .map_err(Into::into)
        .and_then(|port| on_cpu(*second, || client::run(port, child.id(), load, duration)));
    // The server ends by itself if this fails: its standard input closes with us.
    child.kill()?;
    child.wait()?;
    outcome
}

/// Run on a thread of its own: what is pinned there does not pass to the next server.
fn on_cpu(
    cpu: usize,
    work: impl FnOnce() -> Result<Outcome, Box<dyn std::error::Error>> + Send,
) -> Result<Outcome, Box<dyn std::error::Error>> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            jackdaw_ring::placement::pin_to(cpu).map_err(|error| error.to_string())?;
            work().map_err(|error| error.to_string())
        });
        thread.join().map_err(|_| "the client panicked")?.map_err(Into::into)
    })
}

fn summarise(
    output: &mut impl Write,
    results: &[(usize, usize, Outcome)],
) -> Result<(), Box<dyn std::error::Error>> {
    for (load_index, load) in LOADS.iter().enumerate() {
        let median = |variant: usize, figure: fn(&Outcome) -> f64| {
            let chosen = results.iter().filter(|(of_load, of, _)| *of_load == load_index && *of == variant);
            let mut figures: Vec<f64> = chosen.map(|(_, _, outcome)| figure(outcome)).collect();
            figures.sort_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let base = median(0, |outcome| outcome.cpu_us_per_request);
        writeln!(output, "\n{} (medians; CPU as a multiple of {})", load.name, servers::VARIANTS[0])?;
        for (variant, name) in servers::VARIANTS.iter().enumerate() {
            let cpu = median(variant, |outcome| outcome.cpu_us_per_request);
            let p50 = median(variant, |outcome| outcome.p50_us);
            writeln!(
                output,
                "  {name:<8} {:.2} x  {cpu:>7.2} us CPU a request  p50 {p50:>7.1} us",
                cpu / base
            )?;
        }
    }
    Ok(())
}
