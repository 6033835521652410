//! Topics for the load: made, described, removed.

use std::{error::Error, net::SocketAddr, time::Duration};

use jackdaw_bench::connection::Connection;
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        CreateTopicsRequest, DeleteTopicsRequest, ListOffsetsRequest, MetadataRequest,
        create_topics::{CreatableTopic, CreatableTopicConfig},
        delete_topics::DeleteTopicState,
        list_offsets::{ListOffsetsPartition, ListOffsetsTopic},
        metadata::{MetadataRequestTopic, MetadataResponseTopic},
    },
    uuid::Uuid,
};
use jackdaw_ring::{now, sleep};

use crate::arguments::Arguments;

const CREATE_VERSION: i16 = 7;
const DELETE_VERSION: i16 = 6;
const LIST_OFFSETS_VERSION: i16 = 7;
const LATEST_TIMESTAMP: i64 = -1;
pub(crate) const METADATA_VERSION: i16 = 12;
const PATIENCE: Duration = Duration::from_secs(120);
/// Soon, for the disks of those who measure are small. The same on every broker.
const DELETE_DELAY_MS: &str = "1000";

#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    pub(crate) partitions: i32,
}

/// What a topic is made of.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) partitions: i32,
    /// Each record is on the disk before it is acknowledged.
    pub(crate) flush: bool,
}

/// Makes a topic and waits until its partitions have leaders.
pub(crate) async fn create(bootstrap: SocketAddr, name: &str, shape: Shape) -> Result<Topic, Box<dyn Error>> {
    let mut connection = Connection::open(bootstrap).await?;
    let config = |name: &str, value: &str| CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    let mut configs =
        vec![config("file.delete.delay.ms", DELETE_DELAY_MS), config("segment.bytes", "1073741824")];
    if shape.flush {
        configs.push(config("flush.messages", "1"));
    }
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: shape.partitions,
        replication_factor: 1,
        configs,
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 60_000, ..Default::default() };
    for answer in connection.call(&request, CREATE_VERSION).await?.topics {
        if answer.error_code != 0 {
            let error = ErrorCode::from_i16(answer.error_code).name();
            return Err(format!("cannot create {name}: {error} {:?}", answer.error_message).into());
        }
    }
    let begun = now();
    loop {
        if let Some(topic) = describe(&mut connection, name).await?.filter(is_ready)
            && topic.partitions.len() == usize::try_from(shape.partitions)?
            && is_led(&mut connection, name, shape.partitions).await?
        {
            return Ok(Topic { name: name.to_owned(), id: topic.topic_id, partitions: shape.partitions });
        }
        if now() - begun > PATIENCE {
            return Err(format!("the partitions of {name} have no leaders after {PATIENCE:?}").into());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A topic that is there.
pub(crate) async fn find(bootstrap: SocketAddr, name: &str) -> Result<Topic, Box<dyn Error>> {
    let mut connection = Connection::open(bootstrap).await?;
    let found = describe(&mut connection, name).await?.filter(is_ready);
    let topic = found.ok_or_else(|| format!("no topic {name}"))?;
    let partitions = i32::try_from(topic.partitions.len())?;
    Ok(Topic { name: name.to_owned(), id: topic.topic_id, partitions })
}

pub(crate) async fn remove(bootstrap: SocketAddr, name: &str) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(bootstrap).await?;
    let topic = DeleteTopicState { name: Some(name.to_owned()), ..Default::default() };
    let request = DeleteTopicsRequest { topics: vec![topic], timeout_ms: 60_000, ..Default::default() };
    for answer in connection.call(&request, DELETE_VERSION).await?.responses {
        if answer.error_code != 0 {
            let error = ErrorCode::from_i16(answer.error_code).name();
            return Err(format!("cannot remove {name}: {error}").into());
        }
    }
    Ok(())
}

/// A topic as the broker tells it; `None` if it knows none of this name.
pub(crate) async fn describe(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<MetadataResponseTopic>, std::io::Error> {
    let wanted = MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let request = MetadataRequest {
        topics: Some(vec![wanted]),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    Ok(connection.call(&request, METADATA_VERSION).await?.topics.pop())
}

/// Every leader knows that it leads: Kafka's metadata tells of leaders some time before.
async fn is_led(connection: &mut Connection, name: &str, partitions: i32) -> Result<bool, std::io::Error> {
    let partition = |partition_index| ListOffsetsPartition {
        partition_index,
        timestamp: LATEST_TIMESTAMP,
        ..Default::default()
    };
    let topic =
        ListOffsetsTopic { name: name.to_owned(), partitions: (0..partitions).map(partition).collect() };
    let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
    let answer = connection.call(&request, LIST_OFFSETS_VERSION).await?;
    Ok(answer.topics.iter().flat_map(|topic| &topic.partitions).all(|partition| partition.error_code == 0))
}

/// Every partition has a leader.
pub(crate) fn is_ready(topic: &MetadataResponseTopic) -> bool {
    topic.error_code == 0
        && !topic.partitions.is_empty()
        && topic.partitions.iter().all(|partition| partition.error_code == 0 && partition.leader_id >= 0)
}

/// A name that no run has used.
pub(crate) fn new_name(what: &str) -> String {
    format!("load-{what}-{:016x}", jackdaw_ring::random_u64())
}

/// The command: `--topics` topics, numbered where there are several.
pub(crate) async fn run(mut arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let bootstrap = arguments.bootstrap()?;
    let name: String = arguments.optional("--topic")?.ok_or("--topic is missing")?;
    let topics: usize = arguments.number("--topics", 1)?;
    let shape = Shape { partitions: arguments.number("--partitions", 1)?, flush: arguments.flag("--flush")? };
    let is_removal = arguments.flag("--remove")?;
    arguments.finish()?;
    for index in 0..topics {
        let name = if topics == 1 { name.clone() } else { format!("{name}-{index}") };
        if is_removal {
            remove(bootstrap, &name).await?;
        } else {
            create(bootstrap, &name, shape).await?;
        }
    }
    Ok(())
}
