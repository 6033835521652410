//! What can go wrong between the command line and a cluster.

use std::io;
use std::time::Duration;

use jackdaw_core::error_code::ErrorCode;
use jackdaw_core::protocol::{ApiKey, DecodeError, EncodeError};
use jackdaw_core::records::compression::CompressError;

use super::address::Address;

/// Where groups live. Nobody makes it by hand: it would have the wrong configuration.
const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("no bootstrap server is given")]
    NoBootstrapServer,
    #[error("cannot connect to {address}: {}", io_text(source))]
    Connect { address: Address, source: io::Error },
    #[error("the connection to {address} broke: {}", io_text(source))]
    Io { address: Address, source: io::Error },
    #[error("{address} closed the connection")]
    Closed { address: Address },
    #[error("{address} did not answer {} within {} s", .api.info().name, .timeout.as_secs_f32())]
    Timeout { address: Address, api: ApiKey, timeout: Duration },
    #[error("{address} sent an answer to {} that cannot be read: {source}", .api.info().name)]
    Decode { address: Address, api: ApiKey, source: DecodeError },
    #[error("{address} sent what is not a Kafka answer: {reason}")]
    NotKafka { address: Address, reason: &'static str },
    #[error("{} cannot be written: {source}", .api.info().name)]
    Encode { api: ApiKey, source: EncodeError },
    #[error("{address} serves no version of {} that this client speaks ({served})", .api.info().name)]
    NoCommonVersion { address: Address, api: ApiKey, served: String },
    #[error("broker {0} is not in the cluster's metadata")]
    UnknownNode(i32),
    #[error("{what}: {}", broker_text(*code, message.as_deref()))]
    Broker { what: String, code: ErrorCode, message: Option<String> },
    #[error("topic {0:?} does not exist")]
    UnknownTopic(String),
    #[error("topic {0:?} does not exist")]
    NothingToDelete(String),
    #[error("topic {topic:?} has no partition {partition}; its last is {last}")]
    UnknownPartition { topic: String, partition: i32, last: i32 },
    #[error("partition {partition} of topic {topic:?} has no leader")]
    NoLeader { topic: String, partition: i32 },
    #[error("group {0:?} does not exist")]
    UnknownGroup(String),
    #[error("group {group:?} is a {group_type} group, not one of consumers")]
    OtherGroup { group: String, group_type: String },
    #[error("group {0:?} has active members")]
    GroupHasMembers(String),
    #[error("cannot change the quotas of {entity}: {}", broker_text(*code, message.as_deref()))]
    Quotas { entity: String, code: ErrorCode, message: Option<String> },
    #[error("{what}")]
    Missing { what: String, advice: &'static str },
    #[error("a batch of partition {partition} is damaged: {reason}")]
    Damaged { partition: i32, reason: String },
    #[error(transparent)]
    Compress(CompressError),
    #[error("interrupted")]
    Interrupted,
}

impl ClientError {
    /// An error code as an error; `what` says what was tried.
    pub(crate) fn broker(what: impl Into<String>, code: i16, message: Option<String>) -> Self {
        Self::Broker { what: what.into(), code: ErrorCode::from_i16(code), message }
    }

    /// Whether the connection is of no more use.
    pub(crate) fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Io { .. }
                | Self::Closed { .. }
                | Self::Timeout { .. }
                | Self::Decode { .. }
                | Self::NotKafka { .. }
                | Self::Interrupted
        )
    }

    /// Whether the same request may succeed a little later.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Io { .. } | Self::Closed { .. } | Self::Timeout { .. } => true,
            Self::NoLeader { .. } | Self::UnknownNode(_) => true,
            Self::Broker { code, .. } => code.is_retriable(),
            _ => false,
        }
    }

    /// What a person can do about it, as lines of advice; empty where the message says it all.
    pub(crate) fn advice(&self) -> Vec<String> {
        let lines: &[&str] = match self {
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => &[
                "Is a broker running there? `jackdaw` starts one on 127.0.0.1:9092.",
                "To name another: --bootstrap-server HOST:PORT, or JACKDAW_BOOTSTRAP_SERVER in the environment.",
            ],
            Self::Connect { .. } => {
                &["Check the address: --bootstrap-server HOST:PORT, or JACKDAW_BOOTSTRAP_SERVER."]
            }
            Self::Closed { .. } | Self::NotKafka { .. } | Self::Io { .. } => {
                &["Is the port a plain-text Kafka listener? TLS and SASL are not spoken by this client yet."]
            }
            Self::Timeout { .. } => &["Is the broker overloaded or stopped? --timeout SECONDS waits longer."],
            Self::NothingToDelete(_) => {
                &["`jackdaw topic list` shows the topics there are.", "With --if-exists this is no error."]
            }
            Self::UnknownTopic(topic) if topic == CONSUMER_OFFSETS => {
                &["The broker makes it when the first consumer group comes."]
            }
            Self::UnknownTopic(topic) => {
                return vec![
                    "`jackdaw topic list` shows the topics there are.".to_owned(),
                    format!("`jackdaw topic create {topic}` creates it."),
                ];
            }
            Self::UnknownPartition { topic, .. } | Self::NoLeader { topic, .. } => {
                return vec![format!("`jackdaw topic describe {topic}` shows its partitions.")];
            }
            Self::UnknownGroup(_) | Self::OtherGroup { .. } => {
                &["`jackdaw group list` shows the groups there are, with their types."]
            }
            Self::GroupHasMembers(group) => {
                return vec![
                    format!("Stop its consumers first; `jackdaw group members {group}` shows them."),
                    "One that ended without a word counts until its session times out.".to_owned(),
                ];
            }
            Self::Missing { advice, .. } => return vec![(*advice).to_owned()],
            Self::Quotas { .. } => &["`jackdaw quota set --help` names the quotas, and whom they bind."],
            Self::NoCommonVersion { .. } => &["`jackdaw api-versions` shows what the broker serves."],
            Self::Broker { code, .. } => broker_advice(*code),
            _ => &[],
        };
        lines.iter().map(|line| (*line).to_owned()).collect()
    }
}

fn broker_advice(code: ErrorCode) -> &'static [&'static str] {
    match code {
        ErrorCode::TopicAlreadyExists => {
            &["With --if-not-exists this is no error; `jackdaw topic describe` shows what is there."]
        }
        ErrorCode::InvalidReplicationFactor => {
            &["There must be at least as many brokers as replicas; leave the option out for the default."]
        }
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            &["The topic's max.message.bytes sets the limit; --compression makes batches smaller."]
        }
        ErrorCode::NotEnoughReplicas | ErrorCode::NotEnoughReplicasAfterAppend => &[
            "Fewer replicas are in sync than min.insync.replicas asks for; `jackdaw topic describe` shows them.",
        ],
        ErrorCode::InvalidConfig => {
            &["`jackdaw config describe` shows the keys there are; with --docs also what they mean."]
        }
        ErrorCode::InvalidPartitions => &["Partitions can be added, never taken away."],
        ErrorCode::GroupSubscribedToTopic => {
            &["Members of the group subscribe to this topic: stop them first, or let them leave it out."]
        }
        ErrorCode::CoordinatorNotAvailable => &[
            "Groups live in the topic __consumer_offsets: is there a broker for each of its replicas",
            "(offsets.topic.replication.factor)? A broker that has just started may need a moment.",
        ],
        ErrorCode::InconsistentGroupProtocol => {
            &["The group's members share partitions in another way than range, or are no consumers."]
        }
        ErrorCode::InvalidGroupId => &["A group's name must not be empty."],
        ErrorCode::TopicDeletionDisabled => &["The broker's delete.topic.enable is false."],
        ErrorCode::InvalidTopicException => &[
            "A topic's name has 1 to 249 of the characters a-z A-Z 0-9 . _ - and is neither \".\" nor \"..\".",
            "Nobody but the broker writes to its own topics, such as __consumer_offsets.",
        ],
        _ => &[],
    }
}

/// The broker's own words where it sent some, and the code's name.
fn broker_text(code: ErrorCode, message: Option<&str>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("{} ({code})", message.trim_end_matches('.')),
        _ => format!("{code}"),
    }
}

/// The plain words for the usual failures, without the system's numbers.
fn io_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "reset by the other side".to_owned(),
        io::ErrorKind::TimedOut => "timed out".to_owned(),
        io::ErrorKind::BrokenPipe => "closed by the other side".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_make_the_topic_of_groups() {
        let advice = |topic: &str| ClientError::UnknownTopic(topic.to_owned()).advice().join(" ");
        assert!(advice("orders").contains("jackdaw topic create orders"));
        assert!(advice(CONSUMER_OFFSETS).contains("when the first consumer group comes"));
        assert!(!advice(CONSUMER_OFFSETS).contains("topic create"));
    }
}
