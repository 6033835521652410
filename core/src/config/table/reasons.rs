//! Why a key does nothing: what it waits for, or what stands in its place.

pub(super) const CLUSTER: &str = "clusters of more than one node";
pub(super) const QUORUM: &str = "quorums of more than one voter";
pub(super) const MANY_DIRS: &str = "several data directories and their failure";
pub(super) const STREAMS: &str = "streams groups";
pub(super) const SHARE: &str = "share groups";
pub(super) const TRANSACTIONS: &str = "transactions";
pub(super) const TIERED: &str = "tiered storage";
pub(super) const SECURITY: &str = "TLS, SASL and authorisation";
pub(super) const OAUTH: &str = "SASL OAUTHBEARER";
pub(super) const KERBEROS: &str = "SASL GSSAPI";
pub(super) const METRICS: &str = "metrics";
pub(super) const CLIENT_METRICS: &str = "metrics pushed by clients";
pub(super) const SOCKETS: &str = "socket options of listeners";
pub(super) const PREALLOCATION: &str = "preallocated segments";
pub(super) const SHARD_MEMORY: &str = "one budget for all memory of a shard";
pub(super) const FEATURES: &str = "feature levels";
pub(super) const PROVIDERS: &str = "configuration providers";

pub(super) const THREADS: &str = "there is one thread a core, see `jackdaw.shards`";
pub(super) const JAVA: &str = "there is no Java virtual machine here to load a class";
pub(super) const JAVA_TLS: &str = "TLS here is not Java's";
pub(super) const KINIT: &str = "tickets come from a keytab without a helper program";
pub(super) const SHARD_QUEUES: &str = "requests do not queue between threads, see `queued.max.request.bytes`";
pub(super) const PURGATORY: &str = "a finished wait leaves the purgatory at once";
pub(super) const LZ4: &str = "every lz4 level writes the fast format here";
pub(super) const CHECKPOINTS: &str =
    "all checkpoints are written together, see `replica.high.watermark.checkpoint.interval.ms`";
pub(super) const OWN_METRICS: &str = "metrics here are counters and histograms without samples";
pub(super) const APPENDS: &str = "a group coordinator writes each decision at once";
pub(super) const LOADS: &str = "256 KiB are read at a time";
pub(super) const TEST_HOOK: &str = "it is a hook of Kafka's own tests";
