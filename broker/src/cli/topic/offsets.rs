//! `jackdaw topic offsets`: where partitions begin and end.

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use serde_json::{Value, json};

use super::log_range::{self, LogRange, LogRanges, target};
use crate::cli::client::error::ClientError;
use crate::cli::client::positions::TopicPartition;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};
use crate::cli::selection::TopicSelection;
use crate::cli::target::Target;

/// Show where partitions begin and end.
#[derive(Args, Debug)]
#[command(
    after_help = "END is the offset of the next record. The difference counts offsets: transactions and compaction leave \
fewer records.

Examples:
  jackdaw topic offsets orders
  jackdaw topic offsets orders:0-3 payments
  jackdaw topic offsets orders --at 2h                     the first record of the last two hours
  jackdaw topic offsets orders --at 2026-11-24T10:00:00Z --format json"
)]
pub(crate) struct TopicOffsets {
    /// Topics, or some of their partitions
    #[arg(required = true, value_name = "TOPIC[:PARTITIONS]")]
    topics: Vec<TopicSelection>,

    /// Also the offset of the first record at or after a time: a date, or how long ago (90s, 15m, 2h, 7d)
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Target>,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

fn time(text: &str) -> Result<Target, String> {
    let is_time = |target: &Target| matches!(target, Target::Time(_) | Target::Ago(_));
    let write = "write a date such as 2026-11-24T10:00:00Z, or a time ago such as 90s, 15m, 2h, 7d";
    target(text).ok().filter(is_time).ok_or_else(|| write.to_owned())
}

impl TopicOffsets {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let partitions = log_range::selected(&mut client, &self.topics)?;
        let ranges = log_range::ask(&mut client, &partitions, self.at)?;
        match self.output.format {
            Format::Json => output::print_json(&self.to_json(&ranges))?,
            Format::Text => output::print(&self.to_table(&ranges).to_text())?,
        }
        output::report_failures(ranges.into_iter().map(|(partition, range)| match range {
            Ok(_) => Ok(()),
            Err(error) => Err(ClientError::broker(format!("offsets of {partition}"), error.code(), None)),
        }))
    }

    fn to_table(&self, ranges: &LogRanges) -> Table {
        let mut columns = vec![
            ("TOPIC", Align::Left),
            ("PARTITION", Align::Right),
            ("BEGIN", Align::Right),
            ("END", Align::Right),
            ("OFFSETS", Align::Right),
        ];
        columns.extend(self.at.map(|_| ("AT", Align::Right)));
        let mut table = Table::new(&columns);
        for (TopicPartition { topic, partition }, range) in ranges {
            let cell = |of: fn(&LogRange) -> Option<i64>| {
                let number = range.as_ref().ok().and_then(of);
                number.map_or("-".to_owned(), |number| number.to_string())
            };
            let mut row = vec![
                topic.clone(),
                partition.to_string(),
                cell(|range| Some(range.begin)),
                cell(|range| Some(range.end)),
                cell(|range| Some(range.end - range.begin)),
            ];
            row.extend(self.at.map(|_| cell(|range| range.place)));
            table.row(row);
        }
        table
    }

    fn to_json(&self, ranges: &LogRanges) -> Value {
        let one = |(name, range): (&TopicPartition, &Result<LogRange, ErrorCode>)| {
            let mut json = json!({ "topic": name.topic, "partition": name.partition });
            match range {
                Ok(range) => {
                    json["begin"] = json!(range.begin);
                    json["end"] = json!(range.end);
                    if self.at.is_some() {
                        json["at"] = json!(range.place);
                    }
                }
                Err(error) => json["error"] = json!(error.name()),
            }
            json
        };
        ranges.iter().map(one).collect()
    }
}
