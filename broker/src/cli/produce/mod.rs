//! `jackdaw produce`: records from lines, of stdin or a file.

mod line;
mod reader;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jackdaw_core::records::Codec;
use serde_json::{Value, json};

use self::line::LineFormat;
use self::reader::{Line, LineReader, Next};
use super::client::error::ClientError;
use super::client::interrupt::Interrupt;
use super::client::producer::{OutgoingRecord, Producer, ProducerConfig, Taken};
use super::error::CommandError;
use super::options::{ClusterOptions, Format};
use super::output;

/// How long a record waits for others to share its batch.
const LINGER: Duration = Duration::from_millis(10);
/// How often a wait for input looks for an interrupt.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(100);

/// Write records to a topic, one a line
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  seq 10 | jackdaw produce orders
  jackdaw produce orders --key-separator : < lines-of-key-and-value
  jackdaw produce orders --header source=import --compression zstd --file orders.txt
  jackdaw consume orders --format json | jackdaw produce copy --format json --repartition

A line with --format json is an object with any of these fields:
  key, value            text; null is null (a value of null is a tombstone); other JSON is kept as JSON
  key_base64, value_base64   bytes that are not UTF-8
  headers               [{\"key\": \"h\", \"value\": \"x\"}], or {\"h\": \"x\"}
  partition, timestamp  numbers; the timestamp in milliseconds since 1970
Other fields that `jackdaw consume --format json` writes are passed over.")]
pub(crate) struct Produce {
    /// The topic to write to
    topic: String,

    /// Read this file instead of stdin
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// What a line is: the value's text, or a JSON object
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// What stands between key and value of a line; without it a line is a value
    #[arg(short = 'k', long, value_name = "TEXT", value_parser = not_empty)]
    key_separator: Option<String>,

    /// A key or value that reads like this is null
    #[arg(long, value_name = "TEXT")]
    null: Option<String>,

    /// A header for every record; may be repeated
    #[arg(short = 'H', long = "header", value_name = "KEY=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// Write to this partition, whatever the key
    #[arg(short, long, value_name = "PARTITION", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,

    /// Choose partitions by key, even where JSON lines name them
    #[arg(long, conflicts_with = "partition")]
    repartition: bool,

    /// How batches are compressed
    #[arg(short = 'z', long, value_name = "CODEC", default_value = "none", value_parser = codec)]
    #[arg(help = "How batches are compressed: none, gzip, snappy, lz4, zstd")]
    compression: Codec,

    /// Who must have a record before it counts as written: nobody (0), the leader (1), all in-sync replicas
    #[arg(long, value_enum, default_value = "all", allow_negative_numbers = true)]
    acks: Acks,

    /// Let a retry write a record twice (without this the broker recognises the second as a duplicate)
    #[arg(long)]
    no_idempotence: bool,

    /// How the summary at the end is printed: text to stderr, json to stdout
    #[arg(long, value_enum, default_value = "text")]
    summary: Summary,

    #[command(flatten)]
    cluster: ClusterOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Acks {
    #[value(name = "0")]
    None,
    #[value(name = "1")]
    Leader,
    #[value(name = "all", alias = "-1")]
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Summary {
    Text,
    Json,
    None,
}

fn codec(text: &str) -> Result<Codec, String> {
    Codec::from_name(text).ok_or_else(|| "write none, gzip, snappy, lz4 or zstd".to_owned())
}

fn header(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("write at least one character".to_owned()) } else { Ok(text.to_owned()) }
}

impl Produce {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        if self.format == Format::Json && self.key_separator.is_some() {
            return Err(CommandError::Usage(
                "--key-separator is for text: JSON lines name their key".to_owned(),
            ));
        }
        let client = self.cluster.client()?;
        let interrupt = client.interrupt().clone();
        let lines = LineReader::open(self.file.as_deref())?;
        let mut producer = Producer::open(client, &self.topic, self.producer_config())?;
        if let Some(partition) = self.partition {
            producer.check_partition(partition)?;
        }
        let outcome = self.copy(&lines, &mut producer, &interrupt);
        // What was read is sent, whatever ended the reading; a second failure adds nothing to the first.
        let taken = match (producer.finish(), outcome) {
            (Ok(taken), outcome) => {
                self.summarise(&taken)?;
                outcome.map(|()| taken)
            }
            (Err(_), Err(error)) => Err(error),
            (Err(error), Ok(())) => Err(error.into()),
        };
        taken.map(|_| ())
    }

    fn producer_config(&self) -> ProducerConfig {
        ProducerConfig {
            acks: match self.acks {
                Acks::None => 0,
                Acks::Leader => 1,
                Acks::All => -1,
            },
            codec: self.compression,
            idempotent: self.acks == Acks::All && !self.no_idempotence,
        }
    }

    fn line_format(&self) -> LineFormat {
        match self.format {
            Format::Json => LineFormat::Json,
            Format::Text => LineFormat::Text {
                key_separator: self.key_separator.clone().map(String::into_bytes),
                null: self.null.clone().map(String::into_bytes),
            },
        }
    }

    fn copy(
        &self,
        lines: &LineReader,
        producer: &mut Producer,
        interrupt: &Interrupt,
    ) -> Result<(), CommandError> {
        let format = self.line_format();
        loop {
            let wait = if producer.is_empty() { INTERRUPT_INTERVAL } else { LINGER };
            match lines.next(wait) {
                Next::Line(Line { number, text }) => {
                    let record =
                        format.parse(text).map_err(|reason| CommandError::Line { number, reason })?;
                    producer.add(&self.complete(record))?;
                }
                Next::Nothing if !producer.is_empty() => producer.flush()?,
                Next::Nothing => {}
                Next::End => return Ok(()),
                Next::Failed(source) => {
                    return Err(CommandError::Input { what: "cannot read the input".to_owned(), source });
                }
            }
            if interrupt.is_raised() {
                return Err(ClientError::Interrupted.into());
            }
        }
    }

    /// Adds what the options say of every record.
    fn complete(&self, mut record: OutgoingRecord) -> OutgoingRecord {
        if self.repartition {
            record.partition = None;
        }
        record.partition = self.partition.or(record.partition);
        let headers = self.headers.iter().map(|(key, value)| (key.clone(), Some(value.clone().into_bytes())));
        record.headers.extend(headers);
        record
    }

    fn summarise(&self, taken: &BTreeMap<i32, Taken>) -> Result<(), CommandError> {
        match self.summary {
            Summary::None => Ok(()),
            Summary::Json => output::print_json(&summary_json(&self.topic, taken)),
            Summary::Text => {
                // Where stderr is closed nobody listens.
                let _ = writeln!(std::io::stderr(), "{}", summary_text(&self.topic, taken));
                Ok(())
            }
        }
    }
}

fn total(taken: &BTreeMap<i32, Taken>) -> u64 {
    taken.values().map(|taken| taken.records).sum()
}

fn summary_text(topic: &str, taken: &BTreeMap<i32, Taken>) -> String {
    let records = output::count(usize::try_from(total(taken)).unwrap_or(usize::MAX), "record");
    match (taken.len(), taken.iter().next()) {
        (1, Some((partition, Taken { first_offset: Some(first), last_offset: Some(last), .. }))) => {
            format!("{records} written to {topic}, partition {partition}, offsets {first} to {last}")
        }
        (0, _) => format!("{records} written to {topic}"),
        (partitions, _) => {
            format!("{records} written to {topic}, {}", output::count(partitions, "partition"))
        }
    }
}

fn summary_json(topic: &str, taken: &BTreeMap<i32, Taken>) -> Value {
    let partitions: Vec<Value> = taken
        .iter()
        .map(|(partition, taken)| {
            json!({
                "partition": partition,
                "records": taken.records,
                "first_offset": taken.first_offset,
                "last_offset": taken.last_offset,
            })
        })
        .collect();
    json!({ "topic": topic, "records": total(taken), "partitions": partitions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_name_offsets_where_they_are_known() {
        let known = Taken { records: 3, first_offset: Some(5), last_offset: Some(7) };
        let unknown = Taken { records: 1, ..Taken::default() };
        let cases = [
            (vec![(0, known)], "3 records written to t, partition 0, offsets 5 to 7"),
            (vec![(0, unknown)], "1 record written to t, 1 partition"),
            (vec![(0, known), (2, unknown)], "4 records written to t, 2 partitions"),
            (vec![], "0 records written to t"),
        ];
        for (taken, text) in cases {
            assert_eq!(summary_text("t", &taken.into_iter().collect()), text);
        }
    }
}
