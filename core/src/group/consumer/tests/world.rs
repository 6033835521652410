//! A group with its coordinator's clock, soft state and log, driven by heartbeats.

use super::images::Images;
use crate::{
    config::{BrokerConfig, ConsumerGroupConfig, GroupConfig, Settings},
    group::{
        Client, Context, GroupRecord,
        consumer::{Changes, ConsumerGroup, Effect, GroupSettings, JOIN_EPOCH, Scope, SoftState, ends_group},
    },
    metadata::Image,
    protocol::messages::consumer_group_heartbeat::{
        ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatRequestTopicPartitions,
        ConsumerGroupHeartbeatResponse,
    },
    uuid::Uuid,
};

pub(super) const GROUP: &str = "g";
/// The first topic of [`Images`].
pub(super) const FOO: Uuid = Uuid([1; 16]);
pub(super) const BAR: Uuid = Uuid([2; 16]);
/// What the calendar says when the clock says 0.
const EPOCH_MS: i64 = 1_700_000_000_000;

pub(super) struct World {
    pub(super) group: Option<ConsumerGroup>,
    pub(super) soft: SoftState,
    pub(super) image: Image,
    pub(super) images: Images,
    pub(super) settings: GroupConfig,
    pub(super) now_ms: u64,
    pub(super) log: Vec<GroupRecord>,
}

impl World {
    pub(super) fn new(images: Images) -> Self {
        let (broker, _) = BrokerConfig::new(Settings::default()).unwrap();
        Self {
            group: None,
            soft: SoftState::default(),
            image: images.clone().build(),
            images,
            settings: broker.groups,
            now_ms: 10_000,
            log: Vec::new(),
        }
    }

    pub(super) fn consumer_settings(&mut self) -> &mut ConsumerGroupConfig {
        &mut self.settings.consumer
    }

    pub(super) fn change_image(&mut self, change: impl FnOnce(Images) -> Images) {
        self.images = change(self.images.clone());
        self.image = self.images.clone().build();
    }

    /// Lets time pass, and what is due happen.
    pub(super) fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while let Some(at_ms) = self.soft.next_timeout_ms().filter(|at_ms| *at_ms <= end_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            let timers: Vec<_> = self.soft.due_of_one_group(self.now_ms).into_iter().cloned().collect();
            let due: Vec<_> = timers.iter().collect();
            let changes = self.decide(|scope| match &self.group {
                Some(group) => group.on_timers(scope, &due),
                None => Changes::default(),
            });
            // A timer that was served is over, whatever it led to.
            timers.into_iter().for_each(|timer| self.soft.accept(Effect::Cancel(timer)));
            self.apply(changes);
        }
        self.now_ms = end_ms;
    }

    pub(super) fn decide<T>(&self, decide: impl FnOnce(&Scope<'_>) -> T) -> T {
        let context = Context {
            now_ms: self.now_ms,
            unix_ms: EPOCH_MS + i64::try_from(self.now_ms).unwrap(),
            random: [self.now_ms, self.log.len() as u64],
            image: &self.image,
        };
        let settings = GroupSettings::new(&self.settings.consumer, &self.image, GROUP);
        decide(&Scope { context: &context, settings, soft: &self.soft, classic: &self.settings.classic })
    }

    pub(super) fn apply(&mut self, changes: Changes) {
        for effect in changes.effects {
            self.soft.accept(effect);
        }
        for record in &changes.records {
            replay(&mut self.group, record);
        }
        self.log.extend(changes.records);
    }

    /// The coordinator starts again from its log.
    pub(super) fn restart(&mut self) {
        let before = self.group.take();
        for record in &self.log {
            replay(&mut self.group, record);
        }
        assert_eq!(self.group, before, "what the log says is what was there");
        self.group.iter().for_each(super::large::assert_counts);
        self.soft = SoftState::default();
        if let Some(group) = self.group.clone() {
            let changes = self.decide(|scope| group.on_loaded(scope));
            assert!(changes.records.is_empty());
            self.apply(changes);
        }
    }

    pub(super) fn send(
        &mut self,
        version: i16,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> ConsumerGroupHeartbeatResponse {
        let client = Client { id: "client".into(), host: "/127.0.0.1".into() };
        let (changes, response) = self.decide(|scope| match &self.group {
            None if request.member_epoch != JOIN_EPOCH => {
                let response = crate::group::consumer::unknown_group(&scope.settings, version, request);
                (Changes::default(), response)
            }
            None => ConsumerGroup::new(GROUP.to_owned()).heartbeat(scope, version, &client, request),
            Some(group) => group.heartbeat(scope, version, &client, request),
        });
        self.apply(changes);
        response
    }

    pub(super) fn join(&mut self, member: &str, topics: &[&str]) -> ConsumerGroupHeartbeatResponse {
        self.send(1, &joining(member, topics))
    }

    pub(super) fn beat(&mut self, member: &str, epoch: i32) -> ConsumerGroupHeartbeatResponse {
        self.send(1, &beating(member, epoch))
    }

    /// A heartbeat that says what the client has.
    pub(super) fn report(
        &mut self,
        member: &str,
        epoch: i32,
        owned: &[(Uuid, &[i32])],
    ) -> ConsumerGroupHeartbeatResponse {
        let request =
            ConsumerGroupHeartbeatRequest { topic_partitions: Some(topics(owned)), ..beating(member, epoch) };
        self.send(1, &request)
    }

    pub(super) fn group(&self) -> &ConsumerGroup {
        self.group.as_ref().unwrap()
    }
}

fn replay(group: &mut Option<ConsumerGroup>, record: &GroupRecord) {
    if ends_group(record) {
        *group = None;
    } else {
        group.get_or_insert_with(|| ConsumerGroup::new(GROUP.to_owned())).replay(record);
    }
}

pub(super) fn topics(owned: &[(Uuid, &[i32])]) -> Vec<ConsumerGroupHeartbeatRequestTopicPartitions> {
    let topic = |(topic_id, partitions): &(Uuid, &[i32])| ConsumerGroupHeartbeatRequestTopicPartitions {
        topic_id: *topic_id,
        partitions: partitions.to_vec(),
    };
    owned.iter().map(topic).collect()
}

pub(super) fn joining(member: &str, topics: &[&str]) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: member.into(),
        rebalance_timeout_ms: 5_000,
        subscribed_topic_names: Some(topics.iter().map(|topic| (*topic).to_owned()).collect()),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    }
}

pub(super) fn beating(member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: member.into(),
        member_epoch: epoch,
        ..Default::default()
    }
}

/// What an answer assigns; `None` where it says nothing about it.
pub(super) fn assigned(response: &ConsumerGroupHeartbeatResponse) -> Option<Vec<(Uuid, Vec<i32>)>> {
    assert_eq!(response.error_code, 0, "{:?}", response.error_message);
    let topics = response.assignment.as_ref()?.topic_partitions.iter();
    Some(topics.map(|topic| (topic.topic_id, topic.partitions.clone())).collect())
}
