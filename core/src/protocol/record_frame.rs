//! The frame of metadata and remote-log records: frame version, record type and record version as varints.

use super::{DecodeError, EncodeError, Reader, Writer};

const FRAME_VERSION: u32 = 1;

/// Reads a frame: the record's type and version. `family` names the records in errors.
pub(crate) fn read_frame(reader: &mut Reader<'_>, family: &'static str) -> Result<(i16, i16), DecodeError> {
    let frame_version = reader.uvarint()?;
    if frame_version != FRAME_VERSION {
        return Err(DecodeError::FrameVersion(frame_version));
    }
    let code = reader.uvarint()?;
    let code = i16::try_from(code).map_err(|_| DecodeError::Type { family, code: code.cast_signed() })?;
    let version = reader.uvarint()?;
    let version =
        i16::try_from(version).map_err(|_| DecodeError::Version { message: family, version: i16::MAX })?;
    Ok((code, version))
}

/// Appends a frame; type and version are never negative.
pub(crate) fn write_frame(
    writer: &mut Writer,
    family: &'static str,
    code: i16,
    version: i16,
) -> Result<(), EncodeError> {
    let refused = |_| EncodeError::Version { message: family, version };
    writer.uvarint(FRAME_VERSION);
    writer.uvarint(u32::from(code.unsigned_abs()));
    writer.uvarint(u32::try_from(version).map_err(refused)?);
    Ok(())
}
