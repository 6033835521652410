//! A client's connection to the broker: one request at a time, each with its answer.

use std::{io::Error, net::SocketAddr};

use jackdaw_core::protocol::{
    Request,
    frame::{read_response, request_frame},
};
use jackdaw_ring::Socket;

use crate::frames::Frames;

/// How the broker sees these programs.
pub const CLIENT_ID: &str = "jackdaw-bench";

/// One request in flight.
pub struct Connection {
    socket: Socket,
    frames: Frames,
    next_id: i32,
}

impl Connection {
    /// # Errors
    /// Nobody listens there.
    pub async fn open(address: SocketAddr) -> Result<Self, Error> {
        let socket = Socket::connect(address).await?;
        Ok(Self { socket, frames: Frames::default(), next_id: 0 })
    }

    /// Sends a request and waits for its answer, which may say no in a field of its own.
    ///
    /// # Errors
    /// The connection's end; an answer that is none to this request.
    pub async fn call<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, Error> {
        self.next_id = self.next_id.wrapping_add(1);
        let frame = request_frame(request, version, self.next_id, Some(CLIENT_ID)).map_err(Error::other)?;
        self.socket.send(vec![frame], false).await?;
        let answer = self.frames.next(&self.socket).await?;
        let (id, response) = read_response::<R>(&answer, version).map_err(Error::other)?;
        if id != self.next_id {
            return Err(Error::other(format!("answer {id} to request {}", self.next_id)));
        }
        Ok(response)
    }
}
