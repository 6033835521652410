//! A client's connection to the broker: one request at a time, each with its answer.

use std::{
    io::{Error, ErrorKind},
    net::SocketAddr,
};

use bytes::{Buf, Bytes, BytesMut};
use jackdaw_core::protocol::{
    Request,
    frame::{read_response, request_frame},
};
use jackdaw_ring::Socket;

/// No answer to a member is near this.
const LARGEST_ANSWER_BYTES: usize = 1 << 20;

pub(crate) struct Connection {
    socket: Socket,
    received: BytesMut,
    next_id: i32,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Error> {
        let socket = Socket::connect(address).await?;
        Ok(Self { socket, received: BytesMut::new(), next_id: 0 })
    }

    pub(crate) async fn call<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, Error> {
        self.next_id = self.next_id.wrapping_add(1);
        let frame = request_frame(request, version, self.next_id, Some("groups")).map_err(Error::other)?;
        self.socket.send(vec![frame], false).await?;
        let answer = self.receive().await?;
        let (id, response) = read_response::<R>(&answer, version).map_err(Error::other)?;
        if id != self.next_id {
            return Err(Error::other(format!("answer {id} to request {}", self.next_id)));
        }
        Ok(response)
    }

    async fn receive(&mut self) -> Result<Bytes, Error> {
        loop {
            if let Some(length) = self.received.first_chunk::<4>() {
                let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                if length > LARGEST_ANSWER_BYTES {
                    return Err(Error::other(format!("an answer claims {length} bytes")));
                }
                if self.received.len() >= 4 + length {
                    self.received.advance(4);
                    return Ok(self.received.split_to(length).freeze());
                }
            }
            match self.socket.receive().await? {
                Some(bytes) => self.received.extend_from_slice(&bytes),
                None => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}
