//! A Fetch request left in its frame.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    limits::REQUEST_PARTITIONS_KEPT,
    protocol::{DecodeError, Reader, api::ApiKey, span::Span},
    uuid::Uuid,
};

/// A decoded Fetch request. Its owner fills it again and again, so that decoding allocates nothing once it has
/// grown to the size of its requests.
#[derive(Debug, Default)]
pub struct FetchFrame {
    frame: Bytes,
    head: Head,
    topics: Vec<Topic>,
    partitions: Vec<FetchPartition>,
    forgotten_topics: Vec<Topic>,
    forgotten_partitions: Vec<i32>,
}

/// The fields of the request itself.
#[derive(Debug, Default)]
struct Head {
    cluster_id: Option<Span>,
    replica_id: i32,
    replica_epoch: i64,
    max_wait_ms: i32,
    min_bytes: i32,
    max_bytes: i32,
    isolation_level: i8,
    session_id: i32,
    session_epoch: i32,
    rack_id: Span,
}

#[derive(Debug)]
struct Topic {
    name: Span,
    id: Uuid,
    /// Where its partitions begin; they end where the next topic's begin.
    first_partition: usize,
}

/// A topic of a request.
#[derive(Clone, Debug)]
pub struct FetchTopic<'a> {
    /// Empty from version 13 on.
    pub name: Cow<'a, str>,
    /// Zero below version 13.
    pub id: Uuid,
    pub partitions: &'a [FetchPartition],
}

/// A topic whose partitions leave the session.
#[derive(Clone, Debug)]
pub struct ForgottenTopic<'a> {
    /// Empty from version 13 on.
    pub name: Cow<'a, str>,
    /// Zero below version 13.
    pub id: Uuid,
    pub partitions: &'a [i32],
}

/// What is asked of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    pub partition: i32,
    /// -1 when the client does not say.
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// -1 when the client does not say.
    pub last_fetched_epoch: i32,
    /// A follower's; -1 from consumers.
    pub log_start_offset: i64,
    pub max_bytes: i32,
    /// A follower's; zero when it does not say.
    pub replica_directory_id: Uuid,
    /// A follower's; `i64::MAX` when it does not say.
    pub high_watermark: i64,
}

impl FetchFrame {
    /// Reads a request's body in place of what was here before.
    ///
    /// # Errors
    /// Bytes that are no Fetch request of this version. What was read by then is not to be used.
    pub fn fill(&mut self, reader: &mut Reader<'_>, version: i16) -> Result<(), DecodeError> {
        if !ApiKey::Fetch.has_version(version) {
            return Err(DecodeError::Version { message: "FetchRequest", version });
        }
        self.clear();
        let flexible = ApiKey::Fetch.is_flexible(version);
        self.frame = reader.frame().clone();
        self.head = Head::read(reader, version)?;
        for _ in 0..reader.reserve(flexible, 3, &mut self.topics)? {
            self.read_topic(reader, version, flexible)?;
        }
        if version >= 7 {
            for _ in 0..reader.reserve(flexible, 3, &mut self.forgotten_topics)? {
                self.read_forgotten(reader, version, flexible)?;
            }
        }
        if version >= 11 {
            self.head.rack_id = Span::text(reader, flexible)?;
        }
        if flexible { self.head.read_tags(reader, version) } else { Ok(()) }
    }

    fn read_topic(
        &mut self,
        reader: &mut Reader<'_>,
        version: i16,
        flexible: bool,
    ) -> Result<(), DecodeError> {
        let topic = Topic::read(reader, version, flexible, self.partitions.len())?;
        self.topics.push(topic);
        for _ in 0..reader.reserve(flexible, 16, &mut self.partitions)? {
            self.partitions.push(FetchPartition::read(reader, version, flexible)?);
        }
        if flexible { reader.skip_tags() } else { Ok(()) }
    }

    fn read_forgotten(
        &mut self,
        reader: &mut Reader<'_>,
        version: i16,
        flexible: bool,
    ) -> Result<(), DecodeError> {
        let topic = Topic::read(reader, version, flexible, self.forgotten_partitions.len())?;
        self.forgotten_topics.push(topic);
        for _ in 0..reader.reserve(flexible, 4, &mut self.forgotten_partitions)? {
            self.forgotten_partitions.push(reader.i32()?);
        }
        if flexible { reader.skip_tags() } else { Ok(()) }
    }

    /// Lets go of the frame.
    pub fn clear(&mut self) {
        self.frame = Bytes::new();
        self.head = Head::default();
        self.topics.clear();
        self.topics.shrink_to(REQUEST_PARTITIONS_KEPT);
        self.partitions.clear();
        self.partitions.shrink_to(REQUEST_PARTITIONS_KEPT);
        self.forgotten_topics.clear();
        self.forgotten_topics.shrink_to(REQUEST_PARTITIONS_KEPT);
        self.forgotten_partitions.clear();
        self.forgotten_partitions.shrink_to(REQUEST_PARTITIONS_KEPT);
    }

    pub fn cluster_id(&self) -> Option<Cow<'_, str>> {
        self.head.cluster_id.map(|id| id.str(&self.frame))
    }

    /// The follower that asks; -1 for consumers. From version 15 on it comes as a tagged field.
    pub fn replica_id(&self) -> i32 {
        self.head.replica_id
    }

    /// -1 below version 15 and for consumers.
    pub fn replica_epoch(&self) -> i64 {
        self.head.replica_epoch
    }

    pub fn max_wait_ms(&self) -> i32 {
        self.head.max_wait_ms
    }

    pub fn min_bytes(&self) -> i32 {
        self.head.min_bytes
    }

    pub fn max_bytes(&self) -> i32 {
        self.head.max_bytes
    }

    /// 0 read_uncommitted, 1 read_committed.
    pub fn isolation_level(&self) -> i8 {
        self.head.isolation_level
    }

    /// 0 when there is no session, and below version 7.
    pub fn session_id(&self) -> i32 {
        self.head.session_id
    }

    /// -1 for a full fetch without a session, and below version 7.
    pub fn session_epoch(&self) -> i32 {
        self.head.session_epoch
    }

    /// Empty below version 11.
    pub fn rack_id(&self) -> Cow<'_, str> {
        self.head.rack_id.str(&self.frame)
    }

    /// How many partitions the request names, over all topics.
    pub fn partition_count(&self) -> usize {
        self.partitions.len()
    }

    /// The topics in the request's order, which is the order of serving.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = FetchTopic<'_>> {
        self.topics.iter().enumerate().map(|(position, topic)| FetchTopic {
            name: topic.name.str(&self.frame),
            id: topic.id,
            partitions: part(&self.topics, position, &self.partitions),
        })
    }

    /// The partitions that leave the session; none below version 7.
    pub fn forgotten_topics(&self) -> impl ExactSizeIterator<Item = ForgottenTopic<'_>> {
        self.forgotten_topics.iter().enumerate().map(|(position, topic)| ForgottenTopic {
            name: topic.name.str(&self.frame),
            id: topic.id,
            partitions: part(&self.forgotten_topics, position, &self.forgotten_partitions),
        })
    }
}

/// The partitions of the topic at `position`.
fn part<'a, T>(topics: &[Topic], position: usize, partitions: &'a [T]) -> &'a [T] {
    let end = topics.get(position + 1).map_or(partitions.len(), |next| next.first_partition);
    &partitions[topics[position].first_partition..end]
}

impl Head {
    /// The fields before the topics; the rest at their defaults.
    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        Ok(Self {
            cluster_id: None,
            replica_id: if version <= 14 { reader.i32()? } else { -1 },
            replica_epoch: -1,
            max_wait_ms: reader.i32()?,
            min_bytes: reader.i32()?,
            max_bytes: reader.i32()?,
            isolation_level: reader.i8()?,
            session_id: if version >= 7 { reader.i32()? } else { 0 },
            session_epoch: if version >= 7 { reader.i32()? } else { -1 },
            rack_id: Span::default(),
        })
    }

    fn read_tags(&mut self, reader: &mut Reader<'_>, version: i16) -> Result<(), DecodeError> {
        reader.tags(|reader, tag| {
            match tag {
                0 => self.cluster_id = Span::string(reader, true)?,
                1 if version >= 15 => {
                    self.replica_id = reader.i32()?;
                    self.replica_epoch = reader.i64()?;
                    reader.skip_tags()?;
                }
                _ => {}
            }
            Ok(())
        })
    }
}

impl Topic {
    fn read(
        reader: &mut Reader<'_>,
        version: i16,
        flexible: bool,
        first_partition: usize,
    ) -> Result<Self, DecodeError> {
        if version >= 13 {
            return Ok(Self { name: Span::default(), id: reader.uuid()?, first_partition });
        }
        Ok(Self { name: Span::text(reader, flexible)?, id: Uuid::ZERO, first_partition })
    }
}

impl FetchPartition {
    fn read(reader: &mut Reader<'_>, version: i16, flexible: bool) -> Result<Self, DecodeError> {
        let mut partition = Self {
            partition: reader.i32()?,
            current_leader_epoch: if version >= 9 { reader.i32()? } else { -1 },
            fetch_offset: reader.i64()?,
            last_fetched_epoch: if version >= 12 { reader.i32()? } else { -1 },
            log_start_offset: if version >= 5 { reader.i64()? } else { -1 },
            max_bytes: reader.i32()?,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
        };
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 if version >= 17 => partition.replica_directory_id = reader.uuid()?,
                    1 if version >= 18 => partition.high_watermark = reader.i64()?,
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(partition)
    }
}
