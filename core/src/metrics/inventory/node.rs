//! The node, its controller and the cluster as it knows it.

use crate::metrics::family::families;

families! {
    BUILD: Gauge "jackdaw_build_info" ["version"]
        "1, with the version of the program.";
    CPU: Counter "process_cpu_seconds_total" []
        "Time of cores that the process has taken, seconds.";
    RESIDENT: Gauge "process_resident_memory_bytes" []
        "Memory that the process holds.";
    VIRTUAL: Gauge "process_virtual_memory_bytes" []
        "Its address space.";
    DESCRIPTORS: Gauge "process_open_fds" []
        "Its open file descriptors.";
    DESCRIPTOR_LIMIT: Gauge "process_max_fds" []
        "How many file descriptors it may open.";
    THREADS: Gauge "process_threads" []
        "Its threads.";
    STARTED: Gauge "process_start_time_seconds" []
        "When it began, seconds since 1970.";
    BROKER_STATE: Gauge "kafka_server_kafkaserver_brokerstate" []
        "2 while logs are recovered, 3 while the broker runs, 6 while it stops.";
    BROKERS: Gauge "kafka_brokers" []
        "Brokers that are not fenced.";
    LEADERS: Gauge "kafka_server_replicamanager_leadercount" []
        "Partitions that this node leads.";
    PARTITIONS: Gauge "kafka_server_replicamanager_partitioncount" []
        "Partitions of which this node has a replica.";
    OFFLINE_REPLICAS: Gauge "kafka_server_replicamanager_offlinereplicacount" []
        "Replicas of this node whose logs could not be opened.";
    UNDER_REPLICATED: Gauge "kafka_server_replicamanager_underreplicatedpartitions" []
        "Partitions led here that lack in-sync replicas.";
    UNDER_MIN_ISR: Gauge "kafka_server_replicamanager_underminisrpartitioncount" []
        "Partitions led here with fewer in-sync replicas than min.insync.replicas.";
    AT_MIN_ISR: Gauge "kafka_server_replicamanager_atminisrpartitioncount" []
        "Partitions led here with just as many in-sync replicas as min.insync.replicas.";
    REASSIGNING: Gauge "kafka_server_replicamanager_reassigningpartitions" []
        "Always 0: there is no second node to move replicas to.";
    ISR_SHRINKS: Counter "kafka_server_replicamanager_isrshrinks_total" []
        "Always 0: there is no second node that could fall behind.";
    ISR_EXPANDS: Counter "kafka_server_replicamanager_isrexpands_total" []
        "Always 0: there is no second node that could catch up.";
    FAILED_ISR_UPDATES: Counter "kafka_server_replicamanager_failedisrupdates_total" []
        "Always 0: there is no second node.";
    PRODUCER_IDS: Gauge "kafka_server_replicamanager_produceridcount" []
        "Producers that partitions remember, counted in each partition.";
    MAX_LAG: Gauge "kafka_server_replicafetchermanager_maxlag" ["clientId"]
        "Always 0: nothing is replicated from other nodes.";
    ACTIVE_CONTROLLER: Gauge "kafka_controller_kafkacontroller_activecontrollercount" []
        "1 where this node is the active controller.";
    ACTIVE_BROKERS: Gauge "kafka_controller_kafkacontroller_activebrokercount" []
        "Registered brokers that are not fenced.";
    FENCED_BROKERS: Gauge "kafka_controller_kafkacontroller_fencedbrokercount" []
        "Registered brokers that are fenced.";
    TOPICS: Gauge "kafka_controller_kafkacontroller_globaltopiccount" []
        "Topics of the cluster.";
    GLOBAL_PARTITIONS: Gauge "kafka_controller_kafkacontroller_globalpartitioncount" []
        "Partitions of the cluster.";
    OFFLINE_PARTITIONS: Gauge "kafka_controller_kafkacontroller_offlinepartitionscount" []
        "Partitions without a leader.";
    IMBALANCE: Gauge "kafka_controller_kafkacontroller_preferredreplicaimbalancecount" []
        "Partitions that another than the first replica leads.";
    METADATA_ERRORS: Gauge "kafka_controller_kafkacontroller_metadataerrorcount" []
        "Always 0: a node stops on such an error.";
    UNCLEAN_ELECTIONS: Counter "kafka_controller_controllerstats_uncleanleaderelections_total" []
        "Always 0: there is no second replica to elect.";
    OFFLINE_DIRS: Gauge "kafka_log_logmanager_offlinelogdirectorycount" []
        "Directories of `log.dirs` that have failed since the start.";
    RAFT_LEADER: Gauge "kafka_server_raft_metrics_current_leader" []
        "The leader of the metadata quorum; -1 for none.";
    RAFT_EPOCH: Gauge "kafka_server_raft_metrics_current_epoch" []
        "Its epoch.";
    RAFT_HIGH_WATERMARK: Gauge "kafka_server_raft_metrics_high_watermark" []
        "The high watermark of the metadata log.";
    RAFT_END: Gauge "kafka_server_raft_metrics_log_end_offset" []
        "The end of the metadata log.";
    RAFT_VOTERS: Gauge "kafka_server_raft_metrics_number_of_voters" []
        "Voters of the metadata quorum.";
}
