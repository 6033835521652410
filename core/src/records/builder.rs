//! Writing new batches: producers, coordinators, the controller, control batches.

use super::{
    BatchHeader, Codec, HEADER_SIZE_BYTES, Header, TimestampType, ValidatedBatch,
    batch_header::NO_TIMESTAMP,
    compression::{CompressError, Compressor, Levels},
    varint::{put_varint, put_varlong, varlong_size_bytes},
};

/// A record to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header<'a>],
}

/// Collects the records of one batch.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: BatchHeader,
    /// The records, uncompressed.
    section: Vec<u8>,
    records_count: i32,
    max_timestamp: i64,
    offset_delta_of_max_timestamp: i32,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    pub fn new() -> Self {
        Self {
            header: BatchHeader::empty(),
            section: Vec::new(),
            records_count: 0,
            max_timestamp: NO_TIMESTAMP,
            offset_delta_of_max_timestamp: 0,
        }
    }

    /// Makes the batch idempotent: `base_sequence` is the sequence of its first record.
    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Self {
        self.header.set_producer(producer_id, producer_epoch, base_sequence);
        self
    }

    pub fn transactional(mut self) -> Self {
        self.header.set_transactional(true);
        self
    }

    pub fn control(mut self) -> Self {
        self.header.set_control(true);
        self
    }

    /// Marks the timestamps as the broker's.
    pub fn log_append_time(mut self) -> Self {
        self.header.set_timestamp_type(TimestampType::LogAppendTime);
        self
    }

    /// Adds a record; its offset is one more than that of the record before.
    ///
    /// # Panics
    /// Where a record or the batch passes 2 GiB: callers finish a batch long before (`size_bytes`).
    pub fn append(&mut self, record: &NewRecord<'_>) {
        if self.records_count == 0 {
            self.header.set_base_timestamp(record.timestamp_ms);
        }
        if record.timestamp_ms > self.max_timestamp {
            self.max_timestamp = record.timestamp_ms;
            self.offset_delta_of_max_timestamp = self.records_count;
        }
        let timestamp_delta = record.timestamp_ms.wrapping_sub(self.header.base_timestamp());
        let size_bytes = record_body_size_bytes(record, timestamp_delta, self.records_count);
        assert!(self.section.len() + size_bytes < i32::MAX as usize / 2, "a batch must stay below 1 GiB");
        put_varint(&mut self.section, size_bytes as i32);
        put_record_body(&mut self.section, record, timestamp_delta, self.records_count);
        self.records_count += 1;
    }

    pub fn records_count(&self) -> i32 {
        self.records_count
    }

    pub fn is_empty(&self) -> bool {
        self.records_count == 0
    }

    /// Bytes of the batch if it stayed uncompressed.
    pub fn size_bytes(&self) -> usize {
        HEADER_SIZE_BYTES + self.section.len()
    }

    /// Finishes the batch. Base offset 0 and leader epoch -1 stand in it until `assign`.
    ///
    /// # Panics
    /// Where the batch has no record.
    pub fn build(
        self,
        codec: Codec,
        levels: &Levels,
        compressor: &mut Compressor,
    ) -> Result<ValidatedBatch, CompressError> {
        if codec == Codec::None {
            return Ok(self.build_uncompressed());
        }
        let mut body = Vec::new();
        compressor.compress(codec, levels, &self.section, &mut body)?;
        Ok(self.finish(codec, body))
    }

    /// Finishes the batch without compression.
    ///
    /// # Panics
    /// Where the batch has no record.
    pub fn build_uncompressed(mut self) -> ValidatedBatch {
        let body = std::mem::take(&mut self.section);
        self.finish(Codec::None, body)
    }

    fn finish(mut self, codec: Codec, body: Vec<u8>) -> ValidatedBatch {
        assert!(self.records_count > 0, "a new batch needs a record");
        self.header.set_codec(codec);
        self.header.set_counts(self.records_count, self.records_count - 1);
        self.header.set_max_timestamp(self.max_timestamp);
        self.header.set_size_bytes(HEADER_SIZE_BYTES + body.len());
        self.header.seal(&body);
        ValidatedBatch::new(self.header, body.into(), self.offset_delta_of_max_timestamp)
    }
}

fn record_body_size_bytes(record: &NewRecord<'_>, timestamp_delta: i64, offset_delta: i32) -> usize {
    let nullable = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => varlong_size_bytes(bytes.len() as i64) + bytes.len(),
        None => 1,
    };
    let headers = record.headers.iter().map(|header| nullable(Some(header.key)) + nullable(header.value));
    1 + varlong_size_bytes(timestamp_delta)
        + varlong_size_bytes(i64::from(offset_delta))
        + nullable(record.key)
        + nullable(record.value)
        + varlong_size_bytes(record.headers.len() as i64)
        + headers.sum::<usize>()
}

fn put_record_body(out: &mut Vec<u8>, record: &NewRecord<'_>, timestamp_delta: i64, offset_delta: i32) {
    out.push(0);
    put_varlong(out, timestamp_delta);
    put_varint(out, offset_delta);
    put_nullable(out, record.key);
    put_nullable(out, record.value);
    put_varint(out, record.headers.len() as i32);
    for header in record.headers {
        put_nullable(out, Some(header.key));
        put_nullable(out, header.value);
    }
}

fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_varint(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
        None => put_varint(out, -1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BatchView, Frame, Records, compression::Decompressor, test_random::Random};

    /// Owned key, value and headers of a record.
    type Owned = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(Vec<u8>, Option<Vec<u8>>)>);

    fn bytes(random: &mut Random) -> Vec<u8> {
        let size = [0, 1, 5, 63, 64, 300][random.below(6) as usize];
        (0..size).map(|_| random.next() as u8).collect()
    }

    fn nullable(random: &mut Random) -> Option<Vec<u8>> {
        (random.below(4) > 0).then(|| bytes(random))
    }

    fn random_record(random: &mut Random) -> Owned {
        let headers = (0..random.below(4)).map(|_| (bytes(random), nullable(random))).collect();
        (
            1_700_000_000_000 + random.below(100_000) as i64 - 50_000,
            nullable(random),
            nullable(random),
            headers,
        )
    }

    #[test]
    fn what_is_built_is_read_back() {
        let mut random = Random::new(31);
        let (mut compressor, mut decompressor) = (Compressor::default(), Decompressor::default());
        for round in 0..100 {
            let records: Vec<Owned> = (0..=random.below(40)).map(|_| random_record(&mut random)).collect();
            let codec = Codec::ALL[round % 5];
            let mut builder = BatchBuilder::new().producer(9, 2, 100);
            for (timestamp_ms, key, value, headers) in &records {
                let headers: Vec<Header<'_>> =
                    headers.iter().map(|(key, value)| Header { key, value: value.as_deref() }).collect();
                builder.append(&NewRecord {
                    timestamp_ms: *timestamp_ms,
                    key: key.as_deref(),
                    value: value.as_deref(),
                    headers: &headers,
                });
            }
            let batch = builder.build(codec, &Levels::default(), &mut compressor).unwrap().to_vec();
            let Frame::Complete(view) = BatchView::parse(&batch) else { panic!("not whole") };
            view.check().unwrap();
            let header = view.header();
            assert_eq!(header.codec(), Some(codec));
            assert_eq!(header.last_sequence(), 100 + records.len() as i32 - 1);
            assert_eq!(header.max_timestamp(), records.iter().map(|record| record.0).max().unwrap());
            let section = decompressor.decompress(codec, view.body(), usize::MAX).unwrap();
            let mut read = Records::new(section, header.records_count());
            for (index, (timestamp_ms, key, value, headers)) in records.iter().enumerate() {
                let record = read.next().unwrap().unwrap();
                assert_eq!(record.offset_delta, index as i32);
                assert_eq!(header.base_timestamp() + record.timestamp_delta, *timestamp_ms);
                assert_eq!((record.key, record.value), (key.as_deref(), value.as_deref()));
                let read: Vec<_> =
                    record.headers().map(|h| (h.key.to_vec(), h.value.map(<[u8]>::to_vec))).collect();
                assert_eq!(&read, headers);
            }
            assert_eq!(read.position(), section.len());
        }
    }

    #[test]
    fn the_first_of_equal_timestamps_is_the_largest() {
        let mut builder = BatchBuilder::new();
        for timestamp_ms in [5, 9, 9, 3] {
            builder.append(&NewRecord { timestamp_ms, ..NewRecord::default() });
        }
        let batch = builder.build_uncompressed();
        assert_eq!((batch.max_timestamp(), batch.offset_delta_of_max_timestamp()), (9, 1));
        assert_eq!(batch.header().base_timestamp(), 5);
    }
}
