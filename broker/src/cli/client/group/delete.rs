//! Deleting whole groups.

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::messages::delete_groups::DeleteGroupsRequest;

use super::super::Client;
use super::super::error::ClientError;

/// What became of a group that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupDeletion {
    Deleted,
    /// There was none.
    Unknown,
}

impl Client {
    /// Deletes a group and its offsets.
    ///
    /// # Errors
    /// `GroupHasMembers`, and what the coordinator else refuses.
    pub(crate) fn delete_group(&mut self, group: &str) -> Result<GroupDeletion, ClientError> {
        let request = |_| DeleteGroupsRequest { groups_names: vec![group.to_owned()] };
        self.call_coordinator(group, i16::MAX, request, |answer| {
            let result = answer.results.into_iter().next().unwrap_or_default();
            match ErrorCode::from_i16(result.error_code) {
                ErrorCode::None => Ok(GroupDeletion::Deleted),
                ErrorCode::GroupIdNotFound => Ok(GroupDeletion::Unknown),
                ErrorCode::NonEmptyGroup => Err(ClientError::GroupHasMembers(group.to_owned())),
                _ => {
                    let what = format!("cannot delete group {group:?}");
                    Err(ClientError::broker(what, result.error_code, result.error_message))
                }
            }
        })
    }
}
