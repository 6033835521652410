//! Answers as frames: length, response header, body.

use bytes::{BufMut, BytesMut};
use jackdaw_core::protocol::{
    ApiKey, Message, Writer,
    header::{RequestHeader, write_response_header},
};
use jackdaw_net::{Answer, Response};

/// What an answer needs of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyTo {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
}

impl ReplyTo {
    pub(crate) fn new(key: ApiKey, header: &RequestHeader) -> Self {
        Self { key, version: header.api_version, correlation_id: header.correlation_id }
    }

    /// The frame's start: room for its length, then the response header.
    pub(crate) fn begin(&self) -> Writer {
        let mut buffer = BytesMut::with_capacity(256);
        buffer.put_i32(0);
        let mut writer = Writer::over(buffer);
        write_response_header(&mut writer, self.key, self.version, self.correlation_id);
        writer
    }

    /// Answer with `body`.
    pub(crate) fn with(&self, body: &impl Message) -> Answer {
        let mut writer = self.begin();
        match body.encode(&mut writer, self.version) {
            Ok(()) => finish(writer),
            Err(error) => self.unencodable(&error),
        }
    }

    /// Our own mistake: a body that its version cannot carry.
    pub(crate) fn unencodable(&self, error: &dyn std::error::Error) -> Answer {
        tracing::error!(api = ?self.key, version = self.version, %error, "cannot encode an answer; please report this");
        Answer::Close(format!("the answer to {:?} v{} cannot be encoded", self.key, self.version))
    }
}

/// Put the length in front and send.
pub(crate) fn finish(writer: Writer) -> Answer {
    let mut frame = writer.into_inner();
    let size_bytes = frame.len() - 4;
    frame[..4].copy_from_slice(&frame_length(size_bytes));
    Answer::Send(Response::Bytes(frame.freeze()))
}

/// A frame's length as it stands in front of it.
pub(crate) fn frame_length(size_bytes: usize) -> [u8; 4] {
    let size = i32::try_from(size_bytes);
    // fetch.max.bytes and the limits on decoded messages keep every answer far below.
    assert!(size.is_ok(), "an answer of {size_bytes} bytes does not fit a frame");
    size.unwrap_or(0).to_be_bytes()
}
