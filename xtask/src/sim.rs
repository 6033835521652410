//! Runs the simulator: `cargo xtask sim --seeds N`, `--seed S` to replay one.

use std::process::Command;

/// Hand the arguments to the simulator's own program.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(crate::root())
        .args(["run", "--quiet", "--profile", "sim", "--package", "jackdaw-sim", "--"])
        .args(arguments)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("the simulator found a broken promise".to_owned()) }
}
