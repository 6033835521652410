//! The built program's commands as a person runs them.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::broker::binary;

/// Runs the command with this input: its output, which must say success or failure as expected.
pub fn jackdaw(bootstrap: &str, arguments: &[&str], input: &str, succeeds: bool) -> String {
    let output = run(&mut command(bootstrap, arguments), input);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.success(), succeeds, "jackdaw {arguments:?}: {out}{err}");
    if succeeds { out } else { err }
}

/// What the command prints as JSON.
pub fn jackdaw_json(bootstrap: &str, arguments: &[&str]) -> Value {
    let text = jackdaw(bootstrap, &[arguments, &["--format", "json"]].concat(), "", true);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text}"))
}

/// The command, not yet started.
pub fn command(bootstrap: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env("JACKDAW_BOOTSTRAP_SERVER", bootstrap);
    command
}

/// Runs any command to its end.
pub fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    match child.stdin.take().expect("a pipe").write_all(input.as_bytes()) {
        // A command that takes no input, or refuses its arguments, may be gone before it is sent any.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        written => written.expect("the command reads its input"),
    }
    child.wait_with_output().expect("the command ends")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
