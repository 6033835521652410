//! Logs and replicas of each partition, in Kafka's names and in those of kafka_exporter.

use crate::metrics::family::families;

families! {
    LOG_SIZE: Gauge "kafka_log_log_size" ["topic", "partition"]
        "Bytes of a partition's log.";
    LOG_SEGMENTS: Gauge "kafka_log_log_numlogsegments" ["topic", "partition"]
        "Segments of a partition's log.";
    LOG_START: Gauge "kafka_log_log_logstartoffset" ["topic", "partition"]
        "First offset of a partition's log.";
    LOG_END: Gauge "kafka_log_log_logendoffset" ["topic", "partition"]
        "The offset that the next record of a partition gets.";
    UNDER_REPLICATED: Gauge "kafka_cluster_partition_underreplicated" ["topic", "partition"]
        "1 where replicas are missing from the in-sync replicas.";
    IN_SYNC: Gauge "kafka_cluster_partition_insyncreplicascount" ["topic", "partition"]
        "In-sync replicas of a partition.";
    REPLICAS: Gauge "kafka_cluster_partition_replicascount" ["topic", "partition"]
        "Replicas of a partition.";
    UNDER_MIN_ISR: Gauge "kafka_cluster_partition_underminisr" ["topic", "partition"]
        "1 where there are fewer in-sync replicas than min.insync.replicas.";
    AT_MIN_ISR: Gauge "kafka_cluster_partition_atminisr" ["topic", "partition"]
        "1 where there are just as many in-sync replicas as min.insync.replicas.";
    LAST_STABLE_LAG: Gauge "kafka_cluster_partition_laststableoffsetlag" ["topic", "partition"]
        "Offsets between the last stable offset and the high watermark.";
    CURRENT_OFFSET: Gauge "kafka_topic_partition_current_offset" ["topic", "partition"]
        "The high watermark of a partition.";
    OLDEST_OFFSET: Gauge "kafka_topic_partition_oldest_offset" ["topic", "partition"]
        "First offset of a partition.";
    EXPORTER_IN_SYNC: Gauge "kafka_topic_partition_in_sync_replica" ["topic", "partition"]
        "In-sync replicas of a partition.";
    EXPORTER_REPLICAS: Gauge "kafka_topic_partition_replicas" ["topic", "partition"]
        "Replicas of a partition.";
    LEADER: Gauge "kafka_topic_partition_leader" ["topic", "partition"]
        "The broker that leads a partition; -1 for none.";
    LEADER_IS_PREFERRED: Gauge "kafka_topic_partition_leader_is_preferred" ["topic", "partition"]
        "1 where the first replica leads.";
    EXPORTER_UNDER_REPLICATED: Gauge "kafka_topic_partition_under_replicated_partition" ["topic", "partition"]
        "1 where replicas are missing from the in-sync replicas.";
    PARTITIONS: Gauge "kafka_topic_partitions" ["topic"]
        "Partitions of a topic.";
}
