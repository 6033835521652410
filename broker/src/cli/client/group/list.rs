//! Which groups there are: every broker tells those that it coordinates.

use jackdaw_core::protocol::messages::list_groups::{ListGroupsRequest, ListedGroup as Listed};

use super::super::Client;
use super::super::error::ClientError;

/// A group as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedGroup {
    pub(crate) group: String,
    pub(crate) protocol_type: String,
    /// `None`: the broker is too old to tell.
    pub(crate) state: Option<String>,
    /// `None`: the broker is too old to tell.
    pub(crate) group_type: Option<String>,
    pub(crate) coordinator: i32,
}

impl ListedGroup {
    /// Whether it has the offsets of consumers: it is one of theirs, or one that only commits.
    pub(crate) fn is_of_consumers(&self) -> bool {
        let is_of_type = match self.group_type.as_deref() {
            Some(group_type) => {
                group_type.eq_ignore_ascii_case("classic") || group_type.eq_ignore_ascii_case("consumer")
            }
            None => true,
        };
        is_of_type && matches!(self.protocol_type.as_str(), "consumer" | "")
    }
}

/// What the brokers told.
#[derive(Debug)]
pub(crate) struct GroupListing {
    /// By name.
    pub(crate) groups: Vec<ListedGroup>,
    /// Of brokers that did not tell theirs.
    pub(crate) failures: Vec<ClientError>,
}

impl Client {
    /// The groups of all brokers.
    ///
    /// # Errors
    /// Nobody tells the brokers there are; an interrupt. A broker that fails alone is in the listing.
    pub(crate) fn list_groups(&mut self) -> Result<GroupListing, ClientError> {
        self.refresh_nodes()?;
        let mut listing = GroupListing { groups: Vec::new(), failures: Vec::new() };
        for node_id in self.metadata.node_ids() {
            match self.groups_of_broker(node_id) {
                Ok(groups) => listing.groups.extend(groups),
                Err(ClientError::Interrupted) => return Err(ClientError::Interrupted),
                Err(error) => listing.failures.push(error),
            }
        }
        listing.groups.sort_by(|one, other| one.group.cmp(&other.group));
        // A group that moved meanwhile was told twice.
        listing.groups.dedup_by(|one, other| one.group == other.group);
        for group in &listing.groups {
            self.coordinators.insert(group.group.clone(), group.coordinator);
        }
        Ok(listing)
    }

    /// Asked again while the broker loads its groups.
    fn groups_of_broker(&mut self, node_id: i32) -> Result<Vec<ListedGroup>, ClientError> {
        let mut retry = self.retry();
        loop {
            let answer = self.call_node(node_id, |_| ListGroupsRequest::default()).and_then(|answer| {
                match answer.error_code {
                    0 => Ok(answer.groups),
                    code => Err(ClientError::broker(format!("groups of broker {node_id}"), code, None)),
                }
            });
            match answer {
                Ok(groups) => return Ok(groups.into_iter().map(|group| listed(group, node_id)).collect()),
                // A broker that is down shall not hold up what the others tell.
                Err(error @ ClientError::Broker { .. }) if error.is_retriable() => retry.pause(error)?,
                Err(error) => return Err(error),
            }
        }
    }
}

fn listed(group: Listed, coordinator: i32) -> ListedGroup {
    let told = |text: String| (!text.is_empty()).then_some(text);
    ListedGroup {
        group: group.group_id,
        protocol_type: group.protocol_type,
        state: told(group.group_state),
        group_type: told(group.group_type),
        coordinator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_consumers_are_told_from_others() {
        let cases = [
            (Some("Classic"), "consumer", true),
            (Some("consumer"), "consumer", true),
            (Some("classic"), "", true),
            (None, "consumer", true),
            (Some("classic"), "connect", false),
            (Some("share"), "share", false),
            (Some("share"), "", false),
        ];
        for (group_type, protocol_type, expected) in cases {
            let group = ListedGroup {
                group: "g".to_owned(),
                protocol_type: protocol_type.to_owned(),
                state: None,
                group_type: group_type.map(str::to_owned),
                coordinator: 1,
            };
            assert_eq!(group.is_of_consumers(), expected, "{group:?}");
        }
    }
}
