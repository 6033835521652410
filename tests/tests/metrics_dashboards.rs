//! The names that Grafana's usual Kafka dashboards ask for: each is answered by a node that has a topic and a group.

use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::topic;
use jackdaw_tests::command::jackdaw;
use jackdaw_tests::http::Metrics;
use jackdaw_tests::requests;
use jackdaw_tests::wire::Connection;

/// Strimzi's dashboard of brokers and its dashboard of KRaft, without what is Java's, Kubernetes' or another program's.
const BROKERS: &[&str] = &[
    "kafka_server_replicamanager_leadercount",
    "kafka_server_replicamanager_partitioncount",
    "kafka_server_replicamanager_underreplicatedpartitions",
    "kafka_server_replicamanager_offlinereplicacount",
    "kafka_server_replicamanager_isrshrinks_total",
    "kafka_server_replicamanager_isrexpands_total",
    "kafka_controller_kafkacontroller_activecontrollercount",
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
    "kafka_controller_kafkacontroller_globaltopiccount",
    "kafka_controller_kafkacontroller_globalpartitioncount",
    "kafka_controller_controllerstats_uncleanleaderelections_total",
    "kafka_cluster_partition_underminisr",
    "kafka_cluster_partition_atminisr",
    "kafka_cluster_partition_replicascount",
    "kafka_cluster_partition_insyncreplicascount",
    "kafka_server_brokertopicmetrics_bytesin_total",
    "kafka_server_brokertopicmetrics_bytesout_total",
    "kafka_server_brokertopicmetrics_messagesin_total",
    "kafka_server_brokertopicmetrics_totalproducerequests_total",
    "kafka_server_brokertopicmetrics_totalfetchrequests_total",
    "kafka_server_brokertopicmetrics_failedproducerequests_total",
    "kafka_server_brokertopicmetrics_failedfetchrequests_total",
    "kafka_network_socketserver_networkprocessoravgidle_percent",
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
    "kafka_server_socket_server_metrics_connection_count",
    "kafka_server_delayedoperationpurgatory_purgatorysize",
    "kafka_log_log_size",
    "kafka_log_logflushstats_logflushrateandtimems",
    "kafka_log_logflushstats_logflushrateandtimems_count",
    "kafka_network_requestmetrics_requests_total",
    "kafka_network_requestmetrics_totaltimems",
    "kafka_network_requestmetrics_totaltimems_count",
    "kafka_network_requestmetrics_requestqueuetimems",
    "kafka_network_requestmetrics_localtimems",
    "kafka_network_requestmetrics_remotetimems",
    "kafka_network_requestmetrics_responsesendtimems",
    "kafka_server_raft_metrics_high_watermark",
    "kafka_server_raft_metrics_log_end_offset",
    "kafka_server_raft_metrics_current_epoch",
    "kafka_server_raft_metrics_current_leader",
];

/// The dashboard of kafka_exporter.
const EXPORTER: &[&str] = &[
    "kafka_brokers",
    "kafka_topic_partitions",
    "kafka_topic_partition_current_offset",
    "kafka_topic_partition_oldest_offset",
    "kafka_topic_partition_in_sync_replica",
    "kafka_topic_partition_replicas",
    "kafka_topic_partition_leader",
    "kafka_topic_partition_leader_is_preferred",
    "kafka_topic_partition_under_replicated_partition",
    "kafka_consumergroup_current_offset",
    "kafka_consumergroup_current_offset_sum",
    "kafka_consumergroup_lag",
    "kafka_consumergroup_lag_sum",
    "kafka_consumergroup_members",
];

#[test]
fn every_name_of_a_dashboard_has_a_sample() {
    let Some(broker) = Broker::start_to_stop(Options::groups(2).with_http()) else { return };
    let topic = topic("shown");
    let mut connection = Connection::open(broker.bootstrap());
    let created = requests::create(&mut connection, &topic, 4);
    for partition in 0..4 {
        requests::produce(&mut connection, &created, partition, requests::batch(&["a", "b"], None));
    }
    jackdaw(broker.bootstrap(), &["consume", &topic, "--group", "readers", "--count", "8"], "", true);
    let metrics = Metrics::scrape(&broker.http());
    let has_sample = |name: &str| {
        let rest =
            |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
        metrics.keys(name).any(rest)
    };
    let missing: Vec<_> = BROKERS.iter().chain(EXPORTER).filter(|name| !has_sample(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");

    assert_eq!(metrics.value("kafka_server_kafkaserver_brokerstate"), 3.0);
    assert_eq!(metrics.value("kafka_controller_kafkacontroller_activecontrollercount"), 1.0);
    assert_eq!(metrics.value("kafka_brokers"), 1.0);
    let partitions = metrics.value("kafka_server_replicamanager_partitioncount");
    assert_eq!(metrics.value("kafka_server_replicamanager_leadercount"), partitions);
    assert_eq!(metrics.value("kafka_controller_kafkacontroller_globalpartitioncount"), partitions);
    assert_eq!(metrics.value("kafka_server_replicamanager_underreplicatedpartitions"), 0.0);
    assert_eq!(metrics.value(&format!("kafka_topic_partitions{{topic=\"{topic}\"}}")), 4.0);
    for partition in 0..4 {
        let labels = format!("{{topic=\"{topic}\",partition=\"{partition}\"}}");
        assert_eq!(metrics.value(&format!("kafka_log_log_logendoffset{labels}")), 2.0);
        assert_eq!(metrics.value(&format!("kafka_topic_partition_current_offset{labels}")), 2.0);
        assert_eq!(metrics.value(&format!("kafka_log_log_numlogsegments{labels}")), 1.0);
        assert!(metrics.value(&format!("kafka_log_log_size{labels}")) > 0.0);
    }
    let shards: f64 =
        (0..2).map(|shard| metrics.value(&format!("jackdaw_shard_partitions{{shard=\"{shard}\"}}"))).sum();
    assert_eq!(shards, partitions);
    let idle = metrics.value("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent");
    assert!((0.0..=1.0).contains(&idle), "{idle}");
    for shard in 0..2 {
        assert!(metrics.value(&format!("jackdaw_shard_busy_seconds_total{{shard=\"{shard}\"}}")) > 0.0);
    }
}
