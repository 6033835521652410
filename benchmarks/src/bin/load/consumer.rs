//! A consumer of one connection: a fetch session over partitions of one topic, as Kafka's own clients keep it.

use std::{error::Error, net::SocketAddr};

use bytes::BytesMut;
use jackdaw_bench::{connection::CLIENT_ID, frames::next_into};
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        frame::{read_response, request_frame},
        messages::{
            FetchRequest, FetchResponse,
            fetch::{FetchPartition, FetchTopic},
        },
    },
    records::Batches,
};
use jackdaw_ring::Socket;

use crate::topic::Topic;

const VERSION: i16 = 17;
/// The defaults of Kafka's consumer.
const MAX_BYTES: i32 = 52_428_800;
const MAX_WAIT_MS: i32 = 500;

pub(crate) struct Consumer {
    socket: Socket,
    topic: Topic,
    partition_max_bytes: i32,
    session_id: i32,
    session_epoch: i32,
    /// The next offset of each partition.
    offsets: Vec<i64>,
    /// How far each partition can be read, as the broker last said.
    ends: Vec<i64>,
    /// What the session does not know yet.
    changed: Vec<i32>,
    /// Keeps its memory from answer to answer.
    buffer: BytesMut,
}

impl Consumer {
    /// Reads from offset 0.
    pub(crate) async fn open(
        bootstrap: SocketAddr,
        topic: Topic,
        partition_max_bytes: i32,
    ) -> Result<Self, std::io::Error> {
        let count = usize::try_from(topic.partitions).unwrap_or(0);
        Ok(Self {
            socket: Socket::connect(bootstrap).await?,
            changed: (0..topic.partitions).collect(),
            topic,
            partition_max_bytes,
            session_id: 0,
            session_epoch: 0,
            offsets: vec![0; count],
            ends: vec![0; count],
            buffer: BytesMut::new(),
        })
    }

    /// One fetch; `take` gets the whole batches that came, a partition at a time. Answers how many bytes of batches that was.
    pub(crate) async fn fetch(&mut self, mut take: impl FnMut(&[u8])) -> Result<u64, Box<dyn Error>> {
        let request = request_frame(&self.request(), VERSION, self.session_epoch, Some(CLIENT_ID))?;
        self.socket.send(vec![request], false).await?;
        let frame = next_into(&self.socket, std::mem::take(&mut self.buffer)).await?.freeze();
        let (_, response) = read_response::<FetchRequest>(&frame, VERSION)?;
        let bytes = self.accept(response, &mut take)?;
        self.buffer = frame.try_into_mut().unwrap_or_default();
        Ok(bytes)
    }

    /// Begin at offset 0 again, all partitions.
    pub(crate) fn rewind(&mut self) {
        self.offsets.fill(0);
        self.changed = (0..self.topic.partitions).collect();
    }

    /// Whether all that the broker has told of was read: the next fetch would wait.
    pub(crate) fn is_at_end(&self) -> bool {
        self.offsets.iter().zip(&self.ends).all(|(offset, end)| offset >= end)
    }

    fn request(&mut self) -> FetchRequest {
        let changed = std::mem::take(&mut self.changed);
        let partition = |partition: &i32| FetchPartition {
            partition: *partition,
            fetch_offset: self.offsets[*partition as usize],
            partition_max_bytes: self.partition_max_bytes,
            ..Default::default()
        };
        let topic = FetchTopic {
            topic: self.topic.name.clone(),
            topic_id: self.topic.id,
            partitions: changed.iter().map(partition).collect(),
        };
        FetchRequest {
            max_wait_ms: MAX_WAIT_MS,
            min_bytes: 1,
            max_bytes: MAX_BYTES,
            session_id: self.session_id,
            session_epoch: self.session_epoch,
            topics: if changed.is_empty() { Vec::new() } else { vec![topic] },
            ..Default::default()
        }
    }

    fn accept(
        &mut self,
        response: FetchResponse,
        take: &mut impl FnMut(&[u8]),
    ) -> Result<u64, Box<dyn Error>> {
        if response.error_code != 0 {
            return Err(format!("fetch: {}", ErrorCode::from_i16(response.error_code).name()).into());
        }
        self.session_id = response.session_id;
        self.session_epoch = if self.session_id == 0 { 0 } else { self.session_epoch.wrapping_add(1).max(1) };
        let mut bytes = 0;
        for partition in response.responses.into_iter().flat_map(|topic| topic.partitions) {
            let index = partition.partition_index;
            if partition.error_code != 0 {
                let error = ErrorCode::from_i16(partition.error_code).name();
                return Err(format!("fetch of partition {index}: {error}").into());
            }
            self.ends[index as usize] = partition.high_watermark;
            let Some(records) = partition.records.filter(|records| !records.is_empty()) else { continue };
            let mut batches = Batches::new(&records);
            let mut next = None;
            for batch in batches.by_ref() {
                next = Some(batch?.header().last_offset() + 1);
            }
            let whole = records.slice(..batches.position());
            bytes += whole.len() as u64;
            // What came before the offset that was asked for is part of its batch, and was not taken twice.
            if let Some(next) = next {
                self.offsets[index as usize] = next;
                self.changed.push(index);
            }
            take(&whole);
        }
        if self.session_id == 0 {
            self.changed = (0..self.topic.partitions).collect();
        }
        Ok(bytes)
    }
}
