//! The way from a connection's shard to a group's coordinator, wherever it is on this node.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use jackdaw_core::{
    error_code::ErrorCode,
    group::{Request, Response, partition_of_group},
};

use super::GroupCall;
use crate::{
    message::{Call, PartitionKey, Reply},
    rpc::Handled,
    shard::Shard,
    view::{CONSUMER_OFFSETS, PartitionView, View},
};

/// The partition that keeps a group; `None` while there is no offsets topic.
pub(crate) fn partition_of<'a>(view: &'a View, group_id: &str) -> Option<(PartitionKey, &'a PartitionView)> {
    let topic = view.topic_by_name(CONSUMER_OFFSETS)?;
    let index = partition_of_group(group_id, i32::try_from(topic.partitions.len()).ok()?);
    Some((topic.key(index), topic.partition(index)?))
}

/// Ask the coordinator of one group.
pub(crate) async fn ask(shard: &Rc<Shard>, group_id: &str, request: Request) -> Response {
    let key = partition_of(&shard.view(), group_id).map(|(key, _)| key);
    let Some(key) = key else { return request.failed(ErrorCode::NotCoordinator) };
    let otherwise = request.failed(ErrorCode::NotCoordinator);
    ask_all(shard, vec![(key, request)]).await.pop().unwrap_or(otherwise)
}

/// Ask several coordinators, each shard once. The answers come in the order of the requests.
pub(crate) async fn ask_all(shard: &Rc<Shard>, requests: GroupCall) -> Vec<Response> {
    let view = shard.view();
    let mut responses: Vec<Option<Response>> = Vec::new();
    responses.resize_with(requests.len(), || None);
    let mut calls: BTreeMap<usize, (Vec<usize>, GroupCall)> = BTreeMap::new();
    for (place, (key, request)) in requests.into_iter().enumerate() {
        match view.owner(key) {
            Some(owner) => {
                let (places, call) = calls.entry(owner).or_default();
                places.push(place);
                call.push((key, request));
            }
            None => responses[place] = Some(request.failed(ErrorCode::NotCoordinator)),
        }
    }
    let mut replies = Vec::with_capacity(calls.len());
    for (owner, (places, call)) in calls {
        replies.push((places, send(shard, owner, call).await));
    }
    for (places, reply) in replies {
        let reply = match reply {
            Handled::Now(reply) => reply,
            Handled::Later(reply) => reply.await,
        };
        let Reply::Groups(answers) = reply else { panic!("a group call is answered with its answers") };
        for (place, answer) in places.into_iter().zip(answers) {
            responses[place] = Some(answer);
        }
    }
    responses.into_iter().flatten().collect()
}

/// Ask the coordinator of each group on its own; the answers come in the order of the groups.
pub(crate) async fn ask_each<T>(
    shard: &Rc<Shard>,
    groups: Vec<T>,
    id: impl Fn(&T) -> &str,
    request: impl Fn(T) -> Request,
) -> Vec<Response> {
    let view = shard.view();
    let mut calls = GroupCall::with_capacity(groups.len());
    // `None`: the next answer of a coordinator stands here.
    let mut answers: Vec<Option<Response>> = Vec::with_capacity(groups.len());
    for group in groups {
        let key = partition_of(&view, id(&group)).map(|(key, _)| key);
        let request = request(group);
        match key {
            Some(key) => {
                calls.push((key, request));
                answers.push(None);
            }
            None => answers.push(Some(request.failed(ErrorCode::NotCoordinator))),
        }
    }
    let mut called = ask_all(shard, calls).await.into_iter();
    answers.into_iter().filter_map(|answer| answer.or_else(|| called.next())).collect()
}

async fn send(shard: &Rc<Shard>, owner: usize, call: GroupCall) -> Handled {
    if owner == shard.rpc.own() {
        return shard.groups.call(call);
    }
    Handled::Later(Box::pin(shard.rpc.send(owner, Call::Groups(call)).await))
}

/// Those partitions of this node that keep one of these groups and cannot be read.
pub(crate) async fn unreadable(shard: &Rc<Shard>, group_ids: &[String]) -> BTreeSet<PartitionKey> {
    let view = shard.view();
    let mut calls: BTreeMap<usize, BTreeSet<PartitionKey>> = BTreeMap::new();
    for (key, _) in group_ids.iter().filter_map(|group_id| partition_of(&view, group_id)) {
        if let Some(owner) = view.owner(key) {
            calls.entry(owner).or_default().insert(key);
        }
    }
    let mut found = BTreeSet::new();
    for (owner, keys) in calls {
        let keys = keys.into_iter().collect();
        let reply = match owner == shard.rpc.own() {
            true => shard.groups.unreadable(keys),
            false => shard.rpc.call(owner, Call::UnreadableGroups(keys)).await,
        };
        let Reply::UnreadableGroups(keys) = reply else { panic!("the question is answered in kind") };
        found.extend(keys);
    }
    found
}

/// One request for each coordinator of this node.
pub(crate) fn for_all(view: &View, node_id: i32, request: &Request) -> GroupCall {
    let Some(topic) = view.topic_by_name(CONSUMER_OFFSETS) else { return GroupCall::new() };
    (0..)
        .zip(&topic.partitions)
        .filter(|(_, partition)| partition.leader == node_id)
        .map(|(index, _)| (topic.key(index), request.clone()))
        .collect()
}
