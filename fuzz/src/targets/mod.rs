//! The table of targets.

mod connection;
mod logs;
mod messages;
mod pieces;
mod records;
mod replay;
mod segments;
mod text;

use crate::Target;

const fn target(
    name: &'static str,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
    (base_bytes, bytes_per_byte): (usize, usize),
) -> Target {
    Target { name, run, seeds, base_bytes, bytes_per_byte }
}

/// Small structs take two or three bytes on the wire and up to some 400 in memory; writing them again comes on top.
const OF_MESSAGES: (usize, usize) = (64 << 10, 600);
/// Decompression has tables of its own, and what a codec inflates is bounded by the target.
const OF_BATCHES: (usize, usize) = (16 << 20, 64);
/// A simulated machine with its disk, and whole scans of a segment.
const OF_LOGS: (usize, usize) = (64 << 20, 4096);

/// All targets.
pub static ALL: &[Target] = &[
    target("frame", messages::frame, messages::frame_seeds, OF_MESSAGES),
    target("connection", connection::connection, connection::connection_seeds, OF_LOGS),
    target("http", connection::http, connection::http_seeds, OF_LOGS),
    target("message", messages::message, messages::message_seeds, OF_MESSAGES),
    target("produce_request", messages::produce, messages::produce_seeds, OF_MESSAGES),
    target("fetch_request", messages::fetch, messages::fetch_seeds, OF_MESSAGES),
    target("batch_validation", records::validation, records::seeds, OF_BATCHES),
    target("record_iteration", records::iteration, records::seeds, OF_BATCHES),
    target("compaction", records::compaction, records::seeds, OF_BATCHES),
    target("segment_recovery", segments::recovery, segments::recovery_seeds, OF_LOGS),
    target("index_files", segments::indexes, segments::index_seeds, OF_LOGS),
    target("producer_snapshot", logs::producer_snapshot, logs::producer_snapshot_seeds, (64 << 10, 600)),
    target("checkpoints", logs::checkpoints, logs::checkpoint_seeds, OF_LOGS),
    target("meta_properties", logs::meta_properties, logs::meta_properties_seeds, OF_LOGS),
    target("metadata_records", replay::metadata, replay::metadata_seeds, (1 << 20, 2048)),
    target("metadata_snapshot", replay::snapshot, replay::snapshot_seeds, (1 << 20, 2048)),
    target("group_records", replay::groups, replay::group_seeds, (4 << 20, 4096)),
    target("server_properties", text::properties, text::properties_seeds, (16 << 20, 8192)),
    target("topic_configs", text::topic_configs, text::topic_config_seeds, (4 << 20, 4096)),
    target("regex", text::regex, text::regex_seeds, (64 << 20, 4096)),
];
