//! `jackdaw group`: list, describe, members, lag, watch, reset, delete.

mod delete;
mod describe;
mod lag;
mod list;
mod members;
mod progress;
mod reset;
mod watch;

use clap::Subcommand;

use super::error::CommandError;

/// See what consumer groups do, and move their offsets.
#[derive(Subcommand, Debug)]
pub(crate) enum GroupCommand {
    /// List the groups of a cluster
    List(list::ListGroups),
    /// Show a group's state, and where it stands in each partition
    Describe(describe::DescribeGroups),
    /// Show a group's members and what is assigned to each
    Members(members::Members),
    /// Show how far groups are behind
    Lag(lag::Lag),
    /// Show a group's lag again and again, with rates
    Watch(watch::Watch),
    /// Move the offsets of a group that has no active members
    Reset(reset::Reset),
    /// Delete groups, or their offsets in some topics
    Delete(delete::DeleteGroups),
}

impl GroupCommand {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::List(command) => command.run(),
            Self::Describe(command) => command.run(),
            Self::Members(command) => command.run(),
            Self::Lag(command) => command.run(),
            Self::Watch(command) => command.run(),
            Self::Reset(command) => command.run(),
            Self::Delete(command) => command.run(),
        }
    }
}

/// A number that may be unknown, for a table.
fn cell<T: ToString>(value: Option<T>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

/// A text that may be empty, for a table.
fn text_cell(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}
