//! Which partitions a fetch reads, where they are, and which of them cannot be read at all.

use std::sync::Arc;

use jackdaw_core::{
    error_code::ErrorCode,
    fetch_session::{FetchMode, FetchParameters, PartitionSlot, TopicKey, TopicRef},
    protocol::fetch::{FetchFrame, FetchPartition},
};

use crate::{
    message::{FetchCall, FetchRead, Fetched},
    shard::Shard,
    view::{TopicView, View},
};

/// The partitions of one fetch in the order of serving.
pub(super) struct Plan {
    pub(super) by_id: bool,
    pub(super) partitions: Vec<PlannedPartition>,
    /// One call an owning shard.
    pub(super) calls: Vec<(usize, FetchCall)>,
}

pub(super) struct PlannedPartition {
    pub(super) topic: TopicKey,
    pub(super) parameters: FetchParameters,
    /// Its place in the session of an incremental fetch.
    pub(super) slot: Option<PartitionSlot>,
    /// Why it cannot be read; `UnknownServerError` where its owner's answer takes this place.
    error: ErrorCode,
}

impl PlannedPartition {
    pub(super) fn topic_ref(&self) -> TopicRef<'_> {
        match &self.topic {
            TopicKey::Id(id) => TopicRef::Id(*id),
            TopicKey::Name(name) => TopicRef::Name(name),
        }
    }
}

/// Apply an incremental request to its session.
pub(super) fn update_session(
    shard: &Shard,
    request: &FetchFrame,
    by_id: bool,
) -> Result<FetchMode, ErrorCode> {
    let topics: Vec<_> = request.topics().collect();
    let partitions = topics.iter().flat_map(|topic| {
        let named = if by_id { TopicRef::Id(topic.id) } else { TopicRef::Name(&topic.name) };
        topic.partitions.iter().map(move |partition| (named, parameters(partition)))
    });
    let forgotten_topics: Vec<_> = request.forgotten_topics().collect();
    let forgotten = forgotten_topics.iter().flat_map(|topic| {
        let named = if by_id { TopicRef::Id(topic.id) } else { TopicRef::Name(&topic.name) };
        topic.partitions.iter().map(move |partition| (named, *partition))
    });
    shard.fetch_sessions.borrow_mut().update(request.session_id(), partitions, forgotten)
}

fn parameters(partition: &FetchPartition) -> FetchParameters {
    FetchParameters {
        partition: partition.partition,
        fetch_offset: partition.fetch_offset,
        log_start_offset: partition.log_start_offset,
        current_leader_epoch: partition.current_leader_epoch,
        last_fetched_epoch: partition.last_fetched_epoch,
        partition_max_bytes: partition.max_bytes,
    }
}

impl Plan {
    /// The partitions that the request names.
    pub(super) fn of_request(shard: &Shard, request: &FetchFrame, by_id: bool, max_bytes: usize) -> Self {
        let mut partitions = Vec::new();
        for topic in request.topics() {
            let key = if by_id { TopicKey::Id(topic.id) } else { TopicKey::Name(Arc::from(&*topic.name)) };
            partitions.extend(topic.partitions.iter().map(|partition| PlannedPartition {
                topic: key.clone(),
                parameters: parameters(partition),
                slot: None,
                error: ErrorCode::UnknownServerError,
            }));
        }
        Self::place(shard, partitions, by_id, request, max_bytes)
    }

    /// The partitions of the request's session.
    pub(super) fn of_session(shard: &Shard, request: &FetchFrame, max_bytes: usize) -> Self {
        let mut sessions = shard.fetch_sessions.borrow_mut();
        let session = sessions.session_mut(request.session_id());
        let (by_id, partitions) = session.map_or((false, Vec::new()), |session| {
            let partitions = session.partitions().map(|(slot, topic, partition)| PlannedPartition {
                topic: topic.clone(),
                parameters: partition.parameters,
                slot: Some(slot),
                error: ErrorCode::UnknownServerError,
            });
            (session.uses_topic_ids(), partitions.collect())
        });
        drop(sessions);
        Self::place(shard, partitions, by_id, request, max_bytes)
    }

    fn place(
        shard: &Shard,
        mut partitions: Vec<PlannedPartition>,
        by_id: bool,
        request: &FetchFrame,
        max_bytes: usize,
    ) -> Self {
        let view = shard.view();
        let mut reads: Vec<Vec<FetchRead>> = (0..shard.rpc.shards()).map(|_| Vec::new()).collect();
        for (index, planned) in partitions.iter_mut().enumerate() {
            match find(&view, planned) {
                Err(error) => planned.error = error,
                Ok((topic, owner)) => reads[owner].push(FetchRead {
                    index,
                    key: topic.key(planned.parameters.partition),
                    offset: planned.parameters.fetch_offset,
                    max_bytes: usize::try_from(planned.parameters.partition_max_bytes).unwrap_or(0),
                    current_leader_epoch: planned.parameters.current_leader_epoch,
                    last_fetched_epoch: planned.parameters.last_fetched_epoch,
                }),
            }
        }
        let read_committed = request.isolation_level() == 1;
        let call = |reads| FetchCall { watch: None, read_committed, max_bytes, memory_bytes: 0, reads };
        let calls = reads.into_iter().enumerate().filter(|(_, reads)| !reads.is_empty());
        Self { by_id, partitions, calls: calls.map(|(owner, reads)| (owner, call(reads))).collect() }
    }

    /// These calls for so many partitions.
    #[cfg(test)]
    pub(super) fn of_calls(partition_count: usize, calls: Vec<(usize, FetchCall)>) -> Self {
        let planned = |index| PlannedPartition {
            topic: TopicKey::Name(Arc::from("t")),
            parameters: FetchParameters {
                partition: index,
                fetch_offset: 0,
                log_start_offset: -1,
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
                partition_max_bytes: 1 << 20,
            },
            slot: None,
            error: ErrorCode::UnknownServerError,
        };
        Self { by_id: false, partitions: (0..).map(planned).take(partition_count).collect(), calls }
    }

    /// What stands before the owners have answered.
    pub(super) fn unread(&self) -> Vec<Fetched> {
        let planned = self.partitions.iter().enumerate();
        // Empty where nobody was asked and null where an owner refused, as Kafka has it.
        let unread = |(index, planned): (usize, &PlannedPartition)| Fetched {
            aborted: Some(Vec::new()),
            ..Fetched::failed(index, planned.error)
        };
        planned.map(unread).collect()
    }
}

fn find<'a>(view: &'a View, planned: &PlannedPartition) -> Result<(&'a TopicView, usize), ErrorCode> {
    let topic = match &planned.topic {
        TopicKey::Id(id) => view.topic_by_id(*id).ok_or(ErrorCode::UnknownTopicId)?,
        TopicKey::Name(name) => view.topic_by_name(name).ok_or(ErrorCode::UnknownTopicOrPartition)?,
    };
    let key = topic.key(planned.parameters.partition);
    let owner = view.owner(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    Ok((topic, owner))
}
