//! `jackdaw group delete`: whole groups, or their offsets in some topics.

use std::collections::BTreeSet;

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use serde_json::{Value, json};

use super::selection::TopicSelection;
use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::group::GroupDeletion;
use crate::cli::client::positions::TopicPartition;
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;

/// Delete groups, or their offsets in some topics.
#[derive(Args, Debug)]
#[command(
    after_help = "A group that has members is refused: stop its consumers first. Offsets in a topic can go while \
members run, unless they subscribe to it. Deleting cannot be undone.

Examples:
  jackdaw group delete billing
  jackdaw group delete billing shipping --if-exists
  jackdaw group delete billing --topic orders            only its offsets there
  jackdaw group delete billing --topic orders:0-3 --topic payments"
)]
pub(crate) struct DeleteGroups {
    /// The groups' names
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,

    /// Only the offsets in this topic, or in some of its partitions; may be repeated
    #[arg(short, long = "topic", value_name = "TOPIC[:PARTITIONS]")]
    topics: Vec<TopicSelection>,

    /// Groups and offsets that do not exist are no error
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

/// What became of one thing that was to be deleted.
struct Deleted {
    group: String,
    /// `None`: the whole group.
    partition: Option<TopicPartition>,
    /// Whether it was there.
    result: Result<bool, ClientError>,
}

impl DeleteGroups {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut client = self.cluster.client()?;
        let mut results = Vec::new();
        for group in &self.groups {
            if self.topics.is_empty() {
                results.push(self.delete_group(&mut client, group));
            } else {
                results.extend(self.delete_offsets(&mut client, group));
            }
        }
        match self.output.format {
            Format::Json => output::print_json(&Value::Array(results.iter().map(to_json).collect()))?,
            Format::Text => {
                output::print(&results.iter().filter_map(to_text).collect::<String>())?;
            }
        }
        output::report_failures(results.into_iter().map(|deleted| deleted.result.map(drop)))
    }

    fn delete_group(&self, client: &mut Client, group: &str) -> Deleted {
        let result = match client.delete_group(group) {
            Ok(GroupDeletion::Deleted) => Ok(true),
            Ok(GroupDeletion::Unknown) if self.if_exists => Ok(false),
            Ok(GroupDeletion::Unknown) => Err(ClientError::UnknownGroup(group.to_owned())),
            Err(error) => Err(error),
        };
        Deleted { group: group.to_owned(), partition: None, result }
    }

    fn delete_offsets(&self, client: &mut Client, group: &str) -> Vec<Deleted> {
        let of_group = |result| Deleted { group: group.to_owned(), partition: None, result };
        match self.try_delete_offsets(client, group) {
            Err(ClientError::UnknownGroup(_)) if self.if_exists => vec![of_group(Ok(false))],
            Err(error) => vec![of_group(Err(error))],
            Ok(results) => results
                .into_iter()
                .map(|(partition, result)| Deleted {
                    group: group.to_owned(),
                    partition: Some(partition),
                    result,
                })
                .collect(),
        }
    }

    /// The outcome by partition.
    fn try_delete_offsets(
        &self,
        client: &mut Client,
        group: &str,
    ) -> Result<Vec<(TopicPartition, Result<bool, ClientError>)>, ClientError> {
        let committed = client.committed_offsets(group)?.into_keys().collect();
        let (there, not_there) = choose(&self.topics, &committed);
        let mut results = Vec::new();
        if there.is_empty() {
            // The coordinator says whether the group exists at all.
            client.delete_offsets(group, &there)?;
        } else {
            for (partition, code) in client.delete_offsets(group, &there)? {
                results.push((partition.clone(), outcome(group, &partition, code)));
            }
        }
        for partition in not_there {
            let error = || {
                let what = format!("group {group:?} has no offset in {}", selection_text(&partition));
                ClientError::Missing { what, advice: "`jackdaw group describe` shows the offsets there are." }
            };
            let result = if self.if_exists { Ok(false) } else { Err(error()) };
            results.push((partition, result));
        }
        Ok(results)
    }
}

/// A partition below zero stands for the whole topic.
const ALL_PARTITIONS: i32 = -1;

fn selection_text(partition: &TopicPartition) -> String {
    if partition.partition == ALL_PARTITIONS {
        format!("topic {:?}", partition.topic)
    } else {
        partition.to_string()
    }
}

/// What was selected and is there, and what was selected and is not.
fn choose(
    selections: &[TopicSelection],
    committed: &BTreeSet<TopicPartition>,
) -> (BTreeSet<TopicPartition>, Vec<TopicPartition>) {
    let (mut there, mut not_there) = (BTreeSet::new(), Vec::new());
    for selection in selections {
        match &selection.partitions {
            Some(partitions) => {
                for &index in partitions {
                    let partition = TopicPartition::new(&selection.topic, index);
                    if committed.contains(&partition) {
                        there.insert(partition);
                    } else {
                        not_there.push(partition);
                    }
                }
            }
            None => {
                let of_topic: Vec<_> =
                    committed.iter().filter(|partition| partition.topic == selection.topic).collect();
                if of_topic.is_empty() {
                    not_there.push(TopicPartition::new(&selection.topic, ALL_PARTITIONS));
                }
                there.extend(of_topic.into_iter().cloned());
            }
        }
    }
    (there, not_there)
}

fn outcome(group: &str, partition: &TopicPartition, code: ErrorCode) -> Result<bool, ClientError> {
    if code == ErrorCode::None {
        return Ok(true);
    }
    let what = format!("cannot delete the offset of group {group:?} in {partition}");
    Err(ClientError::broker(what, code.code(), None))
}

/// Failures are told on stderr.
fn to_text(deleted: &Deleted) -> Option<String> {
    let Deleted { group, partition, result } = deleted;
    match (result.as_ref().ok()?, partition) {
        (true, None) => Some(format!("Deleted group {group}.\n")),
        (false, None) => Some(format!("Group {group} does not exist.\n")),
        (true, Some(partition)) => Some(format!("Deleted the offset of group {group} in {partition}.\n")),
        (false, Some(partition)) => {
            Some(format!("Group {group} has no offset in {}.\n", selection_text(partition)))
        }
    }
}

fn to_json(deleted: &Deleted) -> Value {
    let partition = deleted.partition.as_ref();
    let mut json = json!({
        "group": deleted.group,
        "deleted": *deleted.result.as_ref().unwrap_or(&false),
        "error": deleted.result.as_ref().err().map(ToString::to_string),
    });
    if let Some(partition) = partition {
        let index = (partition.partition != ALL_PARTITIONS).then_some(partition.partition);
        json["topic"] = json!(partition.topic);
        json["partition"] = json!(index);
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_means_the_partitions_that_have_offsets() {
        let name = TopicPartition::new;
        let committed = BTreeSet::from([name("a", 0), name("a", 2), name("b", 1)]);
        let cases: [(&[&str], &[(&str, i32)], &[(&str, i32)]); 4] = [
            (&["a"], &[("a", 0), ("a", 2)], &[]),
            (&["a:1-2", "b"], &[("a", 2), ("b", 1)], &[("a", 1)]),
            (&["c"], &[], &[("c", ALL_PARTITIONS)]),
            (&["a", "a:0"], &[("a", 0), ("a", 2)], &[]),
        ];
        for (selections, there, not_there) in cases {
            let selections: Vec<TopicSelection> = selections.iter().map(|s| s.parse().unwrap()).collect();
            let names = |list: &[(&str, i32)]| list.iter().map(|&(t, p)| name(t, p)).collect::<Vec<_>>();
            let (found, missing) = choose(&selections, &committed);
            assert_eq!(found.into_iter().collect::<Vec<_>>(), names(there), "{selections:?}");
            assert_eq!(missing, names(not_there), "{selections:?}");
        }
    }

    #[test]
    fn outcomes_are_told() {
        let deleted = |partition: Option<i32>, result| Deleted {
            group: "g".to_owned(),
            partition: partition.map(|index| TopicPartition::new("t", index)),
            result,
        };
        assert_eq!(to_text(&deleted(None, Ok(true))).as_deref(), Some("Deleted group g.\n"));
        let text = to_text(&deleted(Some(1), Ok(true)));
        assert_eq!(text.as_deref(), Some("Deleted the offset of group g in t:1.\n"));
        let text = to_text(&deleted(Some(ALL_PARTITIONS), Ok(false)));
        assert_eq!(text.as_deref(), Some("Group g has no offset in topic \"t\".\n"));
        let refused = deleted(None, Err(ClientError::GroupHasMembers("g".to_owned())));
        assert_eq!(to_text(&refused), None);
        assert_eq!(
            to_json(&refused),
            json!({ "group": "g", "deleted": false, "error": "group \"g\" has active members" })
        );
    }
}
