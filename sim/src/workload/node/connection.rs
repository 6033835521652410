//! A client's connection to the node: requests out, answers in, in order.

use std::{future::Future, net::SocketAddr, pin::pin, rc::Rc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use jackdaw_core::protocol::{
    Request,
    frame::{read_response, request_frame},
};
use jackdaw_ring::{Socket, now, timeout};

use super::{PATIENCE, Shared, broken};

pub(super) const PORT: u16 = 9092;
const LARGEST_ANSWER_BYTES: usize = 64 << 20;
/// How often a waiting client looks whether the node still lives.
const LOOK: Duration = Duration::from_millis(200);

/// The connection, or the life of the node that it belongs to, is over.
#[derive(Debug)]
pub(super) struct Lost;

/// One connection.
pub(super) struct Connection {
    shared: Rc<Shared>,
    socket: Socket,
    received: BytesMut,
    next_id: i32,
    next_answer: i32,
    pub(super) life: u64,
}

impl Connection {
    pub(super) async fn open(shared: &Rc<Shared>) -> Result<Self, Lost> {
        let life = shared.life.get();
        let address = SocketAddr::from((shared.node.address(), PORT));
        let socket =
            while_alive(shared, life, "connect", async { Socket::connect(address).await.map_err(|_| Lost) })
                .await?;
        let shared = Rc::clone(shared);
        Ok(Self { shared, socket, received: BytesMut::new(), next_id: 1, next_answer: 1, life })
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
        while_alive(&self.shared, self.life, "a send", sent).await
    }

    /// Take the next answer.
    pub(super) async fn answer<R: Request>(&mut self, version: i16) -> Result<R::Response, Lost> {
        let (shared, life) = (Rc::clone(&self.shared), self.life);
        let frame = while_alive(&shared, life, std::any::type_name::<R>(), self.receive()).await?;
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
        shared.answers.set(shared.answers.get() + 1);
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
    shared: &Shared,
    life: u64,
    what: &str,
    future: impl Future<Output = Result<T, Lost>>,
) -> Result<T, Lost> {
    let mut future = pin!(future);
    let begun = now();
    loop {
        if shared.life.get() != life {
            return Err(Lost);
        }
        if let Ok(result) = timeout(LOOK, future.as_mut()).await {
            return if shared.life.get() == life { result } else { Err(Lost) };
        }
        if now().0 - begun.0 > PATIENCE.as_nanos() as u64 / 2 {
            broken("a request is answered", what);
        }
    }
}
