//! What happened between two looks: as lines of a screen, as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::look::{Look, Requests, Shard, Topic};
use crate::cli::output::size_text;
use crate::cli::output::table::{Align, Table};
use crate::utc;

/// Rows of shards and of requests on a screen; topics and groups share what is left.
const SHARDS_SHOWN: usize = 16;
const REQUESTS_SHOWN: usize = 6;
const ROWS_LEAST: usize = 2;

/// Two looks and the time between them.
pub(super) struct Frame<'a> {
    before: &'a Look,
    now: &'a Look,
    seconds: f64,
}

/// What a topic does, a second.
struct TopicRates<'a> {
    name: &'a str,
    topic: &'a Topic,
    records: Option<f64>,
    bytes_in: Option<f64>,
    bytes_out: Option<f64>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(before: &'a Look, now: &'a Look, elapsed: Duration) -> Self {
        Self { before, now, seconds: elapsed.as_secs_f64().max(1e-3) }
    }

    fn rate(&self, before: Option<f64>, now: Option<f64>) -> Option<f64> {
        // A broker that started anew counts from zero.
        Some((now? - before?).max(0.0) / self.seconds)
    }

    /// The busiest first.
    fn topics(&self) -> Vec<TopicRates<'a>> {
        let mut topics: Vec<_> =
            self.now.topics.iter().map(|(name, topic)| self.topic(name, topic)).collect();
        let weight = |rates: &TopicRates<'_>| {
            [rates.bytes_in, rates.bytes_out, rates.records].into_iter().flatten().sum::<f64>()
        };
        topics.sort_by(|one, other| weight(other).total_cmp(&weight(one)).then(one.name.cmp(other.name)));
        topics
    }

    fn topic(&self, name: &'a str, topic: &'a Topic) -> TopicRates<'a> {
        let before = self.before.topics.get(name);
        TopicRates {
            name,
            topic,
            records: self.rate(before.map(|before| before.end_offsets), Some(topic.end_offsets)),
            bytes_in: self.rate(before.and_then(|before| before.bytes_in), topic.bytes_in),
            bytes_out: self.rate(before.and_then(|before| before.bytes_out), topic.bytes_out),
        }
    }

    /// The most frequent first; those that nobody sent in between are left out.
    fn requests(&self) -> Vec<(&'a str, &'a Requests, f64)> {
        let rate = |(name, found): (&'a String, &'a Requests)| {
            let before = self.before.requests.get(name).map_or(0.0, |before| before.count);
            (name.as_str(), found, (found.count - before).max(0.0) / self.seconds)
        };
        let mut requests: Vec<_> =
            self.now.requests.iter().map(rate).filter(|(.., rate)| *rate > 0.0).collect();
        requests.sort_by(|one, other| other.2.total_cmp(&one.2).then(one.0.cmp(other.0)));
        requests
    }

    /// The share of the time between the looks in which a shard worked.
    fn busy(&self, name: &str, shard: &Shard) -> f64 {
        let nothing = Shard::default();
        let before = self.before.shards.get(name).unwrap_or(&nothing);
        let busy = (shard.busy_seconds - before.busy_seconds).max(0.0);
        let idle = (shard.idle_seconds - before.idle_seconds).max(0.0);
        if busy + idle > 0.0 { busy / (busy + idle) } else { 0.0 }
    }

    fn cpu_percent(&self) -> Option<f64> {
        let seconds = |look: &Look| look.node.as_ref().and_then(|node| node.cpu_seconds);
        self.rate(seconds(self.before), seconds(self.now)).map(|share| share * 100.0)
    }

    fn bytes(&self) -> Option<(f64, f64)> {
        let (before, now) = (self.before.node.as_ref()?, self.now.node.as_ref()?);
        let bytes_in = self.rate(Some(before.bytes_in), Some(now.bytes_in))?;
        Some((bytes_in, self.rate(Some(before.bytes_out), Some(now.bytes_out))?))
    }

    /// The lines, all of them or as many as `height`.
    pub(super) fn lines(&self, height: Option<usize>) -> Vec<String> {
        let mut lines = self.heading();
        let mut section = |table: &Table, rows: Option<usize>| {
            let text = table.to_text();
            let all: Vec<&str> = text.lines().collect();
            if all.len() < 2 || rows == Some(0) {
                return;
            }
            let shown = rows.map_or(all.len(), |rows| all.len().min(rows + 1));
            lines.push(String::new());
            lines.extend(all[..shown].iter().map(|line| (*line).to_owned()));
        };
        section(&self.shard_table(), height.map(|_| SHARDS_SHOWN));
        section(&self.request_table(), height.map(|_| REQUESTS_SHOWN));
        let shards = self.now.shards.len().min(SHARDS_SHOWN);
        let requests = self.requests().len().min(REQUESTS_SHOWN);
        // A heading and an empty line stand over each section.
        let above = self.heading().len() + shards + requests + 8;
        let left = height.map(|height| height.saturating_sub(above));
        let groups = left.map(|left| self.now.groups.len().min(left / 3));
        let topics = left.zip(groups).map(|(left, groups)| left.saturating_sub(groups).max(ROWS_LEAST));
        section(&self.topic_table(), topics);
        section(&self.group_table(), groups);
        if let Some(height) = height {
            lines.truncate(height);
        }
        lines
    }

    fn heading(&self) -> Vec<String> {
        let time = utc::to_text(self.now.time_ms);
        let Some(node) = &self.now.node else {
            let records: f64 = self.topics().iter().filter_map(|topic| topic.records).sum();
            return vec![
                format!("{}  {time}", self.now.source),
                format!(
                    "{} topics, {} records/s, by offsets",
                    self.now.topics.len(),
                    rate_text(Some(records))
                ),
            ];
        };
        let mut first = format!("{}  Jackdaw {}  {time}", self.now.source, node.version);
        if let Some(started_at) = node.started_at {
            first.push_str(&format!("  up {}", time_text(self.now.time_ms as f64 / 1000.0 - started_at)));
        }
        let mut second = format!("{} connections", node.connections);
        if let Some(cpu) = self.cpu_percent() {
            second.push_str(&format!(", {cpu:.0} % of a core"));
        }
        if let Some(bytes) = node.resident_bytes {
            second.push_str(&format!(", {} of memory", size_text(bytes)));
        }
        if let Some((bytes_in, bytes_out)) = self.bytes() {
            second.push_str(&format!(", in {}/s, out {}/s", size_text(bytes_in), size_text(bytes_out)));
        }
        vec![first, second]
    }

    fn shard_table(&self) -> Table {
        let mut table = Table::new(&[
            ("SHARD", Align::Right),
            ("BUSY", Align::Right),
            ("CONNECTIONS", Align::Right),
            ("PARTITIONS", Align::Right),
            ("REQUEST MEMORY", Align::Right),
        ]);
        let mut shards: Vec<_> = self.now.shards.iter().collect();
        shards.sort_by_key(|(name, _)| name.parse::<usize>().unwrap_or(usize::MAX));
        for (name, shard) in shards {
            let used = (shard.memory_bytes - shard.memory_left_bytes).max(0.0);
            table.row([
                name.clone(),
                format!("{:.0} %", self.busy(name, shard) * 100.0),
                shard.connections.to_string(),
                shard.partitions.to_string(),
                size_text(used),
            ]);
        }
        table
    }

    fn request_table(&self) -> Table {
        let mut table = Table::new(&[
            ("REQUEST", Align::Left),
            ("PER S", Align::Right),
            ("MEDIAN MS", Align::Right),
            ("P99 MS", Align::Right),
        ]);
        let ms = |time: Option<f64>| time.map_or("-".to_owned(), |ms| format!("{ms:.2}"));
        for (name, found, rate) in self.requests() {
            table.row([name.to_owned(), rate_text(Some(rate)), ms(found.median_ms), ms(found.p99_ms)]);
        }
        table
    }

    fn topic_table(&self) -> Table {
        let mut table = Table::new(&[
            ("TOPIC", Align::Left),
            ("PARTITIONS", Align::Right),
            ("RECORDS/S", Align::Right),
            ("IN/S", Align::Right),
            ("OUT/S", Align::Right),
            ("SIZE", Align::Right),
        ]);
        let size = |bytes: Option<f64>| bytes.map_or("-".to_owned(), size_text);
        for rates in self.topics() {
            table.row([
                rates.name.to_owned(),
                rates.topic.partitions.to_string(),
                rate_text(rates.records),
                size(rates.bytes_in),
                size(rates.bytes_out),
                size(rates.topic.size_bytes),
            ]);
        }
        table
    }

    fn group_table(&self) -> Table {
        let mut table =
            Table::new(&[("GROUP", Align::Left), ("MEMBERS", Align::Right), ("LAG", Align::Right)]);
        let mut groups: Vec<_> = self.now.groups.iter().collect();
        groups.sort_by(|one, other| other.1.lag.total_cmp(&one.1.lag).then(one.0.cmp(other.0)));
        for (name, group) in groups {
            table.row([name.clone(), group.members.to_string(), group.lag.to_string()]);
        }
        table
    }

    /// One object, on one line.
    pub(super) fn json(&self) -> String {
        let shards = self.now.shards.iter().map(|(name, shard)| {
            json!({
                "shard": name,
                "busy": self.busy(name, shard),
                "connections": shard.connections,
                "partitions": shard.partitions,
                "request_memory_bytes": shard.memory_bytes - shard.memory_left_bytes,
            })
        });
        let requests = self.requests().into_iter().map(|(name, found, rate)| {
            json!({ "request": name, "per_second": rate, "median_ms": found.median_ms, "p99_ms": found.p99_ms })
        });
        let topics = self.topics().into_iter().map(|rates| {
            json!({
                "topic": rates.name,
                "partitions": rates.topic.partitions,
                "records_per_second": rates.records,
                "bytes_in_per_second": rates.bytes_in,
                "bytes_out_per_second": rates.bytes_out,
                "size_bytes": rates.topic.size_bytes,
            })
        });
        let groups = self
            .now
            .groups
            .iter()
            .map(|(name, group)| json!({ "group": name, "members": group.members, "lag": group.lag }));
        let frame = json!({
            "time": self.now.time_ms,
            "source": self.now.source,
            "seconds": self.seconds,
            "cpu_percent": self.cpu_percent(),
            "resident_bytes": self.now.node.as_ref().and_then(|node| node.resident_bytes),
            "connections": self.now.node.as_ref().map(|node| node.connections),
            "shards": shards.collect::<Vec<Value>>(),
            "requests": requests.collect::<Vec<Value>>(),
            "topics": topics.collect::<Vec<Value>>(),
            "groups": groups.collect::<Vec<Value>>(),
        });
        format!("{frame}\n")
    }
}

/// `0`, `1.5`, `250`; `-` where it is not known.
fn rate_text(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(rate) if rate >= 100.0 => format!("{rate:.0}"),
        Some(rate) => format!("{rate:.1}"),
    }
}

/// In the largest unit, with the next.
fn time_text(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::super::page::Page;
    use super::*;
    use crate::cli::client::address::Address;

    fn look(scale: f64) -> Look {
        let text = format!(
            "jackdaw_build_info{{version=\"0.1.0\"}} 1\nprocess_cpu_seconds_total {cpu}\n\
             process_resident_memory_bytes 1048576\n\
             jackdaw_shard_busy_seconds_total{{shard=\"0\"}} {busy}\njackdaw_shard_idle_seconds_total{{shard=\"0\"}} {idle}\n\
             kafka_server_socket_server_metrics_connection_count{{networkProcessor=\"0\"}} 3\n\
             jackdaw_shard_partitions{{shard=\"0\"}} 2\n\
             kafka_network_requestmetrics_requests_total{{request=\"Produce\",version=\"13\"}} {count}\n\
             kafka_network_requestmetrics_totaltimems{{request=\"Produce\",quantile=\"0.50\"}} 0.25\n\
             kafka_network_requestmetrics_totaltimems{{request=\"Produce\",quantile=\"0.99\"}} 1.5\n\
             kafka_network_requestmetrics_requests_total{{request=\"Metadata\",version=\"13\"}} 5\n\
             kafka_server_brokertopicmetrics_bytesin_total {bytes}\nkafka_server_brokertopicmetrics_bytesout_total 0\n\
             kafka_server_brokertopicmetrics_bytesin_total{{topic=\"orders\"}} {bytes}\n\
             kafka_log_log_logendoffset{{topic=\"orders\",partition=\"0\"}} {end}\n\
             kafka_log_log_logendoffset{{topic=\"orders\",partition=\"1\"}} 7\n\
             kafka_log_log_logendoffset{{topic=\"quiet\",partition=\"0\"}} 7\n\
             kafka_log_log_size{{topic=\"orders\",partition=\"0\"}} 2048\n\
             kafka_consumergroup_members{{consumergroup=\"g\"}} 2\nkafka_consumergroup_lag_sum{{consumergroup=\"g\",topic=\"orders\"}} 9\n",
            cpu = scale,
            busy = scale,
            idle = 3.0 * scale,
            count = 100.0 * scale,
            bytes = 4096.0 * scale,
            end = 50.0 * scale,
        );
        let address = Address { host: "h".to_owned(), port: 1 };
        Look { time_ms: 1_795_514_400_000, ..Look::of_page(&address, &Page::of(&text)) }
    }

    #[test]
    fn a_frame_shows_what_happened_between_two_looks() {
        let (before, now) = (look(1.0), look(3.0));
        let frame = Frame::new(&before, &now, Duration::from_secs(2));
        let expected = "\
http://h:1/metrics  Jackdaw 0.1.0  2026-11-24T10:00:00.000Z
3 connections, 100 % of a core, 1.0 MiB of memory, in 4.0 KiB/s, out 0 B/s

SHARD  BUSY  CONNECTIONS  PARTITIONS  REQUEST MEMORY
    0  25 %            3           2             0 B

REQUEST  PER S  MEDIAN MS  P99 MS
Produce    100       0.25    1.50

TOPIC   PARTITIONS  RECORDS/S     IN/S  OUT/S     SIZE
orders           2       50.0  4.0 KiB      -  2.0 KiB
quiet            1          0        -      -        -

GROUP  MEMBERS  LAG
g            2    9";
        assert_eq!(frame.lines(None).join("\n"), expected);
        for height in [3, 10, 16, 50] {
            assert!(frame.lines(Some(height)).len() <= height);
        }
        let json: Value = serde_json::from_str(&frame.json()).unwrap();
        assert_eq!(json["topics"][0]["records_per_second"], 50.0);
        assert_eq!(json["shards"][0]["busy"], 0.25);
    }

    #[test]
    fn times_are_short() {
        for (seconds, text) in [(5.0, "5 s"), (90.0, "1 min"), (7260.0, "2 h 1 min"), (180_000.0, "2 d 2 h")]
        {
            assert_eq!(time_text(seconds), text);
        }
    }
}
