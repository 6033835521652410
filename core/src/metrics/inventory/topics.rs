//! What is produced and fetched, of each topic and of all together (without the label).

use crate::metrics::family::families;

families! {
    BYTES_IN: Counter "kafka_server_brokertopicmetrics_bytesin_total" ["topic"]
        "Bytes of record batches written to logs.";
    BYTES_OUT: Counter "kafka_server_brokertopicmetrics_bytesout_total" ["topic"]
        "Bytes of record batches that fetches were answered with.";
    MESSAGES_IN: Counter "kafka_server_brokertopicmetrics_messagesin_total" ["topic"]
        "Records written to logs.";
    BYTES_REJECTED: Counter "kafka_server_brokertopicmetrics_bytesrejected_total" ["topic"]
        "Bytes of record batches that were refused for their size.";
    PRODUCE_REQUESTS: Counter "kafka_server_brokertopicmetrics_totalproducerequests_total" ["topic"]
        "Partitions that produce requests named.";
    FAILED_PRODUCE_REQUESTS: Counter "kafka_server_brokertopicmetrics_failedproducerequests_total" ["topic"]
        "Partitions that produce requests named and that were answered with an error.";
    FETCH_REQUESTS: Counter "kafka_server_brokertopicmetrics_totalfetchrequests_total" ["topic"]
        "Partitions that fetches read.";
    FAILED_FETCH_REQUESTS: Counter "kafka_server_brokertopicmetrics_failedfetchrequests_total" ["topic"]
        "Partitions that fetches named and that were answered with an error.";
    INVALID_MAGIC: Counter "kafka_server_brokertopicmetrics_invalidmagicnumberrecords_total" []
        "Batches refused because their format is not version 2.";
    INVALID_CRC: Counter "kafka_server_brokertopicmetrics_invalidmessagecrcrecords_total" []
        "Batches refused because of their checksum.";
    INVALID_SEQUENCE: Counter "kafka_server_brokertopicmetrics_invalidoffsetorsequencerecords_total" []
        "Batches refused because of their offsets or sequence numbers.";
    NO_KEY: Counter "kafka_server_brokertopicmetrics_nokeycompactedtopicrecords_total" []
        "Batches for compacted topics refused because of a record without a key.";
}
