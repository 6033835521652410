//! ConsumerGroupDescribe: a group as tools show it.

use super::{ConsumerGroup, GroupSettings, Member, TopicPartitions, target::effective_assignor};
use crate::{
    error_code::ErrorCode,
    metadata::Image,
    protocol::messages::consumer_group_describe::{self as message, Assignment, DescribedGroup},
};

/// The first version that says which protocol a member speaks.
const MEMBER_TYPE_VERSION: i16 = 1;
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

impl ConsumerGroup {
    pub fn describe(&self, settings: &GroupSettings<'_>, image: &Image, version: i16) -> DescribedGroup {
        let members = self.members().map(|member| self.described(member, image, version));
        DescribedGroup {
            group_id: self.id.clone(),
            group_state: self.state().name().to_owned(),
            group_epoch: self.epoch,
            assignment_epoch: self.target_epoch,
            assignor_name: effective_assignor(self.subscriptions.assignors.iter(), settings).to_owned(),
            members: members.collect(),
            ..Default::default()
        }
    }

    fn described(&self, member: &Member, image: &Image, version: i16) -> message::Member {
        let member_type = if member.classic.is_some() { CLASSIC_MEMBER } else { CONSUMER_MEMBER };
        // What it has yet to give up it still has.
        let mut assigned = member.assigned.partitions();
        assigned.extend(member.pending_revocation.partitions().iter());
        let target = self.targets.get(&member.id);
        message::Member {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            rack_id: member.rack_id.clone(),
            member_epoch: member.epoch,
            client_id: member.client.id.clone(),
            client_host: member.client.host.clone(),
            subscribed_topic_names: member.subscribed_topic_names.iter().cloned().collect(),
            subscribed_topic_regex: Some(member.subscribed_topic_regex.clone()),
            assignment: named(&assigned, image),
            target_assignment: target.map(|target| named(target, image)).unwrap_or_default(),
            member_type: if version >= MEMBER_TYPE_VERSION { member_type } else { -1 },
        }
    }
}

/// The answer for a group that is not there, or is one of the classic protocol.
pub fn describe_absent(group_id: &str, is_classic: bool) -> DescribedGroup {
    if group_id.is_empty() {
        let error_code = ErrorCode::InvalidGroupId.code();
        return DescribedGroup { error_code, ..Default::default() };
    }
    let what = if is_classic { "is not a consumer group" } else { "not found" };
    DescribedGroup {
        error_code: ErrorCode::GroupIdNotFound.code(),
        error_message: Some(format!("Group {group_id} {what}.")),
        group_id: group_id.to_owned(),
        ..Default::default()
    }
}

/// Without topics that are gone: nobody knows their names.
fn named(partitions: &TopicPartitions, image: &Image) -> Assignment {
    let topics = partitions.topics().filter_map(|(topic_id, partitions)| {
        Some(message::TopicPartitions {
            topic_id,
            topic_name: image.topics.by_id(topic_id)?.name.clone(),
            partitions: partitions.iter().copied().collect(),
        })
    });
    Assignment { topic_partitions: topics.collect() }
}
