//! Apache Kafka as the broker under test, on a directory of its own or on one of ours.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::library::kafka_server;

/// What a node alone needs, as Kafka's defaults are for three.
const ALONE: &str = "\
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
";

/// The command that starts node 1 on `data`, which is formatted first when it is new.
pub fn command(
    directory: &Path,
    data: &Path,
    log_dirs: &str,
    port: u16,
    controller_port: u16,
    overrides: &[String],
) -> Command {
    let properties = directory.join("server.properties");
    let text = properties_text(log_dirs, port, controller_port, overrides);
    std::fs::write(&properties, text).expect("server.properties");
    if !data.join("meta.properties").exists() {
        format(&properties);
    }
    let mut command = kafka_server("kafka.Kafka", "512m");
    command.arg(properties);
    command
}

fn properties_text(log_dirs: &str, port: u16, controller_port: u16, overrides: &[String]) -> String {
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log_dirs}
{ALONE}"
    );
    for pair in overrides.iter().filter(|pair| !pair.starts_with("jackdaw.")) {
        writeln!(text, "{pair}").expect("a string takes text");
    }
    text
}

fn format(properties: &Path) {
    // Any 16 bytes but all zero.
    const CLUSTER_ID: &str = "amFja2Rhdy10ZXN0LTAwMQ";
    let mut command = kafka_server("kafka.tools.StorageTool", "256m");
    command.args(["format", "-t", CLUSTER_ID, "-c"]).arg(properties).stdin(Stdio::null());
    let output = command.output().expect("java");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
