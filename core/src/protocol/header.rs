//! Request and response headers, and which of their versions stands before which message.

use super::{ApiKey, DecodeError, EncodeError, Reader, Writer};

/// What stands before every request.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RequestHeader {
    /// As sent: it may name no API we know.
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
}

/// The request header's version before this API and version: 2 with tagged fields, else 1. A version of
/// ApiVersions above those we know is taken to be flexible, so that it can be answered with an error.
pub fn request_header_version(key: ApiKey, version: i16) -> i16 {
    if key.is_flexible(version) { 2 } else { 1 }
}

/// The response header's version: 1 with tagged fields, else 0. ApiVersions' stays 0, because a client
/// reads it before it knows what the broker speaks.
pub fn response_header_version(key: ApiKey, version: i16) -> i16 {
    i16::from(key != ApiKey::ApiVersions && key.is_flexible(version))
}

impl RequestHeader {
    /// Reads a header. An API that does not exist is read as a header of version 1.
    ///
    /// # Errors
    /// Fewer bytes than a header has.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let api_key = reader.i16()?;
        let api_version = reader.i16()?;
        let correlation_id = reader.i32()?;
        // Not compact in version 2 either.
        let client_id = reader.opt_string(false, true)?;
        if ApiKey::from_code(api_key).is_some_and(|key| key.is_flexible(api_version)) {
            reader.skip_tags()?;
        }
        Ok(Self { api_key, api_version, correlation_id, client_id })
    }

    /// # Errors
    /// A client id longer than 32767 bytes.
    pub fn write(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.i16(self.api_key);
        writer.i16(self.api_version);
        writer.i32(self.correlation_id);
        writer.opt_string(false, self.client_id.as_deref())?;
        if ApiKey::from_code(self.api_key).is_some_and(|key| key.is_flexible(self.api_version)) {
            writer.uvarint(0);
        }
        Ok(())
    }
}

/// Reads a response header and returns its correlation id.
///
/// # Errors
/// Fewer bytes than a header has.
pub fn read_response_header(reader: &mut Reader<'_>, key: ApiKey, version: i16) -> Result<i32, DecodeError> {
    let correlation_id = reader.i32()?;
    if response_header_version(key, version) == 1 {
        reader.skip_tags()?;
    }
    Ok(correlation_id)
}

/// Writes a response header.
pub fn write_response_header(writer: &mut Writer, key: ApiKey, version: i16, correlation_id: i32) {
    writer.i32(correlation_id);
    if response_header_version(key, version) == 1 {
        writer.uvarint(0);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn versions_follow_key_and_version() {
        let cases = [
            (ApiKey::Produce, 8, 1, 0),
            (ApiKey::Produce, 9, 2, 1),
            (ApiKey::ApiVersions, 2, 1, 0),
            (ApiKey::ApiVersions, 3, 2, 0),
            (ApiKey::ApiVersions, 99, 2, 0),
            (ApiKey::SaslHandshake, 1, 1, 0),
            (ApiKey::Vote, 0, 2, 1),
        ];
        for (key, version, request, response) in cases {
            assert_eq!(request_header_version(key, version), request, "{key:?} {version}");
            assert_eq!(response_header_version(key, version), response, "{key:?} {version}");
        }
    }

    #[test]
    fn a_client_id_of_negative_length_is_null() {
        let frame = Bytes::from_static(&[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xfe]);
        let header = RequestHeader::read(&mut Reader::new(&frame)).expect("a header");
        assert_eq!(header, RequestHeader { api_key: 18, correlation_id: 7, ..RequestHeader::default() });
    }

    #[test]
    fn the_client_id_is_not_compact_before_a_flexible_body() {
        let header = RequestHeader {
            api_key: 3,
            api_version: 12,
            correlation_id: 1,
            client_id: Some("me".to_owned()),
        };
        let mut writer = Writer::new();
        header.write(&mut writer).expect("short");
        let bytes = writer.freeze();
        assert_eq!(&bytes[..], [0, 3, 0, 12, 0, 0, 0, 1, 0, 2, b'm', b'e', 0]);
        assert_eq!(RequestHeader::read(&mut Reader::new(&bytes)), Ok(header));
    }
}
