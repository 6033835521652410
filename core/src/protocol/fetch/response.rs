//! A Fetch response as pieces: bytes written here, and records that the sender takes from elsewhere.

use bytes::Bytes;

use crate::{
    error_code::ErrorCode,
    protocol::{
        EncodeError, Writer,
        api::ApiKey,
        header::write_response_header,
        leader_hint::{CurrentLeader, NodeEndpoint, write_endpoint_tags},
    },
    uuid::Uuid,
};

/// One run of a response's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes as they are.
    Bytes(Bytes),
    /// `length` bytes of records that come from elsewhere, a file or memory: those of the partition that was
    /// written with this `index`.
    Records { index: usize, length: usize },
}

/// The fields of the response itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchResponseHead {
    pub throttle_time_ms: i32,
    /// From version 7 on.
    pub error_code: ErrorCode,
    /// 0 when there is no session; from version 7 on.
    pub session_id: i32,
}

/// Where the log of a follower, or what a consumer has read, parts from the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DivergingEpoch {
    pub epoch: i32,
    pub end_offset: i64,
}

/// The snapshot that a KRaft follower fetches first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

/// A transaction whose records a read_committed consumer passes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    pub producer_id: i64,
    pub first_offset: i64,
}

/// The answer for one partition, all but the records themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchedPartition<'a> {
    pub partition_index: i32,
    pub error_code: ErrorCode,
    /// -1 with an error.
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    /// From version 5 on.
    pub log_start_offset: i64,
    /// From version 12 on.
    pub diverging_epoch: Option<DivergingEpoch>,
    /// With NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH; from version 12 on.
    pub current_leader: Option<CurrentLeader>,
    /// From version 12 on.
    pub snapshot_id: Option<SnapshotId>,
    /// `None` for read_uncommitted.
    pub aborted_transactions: Option<&'a [AbortedTransaction]>,
    /// -1 for none; from version 11 on.
    pub preferred_read_replica: i32,
    /// How many bytes of records follow from elsewhere.
    pub records_bytes: usize,
}

impl FetchedPartition<'_> {
    /// No records, and what only some answers carry left out.
    pub fn empty(partition_index: i32, error_code: ErrorCode) -> Self {
        Self {
            partition_index,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot_id: None,
            aborted_transactions: None,
            preferred_read_replica: -1,
            records_bytes: 0,
        }
    }
}

/// Where records stand between the bytes written here.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// In the buffer, counted from the response's first byte.
    position: usize,
    index: usize,
    records_bytes: usize,
}

/// Writes Fetch responses one after the other: `begin`, then for each topic `topic` and its `partition`s, then
/// `finish`. All that is not records is written into one buffer; the pieces of a response are slices of it, and its room
/// is used again once they are dropped.
#[derive(Debug, Default)]
pub struct FetchResponseEncoder {
    version: i16,
    flexible: bool,
    writer: Writer,
    cuts: Vec<Cut>,
    /// Partitions and topics that the counts written so far promise and that have not come.
    topics_due: usize,
    partitions_due: usize,
    topic_open: bool,
}

impl FetchResponseEncoder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a response to a request of this version with its size and header; `topic_count` topics follow.
    ///
    /// # Errors
    /// A version that Fetch does not have.
    pub fn begin(
        &mut self,
        version: i16,
        correlation_id: i32,
        head: FetchResponseHead,
        topic_count: usize,
    ) -> Result<(), EncodeError> {
        if !ApiKey::Fetch.has_version(version) {
            return Err(EncodeError::Version { message: "FetchResponse", version });
        }
        self.version = version;
        self.flexible = ApiKey::Fetch.is_flexible(version);
        self.writer.clear();
        self.cuts.clear();
        (self.topics_due, self.partitions_due, self.topic_open) = (topic_count, 0, false);
        self.writer.begin_size();
        write_response_header(&mut self.writer, ApiKey::Fetch, version, correlation_id);
        self.writer.i32(head.throttle_time_ms);
        if version >= 7 {
            self.writer.i16(head.error_code.code());
            self.writer.i32(head.session_id);
        }
        self.writer.count(self.flexible, Some(topic_count))
    }

    /// Starts a topic, by its name below version 13 and by its id from then on.
    ///
    /// # Panics
    /// Partitions of the topic before, or topics of the response, do not add up to what was promised.
    ///
    /// # Errors
    /// A name longer than 32767 bytes.
    pub fn topic(&mut self, name: &str, id: Uuid, partition_count: usize) -> Result<(), EncodeError> {
        self.end_topic();
        assert!(self.topics_due > 0, "more topics than were promised");
        self.topics_due -= 1;
        (self.partitions_due, self.topic_open) = (partition_count, true);
        if self.version >= 13 {
            self.writer.uuid(id);
        } else {
            self.writer.string(self.flexible, name)?;
        }
        self.writer.count(self.flexible, Some(partition_count))
    }

    fn end_topic(&mut self) {
        assert_eq!(self.partitions_due, 0, "fewer partitions than were promised");
        if self.topic_open && self.flexible {
            self.writer.uvarint(0);
        }
    }

    /// Writes one partition. `index` comes back in the piece that stands for its records.
    ///
    /// # Panics
    /// The topic has had as many partitions as it promised.
    ///
    /// # Errors
    /// More than 2 GiB of records.
    pub fn partition(&mut self, index: usize, partition: &FetchedPartition<'_>) -> Result<(), EncodeError> {
        assert!(self.partitions_due > 0, "more partitions than were promised");
        self.partitions_due -= 1;
        self.write_partition(partition)?;
        self.writer.bytes_length(self.flexible, Some(partition.records_bytes))?;
        if partition.records_bytes > 0 {
            let (position, records_bytes) = (self.writer.len(), partition.records_bytes);
            self.cuts.push(Cut { position, index, records_bytes });
        }
        if self.flexible { self.write_partition_tags(partition) } else { Ok(()) }
    }

    fn write_partition(&mut self, partition: &FetchedPartition<'_>) -> Result<(), EncodeError> {
        let (writer, flexible) = (&mut self.writer, self.flexible);
        writer.i32(partition.partition_index);
        writer.i16(partition.error_code.code());
        writer.i64(partition.high_watermark);
        writer.i64(partition.last_stable_offset);
        if self.version >= 5 {
            writer.i64(partition.log_start_offset);
        }
        writer.opt_array(flexible, partition.aborted_transactions, |writer, aborted| {
            writer.i64(aborted.producer_id);
            writer.i64(aborted.first_offset);
            if flexible {
                writer.uvarint(0);
            }
            Ok(())
        })?;
        if self.version >= 11 {
            writer.i32(partition.preferred_read_replica);
        }
        Ok(())
    }

    fn write_partition_tags(&mut self, partition: &FetchedPartition<'_>) -> Result<(), EncodeError> {
        let diverging = partition.diverging_epoch.filter(|at| (at.epoch, at.end_offset) != (-1, -1));
        let leader = partition.current_leader.filter(|leader| leader.is_set());
        let snapshot = partition.snapshot_id.filter(|id| (id.epoch, id.end_offset) != (-1, -1));
        let tags = [diverging.is_some(), leader.is_some(), snapshot.is_some()];
        let writer = &mut self.writer;
        writer.uvarint(tags.into_iter().map(u32::from).sum());
        if let Some(diverging) = diverging {
            writer.tag(0, |writer| {
                writer.i32(diverging.epoch);
                writer.i64(diverging.end_offset);
                writer.uvarint(0);
                Ok(())
            })?;
        }
        if let Some(leader) = leader {
            writer.tag(1, |writer| leader.write(writer))?;
        }
        if let Some(snapshot) = snapshot {
            writer.tag(2, |writer| {
                writer.i64(snapshot.end_offset);
                writer.i32(snapshot.epoch);
                writer.uvarint(0);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Ends the response and appends its pieces, in the order of sending, to `pieces`. Returns how many bytes
    /// they come to, records and size included.
    ///
    /// # Panics
    /// Topics or partitions are missing.
    ///
    /// # Errors
    /// A response of more than 2 GiB; texts longer than 32767 bytes.
    pub fn finish(
        &mut self,
        endpoints: &[NodeEndpoint<'_>],
        pieces: &mut Vec<Piece>,
    ) -> Result<usize, EncodeError> {
        self.end_topic();
        assert_eq!(self.topics_due, 0, "fewer topics than were promised");
        if self.flexible {
            let endpoints = if self.version >= 16 { endpoints } else { &[] };
            write_endpoint_tags(&mut self.writer, endpoints)?;
        }
        let records_bytes: usize = self.cuts.iter().map(|cut| cut.records_bytes).sum();
        self.writer.end_size(size_of::<i32>(), records_bytes)?;
        let written = self.writer.split().freeze();
        let total_bytes = written.len() + records_bytes;
        let mut from = 0;
        for cut in self.cuts.drain(..) {
            pieces.push(Piece::Bytes(written.slice(from..cut.position)));
            pieces.push(Piece::Records { index: cut.index, length: cut.records_bytes });
            from = cut.position;
        }
        if from < written.len() {
            pieces.push(Piece::Bytes(written.slice(from..)));
        }
        Ok(total_bytes)
    }
}
