//! `jackdaw group list`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::text_cell;
use crate::cli::client::group::{GroupListing, ListedGroup};
use crate::cli::error::CommandError;
use crate::cli::options::{ClusterOptions, Format, FormatOptions};
use crate::cli::output;
use crate::cli::output::table::{Align, Table};

/// List the groups of a cluster.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  jackdaw group list
  jackdaw group list --state empty,dead
  jackdaw group list --type consumer --format json
  jackdaw group list --names | xargs -n 1 jackdaw group lag")]
pub(crate) struct ListGroups {
    /// Only groups in these states
    #[arg(long = "state", value_enum, ignore_case = true, value_name = "STATE", value_delimiter = ',')]
    states: Vec<GroupState>,

    /// Only groups of these types
    #[arg(long = "type", value_enum, ignore_case = true, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<ListedType>,

    /// Names only, one a line
    #[arg(long, conflicts_with = "format")]
    names: bool,

    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(flatten)]
    output: FormatOptions,
}

/// Kafka's states of groups of all types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GroupState {
    #[value(alias = "PreparingRebalance")]
    PreparingRebalance,
    #[value(alias = "CompletingRebalance")]
    CompletingRebalance,
    Stable,
    Empty,
    Dead,
    Assigning,
    Reconciling,
    #[value(alias = "NotReady")]
    NotReady,
}

impl GroupState {
    fn name(self) -> &'static str {
        match self {
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Empty => "Empty",
            Self::Dead => "Dead",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::NotReady => "NotReady",
        }
    }
}

/// Kafka's types of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListedType {
    Classic,
    Consumer,
    Share,
    Streams,
}

impl ListedType {
    fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Share => "share",
            Self::Streams => "streams",
        }
    }
}

impl ListGroups {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let GroupListing { mut groups, failures } = self.cluster.client()?.list_groups()?;
        groups.retain(|group| self.takes(group));
        let is_filtered = !self.states.is_empty() || !self.types.is_empty();
        match self.output.format {
            Format::Json => output::print_json(&to_json(&groups))?,
            Format::Text if self.names => {
                output::print(&groups.iter().map(|group| format!("{}\n", group.group)).collect::<String>())?;
            }
            Format::Text if groups.is_empty() && failures.is_empty() => output::print(if is_filtered {
                "No group is in such a state and of such a type.\n"
            } else {
                "There are no groups. A consumer that subscribes, or commits an offset, makes one.\n"
            })?,
            Format::Text => output::print(&to_table(&groups).to_text())?,
        }
        output::report_failures(failures.into_iter().map(Err))
    }

    /// A broker that is too old to tell a group's state or type keeps it out of a filtered list.
    fn takes(&self, group: &ListedGroup) -> bool {
        let is = |told: Option<&str>, name: &str| told.is_some_and(|told| told.eq_ignore_ascii_case(name));
        let (state, group_type) = (group.state.as_deref(), group.group_type.as_deref());
        (self.states.is_empty() || self.states.iter().any(|wanted| is(state, wanted.name())))
            && (self.types.is_empty() || self.types.iter().any(|wanted| is(group_type, wanted.name())))
    }
}

/// Kafka writes a type with a capital in some releases.
fn type_name(group: &ListedGroup) -> Option<String> {
    group.group_type.as_ref().map(|group_type| group_type.to_lowercase())
}

fn to_table(groups: &[ListedGroup]) -> Table {
    let mut table = Table::new(&[
        ("GROUP", Align::Left),
        ("TYPE", Align::Left),
        ("PROTOCOL", Align::Left),
        ("STATE", Align::Left),
        ("COORDINATOR", Align::Right),
    ]);
    for group in groups {
        table.row([
            group.group.clone(),
            type_name(group).unwrap_or_else(|| "-".to_owned()),
            text_cell(&group.protocol_type),
            group.state.clone().unwrap_or_else(|| "-".to_owned()),
            group.coordinator.to_string(),
        ]);
    }
    table
}

fn to_json(groups: &[ListedGroup]) -> Value {
    let group = |group: &ListedGroup| {
        json!({
            "group": group.group,
            "type": type_name(group),
            "protocol_type": group.protocol_type,
            "state": group.state,
            "coordinator": group.coordinator,
        })
    };
    Value::Array(groups.iter().map(group).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        list: ListGroups,
    }

    fn group(name: &str, group_type: Option<&str>, state: Option<&str>) -> ListedGroup {
        ListedGroup {
            group: name.to_owned(),
            protocol_type: "consumer".to_owned(),
            state: state.map(str::to_owned),
            group_type: group_type.map(str::to_owned),
            coordinator: 3,
        }
    }

    #[test]
    fn filters_take_kafkas_words_in_any_case() {
        let groups = [
            group("a", Some("Classic"), Some("Stable")),
            group("b", Some("consumer"), Some("Empty")),
            group("c", Some("classic"), Some("PreparingRebalance")),
            group("d", None, None),
        ];
        let cases = [
            ("", "abcd"),
            ("--state Stable", "a"),
            ("--state stable,empty", "ab"),
            ("--state PreparingRebalance", "c"),
            ("--state preparing-rebalance", "c"),
            ("--type classic", "ac"),
            ("--type Consumer --type share", "b"),
            ("--type classic --state empty", ""),
        ];
        for (arguments, expected) in cases {
            let line = Line::try_parse_from(std::iter::once("x").chain(arguments.split_whitespace()));
            let list = line.map_err(|error| error.to_string()).unwrap().list;
            let taken: String = groups.iter().filter(|g| list.takes(g)).map(|g| g.group.as_str()).collect();
            assert_eq!(taken, expected, "{arguments}");
        }
    }

    #[test]
    fn groups_are_listed_for_people_and_programs() {
        let groups = [group("a", Some("Classic"), Some("Stable")), group("b", None, None)];
        assert_eq!(
            to_table(&groups).to_text(),
            "\
GROUP  TYPE     PROTOCOL  STATE   COORDINATOR
a      classic  consumer  Stable            3
b      -        consumer  -                 3
"
        );
        assert_eq!(to_json(&groups)[0]["type"], "classic");
        assert_eq!(to_json(&groups)[1]["state"], Value::Null);
    }
}
