//! Requests by API and version, and where their time goes.

use crate::metrics::family::families;

families! {
    REQUESTS: Counter "kafka_network_requestmetrics_requests_total" ["request", "version"]
        "Requests that were answered. FetchConsumer stands beside Fetch with the same values.";
    TOTAL: Summary "kafka_network_requestmetrics_totaltimems" ["request"]
        "Milliseconds from a request's last byte to its answer's.";
    QUEUE: Summary "kafka_network_requestmetrics_requestqueuetimems" ["request"]
        "Milliseconds that a request waited for memory before its turn.";
    LOCAL: Summary "kafka_network_requestmetrics_localtimems" ["request"]
        "Milliseconds in which a request took its place in the order: decoded, validated, appended.";
    REMOTE: Summary "kafka_network_requestmetrics_remotetimems" ["request"]
        "Milliseconds from then on until the answer was there: other shards, disks, long polls, other members of a group.";
    RESPONSE_SEND: Summary "kafka_network_requestmetrics_responsesendtimems" ["request"]
        "Milliseconds in which an answer waited for those before it and was sent.";
    STAGE: Summary "jackdaw_stage_seconds" ["shard", "stage"]
        "Seconds in a stage on a shard: receive (the rest of a request that came in parts), queue, validate and append (one produce in 16 is timed), flush, respond.";
    FLUSH: Summary "kafka_log_logflushstats_logflushrateandtimems" []
        "Milliseconds that a flush of a log took.";
}
