//! `jackdaw consume`: records of a topic, as text or JSON lines.

mod from;
mod group;
mod print;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;

use self::from::From as StartFrom;
use self::print::{Field, RecordPrinter};
use super::client::Client;
use super::client::error::ClientError;
use super::client::fetcher::{FetchedRecord, Fetcher};
use super::client::metadata::TopicMetadata;
use super::client::offsets::{EARLIEST, Isolation, LATEST};
use super::error::CommandError;
use super::options::{self, ClusterOptions, Format, FormatOptions};
use super::output;

/// How long a broker may hold a fetch that finds nothing.
const FETCH_WAIT: Duration = Duration::from_millis(500);

/// Read records of a topic
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw consume orders                                 all there is, then stop
  jackdaw consume orders --follow --from latest          what comes from now on
  jackdaw consume orders --from -10 --show offset,key,value
  jackdaw consume orders --partition 2 --from 1500 --count 3
  jackdaw consume orders --group billing --follow        as one of the group's members
  jackdaw consume orders --from time:2026-11-24T10:00:00Z --format json

Records of one partition come in order; those of several are mixed as they arrive.")]
pub(crate) struct Consume {
    /// The topic to read
    topic: String,

    /// Only these partitions, separated by commas
    #[arg(short, long = "partition", value_name = "PARTITION", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,

    /// Read as a member of this consumer group, and commit what was read
    ///
    /// The group's members share the partitions; each goes on where the group stands. --from is for partitions in which the
    /// group has no offset. Records are committed after they are printed: a crash prints some again and loses none.
    #[arg(short, long, conflicts_with = "partitions", value_parser = options::group_name)]
    group: Option<String>,

    /// Where to begin in each partition
    ///
    /// earliest; latest; an offset; -N for the last N records; time:T for the first record at or after T, which is
    /// milliseconds since 1970, a date such as 2026-11-24 or 2026-11-24T10:00:00Z, or how long ago (90s, 15m, 2h, 7d).
    #[arg(long, value_name = "WHERE", default_value = "earliest", allow_hyphen_values = true)]
    from: StartFrom,

    /// Stop after this many records
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,

    /// Wait for more records at the end, and for a broker that goes away, until SIGINT
    #[arg(short, long)]
    follow: bool,

    /// What is printed of each record, in the order given
    #[arg(long, value_enum, value_name = "FIELDS", value_delimiter = ',', default_value = "value")]
    show: Vec<Field>,

    /// What stands between fields
    #[arg(long, value_name = "TEXT", default_value = "\t", hide_default_value = true)]
    #[arg(help = "What stands between fields [default: a tab]")]
    separator: String,

    /// How a null key or value is printed
    #[arg(long, value_name = "TEXT", default_value = "null")]
    null: String,

    /// Whether records of open and aborted transactions are read
    #[arg(long, value_enum, default_value = "read-uncommitted")]
    isolation: Isolation,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

/// Where each partition is read from, and where it ended when that was asked.
type Ranges = BTreeMap<i32, std::ops::Range<i64>>;

impl Consume {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let topic = client.topic(&self.topic, false)?;
        if self.follow {
            client.wait_without_end();
        }
        let printer = match self.output.format {
            Format::Json => RecordPrinter::json(&self.topic),
            Format::Text => RecordPrinter::text(&self.topic, &self.show, &self.separator, &self.null),
        };
        let result = match &self.group {
            Some(group) => self.run_in_group(client, group, &printer),
            None => self.run_alone(client, topic, &printer),
        };
        match result {
            // That is how following ends. The exit code is that of a program that SIGINT ends, as with Kafka's console
            // consumer and `tail -f`: a shell's loop around it ends, too.
            Err(CommandError::Client(ClientError::Interrupted)) if self.follow => Err(CommandError::Stopped),
            Ok(0) => {
                self.hint_at_nothing();
                Ok(())
            }
            result => result.map(|_| ()),
        }
    }

    fn run_alone(
        &self,
        mut client: Client,
        topic: TopicMetadata,
        printer: &RecordPrinter<'_>,
    ) -> Result<u64, CommandError> {
        for &partition in &self.partitions {
            topic.partition(partition)?;
        }
        let all = topic.partitions.iter().map(|partition| partition.index);
        let partitions: Vec<i32> =
            if self.partitions.is_empty() { all.collect() } else { self.partitions.clone() };
        let ranges = self.ranges(&mut client, &partitions, &BTreeMap::new())?;
        let mut fetcher = self.fetcher(client, topic, &ranges);
        let mut printed = 0;
        while self.round(&mut fetcher, &ranges, printer, &mut printed)?.is_continue() {}
        Ok(printed)
    }

    fn fetcher(&self, client: Client, topic: TopicMetadata, ranges: &Ranges) -> Fetcher {
        let wait = FETCH_WAIT.min(client.timeout() / 2);
        let positions = ranges.iter().map(|(&partition, range)| (partition, range.start)).collect();
        Fetcher::new(client, topic, positions, self.isolation, wait)
    }

    /// Where each partition is read from, and where it ends now. A committed offset that the log has goes before
    /// `--from`.
    fn ranges(
        &self,
        client: &mut Client,
        partitions: &[i32],
        committed: &BTreeMap<i32, i64>,
    ) -> Result<Ranges, CommandError> {
        let mut ask = |time_ms| client.list_offsets(&self.topic, partitions, time_ms, self.isolation);
        let (first, end) = (ask(EARLIEST)?, ask(LATEST)?);
        let at_time = match self.from {
            StartFrom::Time(time_ms) => ask(time_ms)?,
            _ => BTreeMap::new(),
        };
        let offset =
            |offsets: &BTreeMap<i32, Option<i64>>, partition| offsets.get(&partition).copied().flatten();
        let mut ranges = BTreeMap::new();
        for &partition in partitions {
            let (first, end) = (offset(&first, partition).unwrap_or(0), offset(&end, partition).unwrap_or(0));
            if let Some(&committed) = committed.get(&partition).filter(|c| (first..=end).contains(*c)) {
                ranges.insert(partition, committed..end);
                continue;
            }
            let start = match self.from {
                StartFrom::Earliest => first,
                StartFrom::Latest => end,
                StartFrom::BeforeEnd(count) => end.saturating_sub(count).max(first),
                StartFrom::Time(_) => offset(&at_time, partition).unwrap_or(end),
                StartFrom::Offset(start) if (first..=end).contains(&start) => start,
                StartFrom::Offset(start) => {
                    return Err(CommandError::Failed {
                        what: format!(
                            "offset {start} is outside partition {partition}: it has {first} to {end}"
                        ),
                        advice: "--from earliest begins where the partition does; --partition reads one alone.",
                    });
                }
            };
            ranges.insert(partition, start..end);
        }
        Ok(ranges)
    }

    /// Prints what one poll brings; `Break` when the end, or the count, is reached.
    fn round(
        &self,
        fetcher: &mut Fetcher,
        ranges: &Ranges,
        printer: &RecordPrinter<'_>,
        printed: &mut u64,
    ) -> Result<ControlFlow<()>, CommandError> {
        let limit = self.count.unwrap_or(u64::MAX);
        if !self.follow {
            for (&partition, range) in ranges {
                if fetcher.positions().get(&partition).is_some_and(|&position| position >= range.end) {
                    fetcher.drop_partition(partition);
                }
            }
        }
        if fetcher.positions().is_empty() || *printed >= limit {
            return Ok(ControlFlow::Break(()));
        }
        let mut stdout = output::stdout();
        let polled =
            fetcher.poll(&mut |record: FetchedRecord<'_>| -> Result<ControlFlow<()>, CommandError> {
                let is_past = ranges.get(&record.partition).is_some_and(|range| record.offset >= range.end);
                if is_past && !self.follow {
                    return Ok(ControlFlow::Continue(()));
                }
                printer.print(&record, &mut stdout).map_err(CommandError::Output)?;
                *printed += 1;
                Ok(if *printed >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            });
        // What was read is shown before the next wait, and before a failure is told.
        stdout.flush().map_err(CommandError::Output)?;
        let _ = polled?;
        Ok(ControlFlow::Continue(()))
    }

    /// Silence is right for a pipe and puzzling for a person.
    fn hint_at_nothing(&self) {
        if io::stderr().is_terminal() && !self.follow {
            let _ = writeln!(io::stderr(), "There are no records there. --follow waits for some.");
        }
    }
}
