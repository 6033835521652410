//! `cargo xtask parity`: the same requests to Apache Kafka and to Jackdaw, and their answers compared field by field.

mod arguments;
mod batch;
mod brokers;
mod case;
mod catalog;
mod compare;
mod connection;
mod fill;
mod findings;
mod report;
mod rules;
mod run;
// The generator's own parser; the interpreter over it is this crate's.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../xtask/src/codegen/schema.rs"]
mod schema;
mod script;
mod value;
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::Arguments;
use brokers::{Brokers, advertised};
use catalog::Catalog;
use rules::Rules;

const PAGE: &str = "docs/COMPATIBILITY.md";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("parity: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let root = root();
    let catalog = Catalog::load(&root)?;
    let directory = root.join("tests/parity/cases");
    let mut cases = case::load(&directory)?;
    if let Some(text) = &arguments.case {
        let wanted: Vec<&str> = text.split(',').collect();
        cases.retain(|case| wanted.iter().any(|text| case.api == *text || case.name.contains(text)));
    }
    let rules = Rules::load(&directory.join("rules.toml"))?;
    let brokers = Brokers::new(arguments.jackdaw, arguments.kafka);
    let jackdaw = advertised(&brokers.jackdaw, &catalog)?;
    let kafka = advertised(&brokers.kafka, &catalog)?;
    let newest = run::newest(&jackdaw, &kafka);
    let run = run::Run {
        brokers: &brokers,
        catalog: &catalog,
        rules: &rules,
        jackdaw: &jackdaw,
        kafka: &kafka,
        newest,
        show: arguments.show,
    };
    let findings = run.all(&cases);
    let complaints = findings.complaints(&cases);
    complaints.iter().for_each(|line| println!("{line}"));
    println!("{} answers to {} cases, {} complaints", findings.answers, cases.len(), complaints.len());
    if arguments.case.is_none() {
        let section = report::section(&findings, &cases, &rules, &jackdaw, &kafka);
        write_page(&root.join(PAGE), &section, arguments.check)?;
    }
    if complaints.is_empty() { Ok(()) } else { Err("the answers are not the same".to_owned()) }
}

fn write_page(path: &Path, section: &str, check: bool) -> Result<(), String> {
    let in_file = |error: std::io::Error| format!("{}: {error}", path.display());
    let page = std::fs::read_to_string(path).map_err(in_file)?;
    let new = report::replaced(&page, section)?;
    if new == page {
        return Ok(());
    }
    if check {
        return Err(format!("{PAGE} is not what the brokers answer: run `cargo xtask parity`"));
    }
    std::fs::write(path, new).map_err(in_file)
}

/// The directory of the workspace.
fn root() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.ancestors().nth(2).unwrap_or(crate_directory).to_owned()
}
