//! A Produce request left in its frame.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    limits::{DECODED_MESSAGE_BYTES_MAX, PRODUCE_PARTITIONS_MAX, REQUEST_PARTITIONS_KEPT},
    protocol::{DecodeError, Reader, api::ApiKey, span::Span},
    uuid::Uuid,
};

/// A decoded Produce request. Its owner fills it again and again, so that decoding allocates nothing once it has
/// grown to the size of its requests.
#[derive(Debug, Default)]
pub struct ProduceFrame {
    frame: Bytes,
    transactional_id: Option<Span>,
    acks: i16,
    timeout_ms: i32,
    topics: Vec<Topic>,
    partitions: Vec<Partition>,
}

#[derive(Debug)]
struct Topic {
    name: Span,
    id: Uuid,
    /// Where its partitions begin; they end where the next topic's begin.
    first_partition: usize,
}

#[derive(Debug)]
struct Partition {
    index: i32,
    records: Option<Span>,
}

/// A topic of a request.
#[derive(Debug)]
pub struct ProduceTopic<'a> {
    /// Empty from version 13 on.
    pub name: Cow<'a, str>,
    /// Zero below version 13.
    pub id: Uuid,
    frame: &'a Bytes,
    partitions: &'a [Partition],
}

/// A partition of a request and what is to be appended to it.
#[derive(Debug, PartialEq, Eq)]
pub struct ProducePartition {
    pub index: i32,
    /// A slice of the frame; `None` is null.
    pub records: Option<Bytes>,
}

impl ProduceFrame {
    /// Reads a request's body in place of what was here before.
    ///
    /// # Errors
    /// Bytes that are no Produce request of this version. What was read by then is not to be used.
    pub fn fill(&mut self, reader: &mut Reader<'_>, version: i16) -> Result<(), DecodeError> {
        if !ApiKey::Produce.has_version(version) {
            return Err(DecodeError::Version { message: "ProduceRequest", version });
        }
        self.clear();
        let flexible = ApiKey::Produce.is_flexible(version);
        self.frame = reader.frame().clone();
        self.transactional_id = Span::string(reader, flexible)?;
        self.acks = reader.i16()?;
        self.timeout_ms = reader.i32()?;
        for _ in 0..reader.reserve(flexible, 3, &mut self.topics)? {
            self.read_topic(reader, version, flexible)?;
        }
        end_of_struct(reader, flexible)
    }

    fn read_topic(
        &mut self,
        reader: &mut Reader<'_>,
        version: i16,
        flexible: bool,
    ) -> Result<(), DecodeError> {
        let by_id = version >= 13;
        let name = if by_id { Span::default() } else { Span::text(reader, flexible)? };
        let id = if by_id { reader.uuid()? } else { Uuid::ZERO };
        self.topics.push(Topic { name, id, first_partition: self.partitions.len() });
        if self.topics.len() + self.partitions.len() > PRODUCE_PARTITIONS_MAX {
            return Err(DecodeError::Memory { limit_bytes: DECODED_MESSAGE_BYTES_MAX });
        }
        for _ in 0..reader.reserve(flexible, 6, &mut self.partitions)? {
            let index = reader.i32()?;
            let records = Span::bytes(reader, flexible)?;
            self.partitions.push(Partition { index, records });
            if self.topics.len() + self.partitions.len() > PRODUCE_PARTITIONS_MAX {
                return Err(DecodeError::Memory { limit_bytes: DECODED_MESSAGE_BYTES_MAX });
            }
            end_of_struct(reader, flexible)?;
        }
        end_of_struct(reader, flexible)
    }

    /// Lets go of the frame.
    pub fn clear(&mut self) {
        self.frame = Bytes::new();
        self.transactional_id = None;
        self.topics.clear();
        self.topics.shrink_to(REQUEST_PARTITIONS_KEPT);
        self.partitions.clear();
        self.partitions.shrink_to(REQUEST_PARTITIONS_KEPT);
    }

    pub fn transactional_id(&self) -> Option<Cow<'_, str>> {
        self.transactional_id.map(|id| id.str(&self.frame))
    }

    /// 0, 1 or -1 from an honest client; anything else is INVALID_REQUIRED_ACKS.
    pub fn acks(&self) -> i16 {
        self.acks
    }

    pub fn timeout_ms(&self) -> i32 {
        self.timeout_ms
    }

    /// How many partitions the request names, over all topics.
    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// The topics in the request's order.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = ProduceTopic<'_>> {
        self.topics.iter().enumerate().map(|(position, topic)| {
            let end =
                self.topics.get(position + 1).map_or(self.partitions.len(), |next| next.first_partition);
            ProduceTopic {
                name: topic.name.str(&self.frame),
                id: topic.id,
                frame: &self.frame,
                partitions: &self.partitions[topic.first_partition..end],
            }
        })
    }
}

impl ProduceTopic<'_> {
    /// The partitions in the request's order; counted through all topics, this is the order of the results that
    /// `write_produce_response` takes.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = ProducePartition> {
        self.partitions.iter().map(|partition| ProducePartition {
            index: partition.index,
            records: partition.records.map(|records| records.slice(self.frame)),
        })
    }

    /// The indexes alone.
    pub fn partition_indexes(&self) -> impl ExactSizeIterator<Item = i32> {
        self.partitions.iter().map(|partition| partition.index)
    }
}

/// How many topics and partitions a request's whole frame names, as far as it can be read: asked before there is memory
/// for them, and takes none.
pub fn named_count(frame: &Bytes) -> usize {
    let mut count = 0;
    // Whoever decodes it says what is wrong.
    let _ = count_named(&mut Reader::new(frame), &mut count);
    count
}

fn count_named(reader: &mut Reader<'_>, count: &mut usize) -> Result<(), DecodeError> {
    let (_api_key, version, _correlation_id) = (reader.i16()?, reader.i16()?, reader.i32()?);
    if !ApiKey::Produce.has_version(version) {
        return Err(DecodeError::Version { message: "ProduceRequest", version });
    }
    let flexible = ApiKey::Produce.is_flexible(version);
    reader.string_bytes(false)?;
    end_of_struct(reader, flexible)?;
    Span::string(reader, flexible)?;
    let (_acks, _timeout_ms) = (reader.i16()?, reader.i32()?);
    for _ in 0..reader.count(flexible, 3)?.unwrap_or(0) {
        *count += 1;
        if version >= 13 {
            reader.skip(size_of::<Uuid>())?
        } else {
            reader.string_bytes(flexible).map(drop)?
        }
        for _ in 0..reader.count(flexible, 6)?.unwrap_or(0) {
            *count += 1;
            reader.i32()?;
            Span::bytes(reader, flexible)?;
            end_of_struct(reader, flexible)?;
        }
        end_of_struct(reader, flexible)?;
    }
    Ok(())
}

fn end_of_struct(reader: &mut Reader<'_>, flexible: bool) -> Result<(), DecodeError> {
    if flexible { reader.skip_tags() } else { Ok(()) }
}
