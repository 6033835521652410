//! `jackdaw consume --group`: as one of a group's members, who share the partitions and commit what they read.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use super::print::RecordPrinter;
use super::{Consume, Ranges};
use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::fetcher::Fetcher;
use crate::cli::client::group::{Membership, Standing};
use crate::cli::client::metadata::TopicMetadata;
use crate::cli::error::CommandError;

/// Kafka's default for consumers.
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
/// How often a member without partitions looks whether it gets some.
const IDLE_PAUSE: Duration = Duration::from_millis(100);

/// How a generation ended for us.
enum End {
    /// All was read, or enough.
    Done,
    /// The group is sharing its partitions anew.
    Rebalance,
}

/// One member at work.
struct GroupReader<'a> {
    consume: &'a Consume,
    group: &'a str,
    printer: &'a RecordPrinter<'a>,
    membership: Membership,
    /// The next offset of each partition of ours, where the group has another or none.
    uncommitted: BTreeMap<i32, i64>,
    next_commit: Instant,
    printed: u64,
}

impl Consume {
    /// The number of records printed. Whatever ends it, what was printed is committed and the group is left.
    pub(super) fn run_in_group(
        &self,
        client: Client,
        group: &str,
        printer: &RecordPrinter<'_>,
    ) -> Result<u64, CommandError> {
        let mut reader = GroupReader {
            consume: self,
            group,
            printer,
            membership: Membership::new(group, &self.topic),
            uncommitted: BTreeMap::new(),
            next_commit: Instant::now() + COMMIT_INTERVAL,
            printed: 0,
        };
        let (mut client, result) = reader.read(client);
        client.say_goodbye();
        let GroupReader { mut membership, uncommitted, printed, .. } = reader;
        let committed = membership.commit(&mut client, &uncommitted).map(drop);
        let left = membership.leave(&mut client);
        match result {
            Err(CommandError::Client(ClientError::Interrupted)) => {
                if let Err(error) = committed.and(left) {
                    let note = "what was printed since the last commit will come again";
                    let _ = writeln!(io::stderr(), "{error}: {note}");
                }
                Err(ClientError::Interrupted.into())
            }
            result => {
                result?;
                committed.and(left)?;
                Ok(printed)
            }
        }
    }
}

impl GroupReader<'_> {
    /// Reads generation after generation; the client comes back for the goodbye.
    fn read(&mut self, mut client: Client) -> (Client, Result<(), CommandError>) {
        loop {
            let (topic, ranges) = match self.join(&mut client) {
                Ok(joined) => joined,
                Err(error) => return (client, Err(error)),
            };
            let mut fetcher = self.consume.fetcher(client, topic, &ranges);
            let end = self.read_generation(&mut fetcher, &ranges);
            client = fetcher.into_client();
            match end {
                Ok(End::Rebalance) => {}
                Ok(End::Done) => return (client, Ok(())),
                Err(error) => return (client, Err(error)),
            }
        }
    }

    /// The topic is asked for after the leader did: what is ours is in it, also where partitions were added.
    fn join(&mut self, client: &mut Client) -> Result<(TopicMetadata, Ranges), CommandError> {
        let partitions = self.membership.join(client)?;
        let topic = client.topic(&self.consume.topic, false)?;
        // What another may have read meanwhile is not ours to commit.
        self.uncommitted.clear();
        tracing::info!(group = self.group, ?partitions, "joined");
        let committed = client
            .committed_offsets(self.group)?
            .into_iter()
            .filter(|(name, _)| name.topic == self.consume.topic)
            .map(|(name, committed)| (name.partition, committed.offset))
            .collect();
        let ranges = self.consume.ranges(client, &partitions, &committed)?;
        self.uncommitted = new_starts(&ranges, &committed);
        Ok((topic, ranges))
    }

    fn read_generation(&mut self, fetcher: &mut Fetcher, ranges: &Ranges) -> Result<End, CommandError> {
        let is_idle = ranges.is_empty();
        loop {
            if is_idle && self.consume.follow {
                if fetcher.client().interrupt().is_raised() {
                    return Err(ClientError::Interrupted.into());
                }
                std::thread::sleep(IDLE_PAUSE);
            } else {
                let flow = self.consume.round(fetcher, ranges, self.printer, &mut self.printed)?;
                self.note(fetcher, ranges);
                if flow.is_break() {
                    return Ok(End::Done);
                }
            }
            let mut standing = self.membership.heartbeat(fetcher.client())?;
            if standing == Standing::Member {
                standing = self.membership.refresh(fetcher.client())?;
            }
            let is_time = Instant::now() >= self.next_commit;
            if (is_time || standing == Standing::Out) && self.commit(fetcher.client())? == Standing::Out {
                return Ok(End::Rebalance);
            }
            if standing == Standing::Out {
                return Ok(End::Rebalance);
            }
        }
    }

    /// Remembers what was printed.
    fn note(&mut self, fetcher: &Fetcher, ranges: &Ranges) {
        for (&partition, &position) in fetcher.positions() {
            let Some(range) = ranges.get(&partition) else { continue };
            // What came since the end was asked for was fetched, and not printed.
            let position = if self.consume.follow { position } else { position.min(range.end) };
            if position > range.start {
                self.uncommitted.insert(partition, position);
            }
        }
    }

    /// Commits where we stand.
    fn commit(&mut self, client: &mut Client) -> Result<Standing, CommandError> {
        self.next_commit = Instant::now() + COMMIT_INTERVAL;
        let standing = self.membership.commit(client, &self.uncommitted)?;
        Ok(standing)
    }
}

/// The starts that the group does not have. They are committed though nothing may come, so that the next run goes on
/// from there, not from where `--from` would be by then; Kafka's consumer does the same.
fn new_starts(ranges: &Ranges, committed: &BTreeMap<i32, i64>) -> BTreeMap<i32, i64> {
    let starts = ranges.iter().map(|(&partition, range)| (partition, range.start));
    starts.filter(|(partition, start)| committed.get(partition) != Some(start)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_committed_where_the_group_has_none_or_another() {
        let ranges = Ranges::from([(0, 5..9), (1, 7..7), (2, 3..3)]);
        let committed = BTreeMap::from([(0, 5), (2, 1), (9, 4)]);
        assert_eq!(new_starts(&ranges, &committed), BTreeMap::from([(1, 7), (2, 3)]));
    }
}
