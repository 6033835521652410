//! A host of one node around the controller: every answer below was given by Apache Kafka 4.4.0 when asked.

use super::*;
use crate::{
    config::Settings as ConfigSettings,
    error_code::ErrorCode,
    metadata::{METADATA_VERSION, NO_LEADER, Partition, VersionedRecord},
    protocol::{
        messages::{
            allocate_producer_ids::AllocateProducerIdsRequest,
            broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse},
            broker_registration::{BrokerRegistrationRequest, Feature, Listener},
            create_topics::{
                CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult,
                CreateTopicsRequest,
            },
            delete_topics::{DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest},
        },
        records::metadata::{BeginTransactionRecord, NoOpRecord},
    },
    uuid::Uuid,
};

mod configs;

const DIRECTORY: Uuid = Uuid([0x5a; 16]);

/// Appends at once, commits at once.
struct Host {
    controller: Controller,
    now_ms: u64,
    next_offset: i64,
    log: Vec<MetadataRecord>,
}

impl Host {
    fn empty(local_broker_id: Option<i32>) -> Self {
        let (broker, _) = BrokerConfig::new(ConfigSettings::default()).unwrap();
        let settings = Settings { cluster_id: "cluster".into(), local_broker_id, broker: Arc::new(broker) };
        // Offset 0 is the LeaderChange record.
        Self {
            controller: Controller::new(settings, Loader::new(), 0),
            now_ms: 0,
            next_offset: 1,
            log: Vec::new(),
        }
    }

    /// An active controller with broker 1 registered and unfenced.
    fn new() -> Self {
        let mut host = Self::empty(Some(1));
        host.activate();
        host.register(1, 1, -1);
        host.beat(1, |_| {});
        host
    }

    fn context(&self) -> Context {
        Context { now_ms: self.now_ms, next_offset: self.next_offset, random: [self.next_offset as u64, 7] }
    }

    fn write<R>(&mut self, outcome: Outcome<R>) -> (Vec<VersionedRecord>, R) {
        self.controller.accept(&self.context(), &outcome.effects);
        for record in &outcome.records {
            record.encode_framed().unwrap();
            self.controller.replay(self.next_offset, 1, &record.record).unwrap();
            self.next_offset += 1;
            self.log.push(record.record.clone());
        }
        (outcome.records, outcome.response)
    }

    fn activate(&mut self) -> Vec<VersionedRecord> {
        let outcome = self.controller.activate(&default_bootstrap_records());
        self.write(outcome).0
    }

    fn ask(&mut self, request: Request) -> (Vec<VersionedRecord>, Response) {
        let outcome = self.controller.handle(&self.context(), &request);
        self.write(outcome)
    }

    fn register(
        &mut self,
        broker_id: i32,
        incarnation: u8,
        previous: i64,
    ) -> (Vec<VersionedRecord>, i16, i64) {
        let request = BrokerRegistrationRequest {
            previous_broker_epoch: previous,
            ..registration(broker_id, incarnation)
        };
        match self.ask(Request::BrokerRegistration(request)) {
            (records, Response::BrokerRegistration(r)) => (records, r.error_code, r.broker_epoch),
            other => panic!("{other:?}"),
        }
    }

    fn beat(
        &mut self,
        broker_id: i32,
        change: impl FnOnce(&mut BrokerHeartbeatRequest),
    ) -> (Vec<VersionedRecord>, BrokerHeartbeatResponse) {
        let mut request = BrokerHeartbeatRequest {
            broker_id,
            broker_epoch: self.controller.image().cluster.broker(broker_id).map_or(-1, |broker| broker.epoch),
            current_metadata_offset: self.next_offset,
            cordoned_log_dirs: None,
            ..Default::default()
        };
        change(&mut request);
        match self.ask(Request::BrokerHeartbeat(request)) {
            (records, Response::BrokerHeartbeat(response)) => (records, response),
            other => panic!("{other:?}"),
        }
    }

    fn create(&mut self, topics: Vec<CreatableTopic>) -> Vec<CreatableTopicResult> {
        let request = CreateTopicsRequest { topics, ..Default::default() };
        match self.ask(Request::CreateTopics(request)).1 {
            Response::CreateTopics(response) => response.topics,
            other => panic!("{other:?}"),
        }
    }

    fn create_one(&mut self, topic: CreatableTopic) -> CreatableTopicResult {
        self.create(vec![topic]).remove(0)
    }

    fn delete(&mut self, topics: Vec<DeleteTopicState>) -> Vec<DeletableTopicResult> {
        match self.ask(Request::DeleteTopics(DeleteTopicsRequest { topics, ..Default::default() })).1 {
            Response::DeleteTopics(response) => response.responses,
            other => panic!("{other:?}"),
        }
    }

    fn partition(&self, topic: &str) -> Partition {
        self.controller.image().topics.by_name(topic).unwrap().partition(0).unwrap().clone()
    }
}

fn registration(broker_id: i32, incarnation: u8) -> BrokerRegistrationRequest {
    let feature = |feature: &SupportedFeature| Feature {
        name: feature.name.into(),
        min_supported_version: feature.min_level,
        max_supported_version: feature.max_level,
    };
    let mut directory = DIRECTORY;
    directory.0[15] = broker_id as u8;
    BrokerRegistrationRequest {
        broker_id,
        cluster_id: "cluster".into(),
        incarnation_id: Uuid([incarnation; 16]),
        listeners: vec![Listener {
            name: "PLAINTEXT".into(),
            host: "h".into(),
            port: 9092,
            security_protocol: 0,
        }],
        features: SUPPORTED_FEATURES.iter().map(feature).collect(),
        rack: None,
        log_dirs: vec![directory],
        previous_broker_epoch: -1,
        ..Default::default()
    }
}

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions, replication_factor, ..Default::default() }
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignment = |(partition_index, ids): &(i32, &[i32])| CreatableReplicaAssignment {
        partition_index: *partition_index,
        broker_ids: ids.to_vec(),
    };
    CreatableTopic { assignments: assignments.iter().map(assignment).collect(), ..topic(name, -1, -1) }
}

fn configured(name: &str, configs: &[(&str, Option<&str>)]) -> CreatableTopic {
    let config = |(name, value): &(&str, Option<&str>)| CreatableTopicConfig {
        name: (*name).into(),
        value: value.map(Into::into),
    };
    CreatableTopic { configs: configs.iter().map(config).collect(), ..topic(name, 1, 1) }
}

/// The record values of offsets 1 to 9 of a fresh Kafka 4.4.0, formatted with defaults.
#[test]
fn bootstrap_is_byte_for_byte_kafkas() {
    let written: Vec<String> = Host::empty(None)
        .activate()
        .iter()
        .map(|record| record.encode_framed().unwrap().iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    let feature = |name: &str, level: &str| {
        let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("010c00{:02x}{hex}{level}00", name.len() + 1)
    };
    let expected = [
        "01170001001212426f6f747374726170207265636f726473".to_owned(),
        feature("metadata.version", "0021"),
        feature("eligible.leader.replicas.version", "0001"),
        feature("group.version", "0001"),
        feature("share.version", "0002"),
        feature("streams.version", "0001"),
        feature("transaction.version", "0002"),
        "0104000401146d696e2e696e73796e632e7265706c69636173023100".to_owned(),
        "01180000".to_owned(),
    ];
    assert_eq!(written, expected);
}

#[test]
fn activation_writes_once_and_ends_what_dangles() {
    let mut host = Host::empty(None);
    assert_eq!(host.activate().len(), 9);
    assert_eq!(host.activate().len(), 0);
    assert_eq!(host.controller.image().features.level(METADATA_VERSION), 33);
    host.controller.replay(host.next_offset, 1, &BeginTransactionRecord::default().into()).unwrap();
    let records = host.activate();
    assert!(matches!(
        records[..],
        [VersionedRecord { record: MetadataRecord::AbortTransaction(_), version: 0 }]
    ));
}

#[test]
fn a_broker_registers_catches_up_and_is_unfenced() {
    let mut host = Host::empty(None);
    host.activate();
    let (records, error, epoch) = host.register(1, 1, -1);
    assert_eq!((records.len(), error, epoch, records[0].version), (1, 0, 10, 4));
    assert!(host.controller.image().cluster.broker(1).unwrap().fenced);

    let (records, response) = host.beat(1, |r| {
        r.want_fence = true;
        r.cordoned_log_dirs = Some(Vec::new());
    });
    assert_eq!((records.len(), records[0].version, response.is_fenced), (1, 3, true));
    let (records, response) = host.beat(1, |r| r.current_metadata_offset = 9);
    assert!(records.is_empty() && response.is_fenced && !response.is_caught_up);
    let (records, response) = host.beat(1, |r| r.cordoned_log_dirs = Some(Vec::new()));
    assert_eq!((records.len(), records[0].version), (1, 0));
    assert!(!response.is_fenced && response.is_caught_up);

    let (_, response) = host.beat(1, |r| r.broker_epoch = 3);
    assert_eq!(response.error_code, ErrorCode::StaleBrokerEpoch.code());
    let (_, response) = host.beat(2, |_| {});
    assert_eq!(response.error_code, ErrorCode::BrokerIdNotRegistered.code());
}

#[test]
fn registrations_are_checked() {
    let mut host = Host::new();
    host.controller.settings.local_broker_id = None;
    let refused = |host: &mut Host, change: &dyn Fn(&mut BrokerRegistrationRequest)| {
        let mut request = registration(2, 2);
        change(&mut request);
        match host.ask(Request::BrokerRegistration(request)) {
            (records, Response::BrokerRegistration(r)) => {
                assert!(records.is_empty());
                ErrorCode::from_i16(r.error_code)
            }
            other => panic!("{other:?}"),
        }
    };
    type Change = fn(&mut BrokerRegistrationRequest);
    let cases: [(Change, ErrorCode); 7] = [
        (|r| r.cluster_id = "other".into(), ErrorCode::InconsistentClusterId),
        (|r| r.broker_id = 1, ErrorCode::DuplicateBrokerRegistration),
        (|r| r.log_dirs = vec![registration(1, 1).log_dirs[0]], ErrorCode::InvalidRegistration),
        (|r| r.log_dirs = vec![Uuid::METADATA_TOPIC], ErrorCode::InvalidRegistration),
        (|r| r.log_dirs = Vec::new(), ErrorCode::InvalidRegistration),
        (|r| r.listeners = Vec::new(), ErrorCode::InvalidRegistration),
        (|r| r.features[0].max_supported_version = 32, ErrorCode::UnsupportedVersion),
    ];
    for (change, error) in cases {
        assert_eq!(refused(&mut host, &change), error);
    }
    // The session over, another incarnation may come.
    host.now_ms = 9000;
    assert_eq!(host.register(1, 9, -1).1, 0);
    // The same one again keeps its epoch.
    let epoch = host.controller.image().cluster.broker(1).unwrap().epoch;
    assert_eq!(host.register(1, 9, -1).2, epoch);
}

/// Codes and texts as Kafka 4.4.0 gives them.
#[test]
fn topics_are_refused_in_kafkas_words() {
    let mut host = Host::new();
    host.create(vec![topic("plain", 1, 1), topic("x.y", 1, 1)]);
    let manual = "The manual partition assignment includes";
    let begin = "A manual partition assignment was specified, but";
    let name = "Topic name is invalid:";
    let cases: Vec<(CreatableTopic, i16, String)> = vec![
        (topic("", 1, 1), 17, format!("{name} the empty string is not allowed")),
        (topic("..", 1, 1), 17, format!("{name} '..' is not allowed")),
        (topic("a b", 1, 1), 17, format!("{name} 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")),
        (topic("plain", 1, 1), 36, "Topic 'plain' already exists.".into()),
        (topic("x_y", 1, 1), 17, "Topic 'x_y' collides with existing topic: x.y".into()),
        (topic("__cluster_metadata", 1, 1), 42, "Creation of internal topic __cluster_metadata is prohibited.".into()),
        (topic("p0", 0, 1), 37, "Number of partitions was set to an invalid non-positive value.".into()),
        (topic("pm2", -2, 1), 37, "Number of partitions was set to an invalid non-positive value.".into()),
        (topic("r0", 1, 0), 38, "Replication factor must be larger than 0, or -1 to use the default value.".into()),
        (topic("r5", 1, 5), 38, "Unable to replicate the partition 5 time(s): The target replication factor of 5 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.".into()),
        (topic("big", 10_001, 1), 44, "Excessively large number of partitions per request.".into()),
        (topic("huge", i32::MAX, 1), 44, "Excessively large number of partitions per request.".into()),
        (CreatableTopic { replication_factor: 1, ..assigned("a", &[(0, &[1])]) }, 42, format!("{begin} replication factor was not set to -1.")),
        (CreatableTopic { num_partitions: 2, ..assigned("a", &[(0, &[1])]) }, 42, format!("{begin} numPartitions was not set to -1.")),
        (assigned("a", &[(0, &[1, 1])]), 39, format!("{manual} the broker 1 more than once.")),
        (assigned("a", &[(0, &[7])]), 39, format!("{manual} broker 7, but no such broker is registered.")),
        (assigned("a", &[(0, &[])]), 39, format!("{manual} an empty replica list.")),
        (assigned("a", &[(1, &[1])]), 39, "partitions should be a consecutive 0-based integer sequence".into()),
        (assigned("a", &[(0, &[1]), (0, &[1])]), 39, "Found multiple manual partition assignments for partition 0".into()),
        (configured("c", &[("nonsense", Some("1"))]), 40, "Unknown topic config name: nonsense".into()),
        (configured("c", &[("retention.ms", Some("abc"))]), 40, "Invalid value abc for configuration retention.ms: Not a number of type LONG".into()),
        (configured("c", &[("retention.ms", None)]), 40, "Null value not supported for topic configs: retention.ms".into()),
    ];
    for (topic, code, text) in cases {
        let result = host.create_one(topic);
        assert_eq!((result.error_code, result.error_message.as_deref()), (code, Some(text.as_str())));
        assert_eq!((result.num_partitions, result.replication_factor), (-1, -1));
    }
    let twice = host.create(vec![topic("t", 1, 1), topic("t", 1, 1)]);
    assert_eq!(twice.len(), 1);
    assert_eq!((twice[0].error_code, twice[0].error_message.as_deref()), (42, Some("Duplicate topic name.")));
    assert_eq!(host.controller.image().topics.count(), 2);
}

#[test]
fn a_topic_is_created_as_kafka_writes_it() {
    let mut host = Host::new();
    let before = host.log.len();
    let result =
        host.create_one(configured("c7", &[("retention.ms", Some("1")), ("retention.ms", Some("2"))]));
    assert_eq!((result.error_code, result.error_message.clone()), (0, None));
    assert_eq!((result.num_partitions, result.replication_factor), (1, 1));
    let configs = result.configs.unwrap();
    assert!(configs.iter().any(|config| config.name == "retention.ms" && config.config_source == 1));
    let [MetadataRecord::Topic(topic), MetadataRecord::Config(config), MetadataRecord::Partition(partition)] =
        &host.log[before..]
    else {
        panic!("{:?}", &host.log[before..]);
    };
    assert_eq!(topic.topic_id, result.topic_id);
    assert_eq!((config.resource_type, config.value.as_deref()), (2, Some("2")));
    assert_eq!((partition.leader, partition.leader_epoch, partition.partition_epoch), (1, 0, 0));
    assert_eq!(partition.directories, registration(1, 1).log_dirs);
    assert_eq!(partition.isr, [1]);

    // Validation alone writes nothing and takes nothing.
    let request = CreateTopicsRequest {
        topics: vec![self::topic("v", 3, 1)],
        validate_only: true,
        ..Default::default()
    };
    let (records, _) = host.ask(Request::CreateTopics(request));
    assert!(records.is_empty());
    assert_eq!(host.create_one(self::topic("v", -1, -1)).error_code, 0);
}

#[test]
fn topics_are_deleted_by_name_or_id() {
    let mut host = Host::new();
    let id = host.create_one(topic("plain", 1, 1)).topic_id;
    host.create_one(configured("other", &[("retention.ms", Some("1"))]));
    let by_name = |name: &str| DeleteTopicState { name: Some(name.into()), topic_id: Uuid::ZERO };
    let by_id = |topic_id| DeleteTopicState { name: None, topic_id };
    let mut expect = |topics: Vec<DeleteTopicState>, code: i16, text: Option<&str>| {
        let results = host.delete(topics);
        assert_eq!(results.len(), 1);
        assert_eq!((results[0].error_code, results[0].error_message.as_deref()), (code, text));
        results[0].clone()
    };
    let deleted = expect(vec![by_name("plain")], 0, None);
    assert_eq!((deleted.name.as_deref(), deleted.topic_id), (Some("plain"), id));
    expect(vec![by_name("plain")], 3, Some("This server does not host this topic-partition."));
    expect(vec![by_id(id)], 100, Some("This server does not host this topic ID."));
    expect(vec![by_id(Uuid::ZERO)], 42, Some("Neither topic name nor id were specified."));
    expect(vec![by_name("other"), by_name("other")], 42, Some("Duplicate topic name."));
    expect(vec![by_name("other")], 0, None);
    assert!(host.controller.image().configs.of_topic("other").is_none());
}

#[test]
fn producer_ids_come_in_blocks() {
    let mut host = Host::new();
    let epoch = host.controller.image().cluster.broker(1).unwrap().epoch;
    let ask = |host: &mut Host, broker_epoch| {
        let request = AllocateProducerIdsRequest { broker_id: 1, broker_epoch };
        match host.ask(Request::AllocateProducerIds(request)).1 {
            Response::AllocateProducerIds(r) => (r.error_code, r.producer_id_start, r.producer_id_len),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut host, epoch), (0, 0, 1000));
    assert_eq!(ask(&mut host, epoch), (0, 1000, 1000));
    assert_eq!(ask(&mut host, epoch - 1), (ErrorCode::StaleBrokerEpoch.code(), 0, 0));
}

#[test]
fn a_clean_stop_and_start() {
    let mut host = Host::new();
    host.create_one(topic("t", 1, 1));
    let epoch = host.controller.image().cluster.broker(1).unwrap().epoch;
    let (records, response) = host.beat(1, |r| r.want_shut_down = true);
    assert_eq!((records.len(), records[0].version, response.should_shut_down), (2, 1, false));
    assert_eq!(host.partition("t").leader, NO_LEADER);
    let (records, response) = host.beat(1, |r| r.want_shut_down = true);
    assert_eq!((records.len(), records[0].version, response.should_shut_down), (1, 0, true));
    assert!(response.is_fenced);

    let (records, error, new_epoch) = host.register(1, 2, epoch);
    assert_eq!((records.len(), error), (1, 0));
    assert!(new_epoch > epoch);
    let (records, _) = host.beat(1, |_| {});
    assert_eq!(records.len(), 2);
    let partition = host.partition("t");
    assert_eq!(
        (partition.leader, partition.isr.as_slice(), partition.recovering),
        (1, [1].as_slice(), false)
    );
}

/// The broker in our own process cannot still be running in an earlier life: it does not wait for its session.
#[test]
fn a_kill_and_start() {
    let mut host = Host::new();
    host.create_one(topic("t", 1, 1));
    let (records, error, epoch) = host.register(1, 2, -1);
    assert_eq!((records.len(), error), (2, 0));
    // The epoch is where the operation begins, as Kafka has it, not where its RegisterBroker record stands.
    assert_eq!(epoch, host.next_offset - 2);
    let partition = host.partition("t");
    assert_eq!(
        (partition.leader, partition.isr.len(), partition.last_known_elr.as_slice()),
        (NO_LEADER, 0, [1].as_slice())
    );
    host.beat(1, |_| {});
    let partition = host.partition("t");
    assert_eq!((partition.leader, partition.isr.as_slice(), partition.recovering), (1, [1].as_slice(), true));
    assert!(partition.last_known_elr.is_empty());
}

#[test]
fn a_silent_broker_is_fenced_and_an_idle_log_gets_a_noop() {
    let mut host = Host::new();
    host.register(2, 2, -1);
    host.beat(2, |_| {});
    host.create_one(assigned("t", &[(0, &[2, 1])]));
    assert_eq!(host.partition("t").leader, 2);
    let idle_ms = host.controller.settings.broker.metadata_log.max_idle_interval_ms as u64;
    assert_eq!(host.controller.next_timeout_ms(), Some(idle_ms));
    host.now_ms = idle_ms;
    let outcome = host.controller.poll(&host.context());
    assert_eq!(outcome.records, [VersionedRecord::new(NoOpRecord {}, 0)]);
    host.write(outcome);
    host.now_ms = 8000;
    host.beat(1, |_| {});
    host.now_ms = 9000;
    let outcome = host.controller.poll(&host.context());
    assert_eq!(outcome.records.len(), 2);
    host.write(outcome);
    assert!(host.controller.image().cluster.broker(2).unwrap().fenced);
    let partition = host.partition("t");
    assert_eq!((partition.leader, partition.leader_epoch, partition.isr.as_slice()), (1, 1, [1].as_slice()));
}

/// A standby that replays the log comes to the very state of the leader that wrote it.
#[test]
fn a_standby_follows() {
    let mut host = Host::new();
    host.create(vec![topic("a", 3, 1), configured("b", &[("retention.ms", Some("1"))])]);
    host.register(1, 2, -1);
    host.beat(1, |_| {});
    host.delete(vec![DeleteTopicState { name: Some("a".into()), topic_id: Uuid::ZERO }]);
    let mut standby = Loader::new();
    for (offset, record) in (1..).zip(&host.log) {
        standby.replay(offset, 1, record).unwrap();
    }
    assert_eq!(standby.image(), host.controller.image());
}
