//! One connection: a reader that dispatches, a writer that answers in order, a bounded pipeline between them.

use std::{future::poll_fn, io, pin::Pin, rc::Rc, task::Poll};

use bytes::Bytes;
use jackdaw_ring::{Socket, channel::Queue, spawn};

use crate::{
    budget::{Budget, Permit},
    connections::Connections,
    frame::{FrameError, FrameReader},
    limits::{PIPELINE_REQUESTS_MAX, SEND_BATCH_BYTES},
    pipeline::{Answer, Dispatched, Piece, Response, Service},
};

/// What every connection of a listener shares.
#[derive(Clone)]
pub struct ConnectionConfig {
    /// `socket.request.max.bytes`.
    pub request_max_bytes: usize,
    pub budget: Budget,
    pub connections: Connections,
}

/// A dispatched request in its place; its frame's memory is held until it is answered.
struct Slot {
    dispatched: Dispatched,
    _permit: Option<Permit>,
}

/// Serve one connection until it ends.
pub async fn serve<S: Service>(socket: Socket, service: Rc<S>, config: ConnectionConfig) {
    let socket = Rc::new(socket);
    let pipeline = Queue::bounded(PIPELINE_REQUESTS_MAX);
    let writer = spawn(write(Rc::clone(&socket), pipeline.clone()));
    let ended = read(&socket, &*service, &config, &pipeline).await;
    pipeline.close();
    if let Err(error) = ended {
        log_end(&socket, &error);
    }
    writer.await;
    socket.shutdown();
}

fn log_end(socket: &Socket, error: &FrameError) {
    match error {
        FrameError::Io(error) => tracing::debug!(peer = %socket.peer(), %error, "connection ended"),
        error => tracing::info!(peer = %socket.peer(), "closed the connection: the peer {error}"),
    }
}

async fn read<S: Service>(
    socket: &Rc<Socket>,
    service: &S,
    config: &ConnectionConfig,
    pipeline: &Queue<Slot>,
) -> Result<(), FrameError> {
    let registration = config.connections.register(socket);
    let mut session = service.open(socket.peer());
    let mut frames = FrameReader::new(config.request_max_bytes, config.budget.clone());
    while let Some(frame) = frames.next(socket).await? {
        registration.touch();
        let dispatched = service.dispatch(&mut session, frame.bytes).await;
        let last = matches!(dispatched, Dispatched::Done(Answer::Close(_)));
        // A closed pipeline means that the writer has ended and with it the connection.
        if pipeline.push(Slot { dispatched, _permit: frame.permit }).await.is_err() || last {
            break;
        }
    }
    Ok(())
}

async fn write(socket: Rc<Socket>, pipeline: Queue<Slot>) {
    let mut output = Output { socket: &socket, buffers: Vec::new(), size_bytes: 0 };
    let result = answer_all(&mut output, &pipeline).await;
    if let Err(error) = result {
        tracing::debug!(peer = %socket.peer(), %error, "connection ended while answering");
    }
    pipeline.close();
    socket.shutdown();
    // What is still in the pipeline has nobody to answer to.
    while pipeline.try_pop().is_some() {}
}

async fn answer_all(output: &mut Output<'_>, pipeline: &Queue<Slot>) -> io::Result<()> {
    loop {
        let slot = match pipeline.try_pop() {
            Some(slot) => slot,
            None => {
                output.flush(false).await?;
                match pipeline.pop().await {
                    Some(slot) => slot,
                    None => return Ok(()),
                }
            }
        };
        match finish(slot.dispatched, output).await? {
            Answer::Send(response) => output.add(response).await?,
            Answer::Nothing => {}
            Answer::Close(reason) => {
                output.flush(false).await?;
                tracing::info!(peer = %output.socket.peer(), "closed the connection: {reason}");
                return Ok(());
            }
        }
    }
}

/// Wait for an answer; what is ready to go leaves before the wait.
async fn finish(dispatched: Dispatched, output: &mut Output<'_>) -> io::Result<Answer> {
    let mut later = match dispatched {
        Dispatched::Done(answer) => return Ok(answer),
        Dispatched::Later(later) => later,
    };
    let ready = poll_fn(|context| match Pin::new(&mut later).poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    if let Some(answer) = ready {
        return Ok(answer);
    }
    output.flush(false).await?;
    Ok(later.await)
}

/// Answers on their way, put together into few sends.
struct Output<'a> {
    socket: &'a Socket,
    buffers: Vec<Bytes>,
    size_bytes: usize,
}

impl Output<'_> {
    async fn add(&mut self, response: Response) -> io::Result<()> {
        match response {
            Response::Bytes(bytes) => self.add_bytes(bytes).await,
            Response::Pieces(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Bytes(bytes) => self.add_bytes(bytes).await?,
                        Piece::File { file, position, size_bytes } => {
                            self.flush(true).await?;
                            self.socket.send_file(&file, position, size_bytes).await?;
                        }
                    }
                }
                Ok(())
            }
        }
    }

    async fn add_bytes(&mut self, bytes: Bytes) -> io::Result<()> {
        self.size_bytes += bytes.len();
        self.buffers.push(bytes);
        if self.size_bytes >= SEND_BATCH_BYTES { self.flush(false).await } else { Ok(()) }
    }

    /// Send what is there; `more` says that a file range follows at once.
    async fn flush(&mut self, more: bool) -> io::Result<()> {
        if self.buffers.is_empty() {
            return Ok(());
        }
        self.size_bytes = 0;
        self.socket.send(std::mem::take(&mut self.buffers), more).await
    }
}
