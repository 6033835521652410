//! A client's connection to the node: requests out, answers in, in order.

use std::{cell::Cell, future::Future, net::SocketAddr, pin::pin, rc::Rc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use jackdaw_core::protocol::{
    Request,
    frame::{read_response, request_frame},
};
use jackdaw_ring::{Socket, now, timeout};

use super::{PATIENCE, broken};
use crate::{Host, marks::reach};

pub(super) const PORT: u16 = 9092;
const LARGEST_ANSWER_BYTES: usize = 64 << 20;
/// How often a waiting client looks whether the node still lives.
const LOOK: Duration = Duration::from_millis(200);

/// The node as its clients know it.
pub(super) struct Server {
    pub(super) host: Host,
    /// Which life of the node this is.
    pub(super) life: Cell<u64>,
    /// Requests that were answered.
    pub(super) answers: Cell<u64>,
}

impl Server {
    pub(super) fn new(host: Host) -> Rc<Self> {
        Rc::new(Self { host, life: Cell::new(0), answers: Cell::new(0) })
    }
}

/// The connection, or the life of the node that it belongs to, is over.
#[derive(Debug)]
pub(super) struct Lost;

/// One connection.
pub(super) struct Connection {
    server: Rc<Server>,
    socket: Socket,
    received: BytesMut,
    next_id: i32,
    next_answer: i32,
    pub(super) life: u64,
}

impl Connection {
    pub(super) async fn open(server: &Rc<Server>) -> Result<Self, Lost> {
        let life = server.life.get();
        let address = SocketAddr::from((server.host.address(), PORT));
        let connected = async { Socket::connect(address).await.map_err(|_| Lost) };
        let socket = while_alive(server, life, "connect", connected).await?;
        let server = Rc::clone(server);
        Ok(Self { server, socket, received: BytesMut::new(), next_id: 1, next_answer: 1, life })
    }

    /// Send a request; its answer must be taken by `answer`, in order.
    pub(super) async fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<(), Lost> {
        let frame = self.frame(request, version);
        self.next_id += 1;
        self.send_bytes(frame).await
    }

    /// Send a request that has no answer.
    pub(super) async fn tell<R: Request>(&mut self, request: &R, version: i16) -> Result<(), Lost> {
        let frame = self.frame(request, version);
        self.send_bytes(frame).await
    }

    fn frame<R: Request>(&self, request: &R, version: i16) -> Bytes {
        match request_frame(request, version, self.next_id, Some("sim")) {
            Ok(frame) => frame,
            Err(error) => panic!("cannot encode {request:?} at {version}: {error}"),
        }
    }

    async fn send_bytes(&mut self, frame: Bytes) -> Result<(), Lost> {
        let sent = async { self.socket.send(vec![frame], false).await.map_err(|_| Lost) };
        while_alive(&self.server, self.life, "a send", sent).await
    }

    /// Take the next answer.
    pub(super) async fn answer<R: Request>(&mut self, version: i16) -> Result<R::Response, Lost> {
        let (server, life) = (Rc::clone(&self.server), self.life);
        let frame = while_alive(&server, life, std::any::type_name::<R>(), self.receive()).await?;
        let (id, response) = match read_response::<R>(&frame, version) {
            Ok(read) => read,
            Err(error) => {
                let what = std::any::type_name::<R>();
                let start = &frame[..frame.len().min(64)];
                let detail = format!("{what} {version}: {error}: {} bytes, {start:02x?}", frame.len());
                broken("an answer is well-formed", &detail)
            }
        };
        if id != self.next_answer {
            broken("answers come in order", &format!("{id} instead of {}", self.next_answer));
        }
        self.next_answer += 1;
        if server.host.is_stalled() {
            reach("client: an answer while the disk stalls");
        }
        server.answers.set(server.answers.get() + 1);
        Ok(response)
    }

    pub(super) async fn call<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, Lost> {
        self.send(request, version).await?;
        self.answer::<R>(version).await
    }

    async fn receive(&mut self) -> Result<Bytes, Lost> {
        loop {
            if let Some(length) = self.received.first_chunk::<4>() {
                let length = i32::from_be_bytes(*length);
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                if length > LARGEST_ANSWER_BYTES {
                    broken("an answer is well-formed", &format!("it claims {length} bytes"));
                }
                if self.received.len() >= 4 + length {
                    self.received.advance(4);
                    return Ok(self.received.split_to(length).freeze());
                }
            }
            match self.socket.receive().await {
                Ok(Some(bytes)) => self.received.extend_from_slice(&bytes),
                Ok(None) | Err(_) => return Err(Lost),
            }
        }
    }
}

/// Wait for something that must happen while the node lives.
async fn while_alive<T>(
    server: &Server,
    life: u64,
    what: &str,
    future: impl Future<Output = Result<T, Lost>>,
) -> Result<T, Lost> {
    let mut future = pin!(future);
    let begun = now();
    loop {
        if server.life.get() != life {
            return Err(Lost);
        }
        if let Ok(result) = timeout(LOOK, future.as_mut()).await {
            return if server.life.get() == life { result } else { Err(Lost) };
        }
        if now().0 - begun.0 > PATIENCE.as_nanos() as u64 / 2 {
            broken("a request is answered", what);
        }
    }
}
