//! OffsetCommit, OffsetFetch and OffsetDelete: whether the group allows it.

use std::sync::Arc;

use super::{
    CallId, Context, Coordinator, Effect, Outcome, Response,
    classic::{ClassicGroup, State, heard},
    groups::Group,
    offsets::{Commit, Growth},
};
use crate::{
    error_code::ErrorCode,
    protocol::messages::{
        offset_commit::OffsetCommitRequest,
        offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse},
        offset_fetch::{
            OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchResponse, OffsetFetchResponseGroup,
        },
    },
};

/// The first version of OffsetCommit whose clients may be told that there is no such group.
const COMMIT_NOT_FOUND_VERSION: i16 = 9;
/// The first version of OffsetFetch that says which member asks.
const FETCH_MEMBER_VERSION: i16 = 9;

impl Coordinator {
    pub(super) fn commit_offsets(
        &self,
        context: &Context<'_>,
        call: CallId,
        version: i16,
        request: &OffsetCommitRequest,
    ) -> Outcome {
        let commit = Commit { context, settings: &self.settings.offsets, version, request };
        let allowed = match commit.names_a_known_partition() {
            true => self.allow_commit(context, &commit),
            false => Ok(None),
        };
        let error = allowed.as_ref().err().copied();
        let mut growth = Growth::default();
        let (response, records) = commit.decide(|topic, asked| {
            error.map_or(Ok(()), Err)?;
            let key = (&*request.group_id, &*topic.name, asked.partition_index);
            self.offsets.admit(&mut growth, key, asked.committed_metadata.as_ref().map_or(0, String::len))
        });
        Outcome {
            records,
            effects: allowed.ok().flatten().into_iter().collect(),
            ..Outcome::answer(call, Response::OffsetCommit(response))
        }
    }

    /// The commit of a member shows that the member is there.
    fn allow_commit(&self, context: &Context<'_>, commit: &Commit<'_>) -> Result<Option<Effect>, ErrorCode> {
        let request = commit.request;
        match self.groups.get(&request.group_id) {
            // A consumer that assigns its partitions itself needs no group.
            None if request.generation_id_or_member_epoch >= 0 => {
                let knows_absence = commit.version >= COMMIT_NOT_FOUND_VERSION;
                Err(if knows_absence { ErrorCode::GroupIdNotFound } else { ErrorCode::IllegalGeneration })
            }
            None if !self.groups.accepts(&request.group_id) => Err(ErrorCode::InvalidCommitOffsetSize),
            None => Ok(None),
            Some((group_id, Group::Classic(group))) => {
                let member_id = group.validate_commit(request)?;
                Ok(member_id.map(|member_id| heard(context, group_id, member_id)))
            }
            Some((_, Group::Consumer(group))) => {
                let epoch = request.generation_id_or_member_epoch;
                let partitions = commit.known_partitions();
                group.validate_commit(commit.version, &request.member_id, epoch, partitions).map(|()| None)
            }
        }
    }

    pub(super) fn fetch_offsets(
        &self,
        context: &Context<'_>,
        call: CallId,
        version: i16,
        request: &OffsetFetchRequest,
    ) -> Outcome {
        let topics = &context.image.topics;
        let groups = request.groups.iter().map(|group| match self.allow_fetch(version, group) {
            Ok(()) => self.offsets.fetch(version, request.require_stable, topics, group),
            Err(error) => OffsetFetchResponseGroup {
                group_id: group.group_id.clone(),
                error_code: error.code(),
                ..Default::default()
            },
        });
        let response = OffsetFetchResponse { groups: groups.collect(), ..Default::default() };
        Outcome::answer(call, Response::OffsetFetch(response))
    }

    /// Members of consumer groups say who they are, and must be up to date.
    fn allow_fetch(&self, version: i16, request: &OffsetFetchRequestGroup) -> Result<(), ErrorCode> {
        match self.groups.get(&request.group_id) {
            Some((_, Group::Consumer(group))) if version >= FETCH_MEMBER_VERSION => {
                group.validate_fetch(request.member_id.as_deref(), request.member_epoch)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn delete_offsets(
        &self,
        context: &Context<'_>,
        call: CallId,
        request: &OffsetDeleteRequest,
    ) -> Outcome {
        let error = match self.groups.get(&request.group_id) {
            _ if request.group_id.is_empty() => ErrorCode::InvalidGroupId,
            None => ErrorCode::GroupIdNotFound,
            Some((_, Group::Classic(group))) if !group.is_empty() && !group.uses_consumer_protocol() => {
                ErrorCode::NonEmptyGroup
            }
            Some((_, group)) => {
                let (response, records) = self.offsets.delete(context, request, &group.subscription());
                let response = Response::OffsetDelete(response);
                return Outcome { records, ..Outcome::answer(call, response) };
            }
        };
        let response = OffsetDeleteResponse { error_code: error.code(), ..Default::default() };
        Outcome::answer(call, Response::OffsetDelete(response))
    }
}

impl ClassicGroup {
    /// The member that commits; `None` where nobody has to be one.
    fn validate_commit(&self, request: &OffsetCommitRequest) -> Result<Option<&Arc<str>>, ErrorCode> {
        let generation = request.generation_id_or_member_epoch;
        let instance_id = request.group_instance_id.as_deref();
        if generation < 0 && self.is_empty() {
            return Ok(None);
        }
        if generation < 0 && request.member_id.is_empty() && instance_id.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        let (member_id, _) = self.validate_generation(&request.member_id, instance_id, generation)?;
        match self.state {
            // It knows of the generation, but not yet what it has in it.
            State::CompletingRebalance { .. } => Err(ErrorCode::RebalanceInProgress),
            _ => Ok(Some(member_id)),
        }
    }
}
