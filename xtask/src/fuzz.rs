//! Fuzzes: `cargo xtask fuzz --target NAME --seconds N`.

use std::process::Command;

/// Hand the arguments to the fuzzer's own program.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(crate::root())
        .args(["run", "--quiet", "--package", "jackdaw-fuzz", "--"])
        .args(arguments)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("a target cannot take an input; see above".to_owned()) }
}
