//! Bounds of one shard, each with its reason.

/// Descriptors that the node needs beside segments and connections: rings, wake-ups, listeners, the HTTP endpoint, the
/// metadata log, checkpoints, directories that are flushed, standard output.
pub(crate) const DESCRIPTORS_RESERVED: usize = 64;
pub(crate) const SHARD_DESCRIPTORS_RESERVED: usize = 32;

/// Messages in flight from one shard to another. Each connection waits for its answers, so more than this only
/// queues up work that the other shard cannot take yet.
pub(crate) const MAILBOX_MESSAGES: usize = 1024;

/// The shard that hosts the metadata log and answers for what there is once a node.
pub(crate) const CONTROLLER_SHARD: usize = 0;

/// Decoded produce requests that are kept to be filled again; as many as are usually in flight on a shard.
pub(crate) const POOLED_FRAMES_MAX: usize = 64;

/// Messages taken from other shards before this shard's own connections get their turn.
pub(crate) const MESSAGES_PER_TURN: usize = 128;

/// Memory for requests and answers of one shard where `queued.max.request.bytes` says nothing: two requests of the
/// largest default size.
pub(crate) const REQUEST_MEMORY_BYTES: usize = 256 << 20;

/// What a waiting request may take in memory for each byte of its frame. The densest message is an array of empty names:
/// a byte each in the frame, 24 bytes of a `String` decoded. `DECODED_MESSAGE_BYTES_MAX` bounds the whole.
pub(crate) const DECODED_BYTES_PER_FRAME_BYTE: usize = 32;

/// The same for Fetch, of which only a copy of the frame waits. When its turn comes, a partition's 17 bytes or more of
/// frame are decoded into 40 and planned in some more; one fetch a connection.
pub(crate) const FETCH_BYTES_PER_FRAME_BYTE: usize = 4;

/// Partitions of one shard that waiting fetches watch, counted for each fetch; some 100 MB at the bound. A hundred
/// consumers that each poll 10,000 partitions. Beyond it a long poll is answered at once with what there is.
pub(crate) const WATCHES_MAX: usize = 1 << 20;

/// An answer up to this size, decoded and encoded together, is made without setting memory aside: one at a time for
/// each connection, and most answers are far smaller.
pub(crate) const UNCOUNTED_ANSWER_BYTES: usize = 64 << 10;

/// What Metadata takes for each topic and for each partition while it is answered, decoded and encoded together: a
/// partition has three lists of replicas, of three each.
pub(crate) const METADATA_TOPIC_BYTES: usize = 256;
pub(crate) const METADATA_PARTITION_BYTES: usize = 320;

/// What DescribeConfigs takes for one resource while it is answered: thirty keys of a topic with their documentation.
pub(crate) const DESCRIBED_RESOURCE_BYTES: usize = 16 << 10;

/// Resources that one DescribeConfigs describes; some 50 MB of answer at the bound. A name costs a few bytes and need
/// not exist, its answer takes kilobytes.
pub(crate) const DESCRIBED_RESOURCES_MAX: usize = 10_000;

/// What a topic or partition of a Produce request takes until it is answered: decoded, planned, its result with a text,
/// and its part of the answer. Requests that name few need none.
pub(crate) const PRODUCE_PARTITION_BYTES: usize = 512;
pub(crate) const PRODUCE_PARTITIONS_UNCOUNTED: usize = 64;

/// Bytes of records that one request has inflated and validated before other connections get their turn: some
/// milliseconds. A single batch may have more, up to `DECOMPRESSED_BATCH_BYTES_MAX`.
pub(crate) const VALIDATED_BYTES_PER_TURN: usize = 2 << 20;

/// A read from disk where memory is short is of this size at least: the largest batch by default (`max.message.bytes`).
pub(crate) const COLD_READ_LEAST_BYTES: usize = 1 << 20;

/// Read of the metadata log at a time: its largest batch is 8 MiB.
pub(crate) const METADATA_READ_BYTES: usize = 16 << 20;

/// Committed metadata states that may wait to be shown to the shards.
pub(crate) const PUBLICATIONS_MAX: usize = 256;

/// How long a stop waits for requests that are being answered.
pub(crate) const STOP_GRACE: std::time::Duration = std::time::Duration::from_secs(2);

/// Read of a snapshot to learn when it was taken: its first batch, with a header and a voter set.
pub(crate) const SNAPSHOT_HEADER_BYTES: u64 = 64 << 10;

/// Logs that one shard opens at a time: enough for a disk's queue, few enough to keep their buffers small.
pub(crate) const LOGS_OPENED_AT_ONCE: usize = 8;

/// Logs that one shard makes, or closes, at a time. They wait for flushes, which the file system's journal does together:
/// more at a time is fewer commits, and each is a worker thread of the kernel while it waits.
pub(crate) const LOGS_MADE_AT_ONCE: usize = 32;
pub(crate) const LOGS_CLOSED_AT_ONCE: usize = 32;

/// Logs of which one shard flushes the segments at a time when half of its commit journal is full: the other half fills
/// meanwhile, and those who are answered from it share the disk with these flushes.
pub(crate) const SEGMENTS_RELEASED_AT_ONCE: usize = 8;

/// How long a stop waits for the controller to move leadership away.
pub(crate) const CONTROLLED_SHUTDOWN_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Read of a partition of `__consumer_offsets` at a time while its groups are loaded: some thousand records, which
/// are replayed in a few milliseconds before others get their turn.
pub(crate) const GROUP_LOAD_BYTES: usize = 256 << 10;

/// Partitions, or groups, that are looked at for metrics before others get their turn: some tens of microseconds.
pub(crate) const METRICS_SLICE: usize = 128;

/// Of the page of metrics, written and sent at a time: some hundred lines, a quarter of a millisecond.
pub(crate) const METRICS_CHUNK_BYTES: usize = 32 << 10;

/// Pages of metrics in the making. Each holds the samples of the whole node, 10,000 partitions take a few MiB; two
/// monitors and somebody who looks are served at once.
pub(crate) const SCRAPES_AT_ONCE_MAX: usize = 4;

/// Committed offsets that one shard tells of; some 10 MiB. What is beyond is counted only.
pub(crate) const METRICS_GROUP_OFFSETS_MAX: usize = 200_000;

/// A shard that does not answer for so long hangs: its longest work at a time takes milliseconds.
pub(crate) const HEALTH_BOUND: std::time::Duration = std::time::Duration::from_secs(5);
