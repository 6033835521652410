//! A classic group becomes a consumer group when the first member of the new protocol joins.

use super::super::{
    Changes, ConsumerGroup, Effect, Member, Scope, Timer, TimerKind,
    classic_member::{assignment_of_blob, subscription},
    metadata_hash::metadata_hash,
    records,
};
use crate::{
    group::{Client, GroupRecord, classic},
    protocol::records::group::{ClassicMemberMetadata, ClassicProtocol},
};

/// The consumer group with all members of the classic one, and what makes it: at the classic generation, everybody
/// with what it has. `None` where the policy, the number of members or their protocol do not allow it.
pub(crate) fn upgrade(
    scope: &Scope<'_>,
    group_id: &str,
    group: &classic::ClassicGroup,
) -> Option<(ConsumerGroup, Changes)> {
    let settings = scope.settings.broker;
    let fits = group.members.len() <= usize::try_from(settings.max_size).unwrap_or(0);
    if !settings.can_upgrade || !fits || !group.uses_consumer_protocol() {
        return None;
    }
    let members = group.members.iter().map(|(id, member)| converted(scope, id, member, group.generation));
    let members = members.collect::<Option<Vec<Member>>>()?;

    let mut records = vec![GroupRecord::tombstone(classic::group_key(group_id))];
    records.extend(members.iter().map(|member| records::member(group_id, member)));
    let names = members.iter().flat_map(|member| &member.subscribed_topic_names);
    let hash = metadata_hash(scope.context.image, names.map(String::as_str), |_| None, &mut Vec::new());
    records.push(records::epoch(group_id, group.generation, hash));
    let target = |member: &Member| records::target(group_id, &member.id, &member.assigned.partitions());
    records.extend(members.iter().map(target));
    // Without a time: the next target need not wait.
    records.push(records::target_epoch(group_id, group.generation, 0));
    records.extend(members.iter().map(|member| records::current(group_id, member)));

    let mut consumer = ConsumerGroup::new(group_id.to_owned());
    records.iter().for_each(|record| consumer.replay(record));
    let session = |member: &Member| Effect::Set {
        timer: Timer {
            group_id: group_id.to_owned(),
            member_id: member.id.clone(),
            kind: TimerKind::Session,
        },
        deadline_ms: scope.context.now_ms
            + member.classic.as_ref().map_or(0, |classic| classic::millis(classic.session_timeout_ms)),
    };
    let effects = members.iter().map(session).collect();
    Some((consumer, Changes { records, effects, ..Changes::default() }))
}

/// `None` where the member's subscription cannot be read.
fn converted(scope: &Scope<'_>, id: &str, member: &classic::Member, generation: i32) -> Option<Member> {
    let protocols = member.terms.protocols.iter();
    let subscription = subscription(&member.terms.protocols.first()?.metadata)?;
    let assigned = assignment_of_blob(&member.assignment, scope.context.image);
    let protocols = protocols.map(|protocol| ClassicProtocol {
        name: protocol.name.to_string(),
        metadata: protocol.metadata.clone(),
    });
    Some(Member {
        id: id.to_owned(),
        instance_id: member.instance_id.as_deref().map(str::to_owned),
        rack_id: subscription.rack_id,
        client: Client { id: member.client_id.to_string(), host: member.client_host.to_string() },
        subscribed_topic_names: subscription.topics.into_iter().collect(),
        rebalance_timeout_ms: member.terms.rebalance_timeout_ms,
        classic: Some(ClassicMemberMetadata {
            session_timeout_ms: member.terms.session_timeout_ms,
            supported_protocols: protocols.collect(),
        }),
        epoch: generation,
        previous_epoch: generation,
        assigned: assigned.iter().map(|(topic_id, partition)| (topic_id, partition, generation)).collect(),
        ..Member::new(String::new())
    })
}
