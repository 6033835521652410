//! Where a group stands in each of its partitions: committed, begin and end of the log, lag, owner.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::error_code::ErrorCode;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::group::{CommittedOffset, GroupDescription, GroupMember};
use crate::cli::client::offsets::{EARLIEST, Isolation, LATEST};
use crate::cli::client::positions::{Positions, TopicPartition};

/// A group in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionProgress {
    pub(super) partition: TopicPartition,
    pub(super) committed: Option<CommittedOffset>,
    pub(super) log_start: Option<i64>,
    pub(super) log_end: Option<i64>,
    /// Why `log_start` and `log_end` are not known.
    pub(super) error: Option<ErrorCode>,
    /// Of the owner, among the description's members.
    member_index: Option<usize>,
}

impl PartitionProgress {
    pub(super) fn committed_offset(&self) -> Option<i64> {
        self.committed.as_ref().map(|committed| committed.offset)
    }

    /// Records between the committed offset and the log's end. Negative where the log ends before the committed
    /// offset: somebody set it beyond the end, or the log lost its end.
    pub(super) fn lag(&self) -> Option<i64> {
        Some(self.log_end?.saturating_sub(self.committed_offset()?))
    }

    /// Who reads the partition.
    pub(super) fn member<'a>(&self, description: &'a GroupDescription) -> Option<&'a GroupMember> {
        description.members.get(self.member_index?)
    }

    /// Why the log's offsets are not known, as a sentence.
    pub(super) fn note(&self) -> Option<String> {
        let error = self.error?;
        let reason = match error {
            ErrorCode::UnknownTopicOrPartition => "it does not exist (any more)".to_owned(),
            ErrorCode::LeaderNotAvailable => "it has no leader at the moment".to_owned(),
            ErrorCode::NetworkException => "its leader does not answer".to_owned(),
            _ => error.to_string(),
        };
        Some(format!("The offsets of {} are not known: {reason}.", self.partition))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "topic": self.partition.topic,
            "partition": self.partition.partition,
            "committed": self.committed_offset(),
            "leader_epoch": self.committed.as_ref().and_then(|committed| committed.leader_epoch),
            "metadata": self.committed.as_ref().map(|committed| &committed.metadata),
            "log_start": self.log_start,
            "log_end": self.log_end,
            "lag": self.lag(),
            "error": self.error.map(ErrorCode::name),
        })
    }
}

/// Lag over partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LagSum {
    /// Those whose lag is known.
    pub(super) partitions: usize,
    /// Those whose lag is not known: nothing committed, or no end told.
    pub(super) unknown: usize,
    pub(super) total: i64,
    pub(super) max: i64,
}

impl LagSum {
    pub(super) fn of<'a>(partitions: impl IntoIterator<Item = &'a PartitionProgress>) -> Self {
        let mut sum = Self::default();
        for partition in partitions {
            match partition.lag() {
                Some(lag) => {
                    sum.partitions += 1;
                    // A committed offset behind the log's end makes up for nothing elsewhere.
                    sum.total = sum.total.saturating_add(lag.max(0));
                    sum.max = sum.max.max(lag);
                }
                None => sum.unknown += 1,
            }
        }
        sum
    }

    /// A sentence under a table.
    pub(super) fn to_text(self) -> String {
        let mut text = format!("Total lag {}, largest {}.", self.total, self.max);
        if self.unknown > 0 {
            text.push_str(&format!(
                " The lag of {} is not known.",
                crate::cli::output::count(self.unknown, "partition")
            ));
        }
        text.push('\n');
        text
    }
}

/// A group in all its partitions: those with a committed offset and those that a member owns.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub(super) description: GroupDescription,
    /// By topic and partition.
    pub(super) partitions: Vec<PartitionProgress>,
}

impl Progress {
    pub(super) fn ask(client: &mut Client, group: &str) -> Result<Self, ClientError> {
        let description = client.describe_group(group)?;
        let committed = client.committed_offsets(group)?;
        let owners = owners(&description);
        let names: BTreeSet<TopicPartition> = committed.keys().chain(owners.keys()).cloned().collect();
        let starts = client.positions(&names, EARLIEST, Isolation::ReadUncommitted)?;
        let ends = client.positions(&names, LATEST, Isolation::ReadUncommitted)?;
        Ok(Self::new(description, committed, &starts, &ends))
    }

    fn new(
        description: GroupDescription,
        committed: BTreeMap<TopicPartition, CommittedOffset>,
        starts: &Positions,
        ends: &Positions,
    ) -> Self {
        let owners = owners(&description);
        let partitions = ends
            .iter()
            .map(|(partition, end)| {
                let start = starts.get(partition).copied().unwrap_or(Ok(None));
                PartitionProgress {
                    partition: partition.clone(),
                    committed: committed.get(partition).cloned(),
                    log_start: start.ok().flatten(),
                    log_end: end.ok().flatten(),
                    error: end.err().or(start.err()),
                    member_index: owners.get(partition).copied(),
                }
            })
            .collect();
        Self { description, partitions }
    }

    pub(super) fn sum(&self) -> LagSum {
        LagSum::of(&self.partitions)
    }

    /// What is to be said under a table of the partitions.
    pub(super) fn notes(&self) -> String {
        let notes = self.partitions.iter().filter_map(PartitionProgress::note);
        notes.map(|note| note + "\n").collect()
    }
}

/// The index of each partition's owner among the members. While a partition moves, the one who has it.
pub(super) fn owners(description: &GroupDescription) -> BTreeMap<TopicPartition, usize> {
    let mut owners = BTreeMap::new();
    for (index, member) in description.members.iter().enumerate() {
        for (topic, partitions) in member.assignment.iter().flatten() {
            for &partition in partitions {
                owners.insert(TopicPartition::new(topic, partition), index);
            }
        }
    }
    owners
}

/// Builds what tests of the commands print.
#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::client::group::{Assignment, Coordinator, GroupEpochs, GroupType};

    pub(in crate::cli::group) fn description() -> GroupDescription {
        let assignment = |partitions: &[i32]| Assignment::from([("orders".to_owned(), partitions.to_vec())]);
        let member = |id: &str, partitions: &[i32]| GroupMember {
            member_id: format!("app-{id}"),
            client_id: "app".to_owned(),
            host: "10.0.0.1".to_owned(),
            topics: vec!["orders".to_owned()],
            assignment: Some(assignment(partitions)),
            ..GroupMember::default()
        };
        GroupDescription {
            group: "billing".to_owned(),
            group_type: GroupType::Classic,
            state: "Stable".to_owned(),
            protocol_type: "consumer".to_owned(),
            assignor: Some("range".to_owned()),
            coordinator: Coordinator { node_id: 1, address: "127.0.0.1:9092".parse().ok() },
            epochs: None,
            members: vec![member("a", &[0]), member("b", &[1])],
        }
    }

    /// The same by KIP-848, while partition 1 goes from the second member to the first.
    pub(in crate::cli::group) fn reconciling() -> GroupDescription {
        let mut description = description();
        description.group_type = GroupType::Consumer;
        description.state = "Reconciling".to_owned();
        description.epochs = Some(GroupEpochs { group: 6, assignment: 6 });
        for (member, (epoch, target)) in
            description.members.iter_mut().zip([(6, vec![0, 1]), (5, Vec::new())])
        {
            member.epoch = Some(epoch);
            member.target = Some(Assignment::from([("orders".to_owned(), target)]));
        }
        description
    }

    pub(in crate::cli::group) fn progress() -> Progress {
        let name = |partition| TopicPartition::new("orders", partition);
        let committed = |offset| CommittedOffset { offset, leader_epoch: Some(0), metadata: String::new() };
        let all = [(0, 10), (2, 20), (3, 9)];
        let committed = all.into_iter().map(|(p, offset)| (name(p), committed(offset))).collect();
        let starts = Positions::from([
            (name(0), Ok(Some(5))),
            (name(1), Ok(Some(0))),
            (name(2), Ok(Some(0))),
            (name(3), Err(ErrorCode::UnknownTopicOrPartition)),
        ]);
        let ends = Positions::from([
            (name(0), Ok(Some(100))),
            (name(1), Ok(Some(7))),
            (name(2), Ok(Some(15))),
            (name(3), Err(ErrorCode::UnknownTopicOrPartition)),
        ]);
        Progress::new(description(), committed, &starts, &ends)
    }

    #[test]
    fn lag_is_from_the_committed_offset_to_the_logs_end() {
        let progress = progress();
        let lags: Vec<Option<i64>> = progress.partitions.iter().map(PartitionProgress::lag).collect();
        assert_eq!(lags, [Some(90), None, Some(-5), None]);
        assert_eq!(progress.sum(), LagSum { partitions: 2, unknown: 2, total: 90, max: 90 });
        assert_eq!(
            progress.sum().to_text(),
            "Total lag 90, largest 90. The lag of 2 partitions is not known.\n"
        );
        assert_eq!(
            progress.notes(),
            "The offsets of orders:3 are not known: it does not exist (any more).\n"
        );
    }

    #[test]
    fn owners_are_the_members_that_have_the_partition_now() {
        let owner = |description: &GroupDescription, partition| {
            owners(description).get(&TopicPartition::new("orders", partition)).copied()
        };
        assert_eq!(owner(&description(), 0), Some(0));
        assert_eq!(owner(&reconciling(), 1), Some(1), "the target is the first, the owner still the second");
        assert_eq!(owner(&description(), 2), None);
    }
}
