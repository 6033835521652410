//! The 61-byte header of a record batch, magic 2.

use zerocopy::{
    FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned,
    big_endian::{I16, I32, I64, U32},
};

use super::{compression::Codec, crc};

/// Bytes of the header, up to the first record.
pub const HEADER_SIZE_BYTES: usize = 61;
/// Bytes of base offset and batch length, which the batch length does not count.
pub const LOG_OVERHEAD_BYTES: usize = 12;
/// The smallest value of the batch length field: a header without records.
pub const BATCH_LENGTH_MIN: i32 = (HEADER_SIZE_BYTES - LOG_OVERHEAD_BYTES) as i32;
/// The only magic that is written today.
pub const MAGIC_V2: i8 = 2;
/// The CRC covers everything from here (the attributes) to the end of the batch.
pub const CRC_START_POSITION: usize = 21;
/// No timestamp.
pub const NO_TIMESTAMP: i64 = -1;
/// No producer id: the batch is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;
/// No producer epoch.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// No sequence.
pub const NO_SEQUENCE: i32 = -1;
/// The leader epoch is not known.
pub const NO_LEADER_EPOCH: i32 = -1;

const CODEC_BITS: i16 = 0x07;
const LOG_APPEND_TIME_BIT: i16 = 0x08;
const TRANSACTIONAL_BIT: i16 = 0x10;
const CONTROL_BIT: i16 = 0x20;
const DELETE_HORIZON_BIT: i16 = 0x40;

/// Who sets the timestamps of a topic's records (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimestampType {
    /// The producer; the broker checks bounds.
    #[default]
    CreateTime,
    /// The broker, at append.
    LogAppendTime,
}

/// The header as it stands in a segment and on the wire.
#[derive(Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct BatchHeader {
    base_offset: I64,
    batch_length: I32,
    partition_leader_epoch: I32,
    magic: i8,
    crc: U32,
    attributes: I16,
    last_offset_delta: I32,
    base_timestamp: I64,
    max_timestamp: I64,
    producer_id: I64,
    producer_epoch: I16,
    base_sequence: I32,
    records_count: I32,
}

const _: () = assert!(size_of::<BatchHeader>() == HEADER_SIZE_BYTES);

impl BatchHeader {
    /// The header at the front of `bytes`, nothing checked; `None` where fewer than 61 bytes remain.
    pub fn ref_from_prefix(bytes: &[u8]) -> Option<&Self> {
        <Self as FromBytes>::ref_from_prefix(bytes).ok().map(|(header, _)| header)
    }

    /// An empty batch without producer: what a builder starts from.
    pub fn empty() -> Self {
        Self {
            base_offset: 0.into(),
            batch_length: BATCH_LENGTH_MIN.into(),
            partition_leader_epoch: NO_LEADER_EPOCH.into(),
            magic: MAGIC_V2,
            crc: 0.into(),
            attributes: 0.into(),
            last_offset_delta: 0.into(),
            base_timestamp: NO_TIMESTAMP.into(),
            max_timestamp: NO_TIMESTAMP.into(),
            producer_id: NO_PRODUCER_ID.into(),
            producer_epoch: NO_PRODUCER_EPOCH.into(),
            base_sequence: NO_SEQUENCE.into(),
            records_count: 0.into(),
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        IntoBytes::as_bytes(self)
    }

    pub fn to_bytes(self) -> [u8; HEADER_SIZE_BYTES] {
        zerocopy::transmute!(self)
    }

    pub fn base_offset(&self) -> i64 {
        self.base_offset.get()
    }

    /// Bytes after the batch length field.
    pub fn batch_length(&self) -> i32 {
        self.batch_length.get()
    }

    /// Bytes of the whole batch, header included. Meaningful only where `batch_length` is not negative.
    pub fn size_bytes(&self) -> usize {
        self.batch_length.get().max(0) as usize + LOG_OVERHEAD_BYTES
    }

    pub fn partition_leader_epoch(&self) -> i32 {
        self.partition_leader_epoch.get()
    }

    pub fn magic(&self) -> i8 {
        self.magic
    }

    pub fn crc(&self) -> u32 {
        self.crc.get()
    }

    pub fn attributes(&self) -> i16 {
        self.attributes.get()
    }

    /// The codec, or `None` for the undefined numbers 5 to 7.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_id((self.attributes.get() & CODEC_BITS) as u8)
    }

    pub fn timestamp_type(&self) -> TimestampType {
        match self.attributes.get() & LOG_APPEND_TIME_BIT {
            0 => TimestampType::CreateTime,
            _ => TimestampType::LogAppendTime,
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes.get() & TRANSACTIONAL_BIT != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes.get() & CONTROL_BIT != 0
    }

    /// When the cleaner may drop this batch's tombstones and markers, in ms; it lies in the base timestamp.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes.get() & DELETE_HORIZON_BIT != 0).then(|| self.base_timestamp.get())
    }

    pub fn last_offset_delta(&self) -> i32 {
        self.last_offset_delta.get()
    }

    /// The offset of the last record, kept by compaction even when that record is gone.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.get().wrapping_add(i64::from(self.last_offset_delta.get()))
    }

    pub fn base_timestamp(&self) -> i64 {
        self.base_timestamp.get()
    }

    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp.get()
    }

    pub fn producer_id(&self) -> i64 {
        self.producer_id.get()
    }

    pub fn producer_epoch(&self) -> i16 {
        self.producer_epoch.get()
    }

    pub fn base_sequence(&self) -> i32 {
        self.base_sequence.get()
    }

    /// The sequence of the last record; sequences go from 2^31-1 on to 0. -1 where the batch has none.
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence.get() {
            NO_SEQUENCE => NO_SEQUENCE,
            first => add_to_sequence(first, self.last_offset_delta.get()),
        }
    }

    /// Records that are present: fewer than `last_offset_delta + 1` after compaction.
    pub fn records_count(&self) -> i32 {
        self.records_count.get()
    }

    pub fn has_producer_id(&self) -> bool {
        self.producer_id.get() > NO_PRODUCER_ID
    }

    /// Lies outside the CRC.
    pub fn set_base_offset(&mut self, offset: i64) {
        self.base_offset = offset.into();
    }

    /// Lies outside the CRC.
    pub fn set_partition_leader_epoch(&mut self, epoch: i32) {
        self.partition_leader_epoch = epoch.into();
    }

    /// Lies outside the CRC.
    ///
    /// # Panics
    /// Where the batch would pass 2 GiB, which no limit of ours allows.
    pub fn set_size_bytes(&mut self, size_bytes: usize) {
        assert!(size_bytes >= HEADER_SIZE_BYTES && size_bytes - LOG_OVERHEAD_BYTES <= i32::MAX as usize);
        self.batch_length = ((size_bytes - LOG_OVERHEAD_BYTES) as i32).into();
    }

    pub fn set_codec(&mut self, codec: Codec) {
        self.set_bits(CODEC_BITS, codec.id() as i16);
    }

    pub fn set_timestamp_type(&mut self, timestamp_type: TimestampType) {
        let bits = if timestamp_type == TimestampType::LogAppendTime { LOG_APPEND_TIME_BIT } else { 0 };
        self.set_bits(LOG_APPEND_TIME_BIT, bits);
    }

    pub fn set_transactional(&mut self, transactional: bool) {
        self.set_bits(TRANSACTIONAL_BIT, if transactional { TRANSACTIONAL_BIT } else { 0 });
    }

    pub fn set_control(&mut self, control: bool) {
        self.set_bits(CONTROL_BIT, if control { CONTROL_BIT } else { 0 });
    }

    /// Say whether the base timestamp is the delete horizon; it is set apart.
    pub fn set_delete_horizon(&mut self, is_present: bool) {
        self.set_bits(DELETE_HORIZON_BIT, if is_present { DELETE_HORIZON_BIT } else { 0 });
    }

    pub fn set_base_timestamp(&mut self, timestamp_ms: i64) {
        self.base_timestamp = timestamp_ms.into();
    }

    pub fn set_max_timestamp(&mut self, timestamp_ms: i64) {
        self.max_timestamp = timestamp_ms.into();
    }

    pub fn set_producer(&mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) {
        self.producer_id = producer_id.into();
        self.producer_epoch = producer_epoch.into();
        self.base_sequence = base_sequence.into();
    }

    pub fn set_counts(&mut self, records_count: i32, last_offset_delta: i32) {
        self.records_count = records_count.into();
        self.last_offset_delta = last_offset_delta.into();
    }

    /// The CRC that belongs to this header in front of `body`.
    pub fn compute_crc(&self, body: &[u8]) -> u32 {
        crc::crc32c_of_two(&self.as_bytes()[CRC_START_POSITION..], body)
    }

    /// Sets the CRC for this header in front of `body`. Needed after every setter that lies inside the CRC.
    pub fn seal(&mut self, body: &[u8]) {
        self.crc = self.compute_crc(body).into();
    }

    fn set_bits(&mut self, mask: i16, bits: i16) {
        self.attributes = ((self.attributes.get() & !mask) | bits).into();
    }
}

impl std::fmt::Debug for BatchHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchHeader")
            .field("base_offset", &self.base_offset())
            .field("batch_length", &self.batch_length())
            .field("partition_leader_epoch", &self.partition_leader_epoch())
            .field("magic", &self.magic)
            .field("crc", &format_args!("{:#010x}", self.crc()))
            .field("attributes", &format_args!("{:#x}", self.attributes()))
            .field("last_offset_delta", &self.last_offset_delta())
            .field("base_timestamp", &self.base_timestamp())
            .field("max_timestamp", &self.max_timestamp())
            .field("producer_id", &self.producer_id())
            .field("producer_epoch", &self.producer_epoch())
            .field("base_sequence", &self.base_sequence())
            .field("records_count", &self.records_count())
            .finish()
    }
}

/// The sequence `increment` records after `sequence`: 0 follows 2^31-1. Both must not be negative.
pub fn add_to_sequence(sequence: i32, increment: i32) -> i32 {
    sequence.wrapping_add(increment) & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_kafka_has_them() {
        let bytes: Vec<u8> = (1..=61).collect();
        let header = BatchHeader::ref_from_prefix(&bytes).unwrap();
        let be64 = |at: usize| i64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
        let be32 = |at: usize| i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(header.base_offset(), be64(0));
        assert_eq!(header.batch_length(), be32(8));
        assert_eq!(header.partition_leader_epoch(), be32(12));
        assert_eq!(header.magic(), 17);
        assert_eq!(header.crc() as i32, be32(17));
        assert_eq!(header.attributes(), 0x1617);
        assert_eq!(header.last_offset_delta(), be32(23));
        assert_eq!(header.base_timestamp(), be64(27));
        assert_eq!(header.max_timestamp(), be64(35));
        assert_eq!(header.producer_id(), be64(43));
        assert_eq!(header.producer_epoch(), 0x3435);
        assert_eq!(header.base_sequence(), be32(53));
        assert_eq!(header.records_count(), be32(57));
        assert!(BatchHeader::ref_from_prefix(&bytes[..60]).is_none());
        assert_eq!(header.to_bytes()[..], bytes[..]);
    }

    #[test]
    fn attribute_bits_do_not_disturb_each_other() {
        let mut header = BatchHeader::empty();
        header.set_codec(Codec::Zstd);
        header.set_timestamp_type(TimestampType::LogAppendTime);
        header.set_transactional(true);
        header.set_control(true);
        assert_eq!(header.attributes(), 0x3c);
        header.set_timestamp_type(TimestampType::CreateTime);
        header.set_codec(Codec::Gzip);
        assert_eq!(header.attributes(), 0x31);
        assert_eq!(header.codec(), Some(Codec::Gzip));
        header.set_bits(CODEC_BITS, 6);
        assert_eq!(header.codec(), None);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(add_to_sequence(5, 3), 8);
        assert_eq!(add_to_sequence(i32::MAX, 1), 0);
        assert_eq!(add_to_sequence(i32::MAX - 1, 4), 2);
    }
}
