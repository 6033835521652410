//! Generated files: formatted, then written or compared with what is committed.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// Files by path below the workspace.
#[derive(Default)]
pub(crate) struct Output {
    files: BTreeMap<String, String>,
}

impl Output {
    pub(crate) fn add(&mut self, path: String, source: String) {
        self.files.insert(path, source);
    }

    /// Writes what changed, or with `check` names what would change.
    pub(crate) fn finish(self, root: &Path, check: bool) -> Result<(), String> {
        let mut drifted = Vec::new();
        for (path, source) in &self.files {
            let formatted = format(root, source).map_err(|error| format!("{path}: {error}"))?;
            let target = root.join(path);
            if fs::read_to_string(&target).is_ok_and(|committed| committed == formatted) {
                continue;
            }
            if check {
                drifted.push(path.as_str());
                continue;
            }
            if let Some(directory) = target.parent() {
                fs::create_dir_all(directory).map_err(|error| format!("{path}: {error}"))?;
            }
            fs::write(&target, formatted).map_err(|error| format!("{path}: {error}"))?;
        }
        if drifted.is_empty() {
            return Ok(());
        }
        Err(format!("not what core/schema says, run `cargo xtask codegen`: {}", drifted.join(", ")))
    }
}

fn format(root: &Path, source: &str) -> Result<String, String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("rustfmt does not start: {error}"))?;
    let mut input = rustfmt.stdin.take().ok_or("rustfmt takes no input")?;
    // rustfmt reads all of its input before it writes, so the two pipes cannot fill up against each other.
    input.write_all(source.as_bytes()).map_err(|error| error.to_string())?;
    drop(input);
    let output = rustfmt.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("rustfmt refuses the generated code".to_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
