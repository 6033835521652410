//! DescribeLogDirs (35): which partitions each directory holds, and how large they are.

use std::{collections::BTreeMap, path::PathBuf, rc::Rc};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::describe_log_dirs::{
        DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
        DescribeLogDirsTopic,
    },
};
use jackdaw_ring::file;

use crate::{
    message::PartitionKey,
    partition_query::{Ask, PartitionQuery, Told, ask_owners, key},
    service::RequestContext,
    shard::Shard,
    view::View,
};

/// The size of a file system that does not tell.
const UNKNOWN_BYTES: i64 = -1;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let view = shard.view();
    let keys = asked(&view, &request);
    let query = |(index, key): (usize, &PartitionKey)| PartitionQuery { index, key: *key, ask: Ask::Size };
    let answers = ask_owners(&shard, keys.iter().enumerate().map(query).collect()).await;
    let dirs = &shard.identity.log_dirs;
    let mut held: Vec<BTreeMap<String, Vec<DescribeLogDirsPartition>>> = vec![BTreeMap::new(); dirs.len()];
    for (index, told) in answers {
        let key = keys[index];
        let (Ok(Told::Size { log_dir, bytes }), Some(topic)) = (told, view.topic_by_id(key.topic_id)) else {
            continue;
        };
        let partition = DescribeLogDirsPartition {
            partition_index: key.partition,
            partition_size: i64::try_from(bytes).unwrap_or(i64::MAX),
            offset_lag: 0,
            is_future_key: false,
        };
        held[log_dir].entry(topic.name.to_string()).or_default().push(partition);
    }
    let error = |dir| match shard.fatal.dirs().is_failed(dir) {
        true => ErrorCode::KafkaStorageError,
        false => ErrorCode::None,
    };
    let space = |index, dir: &PathBuf| match file::space(dir) {
        Ok(space) if error(index).is_ok() => (bytes(space.total_bytes), bytes(space.usable_bytes)),
        _ => (UNKNOWN_BYTES, UNKNOWN_BYTES),
    };
    let results = dirs.iter().zip(held).enumerate();
    let results = results.map(|(index, (dir, topics))| (error(index), space(index, dir), dir, topics));
    let results = results.map(|(error, (total_bytes, usable_bytes), dir, topics)| DescribeLogDirsResult {
        error_code: error.code(),
        log_dir: dir.display().to_string(),
        topics: topics
            .into_iter()
            .map(|(name, partitions)| DescribeLogDirsTopic { name, partitions })
            .collect(),
        total_bytes,
        usable_bytes,
        is_cordoned: false,
    });
    DescribeLogDirsResponse { results: results.collect(), ..DescribeLogDirsResponse::default() }
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The asked partitions that exist, or all.
fn asked(view: &View, request: &DescribeLogDirsRequest) -> Vec<PartitionKey> {
    let Some(topics) = &request.topics else { return view.placement.keys().collect() };
    let named = topics.iter().flat_map(|topic| topic.partitions.iter().map(|id| (&topic.topic, *id)));
    named.filter_map(|(topic, partition)| key(view, topic, partition)).collect()
}
