//! Shards: how busy each is, what it holds; and what Kafka's thread pools would tell.

use crate::metrics::family::families;

families! {
    BUSY: Counter "jackdaw_shard_busy_seconds_total" ["shard"]
        "Time that a shard has worked.";
    IDLE: Counter "jackdaw_shard_idle_seconds_total" ["shard"]
        "Time that a shard has slept.";
    SLEEPS: Counter "jackdaw_shard_sleeps_total" ["shard"]
        "How often a shard went to sleep.";
    POLLS: Counter "jackdaw_shard_task_polls_total" ["shard"]
        "How often a shard's tasks ran.";
    PARTITIONS: Gauge "jackdaw_shard_partitions" ["shard"]
        "Partitions that a shard owns.";
    MEMORY: Gauge "jackdaw_shard_request_memory_bytes" ["shard"]
        "What requests and answers of a shard may take together.";
    MEMORY_LEFT: Gauge "jackdaw_shard_request_memory_left_bytes" ["shard"]
        "What of it is free.";
    HANDLERS_IDLE: Gauge "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent" []
        "Share of the last minute that shards slept, 0 to 1.";
    HANDLERS_IDLE_PLAIN: Gauge "kafka_server_kafkarequesthandlerpool_requesthandleravgidlepercent" []
        "The same under another customary name.";
    NETWORK_IDLE: Gauge "kafka_network_socketserver_networkprocessoravgidle_percent" []
        "The same: shards do Kafka's network threads' work, too.";
    NETWORK_IDLE_PLAIN: Gauge "kafka_network_socketserver_networkprocessoravgidlepercent" []
        "The same under another customary name.";
    MEMORY_POOL_AVAILABLE: Gauge "kafka_network_socketserver_memorypoolavailable" []
        "Free memory for requests and answers, of all shards.";
    MEMORY_POOL_USED: Gauge "kafka_network_socketserver_memorypoolused" []
        "Memory that requests and answers of all shards take.";
    CONNECTIONS: Gauge "kafka_server_socket_server_metrics_connection_count" ["networkProcessor"]
        "Open connections of clients, by shard.";
    CONNECTIONS_MADE: Counter "jackdaw_connections_accepted_total" ["shard"]
        "Connections that a shard has served since the start.";
    REFUSALS: Counter "jackdaw_refusals_total" ["shard", "reason"]
        "Connections that were refused, made to wait or closed for what the peer did, and requests that waited for memory, by \
         the limit or the mistake.";
    OPEN_FILES: Gauge "jackdaw_shard_open_segment_files" ["shard"]
        "Files of segments that a shard has open.";
    CLOSED_FILES: Counter "jackdaw_shard_segment_files_closed_total" ["shard"]
        "Files of segments that a shard closed to make room for others.";
    PURGATORY: Gauge "kafka_server_delayedoperationpurgatory_purgatorysize" ["delayedOperation"]
        "Requests that wait: fetches for more records.";
    DELAYED: Gauge "kafka_server_delayedoperationpurgatory_numdelayedoperations" ["delayedOperation"]
        "The same.";
    FETCH_SESSIONS: Gauge "kafka_server_fetchsessioncache_numincrementalfetchsessions" []
        "Incremental fetch sessions.";
    FETCH_SESSION_PARTITIONS: Gauge "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached" []
        "Partitions in them.";
}
