//! Who may commit and fetch offsets of a consumer group.

use super::ConsumerGroup;
use crate::{error_code::ErrorCode, uuid::Uuid};

/// The first version of OffsetCommit with which members of this protocol may come: it can say that an epoch is old.
const COMMIT_VERSION: i16 = 9;

impl ConsumerGroup {
    /// Whether these partitions may be committed: all of them, or none. An epoch that the member has left behind
    /// still counts for partitions that it has had since then.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, UNSUPPORTED_VERSION, STALE_MEMBER_EPOCH; ILLEGAL_GENERATION to a classic member.
    pub fn validate_commit(
        &self,
        version: i16,
        member_id: &str,
        epoch: i32,
        mut partitions: impl Iterator<Item = (Uuid, i32)>,
    ) -> Result<(), ErrorCode> {
        // A tool, while nobody reads.
        if epoch < 0 && !self.has_members() {
            return Ok(());
        }
        let member = self.member(member_id).ok_or(ErrorCode::UnknownMemberId)?;
        if member.classic.is_some() {
            return if epoch == member.epoch { Ok(()) } else { Err(ErrorCode::IllegalGeneration) };
        }
        if version < COMMIT_VERSION {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let had_since = |(topic_id, partition): (Uuid, i32)| {
            let assigned = member.assigned.epoch_of(topic_id, partition);
            let since = assigned.or_else(|| member.pending_revocation.epoch_of(topic_id, partition));
            since.is_some_and(|since| since <= epoch)
        };
        let is_current = epoch == member.epoch;
        if is_current || (epoch < member.epoch && partitions.all(had_since)) {
            Ok(())
        } else {
            Err(ErrorCode::StaleMemberEpoch)
        }
    }

    /// Whether this client may fetch offsets: a member at its epoch, or a tool, which names no member.
    ///
    /// # Errors
    /// UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH; ILLEGAL_GENERATION to a classic member.
    pub fn validate_fetch(&self, member_id: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        let Some(member_id) = member_id else {
            return if epoch < 0 { Ok(()) } else { Err(ErrorCode::UnknownMemberId) };
        };
        let member = self.member(member_id).ok_or(ErrorCode::UnknownMemberId)?;
        match (epoch == member.epoch, &member.classic) {
            (true, _) => Ok(()),
            (false, None) => Err(ErrorCode::StaleMemberEpoch),
            (false, Some(_)) => Err(ErrorCode::IllegalGeneration),
        }
    }
}
