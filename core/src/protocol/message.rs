//! What every generated message can do, and the checks that generated code shares.

use bytes::Bytes;

use super::{ApiKey, DecodeError, EncodeError, Reader, Writer};

/// A message with versions. `read` and `write` trust the version; `decode` and `encode` check it.
pub trait Message: Sized + Clone + std::fmt::Debug + PartialEq + Default {
    const NAME: &'static str;
    const MIN_VERSION: i16;
    const MAX_VERSION: i16;
    /// The first version with compact types and tagged fields; `i16::MAX` when there is none.
    const FIRST_FLEXIBLE_VERSION: i16;

    /// Reads the message's fields. What follows them stays unread.
    ///
    /// # Errors
    /// Bytes that are not this message at this version.
    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError>;

    /// Appends the message's fields.
    ///
    /// # Errors
    /// A set field that the version lacks and that may not be dropped; null or too long where it may not be.
    fn write(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError>;

    /// How long the client has to wait before its next request; 0 for messages that cannot say so.
    fn throttle_time_ms(&self) -> i32 {
        0
    }

    /// See `throttle_time_ms`. Nothing happens in messages that cannot say so.
    fn set_throttle_time_ms(&mut self, _throttle_time_ms: i32) {}

    fn has_version(version: i16) -> bool {
        (Self::MIN_VERSION..=Self::MAX_VERSION).contains(&version)
    }

    fn is_flexible(version: i16) -> bool {
        version >= Self::FIRST_FLEXIBLE_VERSION
    }

    /// Like `read`, for a version that a peer names.
    fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        if !Self::has_version(version) {
            return Err(DecodeError::Version { message: Self::NAME, version });
        }
        Self::read(reader, version)
    }

    /// Like `write`, for a version that a peer names.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if !Self::has_version(version) {
            return Err(EncodeError::Version { message: Self::NAME, version });
        }
        self.write(writer, version)
    }

    fn from_bytes(bytes: &Bytes, version: i16) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes), version)
    }

    fn to_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut writer = Writer::new();
        self.encode(&mut writer, version)?;
        Ok(writer.freeze())
    }

    /// Behind its own version as an int16: the form of coordinator records, transaction markers and embedded
    /// consumer protocol data.
    fn from_prefixed_bytes(bytes: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = reader.i16()?;
        Self::decode(&mut reader, version)
    }

    /// See `from_prefixed_bytes`.
    fn to_prefixed_bytes(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut writer = Writer::new();
        writer.i16(version);
        self.encode(&mut writer, version)?;
        Ok(writer.freeze())
    }
}

/// A request, its key and what answers it.
pub trait Request: Message {
    const KEY: ApiKey;
    type Response: Message;
}

/// A field that this version lacks must stand at its default.
pub(crate) fn absent(field: &'static str, version: i16, is_set: bool) -> Result<(), EncodeError> {
    if is_set { Err(EncodeError::Unsupported { field, version }) } else { Ok(()) }
}

/// A field that is null where this version has no null.
pub(crate) fn not_null(
    field: &'static str,
    version: i16,
    is_null: bool,
    nullable: bool,
) -> Result<(), EncodeError> {
    if is_null && !nullable { Err(EncodeError::Null { field, version }) } else { Ok(()) }
}
