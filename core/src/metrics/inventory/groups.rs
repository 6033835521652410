//! Consumer groups: how far they are, in the names of kafka_exporter, and how many there are, in Kafka's.

use crate::metrics::family::families;

families! {
    LAG: Gauge "kafka_consumergroup_lag" ["consumergroup", "topic", "partition"]
        "Records between a group's committed offset and the high watermark; 0 where the offset lies beyond.";
    LAG_SUM: Gauge "kafka_consumergroup_lag_sum" ["consumergroup", "topic"]
        "The same, summed over a topic's partitions.";
    CURRENT_OFFSET: Gauge "kafka_consumergroup_current_offset" ["consumergroup", "topic", "partition"]
        "The offset that a group has committed.";
    CURRENT_OFFSET_SUM: Gauge "kafka_consumergroup_current_offset_sum" ["consumergroup", "topic"]
        "The same, summed over a topic's partitions.";
    MEMBERS: Gauge "kafka_consumergroup_members" ["consumergroup"]
        "Members of a group.";
    STATE: Gauge "jackdaw_consumergroup_state" ["consumergroup", "type", "state"]
        "1 for the state that a group is in.";
    COUNT: Gauge "kafka_coordinator_group_groupmetadatamanager_numgroups" []
        "Groups that this node coordinates.";
    OFFSETS: Gauge "kafka_coordinator_group_groupmetadatamanager_numoffsets" []
        "Committed offsets of groups that this node coordinates.";
    STABLE: Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupsstable" []
        "Classic groups in this state.";
    EMPTY: Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupsempty" []
        "Classic groups in this state.";
    PREPARING: Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance" []
        "Classic groups in this state.";
    COMPLETING: Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance" []
        "Classic groups in this state.";
    DEAD: Gauge "kafka_coordinator_group_groupmetadatamanager_numgroupsdead" []
        "Always 0: groups that are gone are not kept.";
    COUNT_BY_PROTOCOL: Gauge "kafka_server_group_coordinator_metrics_group_count" ["protocol"]
        "Groups by protocol: classic or consumer.";
    CONSUMER_COUNT: Gauge "kafka_server_group_coordinator_metrics_consumer_group_count" ["state"]
        "Groups of the consumer protocol by state.";
    LOADING: Gauge "jackdaw_group_coordinators_loading" []
        "Partitions of __consumer_offsets whose groups are being loaded.";
    LEFT_OUT: Gauge "jackdaw_consumergroup_offsets_left_out" []
        "Committed offsets that this page leaves out, for it has room for so many only.";
}
