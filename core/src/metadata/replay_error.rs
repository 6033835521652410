//! Why a record of the metadata log cannot be applied. Each of these means that the log and the code that wrote it
//! disagree: the node stops, nothing is skipped.

use crate::uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("a {record} names topic id {topic_id}, which does not exist")]
    UnknownTopic { record: &'static str, topic_id: Uuid },
    #[error("a {record} names topic {name}, which does not exist")]
    UnknownTopicName { record: &'static str, name: String },
    #[error("a {record} names partition {partition} of topic id {topic_id}, which does not exist")]
    UnknownPartition { record: &'static str, topic_id: Uuid, partition: i32 },
    #[error("a TopicRecord names topic {name}, which exists already")]
    DuplicateTopic { name: String },
    #[error("a {record} names broker {broker_id} with epoch {broker_epoch}, which is not registered so")]
    UnknownBroker { record: &'static str, broker_id: i32, broker_epoch: i64 },
    #[error("an UnregisterControllerRecord names controller {0}, which is not registered")]
    UnknownController(i32),
    #[error("a {0} removes what does not exist")]
    NothingToRemove(&'static str),
    #[error("a ConfigRecord has resource type {0}, which is not known")]
    UnknownResourceType(i8),
    #[error("a BeginTransactionRecord stands inside a metadata transaction")]
    NestedTransaction,
    #[error("a {0} stands outside of a metadata transaction")]
    NoTransaction(&'static str),
    #[error(
        "metadata.version {0} is outside of what this release runs (7 to 33): run the release that wrote it"
    )]
    MetadataVersion(i16),
}
