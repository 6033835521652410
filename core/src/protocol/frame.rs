//! Whole frames: a size, a header, a message. For clients, tests and requests between brokers.

use bytes::Bytes;

use super::{
    ApiKey, DecodeError, EncodeError, Message, Reader, Request, Writer,
    header::{RequestHeader, read_response_header, write_response_header},
};

/// A request as it goes over the connection, its size in front.
///
/// # Errors
/// What `Message::encode` refuses; a client id that is too long.
pub fn request_frame<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<Bytes, EncodeError> {
    let header = RequestHeader {
        api_key: R::KEY.code(),
        api_version: version,
        correlation_id,
        client_id: client_id.map(str::to_owned),
    };
    sized(|writer| {
        header.write(writer)?;
        request.encode(writer, version)
    })
}

/// A response as it goes over the connection, its size in front.
///
/// # Errors
/// What `Message::encode` refuses.
pub fn response_frame(
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &impl Message,
) -> Result<Bytes, EncodeError> {
    sized(|writer| {
        write_response_header(writer, key, version, correlation_id);
        response.encode(writer, version)
    })
}

/// Reads a response to a request of type `R` from a frame without its size: correlation id and message.
///
/// # Errors
/// Bytes that are not such a response.
pub fn read_response<R: Request>(frame: &Bytes, version: i16) -> Result<(i32, R::Response), DecodeError> {
    let mut reader = Reader::new(frame);
    let correlation_id = read_response_header(&mut reader, R::KEY, version)?;
    Ok((correlation_id, R::Response::decode(&mut reader, version)?))
}

fn sized(write: impl FnOnce(&mut Writer) -> Result<(), EncodeError>) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    let start = writer.begin_size();
    write(&mut writer)?;
    writer.end_size(start, 0)?;
    Ok(writer.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::{MetadataRequest, MetadataResponse};

    #[test]
    fn a_frame_has_its_size_in_front() {
        let request = MetadataRequest::default();
        let frame = request_frame(&request, 12, 5, Some("me")).expect("encodes");
        assert_eq!(frame[..4], u32::try_from(frame.len() - 4).expect("short").to_be_bytes());
        let body = frame.slice(4..);
        let mut reader = Reader::new(&body);
        let header = RequestHeader::read(&mut reader).expect("a header");
        assert_eq!((header.correlation_id, header.client_id.as_deref()), (5, Some("me")));
        assert_eq!(MetadataRequest::decode(&mut reader, 12), Ok(request));
    }

    #[test]
    fn a_response_comes_back_with_its_correlation_id() {
        let response = MetadataResponse::default();
        let frame = response_frame(ApiKey::Metadata, 12, 77, &response).expect("encodes");
        assert_eq!(read_response::<MetadataRequest>(&frame.slice(4..), 12), Ok((77, response)));
    }
}
