//! The client libraries under test, and what each can do.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::Program;
use crate::record::{EVERYTHING, Expressible};

/// A client library that has a program in `tests/clients`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Java,
    Confluent,
    ConfluentOld,
    KafkaPython,
    Aiokafka,
    Franz,
    Sarama,
    Segmentio,
    Kafkajs,
}

use Library::{Aiokafka, Confluent, ConfluentOld, Franz, Java, KafkaPython, Kafkajs, Sarama, Segmentio};

/// All of them.
pub const LIBRARIES: [Library; 9] =
    [Java, Confluent, ConfluentOld, KafkaPython, Aiokafka, Franz, Sarama, Segmentio, Kafkajs];

impl Library {
    /// Whether the test takes it: all, or the one that `JACKDAW_TEST_LIBRARY` names, to look at it alone.
    pub fn is_chosen(self) -> bool {
        std::env::var("JACKDAW_TEST_LIBRARY").is_ok_and(|name| name == self.name())
            || std::env::var_os("JACKDAW_TEST_LIBRARY").is_none()
    }

    pub fn name(self) -> &'static str {
        match self {
            Java => "java",
            Confluent => "confluent",
            ConfluentOld => "confluent-old",
            KafkaPython => "kafka-python",
            Aiokafka => "aiokafka",
            Franz => "franz-go",
            Sarama => "sarama",
            Segmentio => "kafka-go",
            Kafkajs => "kafkajs",
        }
    }

    /// Starts its program.
    pub fn start(self, bootstrap: &str) -> Program {
        Program::start(self.name(), self.command(bootstrap))
    }

    /// Whether it has an idempotent producer.
    pub fn idempotent(self) -> bool {
        self != Segmentio
    }

    /// Whether its program has `load`.
    pub fn loads(self) -> bool {
        matches!(self, Java | Confluent | Franz)
    }

    /// Whether it tells the offsets of what it produced.
    pub fn tells_offsets(self) -> bool {
        self != Segmentio
    }

    /// What its producer can say of a record, and its consumer tell apart.
    pub fn expressible(self) -> Expressible {
        match self {
            KafkaPython => Expressible { null_headers: false, neither: false, ..EVERYTHING },
            Kafkajs => Expressible { null_headers: false, ..EVERYTHING },
            Aiokafka => Expressible { neither: false, ..EVERYTHING },
            Segmentio => Expressible { null_headers: false, empty: false, ..EVERYTHING },
            _ => EVERYTHING,
        }
    }

    fn command(self, bootstrap: &str) -> Command {
        let mut command = match self {
            Java => java(),
            Confluent => python("python", "confluent.py"),
            ConfluentOld => python("python-old", "confluent.py"),
            KafkaPython => python("python", "kafka_python.py"),
            Aiokafka => python("python", "aiokafka_client.py"),
            Franz => go("franz"),
            Sarama => go("sarama"),
            Segmentio => go("segmentio"),
            Kafkajs => node(),
        };
        command.arg(bootstrap);
        command
    }
}

fn java() -> Command {
    let classes = installed("java/classes");
    let jars = installed("java/client");
    let mut command = Command::new("java");
    // A short-lived process: the first compiler only, the collector that starts fastest.
    command.args([
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xmx256m",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    ]);
    command.arg("-cp").arg(format!("{}:{}/*", classes.display(), jars.display())).arg("Client");
    command
}

fn python(venv: &str, program: &str) -> Command {
    let mut command = Command::new(installed(venv).join("bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(sources().join("python").join(program));
    command
}

fn go(library: &str) -> Command {
    let mut command = Command::new(installed("go-client"));
    command.arg(library);
    command
}

fn node() -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("node/node_modules")).env("KAFKAJS_NO_PARTITIONER_WARNING", "1");
    command.arg(sources().join("node/client.js"));
    command
}

/// Kafka's tools in one process, which is sent `CLASS ARGUMENT...` a line; classes begin with `org.apache.kafka.tools.`.
pub fn kafka_tools() -> Program {
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
    let (classes, jars) = (installed("java/tools-classes"), installed("java/tools"));
    command.arg("-cp").arg(format!("{}:{}/*", classes.display(), jars.display())).arg("Tools");
    Program::start("kafka-tools", command)
}

/// One of Kafka's own tools, by class.
pub fn kafka_tool(class: &str) -> Command {
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"]);
    command.arg("-cp").arg(format!("{}/*", installed("java/tools").display())).arg(class);
    command
}

/// A class of Apache Kafka's broker.
pub fn kafka_server(class: &str, heap: &str) -> Command {
    let mut command = Command::new("java");
    command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.apache.logging.log4j.level=INFO"]);
    command.arg(format!("-Xmx{heap}"));
    command.arg("-cp").arg(format!("{}/*", installed("java/server").display())).arg(class);
    command
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// What `tests/clients/setup` made.
fn installed(name: &str) -> PathBuf {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache"),
    };
    let path = cache.join("jackdaw/clients").join(name);
    assert!(path.exists(), "{} is missing: run tests/clients/setup first", path.display());
    path
}
