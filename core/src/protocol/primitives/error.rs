//! Why bytes could not be read or a message could not be written.

/// Bytes that are not the message they claim to be. `position` counts from the first byte given to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{needed} bytes are needed at byte {position}, {remaining} remain")]
    Truncated { position: usize, needed: usize, remaining: usize },
    #[error("null at byte {position}, where the schema has none")]
    Null { position: usize },
    #[error("{count} elements are claimed at byte {position}, {remaining} bytes remain")]
    Count { position: usize, count: usize, remaining: usize },
    #[error("a string of {length} bytes at byte {position}; 32767 is the most")]
    StringLength { position: usize, length: usize },
    #[error("a varint of more than {limit} bytes at byte {position}")]
    Varint { position: usize, limit: usize },
    #[error("the message takes more than {limit_bytes} bytes of memory")]
    Memory { limit_bytes: usize },
    #[error("{message} has no version {version}")]
    Version { message: &'static str, version: i16 },
    #[error("{family} has no type {code}")]
    Type { family: &'static str, code: i32 },
    #[error("frame version {0} is unknown: 1 was expected")]
    FrameVersion(u32),
}

/// A message that its version cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("{field} is set, and version {version} has no such field")]
    Unsupported { field: &'static str, version: i16 },
    #[error("{field} is null, and version {version} has no null there")]
    Null { field: &'static str, version: i16 },
    #[error("{what} of length {length} is more than the wire can carry")]
    TooLong { what: &'static str, length: usize },
    #[error("{message} has no version {version}")]
    Version { message: &'static str, version: i16 },
}
