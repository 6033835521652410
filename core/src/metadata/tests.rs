//! Every record type through the image, and the image through a snapshot.

use bytes::Bytes;

use super::*;
use crate::{
    protocol::records::{MetadataRecord, metadata::*},
    uuid::Uuid,
};

const TOPIC: Uuid = Uuid([7; 16]);
const DIRECTORY: Uuid = Uuid([9; 16]);

fn feature(name: &str, feature_level: i16) -> MetadataRecord {
    FeatureLevelRecord { name: name.into(), feature_level }.into()
}

fn register(broker_id: i32, broker_epoch: i64) -> MetadataRecord {
    RegisterBrokerRecord {
        broker_id,
        broker_epoch,
        incarnation_id: Uuid([3; 16]),
        end_points: vec![BrokerEndpoint {
            name: "PLAINTEXT".into(),
            host: "h".into(),
            port: 9092,
            security_protocol: 0,
        }],
        features: vec![BrokerFeature {
            name: METADATA_VERSION.into(),
            min_supported_version: 7,
            max_supported_version: 33,
        }],
        rack: Some("r".into()),
        log_dirs: vec![DIRECTORY],
        ..Default::default()
    }
    .into()
}

fn broker_change(broker_epoch: i64, fenced: i8) -> MetadataRecord {
    let cordoned_log_dirs = Some(Vec::new());
    BrokerRegistrationChangeRecord {
        broker_id: 1,
        broker_epoch,
        fenced,
        cordoned_log_dirs,
        ..Default::default()
    }
    .into()
}

fn topic(name: &str, topic_id: Uuid) -> MetadataRecord {
    TopicRecord { name: name.into(), topic_id }.into()
}

fn partition(partition_id: i32) -> MetadataRecord {
    PartitionRecord {
        partition_id,
        topic_id: TOPIC,
        replicas: vec![1, 2],
        isr: vec![1, 2],
        leader: 1,
        leader_epoch: 0,
        partition_epoch: 0,
        directories: vec![DIRECTORY, Uuid([8; 16])],
        ..Default::default()
    }
    .into()
}

fn partition_change(partition_id: i32) -> PartitionChangeRecord {
    PartitionChangeRecord { partition_id, topic_id: TOPIC, ..Default::default() }
}

fn config(resource_type: i8, resource_name: &str, name: &str, value: Option<&str>) -> MetadataRecord {
    let (resource_name, name) = (resource_name.into(), name.into());
    ConfigRecord { resource_type, resource_name, name, value: value.map(Into::into) }.into()
}

fn quota(name: Option<&str>, key: &str, value: f64, remove: bool) -> MetadataRecord {
    let entity = vec![EntityData { entity_type: "user".into(), entity_name: name.map(Into::into) }];
    ClientQuotaRecord { entity, key: key.into(), value, remove }.into()
}

/// A history in which every kind of record that a log of today can hold takes part.
fn history() -> Vec<MetadataRecord> {
    let scram = UserScramCredentialRecord {
        name: "ann".into(),
        mechanism: 1,
        salt: Bytes::from_static(b"salt"),
        stored_key: Bytes::from_static(b"stored"),
        server_key: Bytes::from_static(b"server"),
        iterations: 4096,
    };
    let acl =
        AccessControlEntryRecord { id: Uuid([5; 16]), principal: "User:ann".into(), ..Default::default() };
    let removed_acl = AccessControlEntryRecord { id: Uuid([6; 16]), ..acl.clone() };
    let token =
        DelegationTokenRecord { token_id: "t".into(), owner: "User:ann".into(), ..Default::default() };
    vec![
        BeginTransactionRecord { name: Some("Bootstrap records".into()) }.into(),
        feature(METADATA_VERSION, 33),
        feature(ELIGIBLE_LEADER_REPLICAS_VERSION, 1),
        feature(GROUP_VERSION, 1),
        EndTransactionRecord {}.into(),
        feature(GROUP_VERSION, 0),
        RegisterControllerRecord { controller_id: 1, incarnation_id: Uuid([4; 16]), ..Default::default() }
            .into(),
        RegisterControllerRecord { controller_id: 2, ..Default::default() }.into(),
        UnregisterControllerRecord { controller_id: 2 }.into(),
        register(1, 8),
        register(2, 9),
        register(3, 10),
        broker_change(8, -1),
        FenceBrokerRecord { id: 2, epoch: 9 }.into(),
        UnfenceBrokerRecord { id: 2, epoch: 9 }.into(),
        UnregisterBrokerRecord { broker_id: 3, broker_epoch: 10 }.into(),
        topic("t", TOPIC),
        partition(0),
        partition(1),
        config(2, "t", "retention.ms", Some("5")),
        config(2, "t", "segment.bytes", Some("6")),
        config(2, "t", "segment.bytes", None),
        config(4, "", "min.insync.replicas", Some("1")),
        PartitionChangeRecord { isr: Some(vec![1]), leader: 1, ..partition_change(0) }.into(),
        PartitionChangeRecord {
            eligible_leader_replicas: Some(vec![2]),
            last_known_elr: Some(vec![1]),
            leader_recovery_state: 1,
            ..partition_change(1)
        }
        .into(),
        topic("gone", Uuid([1; 16])),
        config(2, "gone", "retention.ms", Some("5")),
        RemoveTopicRecord { topic_id: Uuid([1; 16]) }.into(),
        quota(Some("ann"), "producer_byte_rate", 10.5, false),
        quota(None, "consumer_byte_rate", 3.0, false),
        quota(None, "consumer_byte_rate", 0.0, true),
        ProducerIdsRecord { broker_id: 1, broker_epoch: 8, next_producer_id: 1000 }.into(),
        acl.into(),
        removed_acl.into(),
        RemoveAccessControlEntryRecord { id: Uuid([6; 16]) }.into(),
        scram.clone().into(),
        UserScramCredentialRecord { mechanism: 2, ..scram }.into(),
        RemoveUserScramCredentialRecord { name: "ann".into(), mechanism: 2 }.into(),
        token.clone().into(),
        DelegationTokenRecord { token_id: "u".into(), ..token }.into(),
        RemoveDelegationTokenRecord { token_id: "u".into() }.into(),
        ZkMigrationStateRecord { zk_migration_state: 0 }.into(),
        NoOpRecord {}.into(),
    ]
}

fn load(records: &[MetadataRecord]) -> Loader {
    let mut loader = Loader::new();
    for (offset, record) in (0..).zip(records) {
        loader.replay(offset, 1, record).unwrap();
    }
    loader
}

#[test]
fn log_and_snapshot_lead_to_the_same_image() {
    let from_log = load(&history()).image().clone();
    let records = from_log.to_records();
    let mut from_snapshot = Loader::new();
    // Through bytes, so that every record is legal in the version that was chosen for it.
    let decoded: Vec<MetadataRecord> = records
        .iter()
        .map(|record| {
            let (decoded, version) = MetadataRecord::decode_framed(&record.encode_framed().unwrap()).unwrap();
            assert_eq!(version, record.version);
            decoded
        })
        .collect();
    from_snapshot.load_snapshot(from_log.offset + 1, from_log.epoch, &decoded).unwrap();
    let mut from_log = from_log;
    std::sync::Arc::make_mut(&mut from_log.features).epoch = from_log.offset;
    assert_eq!(from_snapshot.image(), &from_log);
    assert_eq!(from_snapshot.image().to_records(), records);
}

#[test]
fn snapshots_keep_to_older_metadata_versions() {
    for level in 7..=33 {
        let mut records = history();
        records.push(feature(METADATA_VERSION, level));
        for record in load(&records).image().to_records() {
            record.encode_framed().unwrap();
        }
    }
}

#[test]
fn changes_raise_the_epochs() {
    let image = load(&history()).image().clone();
    let topic = image.topics.by_name("t").unwrap();
    let (first, second) = (topic.partition(0).unwrap(), topic.partition(1).unwrap());
    // The first change names the leader that was: its epoch rises all the same.
    assert_eq!((first.leader, first.leader_epoch, first.partition_epoch), (1, 1, 1));
    assert_eq!((second.leader, second.leader_epoch, second.partition_epoch), (1, 0, 1));
    assert_eq!((first.isr.as_slice(), second.isr.as_slice()), ([1].as_slice(), [1, 2].as_slice()));
    assert!(second.recovering && !first.recovering);
    assert_eq!(first.directory_of(1), Some(DIRECTORY));
    assert!(image.topics.by_name("gone").is_none() && image.configs.of_topic("gone").is_none());
    assert!(!image.cluster.broker(1).unwrap().fenced);
}

#[test]
fn clear_elr_names_one_topic_or_all() {
    for name in ["t", ""] {
        let mut records = history();
        records.push(ClearElrRecord { topic_name: name.into() }.into());
        let image = load(&records).image().clone();
        let partition = image.topics.partition(TOPIC, 1).unwrap();
        assert!(partition.eligible_leader_replicas.is_empty() && partition.last_known_elr.is_empty());
    }
}

#[test]
fn transactions_are_held_back() {
    let mut loader = load(&history());
    let before = loader.image().clone();
    loader.replay(100, 1, &BeginTransactionRecord::default().into()).unwrap();
    loader.replay(101, 1, &topic("new", Uuid([2; 16]))).unwrap();
    assert_eq!(loader.image(), &before);
    assert!(loader.newest().topics.by_name("new").is_some());
    loader.replay(102, 1, &AbortTransactionRecord::default().into()).unwrap();
    assert!(loader.image().topics.by_name("new").is_none());
    assert_eq!(loader.image().offset, 102);

    let nested = BeginTransactionRecord::default().into();
    loader.replay(103, 1, &nested).unwrap();
    assert_eq!(loader.replay(104, 1, &nested), Err(ReplayError::NestedTransaction));
}

#[test]
fn a_clone_does_not_change_with_its_origin() {
    let mut loader = load(&history());
    let published = loader.publish();
    let before = published.as_ref().clone();
    loader.replay(100, 1, &PartitionChangeRecord { leader: -1, ..partition_change(0) }.into()).unwrap();
    assert_eq!(published.as_ref(), &before);
    assert_eq!(loader.image().topics.partition(TOPIC, 0).unwrap().leader, NO_LEADER);
}

#[test]
fn what_cannot_be_applied_is_refused() {
    let unknown = Uuid([77; 16]);
    let cases: Vec<(MetadataRecord, ReplayError)> = vec![
        (
            RemoveTopicRecord { topic_id: unknown }.into(),
            ReplayError::UnknownTopic { record: "RemoveTopicRecord", topic_id: unknown },
        ),
        (
            partition_change(9).into(),
            ReplayError::UnknownPartition { record: "PartitionChangeRecord", topic_id: TOPIC, partition: 9 },
        ),
        (topic("t", unknown), ReplayError::DuplicateTopic { name: "t".into() }),
        (
            broker_change(5, 1),
            ReplayError::UnknownBroker {
                record: "BrokerRegistrationChangeRecord",
                broker_id: 1,
                broker_epoch: 5,
            },
        ),
        (feature(METADATA_VERSION, 34), ReplayError::MetadataVersion(34)),
        (config(3, "t", "a", None), ReplayError::UnknownResourceType(3)),
        (EndTransactionRecord {}.into(), ReplayError::NoTransaction("EndTransactionRecord")),
    ];
    for (record, error) in cases {
        assert_eq!(load(&history()).replay(100, 1, &record), Err(error));
    }
}
