//! The requests of the workload's clients.

use std::collections::{BTreeMap, BTreeSet};

use jackdaw_core::protocol::messages::{
    CreateTopicsRequest, FindCoordinatorRequest, OffsetCommitRequest, OffsetFetchRequest,
    OffsetFetchResponse,
    create_topics::{CreatableTopic, CreatableTopicConfig},
    offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
};

use super::{
    Shared,
    assignor::by_topic,
    broken,
    history::{Found, Place},
};

/// OffsetCommit and OffsetFetch name topics by id from this version on.
pub(super) const FIRST_BY_ID: i16 = 10;
/// OffsetFetch names groups in an array from this version on.
const FIRST_WITH_GROUPS: i16 = 8;
const METADATA: &str = "commit ";

pub(super) fn create(name: &str, partitions: i32, configs: &[(&str, String)]) -> CreateTopicsRequest {
    let config = |(name, value): &(&str, String)| CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some(value.clone()),
    };
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: -1,
        configs: configs.iter().map(config).collect(),
        ..Default::default()
    };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() }
}

pub(super) fn find_coordinator(group: &str, version: i16) -> FindCoordinatorRequest {
    if version >= 4 {
        let coordinator_keys = vec![group.to_owned()];
        FindCoordinatorRequest { coordinator_keys, ..Default::default() }
    } else {
        FindCoordinatorRequest { key: group.to_owned(), ..Default::default() }
    }
}

/// Who commits, or reads offsets.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    pub(super) group: String,
    pub(super) member: String,
    /// Generation or member epoch; -1 without membership.
    pub(super) epoch: i32,
    pub(super) instance: Option<String>,
}

/// A commit of these offsets under these numbers.
pub(super) fn commit(
    shared: &Shared,
    who: &Credentials,
    version: i16,
    offsets: &BTreeMap<Place, Found>,
) -> OffsetCommitRequest {
    let mut topics: BTreeMap<usize, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for ((topic, partition), (number, offset)) in offsets {
        topics.entry(*topic).or_default().push(OffsetCommitRequestPartition {
            partition_index: *partition,
            committed_offset: *offset,
            committed_metadata: Some(format!("{METADATA}{number}")),
            ..Default::default()
        });
    }
    let topic = |(topic, partitions): (usize, _)| OffsetCommitRequestTopic {
        name: shared.plan.topics[topic].name.clone(),
        topic_id: shared.topic_id(topic),
        partitions,
    };
    OffsetCommitRequest {
        group_id: who.group.clone(),
        generation_id_or_member_epoch: who.epoch,
        member_id: who.member.clone(),
        group_instance_id: who.instance.clone().filter(|_| version >= 7),
        topics: topics.into_iter().map(topic).collect(),
        ..Default::default()
    }
}

/// A fetch of these partitions' offsets, or of all that the group has; `epoch` where the coordinator is to check it.
pub(super) fn fetch_offsets(
    shared: &Shared,
    who: &Credentials,
    version: i16,
    places: Option<&BTreeSet<Place>>,
    checks_epoch: bool,
) -> OffsetFetchRequest {
    let name = |topic: usize| shared.plan.topics[topic].name.clone();
    if version < FIRST_WITH_GROUPS {
        let topic =
            |(topic, partition_indexes)| OffsetFetchRequestTopic { name: name(topic), partition_indexes };
        let topics = places.map(|places| by_topic(places).into_iter().map(topic).collect());
        return OffsetFetchRequest { group_id: who.group.clone(), topics, ..Default::default() };
    }
    let topic = |(topic, partition_indexes)| OffsetFetchRequestTopics {
        name: name(topic),
        topic_id: shared.topic_id(topic),
        partition_indexes,
    };
    let mut group = OffsetFetchRequestGroup {
        group_id: who.group.clone(),
        topics: places.map(|places| by_topic(places).into_iter().map(topic).collect()),
        ..Default::default()
    };
    if checks_epoch {
        (group.member_id, group.member_epoch) = (Some(who.member.clone()), who.epoch);
    }
    OffsetFetchRequest { groups: vec![group], ..Default::default() }
}

/// The offsets of an answer, or its error's code.
pub(super) fn read_offsets(
    shared: &Shared,
    response: &OffsetFetchResponse,
    version: i16,
) -> Result<BTreeMap<Place, Option<Found>>, i16> {
    let mut found = BTreeMap::new();
    let by_name = |name: &str| shared.plan.topics.iter().position(|topic| topic.name == name);
    let by_id = |id| shared.topics.borrow().iter().position(|known| *known == Some(id));
    let mut note = |topic: Option<usize>, partition, offset, metadata: Option<&str>, error| {
        let Some(topic) = topic else { broken("an answer names what was asked", &format!("{response:?}")) };
        if error != 0 {
            return Err(error);
        }
        let commit = (offset >= 0).then(|| (number_of(metadata), offset));
        found.insert((topic, partition), commit);
        Ok(())
    };
    if version < FIRST_WITH_GROUPS {
        if response.error_code != 0 {
            return Err(response.error_code);
        }
        for topic in &response.topics {
            for data in &topic.partitions {
                let place = by_name(&topic.name);
                let metadata = data.metadata.as_deref();
                note(place, data.partition_index, data.committed_offset, metadata, data.error_code)?;
            }
        }
        return Ok(found);
    }
    let [group] = response.groups.as_slice() else {
        broken("an answer names what was asked", &format!("{response:?}"))
    };
    if group.error_code != 0 {
        return Err(group.error_code);
    }
    for topic in &group.topics {
        for data in &topic.partitions {
            let place = if version >= FIRST_BY_ID { by_id(topic.topic_id) } else { by_name(&topic.name) };
            let metadata = data.metadata.as_deref();
            note(place, data.partition_index, data.committed_offset, metadata, data.error_code)?;
        }
    }
    Ok(found)
}

fn number_of(metadata: Option<&str>) -> u64 {
    let number = metadata.and_then(|text| text.strip_prefix(METADATA)?.parse().ok());
    number.unwrap_or_else(|| broken("committed offsets are as committed", &format!("metadata {metadata:?}")))
}
