//! Every bound in one place, each with its reason.

/// What one decoded message may take beyond its frame: vectors and strings, not record bytes, which stay in the
/// frame. A frame of 100 MiB could otherwise unfold into gigabytes of small structs; the largest honest message,
/// Metadata of 200,000 partitions, takes under 60 MiB.
pub const DECODED_MESSAGE_BYTES_MAX: usize = 128 << 20;

/// Topics and partitions that one Produce request names: more than a node is built for, so that a request beyond it
/// repeats itself. Each takes some hundred bytes until it is answered, and as little as six in the frame.
pub const PRODUCE_PARTITIONS_MAX: usize = 256 * 1024;

/// What a produced batch may take when decompressed, whatever `max.decompressed.message.bytes` allows (its
/// default is 2 GiB). Validation holds one decompressed batch per shard, and a shard that inflates more than
/// this keeps its other connections waiting for a tenth of a second.
pub const DECOMPRESSED_BATCH_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Decompression memory that a shard keeps from one batch to the next: most batches are below
/// `max.message.bytes` (1 MiB) and inflate a few times; larger ones give their memory back.
pub const DECOMPRESSION_RETAINED_BYTES: usize = 8 * 1024 * 1024;

/// The largest zstd window we read, as a power of two: 128 MiB, what level 22 writes and what the library's
/// own default allows. The window's memory is touched only as far as output fills it.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;

const _: () = assert!(DECOMPRESSED_BATCH_BYTES_MAX <= 1 << ZSTD_WINDOW_LOG_MAX);
/// How many partitions' places a decoded Produce or Fetch request keeps reserved for the next request: most name
/// fewer, and one large request must not hold memory on every connection that sent one.
pub const REQUEST_PARTITIONS_KEPT: usize = 4096;

/// Records at fault that a Produce response names for one batch. A producer fails these with their own text
/// and all others with the batch's; a batch of tiny records must not turn into a response many times its size. All batches
/// of one request have as many together.
pub const RECORD_ERRORS_MAX: usize = 256;
/// Observers of the metadata log whose progress a leader remembers. One entry is under 64 bytes; a cluster of more
/// brokers than this still works, its most silent observers are only missing from DescribeQuorum.
pub const METADATA_OBSERVER_COUNT_MAX: usize = 10_000;

/// Batches remembered of each idempotent producer: a client may have five in flight
/// (`max.in.flight.requests.per.connection`), and any of them may be sent again. Kafka's number.
pub const PRODUCER_BATCHES_REMEMBERED: usize = 5;

/// Producers that one partition remembers; about 20 MB at the bound. A new id each second for a day, which is
/// `producer.id.expiration.ms`, stays below. Past it those idle longest are forgotten, as if they had expired.
pub const PRODUCERS_PER_PARTITION_MAX: usize = 100_000;

/// Shards of a node: `jackdaw.shards` at most. Every pair of them has two mailboxes, 65,280 at the bound; no
/// machine that we know has more cores than this in one socket.
pub const SHARDS_MAX: i64 = 256;

/// `jackdaw.spin.us` at most, in microseconds. A sleep and a wake-up cost some ten; who waits for longer gains nothing.
pub const SPIN_US_MAX: i64 = 1000;

/// Of one commit journal: recovery reads it into memory.
pub const JOURNAL_BYTES_MAX: i64 = 1 << 30;

/// Records that one operation of the controller may write at once, as in Kafka: followers and brokers apply a batch
/// as a whole, and a batch has to stay within 8 MiB.
pub const METADATA_BATCH_RECORDS_MAX: usize = 10_000;

/// Fetch sessions of one shard, whatever `max.incremental.fetch.session.cache.slots` says: to find the one
/// that gives way looks at each.
pub const FETCH_SESSIONS_MAX: usize = 10_000;

/// Partitions in the fetch sessions of one shard, about 40 MB at the bound. A client without a session names
/// all its partitions in each fetch.
pub const FETCH_SESSION_PARTITIONS_MAX: usize = 256 * 1024;

// Storage: files that are read whole at start.

/// A checkpoint of offsets: 200,000 partitions a directory with topic names of the greatest length.
pub const CHECKPOINT_SIZE_MAX_BYTES: usize = 64 << 20;
/// `meta.properties`, `partition.metadata` and the clean-shutdown marker are a few lines each.
pub const META_PROPERTIES_SIZE_MAX_BYTES: usize = 64 << 10;
/// An offset or time index: an entry for every 4 KiB of a segment of 2 GiB, or of `index.interval.bytes` from a
/// hundredth of that on. Read whole by the commands that look through a stopped directory.
pub const POSITION_INDEX_SIZE_MAX_BYTES: usize = 512 << 20;
/// A segment's aborted transactions: 34 bytes for each marker, and a marker takes 78 bytes of a 1 GiB segment.
pub const TRANSACTION_INDEX_SIZE_MAX_BYTES: usize = 512 << 20;
/// A producer snapshot: 46 bytes for each of `PRODUCERS_PER_PARTITION_MAX` producers, and as much again for one that
/// Kafka wrote, which has no such bound.
pub const PRODUCER_SNAPSHOT_SIZE_MAX_BYTES: usize = 2 * 46 * PRODUCERS_PER_PARTITION_MAX + 64;
/// Files of segments that one shard keeps open, where the limit on the process's descriptors allows as many. A partition that
/// is written takes one to three, an older segment that is read takes two; past it those unused for longest are closed.
pub const SEGMENT_FILES_OPEN_MAX: usize = 200_000;
/// What a shard keeps open however few descriptors there are: a dozen partitions in use.
pub const SEGMENT_FILES_OPEN_MIN: usize = 48;
/// Batches of a partition whose places are remembered for readers at the tail: more than a consumer that keeps up is
/// behind; 24 bytes each in every partition.
pub const RECENT_BATCH_COUNT: usize = 32;
/// A snapshot of the cluster's metadata that is read at once: a million partitions take about 150 MiB.
pub const METADATA_SNAPSHOT_SIZE_MAX_BYTES: usize = 1 << 30;

// Consumer groups.

/// A regular expression that a member subscribes with; in Kafka it is bounded by the request only. One of this length
/// already names hundreds of topics.
pub const GROUP_REGEX_LENGTH_MAX: usize = 16 << 10;
/// What one compiled expression may take. Repeats of repeats would otherwise unfold to gigabytes.
pub const GROUP_REGEX_PROGRAM_BYTES_MAX: usize = 1 << 20;
/// The least time between two look-ups of all expressions of a group: each is matched against every topic, and
/// topics may be created by the thousand.
pub const GROUP_REGEX_REFRESH_MIN_MS: u64 = 1_000;
/// Members of one group whose timers are served in one turn, together: a few milliseconds.
pub const GROUP_EXPIRED_TIMERS_MAX: usize = 1_000;
/// What a decision about a group writes in one batch, by a rough count: a quarter of the default `max.message.bytes`.
/// More than that is ordered so that it may be cut.
pub const GROUP_ATOMIC_BYTES_MAX: usize = 256 << 10;
/// Steps in which one target of a group whose members ask for different topics is evened out, beside two looks at every
/// member of every topic: some ten milliseconds. Each is a member looked at or a partition moved. A target that would
/// take more is less even than it could be, and the next one goes on from it.
pub const GROUP_BALANCE_STEPS_MAX: usize = 1 << 17;

// Groups: what the coordinator of one partition of `__consumer_offsets` remembers.

/// Members of one group, whatever `group.max.size` says (its default is no limit). A leader is told of all of them in
/// one JoinGroup response, and the group's record names them all: neither would fit in a message long before this.
pub const GROUP_MEMBERS_MAX: usize = 50_000;
/// Protocols that one member offers. Each is looked for among those of every other member, so that the work of a
/// JoinGroup grows with the square of it; the clients that we know offer at most four assignors.
pub const GROUP_PROTOCOLS_MAX: usize = 64;
/// What the protocols of one member take, names and metadata: twice what fits in a batch of the default
/// `max.message.bytes`, which the group's record with all of its members has to.
pub const GROUP_MEMBER_PROTOCOLS_BYTES_MAX: usize = 2 << 20;
/// What the texts of all groups of one coordinator take: group ids, members' terms and subscriptions, the topics that
/// expressions stand for, and ids that were issued. A batch of the log bounds one member, not their sum. 10,000 members of 10 KB are 100 MB. Past it, what takes
/// more is refused.
pub const GROUPS_SIZE_BYTES_MAX: usize = 256 << 20;
/// Member ids of one group that were handed out and not used yet. Each lives for a session timeout; its length, with
/// the client's own name in it, counts in `GROUPS_SIZE_BYTES_MAX`. A client that asks again and again for an id is
/// the only way to get here.
pub const GROUP_ISSUED_IDS_MAX: usize = 10_000;
/// Groups of one coordinator, of which a broker has 50: an empty one takes under 1 KiB besides
/// its id. A client that invents group
/// ids without end is the only way to get here.
pub const GROUPS_PER_COORDINATOR_MAX: usize = 100_000;
/// Offsets of one coordinator: about 150 bytes each besides their metadata, 300 MB at the bound. Past it only new
/// ones are refused.
pub const OFFSETS_PER_COORDINATOR_MAX: usize = 2_000_000;
/// What the metadata of all offsets of one coordinator may take. Most clients send none; one offset may have 4,096
/// characters, so that the bound on the count alone would allow gigabytes.
pub const OFFSETS_METADATA_BYTES_MAX: usize = 256 << 20;
/// Records that one sweep writes at once: a few milliseconds' work.
pub const GROUP_SWEEP_RECORDS_MAX: usize = 1_000;
/// What the records of one sweep take together, about: each names its group, which may be as long as a string can be.
/// Half of the default `max.message.bytes`; where the topic allows less, the sweep halves it until it fits.
pub const GROUP_SWEEP_BYTES_MAX: usize = 512 << 10;
/// A sweep that could not write this much goes on with the next group.
pub const GROUP_SWEEP_BYTES_MIN: usize = 1 << 10;
/// How long what is due and could not be written is put off, so that others have their turn.
pub const GROUP_POSTPONE_MS: u64 = 5_000;
/// How long a coordinator serves, and how old a commit is, before the metadata's silence about the topic counts: an
/// image that lags behind a restart must not take offsets away.
pub const GROUP_IMAGE_SETTLED_MS: u64 = 5 * 60 * 1000;
/// Deleted topics whose offsets are still to be looked for; those beyond are found by the sweep.
pub const GROUP_DELETED_TOPICS_MAX: usize = 10_000;
/// Groups that one step of a sweep looks at: a few milliseconds, so that requests are not kept waiting.
pub const GROUP_SWEEP_GROUPS_MAX: usize = 1_000;
/// How long a JoinGroup of a new member may wait. It has no id yet and sends no heartbeats, and one that went away
/// does not tell; it asks again if it is still there. Kafka's number.
pub const NEW_MEMBER_JOIN_TIMEOUT_MS: u64 = 5 * 60 * 1000;
/// How long, at least, a rebalance goes on waiting when only static members are left and none is there: their
/// sessions end it, and their own rebalance timeout may be nothing.
pub const REBALANCE_WAIT_AGAIN_MIN_MS: u64 = 1_000;

// Client quotas.

/// Samples that a rate is made of, whatever `quota.window.num` says: each use looks at all of them.
pub const QUOTA_WINDOWS_MAX: u32 = 3_600;
/// Users, client ids and addresses whose use of one quota a shard remembers, about 400 bytes each at the default windows.
/// Where there are more at one time, those that come last are not throttled; who invents client ids has escaped a default
/// quota anyway.
pub const QUOTA_SCOPES_MAX: usize = 100_000;
