//! `cargo xtask fuzz`: damages valid input at random and feeds it to the targets.

use std::{
    alloc::System,
    fs, io,
    os::unix::fs::FileExt as _,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use jackdaw_codec_tests::random::Random;
use jackdaw_fuzz::{Target, corpus, mutate::mutate, run::run, target, targets};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const USAGE: &str =
    "usage: cargo xtask fuzz [--target NAME] [--seconds N] [--seed S] | --list | --replay NAME FILE
  --target NAME   one of --list; all of them in turn without it
  --seconds N     for each target, 10 without it
  --seed S        of the damage; drawn from the clock without it
An input that a target cannot take is put into fuzz/corpus/NAME, where the tests find it.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--list"] => {
            targets::ALL.iter().for_each(|target| println!("{}", target.name));
            ExitCode::SUCCESS
        }
        ["--replay", name, file] => replay(name, file),
        options => match Options::parse(options) {
            Some(options) => options.fuzz(),
            None => {
                eprintln!("{USAGE}");
                ExitCode::FAILURE
            }
        },
    }
}

fn replay(name: &str, file: &str) -> ExitCode {
    let Some(target) = target(name) else {
        eprintln!("no target is called {name}");
        return ExitCode::FAILURE;
    };
    let input = match fs::read(file) {
        Ok(input) => input,
        Err(error) => {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(target, &input, ALLOCATOR) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{name}: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The input that is being tried, in a file that outlives the process. Opened once: to make a file is slow.
struct LastInput(fs::File);

impl LastInput {
    fn create(path: &Path) -> io::Result<Self> {
        fs::File::create(path).map(Self)
    }

    /// Its length in four bytes, and the input; what is behind it is older.
    fn keep(&mut self, input: &[u8]) -> io::Result<()> {
        let length = u32::try_from(input.len()).unwrap_or(u32::MAX);
        self.0.write_all_at(&length.to_be_bytes(), 0)?;
        self.0.write_all_at(input, 4)
    }
}

struct Options {
    targets: Vec<&'static Target>,
    seconds: u64,
    seed: u64,
}

impl Options {
    fn parse(arguments: &[&str]) -> Option<Self> {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
        let seed = clock.as_nanos() as u64;
        let mut options = Self { targets: targets::ALL.iter().collect(), seconds: 10, seed };
        for pair in arguments.chunks(2) {
            match pair {
                ["--target", name] => options.targets = vec![target(name)?],
                ["--seconds", seconds] => options.seconds = seconds.parse().ok()?,
                ["--seed", seed] => options.seed = seed.parse().ok()?,
                _ => return None,
            }
        }
        Some(options)
    }

    fn fuzz(&self) -> ExitCode {
        println!("seed {}", self.seed);
        let faults: usize = self.targets.iter().map(|target| self.fuzz_one(target)).sum();
        if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// How many faults there were.
    fn fuzz_one(&self, target: &Target) -> usize {
        const FAULTS_MAX: usize = 5;
        let mut inputs = (target.seeds)();
        inputs.extend(corpus::read(target.name).unwrap_or_default().into_iter().map(|(_, input)| input));
        let mut random = Random::named(self.seed, target.name, 0);
        // What ends the process leaves its input here.
        let last = std::env::temp_dir().join(format!("jackdaw-fuzz-{}-{}", target.name, std::process::id()));
        let mut kept = match LastInput::create(&last) {
            Ok(kept) => kept,
            Err(error) => {
                eprintln!("{}: {error}", last.display());
                return 1;
            }
        };
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let (mut count, mut faults, mut slowest) = (0_u64, 0, Duration::ZERO);
        while Instant::now() < end && faults < FAULTS_MAX {
            let input = &inputs[random.below(inputs.len())];
            let other = &inputs[random.below(inputs.len())];
            let input = mutate(input, other, &mut random);
            if let Err(error) = kept.keep(&input) {
                eprintln!("{}: {error}", last.display());
                return 1;
            }
            let begun = Instant::now();
            if let Err(fault) = run(target, &input, ALLOCATOR) {
                faults += 1;
                let kept = corpus::add(target.name, "found", &input);
                println!("{}: {fault}; the input is {kept:?}", target.name);
            }
            slowest = slowest.max(begun.elapsed());
            count += 1;
        }
        let _ = fs::remove_file(&last);
        println!("{:20} {count:9} inputs, {faults} faults, slowest {slowest:?}", target.name);
        faults
    }
}
