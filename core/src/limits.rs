//! Every bound in one place, each with its reason.

/// What one decoded message may take beyond its frame: vectors and strings, not record bytes, which stay in the
/// frame. A frame of 100 MiB could otherwise unfold into gigabytes of small structs; the largest honest message,
/// Metadata of 200,000 partitions, takes under 60 MiB.
pub const DECODED_MESSAGE_BYTES_MAX: usize = 128 << 20;
