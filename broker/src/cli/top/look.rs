//! One look at a broker: at its metrics page, or at the ends of all partitions.

use std::collections::BTreeMap;

use jackdaw_core::protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
};

use super::page::{Page, Sample};
use crate::cli::client::Client;
use crate::cli::client::address::Address;
use crate::cli::client::error::ClientError;
use crate::cli::client::offsets::LATEST;
use crate::utc;

/// What a broker has done so far, and what it holds.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) time_ms: i64,
    /// Where it was looked at.
    pub(super) source: String,
    /// `None` where only offsets are known.
    pub(super) node: Option<Node>,
    pub(super) shards: BTreeMap<String, Shard>,
    pub(super) requests: BTreeMap<String, Requests>,
    pub(super) topics: BTreeMap<String, Topic>,
    pub(super) groups: BTreeMap<String, Group>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    pub(super) version: String,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) started_at: Option<f64>,
    pub(super) connections: f64,
    pub(super) bytes_in: f64,
    pub(super) bytes_out: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shard {
    pub(super) busy_seconds: f64,
    pub(super) idle_seconds: f64,
    pub(super) connections: f64,
    pub(super) partitions: f64,
    pub(super) memory_bytes: f64,
    pub(super) memory_left_bytes: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Requests {
    pub(super) count: f64,
    /// Of the last minutes, milliseconds by quantile.
    pub(super) median_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Topic {
    pub(super) partitions: usize,
    /// The sum of the ends of its partitions: records, and what stands between them.
    pub(super) end_offsets: f64,
    pub(super) bytes_in: Option<f64>,
    pub(super) bytes_out: Option<f64>,
    pub(super) size_bytes: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    pub(super) members: f64,
    pub(super) lag: f64,
}

impl Look {
    pub(super) fn of_page(address: &Address, page: &Page) -> Self {
        const TOPICS: &str = "kafka_server_brokertopicmetrics";
        let version = page.samples("jackdaw_build_info").find_map(|sample| sample.label("version"));
        let node = Node {
            version: version.unwrap_or("?").to_owned(),
            cpu_seconds: page.single("process_cpu_seconds_total"),
            resident_bytes: page.single("process_resident_memory_bytes"),
            started_at: page.single("process_start_time_seconds"),
            connections: page.samples(CONNECTIONS).map(|sample| sample.value).sum(),
            bytes_in: page.single(&format!("{TOPICS}_bytesin_total")).unwrap_or(0.0),
            bytes_out: page.single(&format!("{TOPICS}_bytesout_total")).unwrap_or(0.0),
        };
        Self {
            time_ms: utc::now_ms(),
            source: format!("http://{address}/metrics"),
            node: Some(node),
            shards: shards(page),
            requests: requests(page),
            topics: topics(page, TOPICS),
            groups: groups(page),
        }
    }

    /// # Errors
    /// No broker answers, or the ends of the partitions of none.
    pub(super) fn of_offsets(client: &mut Client) -> Result<Self, ClientError> {
        client.refresh_nodes()?;
        let all = client.all_topics()?;
        let mut topics: BTreeMap<String, Topic> = BTreeMap::new();
        let mut by_leader: BTreeMap<i32, Vec<ListOffsetsTopic>> = BTreeMap::new();
        for topic in &all {
            let found = Topic { partitions: topic.partitions.len(), ..Topic::default() };
            topics.insert(topic.name.clone(), found);
            for partition in &topic.partitions {
                let Some(leader) = partition.leader else { continue };
                let asked = ListOffsetsPartition {
                    partition_index: partition.index,
                    timestamp: LATEST,
                    ..ListOffsetsPartition::default()
                };
                let of_leader = by_leader.entry(leader).or_default();
                match of_leader.last_mut().filter(|last| last.name == topic.name) {
                    Some(last) => last.partitions.push(asked),
                    None => {
                        of_leader.push(ListOffsetsTopic { name: topic.name.clone(), partitions: vec![asked] })
                    }
                }
            }
        }
        for (leader, asked) in by_leader {
            let request =
                |_| ListOffsetsRequest { replica_id: -1, topics: asked, ..ListOffsetsRequest::default() };
            for answer in client.call_node(leader, request)?.topics {
                let ends = answer.partitions.iter().filter(|partition| partition.error_code == 0);
                let sum: f64 = ends.map(|partition| partition.offset as f64).sum();
                if let Some(topic) = topics.get_mut(&answer.name) {
                    topic.end_offsets += sum;
                }
            }
        }
        let source = client.any()?.address().to_string();
        Ok(Self { time_ms: utc::now_ms(), source, topics, ..Self::default() })
    }
}

const CONNECTIONS: &str = "kafka_server_socket_server_metrics_connection_count";

/// Add each sample of a family to the entry that this label names.
fn collect<T: Default>(
    map: &mut BTreeMap<String, T>,
    page: &Page,
    family: &str,
    label: &str,
    take: impl Fn(&mut T, &Sample),
) {
    for sample in page.samples(family) {
        if let Some(name) = sample.label(label) {
            take(map.entry(name.to_owned()).or_default(), sample);
        }
    }
}

fn shards(page: &Page) -> BTreeMap<String, Shard> {
    type Take = fn(&mut Shard, &Sample);
    let families: [(&str, &str, Take); 6] = [
        ("jackdaw_shard_busy_seconds_total", "shard", |shard, sample| shard.busy_seconds = sample.value),
        ("jackdaw_shard_idle_seconds_total", "shard", |shard, sample| shard.idle_seconds = sample.value),
        (CONNECTIONS, "networkProcessor", |shard, sample| shard.connections = sample.value),
        ("jackdaw_shard_partitions", "shard", |shard, sample| shard.partitions = sample.value),
        ("jackdaw_shard_request_memory_bytes", "shard", |shard, sample| shard.memory_bytes = sample.value),
        ("jackdaw_shard_request_memory_left_bytes", "shard", |shard, sample| {
            shard.memory_left_bytes = sample.value;
        }),
    ];
    let mut shards = BTreeMap::new();
    for (family, label, take) in families {
        collect(&mut shards, page, family, label, take);
    }
    shards
}

fn requests(page: &Page) -> BTreeMap<String, Requests> {
    let mut requests: BTreeMap<String, Requests> = BTreeMap::new();
    let family = "kafka_network_requestmetrics_requests_total";
    collect(&mut requests, page, family, "request", |found, sample| found.count += sample.value);
    let family = "kafka_network_requestmetrics_totaltimems";
    collect(&mut requests, page, family, "request", |found, sample| match sample.label("quantile") {
        Some("0.50") => found.median_ms = Some(sample.value).filter(|value| value.is_finite()),
        Some("0.99") => found.p99_ms = Some(sample.value).filter(|value| value.is_finite()),
        _ => {}
    });
    // The same requests under another name.
    requests.remove("FetchConsumer");
    requests
}

fn topics(page: &Page, family: &str) -> BTreeMap<String, Topic> {
    let mut topics: BTreeMap<String, Topic> = BTreeMap::new();
    collect(&mut topics, page, "kafka_log_log_logendoffset", "topic", |topic, sample| {
        topic.partitions += 1;
        topic.end_offsets += sample.value;
    });
    collect(&mut topics, page, "kafka_log_log_size", "topic", |topic, sample| {
        *topic.size_bytes.get_or_insert(0.0) += sample.value;
    });
    collect(&mut topics, page, &format!("{family}_bytesin_total"), "topic", |topic, sample| {
        topic.bytes_in = Some(sample.value);
    });
    collect(&mut topics, page, &format!("{family}_bytesout_total"), "topic", |topic, sample| {
        topic.bytes_out = Some(sample.value);
    });
    topics
}

fn groups(page: &Page) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    collect(&mut groups, page, "kafka_consumergroup_members", "consumergroup", |group, sample| {
        group.members = sample.value;
    });
    collect(&mut groups, page, "kafka_consumergroup_lag_sum", "consumergroup", |group, sample| {
        group.lag += sample.value;
    });
    groups
}
