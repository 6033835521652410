//! The members of a classic group: what consumers put into its opaque bytes.

use bytes::Bytes;
use jackdaw_core::protocol::messages::describe_groups::DescribedGroupMember;
use jackdaw_core::protocol::records::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription,
};
use jackdaw_core::protocol::{ApiKey, Message, Reader, Writer};

use super::super::error::ClientError;
use super::{Assignment, GroupMember, PROTOCOL_TYPE_CONSUMER};

pub(super) fn member(protocol_type: &str, member: DescribedGroupMember) -> GroupMember {
    let is_consumer = protocol_type == PROTOCOL_TYPE_CONSUMER;
    let subscription = is_consumer.then(|| subscription(&member.member_metadata)).flatten();
    GroupMember {
        member_id: member.member_id,
        instance_id: member.group_instance_id,
        client_id: member.client_id,
        host: super::describe::host(&member.client_host),
        rack: subscription.as_ref().and_then(|subscription| subscription.rack_id.clone()),
        topics: subscription.map_or_else(Vec::new, |subscription| subscription.topics),
        assignment: if is_consumer { assignment(&member.member_assignment) } else { None },
        ..GroupMember::default()
    }
}

/// While the group rebalances there are no bytes, and nothing is assigned. `None` for bytes that no consumer wrote.
pub(super) fn assignment(bytes: &Bytes) -> Option<Assignment> {
    if bytes.is_empty() {
        return Some(Assignment::new());
    }
    let read: ConsumerProtocolAssignment = versioned(bytes)?;
    let mut assignment = Assignment::new();
    for topic in read.assigned_partitions {
        let mut partitions = topic.partitions;
        partitions.sort_unstable();
        assignment.insert(topic.topic, partitions);
    }
    Some(assignment)
}

pub(super) fn subscription(bytes: &Bytes) -> Option<ConsumerProtocolSubscription> {
    let mut subscription: ConsumerProtocolSubscription = versioned(bytes)?;
    subscription.topics.sort_unstable();
    Some(subscription)
}

/// A version, and the message at it. A version that we do not know yet begins with the fields of the last that we
/// know: that is how consumers read each other.
fn versioned<M: Message>(bytes: &Bytes) -> Option<M> {
    let mut reader = Reader::new(bytes);
    let version = reader.i16().ok()?;
    M::decode(&mut reader, version.min(M::MAX_VERSION)).ok()
}

/// The same in the other direction.
pub(super) fn encode_versioned<M: Message>(version: i16, message: &M) -> Result<Bytes, ClientError> {
    let mut writer = Writer::new();
    writer.i16(version);
    message
        .encode(&mut writer, version)
        .map_err(|source| ClientError::Encode { api: ApiKey::JoinGroup, source })?;
    Ok(writer.freeze())
}

#[cfg(test)]
mod tests {
    use jackdaw_core::protocol::records::consumer_protocol::ConsumerProtocolAssignmentTopicPartition;

    use super::*;

    fn bytes<M: Message>(said_version: i16, version: i16, message: &M) -> Bytes {
        let mut writer = Writer::new();
        writer.i16(said_version);
        message.encode(&mut writer, version).unwrap();
        writer.freeze()
    }

    fn described(member_metadata: Bytes, member_assignment: Bytes) -> DescribedGroupMember {
        DescribedGroupMember {
            member_id: "m".to_owned(),
            group_instance_id: Some("i".to_owned()),
            client_id: "c".to_owned(),
            client_host: "/10.0.0.1".to_owned(),
            member_metadata,
            member_assignment,
        }
    }

    fn topic(name: &str, partitions: &[i32]) -> ConsumerProtocolAssignmentTopicPartition {
        ConsumerProtocolAssignmentTopicPartition { topic: name.to_owned(), partitions: partitions.to_vec() }
    }

    #[test]
    fn what_consumers_wrote_is_read_in_every_version_and_a_later_one() {
        let assigned = ConsumerProtocolAssignment {
            assigned_partitions: vec![topic("b", &[2, 0]), topic("a", &[1])],
            user_data: Some(Bytes::from_static(b"sticky")),
        };
        let subscribed = ConsumerProtocolSubscription {
            topics: vec!["b".to_owned(), "a".to_owned()],
            ..ConsumerProtocolSubscription::default()
        };
        for (said, version) in [(0, 0), (1, 1), (2, 2), (3, 3), (9, 3)] {
            let metadata = bytes(said, version, &subscribed);
            let member = member("consumer", described(metadata, bytes(said, version, &assigned)));
            let expected = Assignment::from([("a".to_owned(), vec![1]), ("b".to_owned(), vec![0, 2])]);
            assert_eq!(member.assignment, Some(expected), "version {said}");
            assert_eq!(member.topics, ["a", "b"], "version {said}");
            assert_eq!(member.host, "10.0.0.1");
        }
    }

    #[test]
    fn bytes_of_others_are_not_taken_for_an_assignment() {
        let empty = member("consumer", described(Bytes::new(), Bytes::new()));
        assert_eq!(empty.assignment, Some(Assignment::new()), "nothing assigned yet");
        let garbage = Bytes::from_static(&[0, 1, 0xff, 0xff, 0xff]);
        assert_eq!(member("consumer", described(Bytes::new(), garbage.clone())).assignment, None);
        assert_eq!(member("connect", described(Bytes::new(), garbage)).assignment, None);
    }
}
