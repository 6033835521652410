//! DescribeGroups (15), DeleteGroups (42) and ConsumerGroupDescribe (69): several groups, each at its coordinator.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    error_code::ErrorCode,
    group::Request,
    protocol::messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DeleteGroupsRequest,
        DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
        consumer_group_describe::DescribedGroup,
    },
};

use super::answer_of;
use crate::{groups::routing::ask_each, service::RequestContext, shard::Shard};

pub(crate) async fn describe(
    shard: Rc<Shard>,
    context: RequestContext,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let DescribeGroupsRequest { groups, include_authorized_operations } = request;
    let one = |group: String| Request::DescribeGroups {
        version: context.version,
        request: DescribeGroupsRequest { groups: vec![group], include_authorized_operations },
    };
    let answers = ask_each(&shard, distinct(groups), String::as_str, one).await;
    let groups = answers.into_iter().flat_map(|answer| answer_of!(answer, DescribeGroups).groups);
    DescribeGroupsResponse { groups: groups.collect(), ..Default::default() }
}

pub(crate) async fn describe_consumer(
    shard: Rc<Shard>,
    context: RequestContext,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let ConsumerGroupDescribeRequest { group_ids, include_authorized_operations } = request;
    if !shard.groups.config.consumer.is_served {
        let error_code = ErrorCode::UnsupportedVersion.code();
        let refused = |group_id| DescribedGroup { group_id, error_code, ..Default::default() };
        let groups = distinct(group_ids).into_iter().map(refused).collect();
        return ConsumerGroupDescribeResponse { groups, ..Default::default() };
    }
    let one = |group: String| Request::ConsumerGroupDescribe {
        version: context.version,
        request: ConsumerGroupDescribeRequest { group_ids: vec![group], include_authorized_operations },
    };
    let answers = ask_each(&shard, distinct(group_ids), String::as_str, one).await;
    let groups = answers.into_iter().flat_map(|answer| answer_of!(answer, ConsumerGroupDescribe).groups);
    ConsumerGroupDescribeResponse { groups: groups.collect(), ..Default::default() }
}

pub(crate) async fn delete(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let one =
        |group: String| Request::DeleteGroups { request: DeleteGroupsRequest { groups_names: vec![group] } };
    let answers = ask_each(&shard, distinct(request.groups_names), String::as_str, one).await;
    let results = answers.into_iter().flat_map(|answer| answer_of!(answer, DeleteGroups).results);
    DeleteGroupsResponse { results: results.collect(), ..Default::default() }
}

/// Each group once, where it is named first: a name costs a few bytes, its answer may be long.
fn distinct(mut groups: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    groups.retain(|group| seen.insert(group.clone()));
    groups
}
