//! What the program is told.

const USAGE: &str =
    "usage: cargo xtask parity [--jackdaw HOST:PORT] [--kafka HOST:PORT] [--case TEXT [--show]] [--check]
  without addresses both brokers are started (tests/clients/setup installs Apache Kafka)
  --case TEXT   only the cases whose API is TEXT or whose name holds it, several with commas; the report is not written
  --show        with --case: every field of Kafka's answers
  --check       the report must be as it is committed";

/// The arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) jackdaw: Option<String>,
    pub(crate) kafka: Option<String>,
    pub(crate) case: Option<String>,
    pub(crate) show: bool,
    pub(crate) check: bool,
}

impl Arguments {
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "--jackdaw" => arguments.jackdaw = Some(value()?),
                "--kafka" => arguments.kafka = Some(value()?),
                "--case" => arguments.case = Some(value()?),
                "--show" => arguments.show = true,
                "--check" => arguments.check = true,
                _ => return Err(format!("{argument} means nothing\n{USAGE}")),
            }
        }
        Ok(arguments)
    }
}
