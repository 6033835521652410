//! `jackdaw group delete`: whole groups, or their offsets in some topics.

use std::collections::BTreeSet;

use clap::Args;
use jackdaw_core::error_code::ErrorCode;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::client::error::ClientError;
use crate::cli::client::group::GroupDeletion;
use crate::cli::client::positions::TopicPartition;
use crate::cli::error::CommandError;
use crate::cli::options::{self, ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::selection::TopicSelection;

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
    #[arg(required = true, value_name = "GROUP", value_parser = options::group_name)]
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

/// What was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Group,
    /// All offsets in a topic.
    Topic(String),
    Offset(TopicPartition),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group => f.write_str("all topics"),
            Self::Topic(topic) => write!(f, "topic {topic}"),
            Self::Offset(partition) => write!(f, "{partition}"),
        }
    }
}

/// What became of it.
struct Deleted {
    group: String,
    part: Part,
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
        Deleted { group: group.to_owned(), part: Part::Group, result }
    }

    fn delete_offsets(&self, client: &mut Client, group: &str) -> Vec<Deleted> {
        let deleted = |part, result| Deleted { group: group.to_owned(), part, result };
        match self.try_delete_offsets(client, group) {
            Err(ClientError::UnknownGroup(_)) if self.if_exists => vec![deleted(Part::Group, Ok(false))],
            Err(error) => vec![deleted(Part::Group, Err(error))],
            Ok(results) => results.into_iter().map(|(part, result)| deleted(part, result)).collect(),
        }
    }

    fn try_delete_offsets(&self, client: &mut Client, group: &str) -> Result<Vec<Outcome>, ClientError> {
        let committed = client.committed_offsets(group)?.into_keys().collect();
        let (there, not_there) = choose(&self.topics, &committed);
        // Asked for nothing, the coordinator still says whether the group exists at all.
        let codes = client.delete_offsets(group, &there)?;
        let tried = codes.into_iter().map(|(partition, code)| {
            let result = outcome(group, &partition, code);
            (Part::Offset(partition), result)
        });
        let absent = not_there.into_iter().map(|part| {
            let result = if self.if_exists { Ok(false) } else { Err(missing(group, &part)) };
            (part, result)
        });
        Ok(tried.chain(absent).collect())
    }
}

/// One part of a group's offsets, and whether it was there.
type Outcome = (Part, Result<bool, ClientError>);

fn missing(group: &str, part: &Part) -> ClientError {
    let what = format!("group {group:?} has no offset in {part}");
    ClientError::Missing { what, advice: "`jackdaw group describe` shows the offsets there are." }
}

/// What was selected and is there, and what was selected and is not.
fn choose(
    selections: &[TopicSelection],
    committed: &BTreeSet<TopicPartition>,
) -> (BTreeSet<TopicPartition>, Vec<Part>) {
    let (mut there, mut not_there) = (BTreeSet::new(), Vec::new());
    for selection in selections {
        let topic = &selection.topic;
        match &selection.partitions {
            Some(partitions) => {
                for &index in partitions {
                    let partition = TopicPartition::new(topic, index);
                    if committed.contains(&partition) {
                        there.insert(partition);
                    } else {
                        not_there.push(Part::Offset(partition));
                    }
                }
            }
            None => {
                let mut of_topic = committed.iter().filter(|partition| partition.topic == *topic).peekable();
                if of_topic.peek().is_none() {
                    not_there.push(Part::Topic(topic.clone()));
                }
                there.extend(of_topic.cloned());
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
    let Deleted { group, part, result } = deleted;
    let was_there = *result.as_ref().ok()?;
    Some(match part {
        Part::Group if was_there => format!("Deleted group {group}.\n"),
        Part::Group => format!("Group {group} does not exist.\n"),
        part if was_there => format!("Deleted the offset of group {group} in {part}.\n"),
        part => format!("Group {group} has no offset in {part}.\n"),
    })
}

fn to_json(deleted: &Deleted) -> Value {
    let mut json = json!({
        "group": deleted.group,
        "deleted": *deleted.result.as_ref().unwrap_or(&false),
        "error": deleted.result.as_ref().err().map(ToString::to_string),
    });
    match &deleted.part {
        Part::Group => {}
        Part::Topic(topic) => json["topic"] = json!(topic),
        Part::Offset(partition) => {
            json["topic"] = json!(partition.topic);
            json["partition"] = json!(partition.partition);
        }
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
        let offset = |topic, index| Part::Offset(name(topic, index));
        let cases = [
            (&["a"][..], vec![name("a", 0), name("a", 2)], vec![]),
            (&["a:1-2", "b"], vec![name("a", 2), name("b", 1)], vec![offset("a", 1)]),
            (&["c"], vec![], vec![Part::Topic("c".to_owned())]),
            (&["a", "a:0"], vec![name("a", 0), name("a", 2)], vec![]),
        ];
        for (selections, there, not_there) in cases {
            let selections: Vec<TopicSelection> = selections.iter().map(|s| s.parse().unwrap()).collect();
            let (found, missing) = choose(&selections, &committed);
            assert_eq!(found.into_iter().collect::<Vec<_>>(), there, "{selections:?}");
            assert_eq!(missing, not_there, "{selections:?}");
        }
    }

    #[test]
    fn outcomes_are_told() {
        let deleted = |part, result| Deleted { group: "g".to_owned(), part, result };
        let offset = Part::Offset(TopicPartition::new("t", 1));
        let cases = [
            (Part::Group, true, "Deleted group g.\n"),
            (Part::Group, false, "Group g does not exist.\n"),
            (offset, true, "Deleted the offset of group g in t:1.\n"),
            (Part::Topic("t".to_owned()), false, "Group g has no offset in topic t.\n"),
        ];
        for (part, was_there, text) in cases {
            assert_eq!(to_text(&deleted(part, Ok(was_there))).as_deref(), Some(text));
        }
        let refused = deleted(Part::Group, Err(ClientError::GroupHasMembers("g".to_owned())));
        assert_eq!(to_text(&refused), None);
        assert_eq!(
            to_json(&refused),
            json!({ "group": "g", "deleted": false, "error": "group \"g\" has active members" })
        );
    }
}
