//! Record batches: reading, validating, compressing and building them.

pub mod batch_header;
pub mod batches;
pub mod builder;
pub mod compaction;
pub mod compression;
pub mod control;
pub mod crc;
pub mod record;
#[cfg(test)]
pub(crate) mod test_random;
pub mod validate;
pub mod validated_batch;
pub mod varint;

pub use batch_header::{BatchHeader, HEADER_SIZE_BYTES, TimestampType};
pub use batches::{BatchView, Batches, CorruptBatch, Frame};
pub use builder::{BatchBuilder, NewRecord};
pub use compaction::CompactionError;
pub use compression::Codec;
pub use control::{ControlType, build_control_batch};
pub use record::{Header, InvalidRecord, Record, Records};
pub use validate::{Arrival, ValidationConfig, ValidationError, Validator};
pub use validated_batch::ValidatedBatch;
