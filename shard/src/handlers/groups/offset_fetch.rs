//! OffsetFetch (9): versions before 8 name one group at the top level, later ones several.

use std::{collections::BTreeSet, rc::Rc};

use jackdaw_core::{
    group::Request,
    protocol::messages::offset_fetch::{
        OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
        OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
        OffsetFetchResponseTopic,
    },
};

use super::answer_of;
use crate::{groups::routing::ask_each, service::RequestContext, shard::Shard};

/// From this version on a request names groups in an array.
const GROUPS_VERSION: i16 = 8;
/// From this version on an error that concerns the whole group stands at the top level.
const TOP_LEVEL_ERROR_VERSION: i16 = 2;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let version = context.version;
    if version >= GROUPS_VERSION {
        let groups = fetch(&shard, version, request.groups, request.require_stable).await;
        return OffsetFetchResponse { groups, ..Default::default() };
    }
    let OffsetFetchRequest { group_id, topics, require_stable, .. } = request;
    let group = OffsetFetchRequestGroup {
        group_id,
        topics: topics.as_ref().map(|topics| topics.iter().map(in_group).collect()),
        member_epoch: -1,
        ..Default::default()
    };
    let groups = fetch(&shard, version, vec![group], require_stable).await;
    groups.into_iter().next().map_or_else(OffsetFetchResponse::default, |group| {
        without_group(group, topics.unwrap_or_default(), version)
    })
}

/// Ask each group's coordinator; the answers come in the order of the groups.
async fn fetch(
    shard: &Rc<Shard>,
    version: i16,
    mut groups: Vec<OffsetFetchRequestGroup>,
    require_stable: bool,
) -> Vec<OffsetFetchResponseGroup> {
    keep_first(&mut groups);
    let one = |group: OffsetFetchRequestGroup| Request::OffsetFetch {
        version,
        request: OffsetFetchRequest { groups: vec![group], require_stable, ..Default::default() },
    };
    let answers = ask_each(shard, groups, |group| &group.group_id, one).await;
    answers.into_iter().flat_map(|answer| answer_of!(answer, OffsetFetch).groups).collect()
}

/// All offsets of a group, and each of them, are told once, however often they are asked for: the question is short, and
/// an offset's metadata may be long.
fn keep_first(groups: &mut Vec<OffsetFetchRequestGroup>) {
    let mut wholly_asked = BTreeSet::new();
    groups.retain(|group| group.topics.is_some() || wholly_asked.insert(group.group_id.clone()));
    let mut seen = BTreeSet::new();
    for OffsetFetchRequestGroup { group_id, topics, .. } in groups {
        for topic in topics.iter_mut().flatten() {
            let named = (group_id.as_str(), topic.name.as_str(), topic.topic_id);
            topic.partition_indexes.retain(|index| seen.insert((named, *index)));
        }
    }
}

fn in_group(topic: &OffsetFetchRequestTopic) -> OffsetFetchRequestTopics {
    OffsetFetchRequestTopics {
        name: topic.name.clone(),
        partition_indexes: topic.partition_indexes.clone(),
        ..Default::default()
    }
}

/// The answer as it was before groups stood in an array.
fn without_group(
    group: OffsetFetchResponseGroup,
    asked: Vec<OffsetFetchRequestTopic>,
    version: i16,
) -> OffsetFetchResponse {
    if group.error_code != 0 && version < TOP_LEVEL_ERROR_VERSION {
        let topics = asked.into_iter().map(|topic| failed(topic, group.error_code)).collect();
        return OffsetFetchResponse { topics, ..Default::default() };
    }
    let topics = group.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| OffsetFetchResponsePartition {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata,
                error_code: partition.error_code,
            })
            .collect(),
    });
    OffsetFetchResponse { topics: topics.collect(), error_code: group.error_code, ..Default::default() }
}

fn failed(topic: OffsetFetchRequestTopic, error_code: i16) -> OffsetFetchResponseTopic {
    let partitions =
        topic.partition_indexes.into_iter().map(|partition_index| OffsetFetchResponsePartition {
            partition_index,
            committed_offset: -1,
            committed_leader_epoch: -1,
            metadata: Some(String::new()),
            error_code,
        });
    OffsetFetchResponseTopic { name: topic.name, partitions: partitions.collect() }
}
