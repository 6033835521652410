//! A host in miniature: raft, controller and image of one node over a log in memory, with restarts. What it writes is
//! what a node writes, so `JACKDAW_METADATA_DIR=DIR` puts it on disk for Kafka's tools and for Kafka itself.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use jackdaw_core::{
    config::{BrokerConfig, Settings as ConfigSettings},
    controller::{
        Context, Controller, Outcome, Request, Response, SUPPORTED_FEATURES, Settings,
        default_bootstrap_records,
    },
    metadata::{
        Loader, SnapshotFrame, VersionedRecord, build_leader_change_batch, build_metadata_batch,
        read_snapshot, snapshot_batches,
    },
    protocol::messages::{
        allocate_producer_ids::AllocateProducerIdsRequest,
        broker_heartbeat::BrokerHeartbeatRequest,
        broker_registration::{BrokerRegistrationRequest, Feature, Listener},
        create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest},
        delete_topics::{DeleteTopicState, DeleteTopicsRequest},
    },
    records::{BatchView, Batches, ValidatedBatch},
    uuid::Uuid,
};
use jackdaw_raft::{
    Config, EpochStart, Input, LogBounds, Output, QuorumState, Raft, ReplicaKey, Start, Voter, VoterSet,
};

const CLUSTER_ID: &str = "MkU3OEVBNTcwNTJENDM2Qg";
const DIRECTORY: Uuid = Uuid(*b"jackdaw-test-dir");
const NODE_ID: i32 = 1;

/// What survives a restart.
#[derive(Default)]
struct Disk {
    log: Vec<u8>,
    quorum_state: Option<String>,
}

struct Host {
    disk: Disk,
    now_ms: u64,
    raft: Raft,
    /// Committed records only.
    committed: Loader,
    controller: Option<Controller>,
    proposals: BTreeMap<u64, Vec<VersionedRecord>>,
    /// Responses that wait until everything below the offset is committed.
    waiting: Vec<(i64, Option<Response>)>,
    answers: Vec<Response>,
    next_id: u64,
}

fn batches(log: &[u8]) -> impl Iterator<Item = BatchView<'_>> {
    Batches::new(log).map(Result::unwrap)
}

fn epochs(log: &[u8]) -> Vec<EpochStart> {
    let mut epochs: Vec<EpochStart> = Vec::new();
    for batch in batches(log) {
        let epoch = batch.header().partition_leader_epoch();
        if epochs.last().is_none_or(|last| last.epoch < epoch) {
            epochs.push(EpochStart { epoch, start_offset: batch.header().base_offset() });
        }
    }
    epochs
}

impl Host {
    fn start(disk: Disk, now_ms: u64) -> Self {
        let replica = ReplicaKey::of_node(NODE_ID);
        let raft = Raft::new(Config::new(replica, CLUSTER_ID, 1));
        let (committed, controller, proposals) = (Loader::new(), None, BTreeMap::new());
        let (waiting, answers) = (Vec::new(), Vec::new());
        let mut host =
            Self { disk, now_ms, raft, committed, controller, proposals, waiting, answers, next_id: 0 };
        let log = LogBounds {
            start_offset: 0,
            end_offset: batches(&host.disk.log).last().map_or(0, |batch| batch.header().last_offset() + 1),
            epochs: epochs(&host.disk.log),
            snapshot: None,
        };
        let quorum_state = host.disk.quorum_state.as_ref();
        let quorum_state = quorum_state.map(|text| QuorumState::from_json(text.as_bytes()).unwrap());
        let voters: VoterSet = [Voter::new(replica, Vec::new())].into_iter().collect();
        host.step(Input::Start(Start { quorum_state, log, voters }));
        host
    }

    fn step(&mut self, input: Input) {
        self.raft.step(self.now_ms, input);
        while let Some(output) = self.raft.poll_output() {
            self.obey(output);
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::PersistQuorumState(state) => self.disk.quorum_state = Some(state.to_json()),
            Output::AppendLeaderChange { offset, epoch, voters, granting_voters } => {
                let pairs = |keys: &[ReplicaKey]| {
                    keys.iter().map(|key| (key.id, key.directory_id)).collect::<Vec<_>>()
                };
                let (voters, granting) = (pairs(&voters), pairs(&granting_voters));
                let timestamp_ms = self.now_ms as i64;
                let batch = build_leader_change_batch(0, NODE_ID, &voters, &granting, timestamp_ms).unwrap();
                self.append(batch, offset, epoch);
            }
            Output::AppendBatch { id, base_offset, epoch } => {
                let records = self.proposals.remove(&id).unwrap();
                let batch = build_metadata_batch(&records, self.now_ms as i64).unwrap();
                for (offset, record) in (base_offset..).zip(&records) {
                    let controller = self.controller.as_mut().unwrap();
                    controller.replay(offset, epoch, &record.record).unwrap();
                }
                self.append(batch, base_offset, epoch);
            }
            Output::HighWatermark { offset } => self.commit(offset),
            Output::LeaderReady { .. } => {
                let (broker, _) = BrokerConfig::new(ConfigSettings::default()).unwrap();
                let settings = Settings {
                    cluster_id: CLUSTER_ID.into(),
                    local_broker_id: Some(NODE_ID),
                    broker: Arc::new(broker),
                };
                let controller = Controller::new(settings, self.committed.clone(), self.now_ms);
                let outcome = controller.activate(&default_bootstrap_records());
                self.controller = Some(controller);
                self.propose(outcome.records, None);
            }
            Output::BecameLeader { .. } | Output::LeaderChanged { .. } => {}
            other => panic!("one node needs no {other:?}"),
        }
    }

    /// Written and durable at once.
    fn append(&mut self, mut batch: ValidatedBatch, offset: i64, epoch: i32) {
        batch.assign(offset, epoch);
        self.disk.log.extend(batch.to_vec());
        let end_offset = batch.last_offset() + 1;
        self.step(Input::Appended { end_offset });
        self.step(Input::Flushed { end_offset });
    }

    fn commit(&mut self, high_watermark: i64) {
        for batch in batches(&self.disk.log) {
            let last_offset = batch.header().last_offset();
            if last_offset > self.committed.image().offset && last_offset < high_watermark {
                self.committed.replay_batch(&batch).unwrap();
            }
        }
        let answered = self.waiting.extract_if(.., |(end_offset, _)| *end_offset <= high_watermark);
        self.answers.extend(answered.filter_map(|(_, response)| response));
    }

    fn propose(&mut self, records: Vec<VersionedRecord>, response: Option<Response>) {
        self.waiting.push((self.raft.end_offset() + records.len() as i64, response));
        if records.is_empty() {
            return self.commit(self.raft.high_watermark());
        }
        self.next_id += 1;
        let record_count = records.len() as u32;
        self.proposals.insert(self.next_id, records);
        self.step(Input::Propose { id: self.next_id, record_count });
    }

    fn ask(&mut self, request: Request) -> Response {
        let context = Context {
            now_ms: self.now_ms,
            next_offset: self.raft.end_offset(),
            random: [self.raft.end_offset() as u64, 42],
        };
        let controller = self.controller.as_mut().unwrap();
        let Outcome { records, response, effects, .. } = controller.handle(&context, &request);
        controller.accept(&context, &effects);
        self.propose(records, Some(response));
        self.answers.pop().unwrap()
    }

    fn register_and_unfence(&mut self, incarnation: u8) -> i64 {
        let feature = |feature: &jackdaw_core::controller::SupportedFeature| Feature {
            name: feature.name.into(),
            min_supported_version: feature.min_level,
            max_supported_version: feature.max_level,
        };
        let request = BrokerRegistrationRequest {
            broker_id: NODE_ID,
            cluster_id: CLUSTER_ID.into(),
            incarnation_id: Uuid([incarnation; 16]),
            listeners: vec![Listener {
                name: "PLAINTEXT".into(),
                host: "127.0.0.1".into(),
                port: 9092,
                security_protocol: 0,
            }],
            features: SUPPORTED_FEATURES.iter().map(feature).collect(),
            rack: None,
            log_dirs: vec![DIRECTORY],
            previous_broker_epoch: -1,
            ..Default::default()
        };
        let Response::BrokerRegistration(response) = self.ask(Request::BrokerRegistration(request)) else {
            panic!()
        };
        assert_eq!(response.error_code, 0);
        let request = BrokerHeartbeatRequest {
            broker_id: NODE_ID,
            broker_epoch: response.broker_epoch,
            current_metadata_offset: self.committed.image().offset,
            cordoned_log_dirs: Some(Vec::new()),
            ..Default::default()
        };
        let Response::BrokerHeartbeat(beat) = self.ask(Request::BrokerHeartbeat(request)) else { panic!() };
        assert!(!beat.is_fenced);
        response.broker_epoch
    }

    fn create(&mut self, name: &str, num_partitions: i32, retention_ms: Option<&str>) -> i16 {
        let config =
            |value: &str| CreatableTopicConfig { name: "retention.ms".into(), value: Some(value.into()) };
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions,
            replication_factor: 1,
            configs: retention_ms.map(config).into_iter().collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        match self.ask(Request::CreateTopics(request)) {
            Response::CreateTopics(response) => response.topics[0].error_code,
            other => panic!("{other:?}"),
        }
    }
}

/// The life of a node: first start, topics, a kill, a second life.
fn two_lives() -> Host {
    let mut host = Host::start(Disk::default(), 1_000);
    let epoch = host.register_and_unfence(1);
    assert_eq!(host.create("orders", 3, Some("86400000")), 0);
    assert_eq!(host.create("gone", 1, None), 0);
    let topics = vec![DeleteTopicState { name: Some("gone".into()), topic_id: Uuid::ZERO }];
    host.ask(Request::DeleteTopics(DeleteTopicsRequest { topics, ..Default::default() }));
    let request = AllocateProducerIdsRequest { broker_id: NODE_ID, broker_epoch: epoch };
    host.ask(Request::AllocateProducerIds(request));

    let mut host = Host::start(host.disk, 2_000);
    host.register_and_unfence(2);
    host.create("orders.again", 1, None);
    host
}

#[test]
fn a_node_lives_twice() {
    let host = two_lives();
    let image = host.committed.image();
    assert_eq!(
        image.topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(),
        ["orders", "orders.again"]
    );
    assert_eq!(image.producer_ids.next_id, 1000);
    assert_eq!(image, host.controller.as_ref().unwrap().image());
    let orders = image.topics.by_name("orders").unwrap();
    assert!(orders.partitions().all(|(_, partition)| partition.leader == NODE_ID && partition.recovering));
    assert_eq!(epochs(&host.disk.log).iter().map(|entry| entry.epoch).collect::<Vec<_>>(), [1, 2]);
    if let Some(directory) = std::env::var_os("JACKDAW_METADATA_DIR") {
        write(Path::new(&directory), &host);
    }
}

/// A node that starts from a snapshot is where one that read the whole log is.
#[test]
fn a_snapshot_stands_for_the_log() {
    let host = two_lives();
    let image = host.committed.image();
    let bytes = snapshot(&image.to_records(), image.epoch);
    let mut loader = Loader::new();
    loader.load_snapshot(image.offset + 1, image.epoch, &read_snapshot(&bytes).unwrap().records).unwrap();
    assert_eq!(loader.image().topics, image.topics);
    assert_eq!(loader.image().cluster, image.cluster);
    assert_eq!(loader.image().to_records(), image.to_records());
}

fn snapshot(records: &[VersionedRecord], epoch: i32) -> Vec<u8> {
    let frame = SnapshotFrame { epoch, last_contained_log_timestamp_ms: 2_000, voters: None, now_ms: 2_000 };
    snapshot_batches(records, &frame).unwrap().iter().flat_map(ValidatedBatch::to_vec).collect()
}

fn write(directory: &Path, host: &Host) {
    let metadata = directory.join("__cluster_metadata-0");
    fs::create_dir_all(&metadata).unwrap();
    let bootstrap: Vec<VersionedRecord> = default_bootstrap_records()
        .into_iter()
        .map(|record| VersionedRecord { record, version: 0 })
        .collect();
    let epochs: Vec<String> = epochs(&host.disk.log)
        .iter()
        .map(|entry| format!("{} {}\n", entry.epoch, entry.start_offset))
        .collect();
    let image = host.committed.image();
    let files: [(&str, Vec<u8>); 6] = [
        ("00000000000000000000.log", host.disk.log.clone()),
        ("00000000000000000000-0000000000.checkpoint", snapshot(&bootstrap, 0)),
        ("quorum-state", host.disk.quorum_state.clone().unwrap().into_bytes()),
        ("partition.metadata", b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n".to_vec()),
        ("leader-epoch-checkpoint", format!("0\n{}\n{}", epochs.len(), epochs.concat()).into_bytes()),
        ("../snapshot.checkpoint", snapshot(&image.to_records(), image.epoch)),
    ];
    for (name, bytes) in files {
        fs::write(metadata.join(name), bytes).unwrap();
    }
    let properties =
        format!("version=1\ncluster.id={CLUSTER_ID}\nnode.id={NODE_ID}\ndirectory.id={DIRECTORY}\n");
    fs::write(directory.join("meta.properties"), properties).unwrap();
}

/// The first 15 records that a fresh Apache Kafka 4.4.0 wrote, and its quorum-state: a node of ours goes on from there.
/// `JACKDAW_KAFKA_METADATA_LOG=FILE` takes another log of Kafka's instead.
#[test]
fn a_node_goes_on_where_kafka_stopped() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kafka-4.4.0-fresh-metadata.log");
    let file = std::env::var_os("JACKDAW_KAFKA_METADATA_LOG").map_or(fixture, Into::into);
    let log = fs::read(file).unwrap();
    let last_epoch = epochs(&log).last().unwrap().epoch;
    let quorum_state = QuorumState {
        leader_epoch: last_epoch,
        leader_id: Some(1),
        voted: None,
        static_voters: Some(vec![1]),
    };
    let mut host = Host::start(Disk { log, quorum_state: Some(quorum_state.to_json()) }, 1_000);
    assert_eq!(epochs(&host.disk.log).last().unwrap().epoch, last_epoch + 1);
    let image = host.committed.image();
    assert_eq!(image.features.metadata_version().level(), 33);
    assert_eq!(image.cluster.controllers().count(), 1);
    let broker = image.cluster.broker(1).unwrap();
    assert_eq!(broker.log_dirs.len(), 1);
    // What Kafka had bootstrapped is not written again.
    assert_eq!(host.waiting.len(), 0);
    host.register_and_unfence(9);
    assert_eq!(host.create("ours", 1, None), 0);
    assert_eq!(host.committed.image(), host.controller.as_ref().unwrap().image());
}
