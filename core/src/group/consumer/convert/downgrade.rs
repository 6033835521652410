//! A consumer group becomes a classic one when its last member of the new protocol goes and classic ones remain.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;

use super::super::{
    Changes, ConsumerGroup, Effect, Member, Scope,
    classic_member::{CONSUMER, assignment_blob, blob_version},
};
use crate::{
    group::classic::{self, ClassicGroup, JoinTerms, Layered, Presence, Protocol, State},
    metadata::Image,
    protocol::records::group::ClassicMemberMetadata,
};

impl ConsumerGroup {
    /// What makes a classic group of the members that remain, and of the classic one that takes a member's place: at
    /// the generation `epoch`, everybody with what it has, about to rebalance. `None` where a member of the new
    /// protocol remains, or nobody, or where the policy or the size does not allow it.
    pub(in crate::group::consumer) fn downgrade(
        &self,
        scope: &Scope<'_>,
        gone: &[&str],
        joining: Option<&Member>,
        epoch: i32,
    ) -> Option<Changes> {
        let gone: BTreeSet<&str> = gone.iter().copied().collect();
        let new_ones = gone.iter().filter(|id| self.member(id).is_some_and(|m| m.classic.is_none())).count();
        let remain_new = self.members.len() - self.subscriptions.classic_members() > new_ones;
        if !scope.settings.broker.can_downgrade || remain_new {
            return None;
        }
        let remaining = self.members().filter(|member| !gone.contains(member.id.as_str())).chain(joining);
        let members = remaining.map(|member| Some((member, member.classic.as_ref()?)));
        let members = members.collect::<Option<Vec<(&Member, &ClassicMemberMetadata)>>>()?;
        let fits = members.len() <= usize::try_from(scope.classic.max_size).unwrap_or(0);
        if members.is_empty() || !fits {
            return None;
        }
        let group = classic_group(scope, &members, epoch)?;
        let mut records = self.tombstones();
        records.push(group.to_record(&self.id, &group.assignments()));
        let effects = vec![Effect::ForgetGroup { group_id: self.id.clone() }];
        Some(Changes { records, effects, downgraded: Some(Box::new(group)), ..Changes::default() })
    }
}

/// `None` where the members have no protocol in common.
fn classic_group(
    scope: &Scope<'_>,
    members: &[(&Member, &ClassicMemberMetadata)],
    generation: i32,
) -> Option<ClassicGroup> {
    let members: classic::Members = members
        .iter()
        .map(|(member, classic)| {
            (member.id.as_str().into(), classic_member(scope.context.image, member, classic))
        })
        .collect();
    let static_members = members
        .iter()
        .filter_map(|(id, member)| Some((Arc::clone(member.instance_id.as_ref()?), Arc::clone(id))))
        .collect();
    let mut group = ClassicGroup {
        state: State::Stable { sync_deadline_ms: None },
        state_timestamp_ms: Some(scope.context.unix_ms),
        generation,
        protocol_type: Some(CONSUMER.into()),
        protocol: None,
        leader: members.first_id().cloned(),
        members,
        static_members,
        issued_ids: Layered::default(),
        issued_ids_bytes: 0,
    };
    group.protocol = Some(group.elect_protocol()?);
    Some(group)
}

fn classic_member(image: &Image, member: &Member, classic: &ClassicMemberMetadata) -> classic::Member {
    let protocols: Arc<[Protocol]> = classic
        .supported_protocols
        .iter()
        .map(|protocol| Protocol {
            name: protocol.name.as_str().into(),
            metadata: Bytes::copy_from_slice(&protocol.metadata),
        })
        .collect();
    let version = protocols.first().and_then(|protocol| blob_version(&protocol.metadata)).unwrap_or(0);
    classic::Member {
        instance_id: member.instance_id.as_deref().map(Arc::from),
        client_id: member.client.id.as_str().into(),
        client_host: member.client.host.as_str().into(),
        terms: JoinTerms {
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: classic.session_timeout_ms,
            protocols,
        },
        assignment: assignment_blob(&member.assigned.partitions(), image, version),
        presence: Presence::default(),
    }
}
