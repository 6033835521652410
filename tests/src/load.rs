//! A producer that keeps writing to all partitions of a topic, over restarts of the broker, until it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jackdaw_core::protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

use crate::requests::{self, FIRST_WITH_TOPIC_IDS, Topic};
use crate::wire::Connection;

/// Between two rounds. A round is a batch of two records to each partition.
const PAUSE: Duration = Duration::from_millis(100);
const RECORDS: i32 = 2;

/// A batch that is not taken by then fails the test.
const DEADLINE: Duration = Duration::from_secs(60);

/// Not answered as a failure: the batch is there from an attempt whose answer was lost.
const DUPLICATE_SEQUENCE_NUMBER: i16 = 46;

/// A load under way.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<i64>>,
}

impl Load {
    /// Begins to write to a topic that nobody else writes to.
    pub fn start(bootstrap: &str, topic: &Topic, partitions: i32) -> Self {
        let (bootstrap, topic, stop) =
            (bootstrap.to_owned(), topic.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut writer = Writer::open(bootstrap, topic, partitions);
            while !stopped.load(Ordering::Relaxed) {
                writer.round();
                std::thread::sleep(PAUSE);
            }
            i64::from(writer.sequence)
        });
        Self { stop, thread: Some(thread) }
    }

    /// Ends it: how many records each partition has, all acknowledged.
    pub fn stop(mut self) -> i64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("a load under way").join().expect("the load")
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Writer {
    bootstrap: String,
    connection: Option<Connection>,
    topic: Topic,
    partitions: i32,
    producer: (i64, i16),
    sequence: i32,
}

impl Writer {
    fn open(bootstrap: String, topic: Topic, partitions: i32) -> Self {
        let mut connection = Connection::open(&bootstrap);
        let producer = requests::init_producer(&mut connection);
        Self { bootstrap, connection: Some(connection), topic, partitions, producer, sequence: 0 }
    }

    /// One batch to each partition, idempotent, tried until it is there.
    fn round(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        let mut missing: Vec<i32> = (0..self.partitions).collect();
        while !missing.is_empty() {
            assert!(Instant::now() < deadline, "{}: {missing:?} take no batch", self.topic.name);
            match self.attempt(&missing) {
                Some(failed) => missing = failed,
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
        self.sequence += RECORDS;
    }

    /// The partitions that did not take their batch; none when the broker did not answer.
    fn attempt(&mut self, partitions: &[i32]) -> Option<Vec<i32>> {
        let request = self.request(partitions);
        let mut connection = self.connection.take().or_else(|| Connection::try_open(&self.bootstrap).ok())?;
        let response = connection.try_call(&request, FIRST_WITH_TOPIC_IDS).ok()?;
        self.connection = Some(connection);
        let answers = &response.responses.first()?.partition_responses;
        let failed =
            answers.iter().filter(|a| a.error_code != 0 && a.error_code != DUPLICATE_SEQUENCE_NUMBER);
        let failed: Vec<i32> = failed.map(|answer| answer.index).collect();
        if !failed.is_empty() {
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(failed)
    }

    fn request(&self, partitions: &[i32]) -> ProduceRequest {
        let values: Vec<String> = (0..RECORDS).map(|i| (self.sequence + i).to_string()).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let (id, epoch) = self.producer;
        let batch = requests::batch(&values, Some((id, epoch, self.sequence)));
        let data = |&index: &i32| PartitionProduceData { index, records: Some(batch.clone()) };
        let topic = TopicProduceData {
            topic_id: self.topic.id,
            partition_data: partitions.iter().map(data).collect(),
            ..Default::default()
        };
        ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topic_data: vec![topic] }
    }
}
