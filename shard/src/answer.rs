//! Answers as frames: length, response header, body.

use bytes::{BufMut, BytesMut};
use jackdaw_core::protocol::{
    ApiKey, EncodeError, Message, Writer,
    header::{RequestHeader, write_response_header},
};
use jackdaw_net::{Answer, Piece, Response, budget::Permit};

use crate::{limits::UNCOUNTED_ANSWER_BYTES, shard::Shard};

const LENGTH_BYTES: usize = 4;

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
            Ok(()) => self.finish(writer),
            Err(error) => self.unencodable(&error),
        }
    }

    /// The same; what the answer takes is given back when it has been sent.
    pub(crate) fn with_counted(&self, counted: Counted<impl Message>) -> Answer {
        match (self.with(&counted.response), counted.memory) {
            (Answer::Send(Response::Bytes(frame)), memory @ Some(_)) => {
                Answer::Send(Response::Pieces { pieces: vec![Piece::Bytes(frame)], memory })
            }
            (answer, _) => answer,
        }
    }

    /// Put the length in front and send.
    pub(crate) fn finish(&self, writer: Writer) -> Answer {
        let mut frame = writer.into_inner();
        let size_bytes = frame.len() - LENGTH_BYTES;
        let Ok(length) = i32::try_from(size_bytes) else {
            return self.unencodable(&EncodeError::TooLong { what: "an answer", length: size_bytes });
        };
        frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        Answer::Send(Response::Bytes(frame.freeze()))
    }

    /// Our own mistake: a body that its version, or a frame, cannot carry.
    pub(crate) fn unencodable(&self, error: &dyn std::error::Error) -> Answer {
        tracing::error!(api = ?self.key, version = self.version, %error, "cannot encode an answer; please report this");
        Answer::Close(format!("the answer to {:?} v{} cannot be encoded", self.key, self.version))
    }
}

/// An answer that may be large, with the memory that was set aside for it before it was made.
pub(crate) struct Counted<T> {
    pub(crate) response: T,
    pub(crate) memory: Option<Permit>,
}

/// Set memory aside for an answer of about `size_bytes`, decoded and encoded together. Small ones need none.
pub(crate) async fn memory_for(shard: &Shard, size_bytes: usize) -> Option<Permit> {
    if size_bytes <= UNCOUNTED_ANSWER_BYTES {
        return None;
    }
    let mut memory = shard.memory.answer_permit();
    memory.grow(size_bytes).await;
    Some(memory)
}
