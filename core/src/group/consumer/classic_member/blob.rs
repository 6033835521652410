//! Subscriptions and assignments as clients of the classic protocol write them for each other.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    group::consumer::TopicPartitions,
    metadata::Image,
    protocol::{
        Reader, Writer,
        message::Message,
        records::consumer_protocol::{
            ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition,
            ConsumerProtocolSubscription,
        },
    },
};

/// What a member says in JoinGroup.
pub(in crate::group::consumer) type Subscription = ConsumerProtocolSubscription;

/// The version that a blob begins with; a newer one than we know reads as the newest known. `None` where it is none.
pub(in crate::group::consumer) fn blob_version(blob: &Bytes) -> Option<i16> {
    let version = Reader::new(blob).i16().ok()?;
    (version >= Subscription::MIN_VERSION).then(|| version.min(Subscription::MAX_VERSION))
}

fn decode<M: Message>(blob: &Bytes) -> Option<M> {
    let version = blob_version(blob)?;
    let mut reader = Reader::new(blob);
    reader.i16().ok()?;
    M::decode(&mut reader, version).ok()
}

/// `None` where the bytes are no subscription.
pub(in crate::group::consumer) fn subscription(blob: &Bytes) -> Option<Subscription> {
    decode(blob)
}

/// The partitions of topics that exist; nothing where there is no assignment, or it cannot be read.
pub(in crate::group::consumer) fn assignment_of_blob(blob: &Bytes, image: &Image) -> TopicPartitions {
    let assignment: ConsumerProtocolAssignment = decode(blob).unwrap_or_default();
    let topics = assignment.assigned_partitions.into_iter();
    by_id(image, topics.map(|topic| (topic.topic, topic.partitions)))
}

/// What the member still has, by what it says.
pub(in crate::group::consumer) fn owned(subscription: &Subscription, image: &Image) -> TopicPartitions {
    let topics = subscription.owned_partitions.iter();
    by_id(image, topics.map(|topic| (topic.topic.clone(), topic.partitions.clone())))
}

fn by_id(image: &Image, topics: impl Iterator<Item = (String, Vec<i32>)>) -> TopicPartitions {
    let known = topics.filter_map(|(name, partitions)| Some((image.topics.id_of(&name)?, partitions)));
    known.flat_map(|(id, partitions)| partitions.into_iter().map(move |partition| (id, partition))).collect()
}

/// An assignment in the version of the member's subscription. Topics that are gone have no name, and are left out.
pub(in crate::group::consumer) fn assignment_blob(
    assigned: &TopicPartitions,
    image: &Image,
    version: i16,
) -> Bytes {
    let named: BTreeMap<&str, Vec<i32>> = assigned
        .topics()
        .filter_map(|(topic_id, partitions)| {
            let topic = image.topics.by_id(topic_id)?;
            Some((topic.name.as_str(), partitions.iter().copied().collect()))
        })
        .collect();
    let topics = named.into_iter().map(|(topic, partitions)| ConsumerProtocolAssignmentTopicPartition {
        topic: topic.to_owned(),
        partitions,
    });
    let assignment = ConsumerProtocolAssignment { assigned_partitions: topics.collect(), user_data: None };
    let mut writer = Writer::new();
    writer.i16(version);
    // Names and partitions of topics that exist are within every bound of the codec.
    match assignment.encode(&mut writer, version) {
        Ok(()) => writer.freeze(),
        Err(_) => Bytes::new(),
    }
}
