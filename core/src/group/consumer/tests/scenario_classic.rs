//! Clients of the classic, cooperative protocol in the random lives of a consumer group.

use std::collections::BTreeMap;

use super::{
    scenario::{Client, Scenario},
    world::{GROUP, World},
};
use crate::{
    error_code::ErrorCode,
    group::{Client as Peer, consumer::TopicPartitions},
    protocol::{
        message::Message,
        messages::{
            join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse},
            leave_group::MemberIdentity,
            sync_group::SyncGroupRequest,
        },
        records::consumer_protocol::{
            ConsumerProtocolSubscription, ConsumerProtocolSubscriptionTopicPartition,
        },
    },
};

const PROTOCOL: &str = "cooperative-sticky";

impl World {
    fn classic_join(&mut self, client: &Client) -> Option<JoinGroupResponse> {
        let group = self.group.clone().filter(|group| group.has_members())?;
        let mut owned: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (topic_id, partition) in &client.owned {
            owned.entry(&self.image.topics.by_id(*topic_id)?.name).or_default().push(*partition);
        }
        let owned = owned.into_iter().map(|(topic, partitions)| ConsumerProtocolSubscriptionTopicPartition {
            topic: topic.to_owned(),
            partitions,
        });
        let subscription = ConsumerProtocolSubscription {
            topics: client.topics.iter().map(|topic| (*topic).to_owned()).collect(),
            owned_partitions: owned.collect(),
            ..Default::default()
        };
        let metadata = subscription.to_prefixed_bytes(3).unwrap();
        let request = JoinGroupRequest {
            group_id: GROUP.into(),
            session_timeout_ms: 45_000,
            rebalance_timeout_ms: 20_000,
            member_id: client.id.clone(),
            protocol_type: "consumer".into(),
            protocols: vec![JoinGroupRequestProtocol { name: PROTOCOL.into(), metadata }],
            ..Default::default()
        };
        let (changes, response) =
            self.decide(|scope| group.classic_join(scope, 9, &Peer::default(), &request));
        self.apply(changes);
        Some(response)
    }

    /// What the member is given.
    fn classic_sync(&mut self, joined: &JoinGroupResponse) -> TopicPartitions {
        let request = SyncGroupRequest {
            group_id: GROUP.into(),
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: Some(PROTOCOL.into()),
            ..Default::default()
        };
        let group = self.group().clone();
        let (changes, response) = self.decide(|scope| group.classic_sync(scope, &request)).unwrap();
        self.apply(changes);
        crate::group::consumer::classic_member::assignment_of_blob(&response.assignment, &self.image)
    }

    fn classic_heartbeat(&mut self, client: &Client) -> ErrorCode {
        let Some(group) = self.group.clone() else { return ErrorCode::UnknownMemberId };
        let (changes, error) =
            self.decide(|scope| group.classic_heartbeat(scope, &client.id, None, client.epoch));
        self.apply(changes);
        error
    }

    fn classic_leave(&mut self, member_id: &str) {
        let Some(group) = self.group.clone() else { return };
        let member = MemberIdentity { member_id: member_id.to_owned(), ..Default::default() };
        let (changes, _) = self.decide(|scope| group.classic_leave(scope, &[member]));
        self.apply(changes);
    }
}

impl Scenario {
    pub(super) fn classic_beat(&mut self, index: usize) {
        let client = &self.clients[index];
        if client.joined && !client.must_join {
            match self.world.classic_heartbeat(client) {
                ErrorCode::None => {}
                ErrorCode::RebalanceInProgress => self.clients[index].must_join = true,
                ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => self.forget(index),
                error => panic!("seed {}: {error:?}", self.seed),
            }
            return;
        }
        // A group without members would be a classic one.
        let Some(joined) = self.world.classic_join(client) else { return };
        assert_eq!(joined.error_code, 0, "seed {}", self.seed);
        assert!(joined.generation_id >= client.epoch, "seed {}", self.seed);
        let assigned = self.world.classic_sync(&joined);
        let client = &mut self.clients[index];
        (client.joined, client.epoch) = (true, joined.generation_id);
        client.assigned = assigned.iter().collect();
        // What it gives up it tells by joining again.
        client.must_join = !client.owned.is_subset(&client.assigned);
        client.owned.clone_from(&client.assigned);
    }

    fn forget(&mut self, index: usize) {
        let client = &mut self.clients[index];
        (client.joined, client.must_join, client.epoch) = (false, false, 0);
        client.owned.clear();
        client.assigned.clear();
    }

    pub(super) fn classic_departs(&mut self, member_id: &str) {
        self.world.classic_leave(member_id);
    }
}
