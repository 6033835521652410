//! Record batches: reading, validating, compressing and building them.

pub mod batch_header;
pub mod batches;
pub mod compression;
pub mod crc;
pub mod record;
#[cfg(test)]
pub(crate) mod test_random;
pub mod validated_batch;
pub mod varint;

pub use batch_header::{BatchHeader, HEADER_SIZE_BYTES, TimestampType};
pub use batches::{BatchView, Batches, CorruptBatch, Frame};
pub use compression::Codec;
pub use record::{Header, InvalidRecord, Record, Records};
pub use validated_batch::ValidatedBatch;
