//! One connection: a reader that dispatches, a writer that answers in order, a bounded pipeline between them.

use std::{future::poll_fn, io, pin::Pin, rc::Rc, task::Poll};

use bytes::Bytes;
use jackdaw_ring::{FileLease, Socket, channel::Queue, now, spawn};

use crate::{
    budget::{Budget, Permit},
    connections::{Connections, Registration},
    frame::{FrameError, FrameReader},
    limits::{
        FILE_STEP_BYTES, PIPELINE_REQUESTS_MAX, PROGRESS_STEP_BYTES, SEND_BATCH_BYTES, UNCOUNTED_ANSWER_BYTES,
    },
    mute,
    pipeline::{Answer, Dispatched, Piece, Response, Service, Times},
    refusals::{Refusal, Refusals},
};

/// What every connection of a listener shares.
#[derive(Clone)]
pub struct ConnectionConfig {
    /// `socket.request.max.bytes`.
    pub request_max_bytes: usize,
    pub budget: Budget,
    pub connections: Connections,
}

/// A dispatched request in its place.
struct Slot {
    dispatched: Dispatched,
    /// For its frame and what is decoded from it, until it is answered.
    memory: Option<Permit>,
    label: u32,
    /// `ready` and `sent` are not known yet.
    times: Times,
}

/// What the reader and the writer of a connection share.
struct Shared {
    socket: Rc<Socket>,
    registration: Registration,
    pipeline: Queue<Slot>,
}

/// Serve one connection until it ends. At the end of the peer's stream the answers that are ready still leave;
/// requests that wait are abandoned, as in Kafka: they have had their effect, and a long poll would hold the
/// connection for as long as it asked for.
pub async fn serve<S: Service>(socket: Socket, service: Rc<S>, config: ConnectionConfig) {
    let socket = Rc::new(socket);
    let shared = Rc::new(Shared {
        registration: config.connections.register(&socket),
        socket,
        pipeline: Queue::bounded(PIPELINE_REQUESTS_MAX),
    });
    let writer = spawn(write(Rc::clone(&shared), Rc::clone(&service)));
    let ended = read(&shared, &*service, &config).await;
    shared.pipeline.close();
    if !matches!(ended, Ok(End::Closing)) {
        shared.registration.ends.abandon();
    }
    if let Err(error) = ended {
        log_end(&shared.socket, &error);
        if matches!(error, FrameError::Io(_)) {
            shared.socket.shutdown();
        }
    }
    writer.await;
    shared.socket.shutdown();
}

/// How reading ended without an error.
enum End {
    /// The peer ended its stream.
    Peer,
    /// We close the connection once the answers before have left.
    Closing,
}

fn log_end(socket: &Socket, error: &FrameError) {
    let Some(refusal) = error.refusal() else {
        tracing::debug!(peer = %socket.peer(), %error, "connection ended");
        return;
    };
    if let Some(others) = Refusals::own().count(refusal) {
        tracing::info!(peer = %socket.peer(), others, "closed the connection: the peer {error}");
    }
}

async fn read<S: Service>(
    shared: &Shared,
    service: &S,
    config: &ConnectionConfig,
) -> Result<End, FrameError> {
    let (socket, ends) = (&shared.socket, &*shared.registration.ends);
    let mut session = service.open(socket.peer());
    let mut frames =
        FrameReader::new(config.request_max_bytes, config.budget.clone(), shared.registration.active());
    loop {
        mute::hold(service, &session, (socket, ends), (&mut frames, None), &config.budget).await?;
        let Some(mut frame) = frames.next(socket, ends).await? else { return Ok(End::Peer) };
        // An answer may have muted the connection while the next request was on its way.
        mute::hold(service, &session, (socket, ends), (&mut frames, Some(&mut frame)), &config.budget)
            .await?;
        let received = shared.registration.touch();
        let label = service.label(&frame.bytes);
        let needed = service.memory_bytes(&frame.bytes);
        let (memory, has_waited) = take_memory(shared, frame.permit, needed, &config.budget).await?;
        let begun = if has_waited { now() } else { received };
        let dispatched = service.dispatch(&mut session, frame.bytes).await;
        let at = now();
        let arriving = frame.arriving.unwrap_or(received);
        let times = Times { arriving, received, begun, dispatched: at, ready: at, sent: at };
        let last = matches!(dispatched, Dispatched::Done(Answer::Close(_)));
        let memory = keep(memory, &dispatched);
        // A closed pipeline means that the writer has ended and with it the connection.
        if !enqueue(shared, Slot { dispatched, memory, label, times }).await || last {
            return Ok(End::Closing);
        }
    }
}

/// Take `size_bytes` for a request on top of what its frame has; whether it had to wait. While there are none the socket
/// receives nothing.
async fn take_memory(
    shared: &Shared,
    frame: Option<Permit>,
    size_bytes: usize,
    budget: &Budget,
) -> Result<(Option<Permit>, bool), FrameError> {
    if size_bytes == 0 {
        return Ok((frame, false));
    }
    let mut permit = frame.unwrap_or_else(|| budget.permit());
    let must_wait = !permit.try_grow(size_bytes);
    if must_wait {
        if let Some(others) = Refusals::own().count(Refusal::RequestMemory) {
            let peer = shared.socket.peer();
            tracing::info!(%peer, size_bytes, others, "a request waits for memory: queued.max.request.bytes is used up");
        }
        shared.socket.pause_receiving();
        let grown = shared.registration.ends.while_open(&shared.socket, permit.grow(size_bytes)).await;
        grown.ok_or(FrameError::Closing)?;
    }
    Ok((Some(permit), must_wait))
}

/// What a dispatched request still needs of its memory. One that is done needs no more than its answer, which may wait
/// to leave for as long as the peer does not read.
fn keep(memory: Option<Permit>, dispatched: &Dispatched) -> Option<Permit> {
    let size_bytes = match dispatched {
        Dispatched::Later(_) => return memory,
        Dispatched::Done(Answer::Send(response)) => response.size_bytes(),
        Dispatched::Done(_) => 0,
    };
    let mut memory = memory.filter(|_| size_bytes > UNCOUNTED_ANSWER_BYTES)?;
    memory.shrink_to(size_bytes);
    Some(memory)
}

/// Put a request into the pipeline. While there is no room the socket receives nothing: what comes would take the
/// core's receive buffers. False if the connection ends.
async fn enqueue(shared: &Shared, slot: Slot) -> bool {
    let Err(slot) = shared.pipeline.try_push(slot) else { return true };
    shared.socket.pause_receiving();
    let pushed = shared.registration.ends.while_open(&shared.socket, shared.pipeline.push(slot)).await;
    matches!(pushed, Some(Ok(())))
}

async fn write<S: Service>(shared: Rc<Shared>, service: Rc<S>) {
    let (socket, pipeline) = (&shared.socket, &shared.pipeline);
    let mut output = Output {
        shared: &shared,
        service: &*service,
        buffers: Vec::new(),
        size_bytes: 0,
        memory: Vec::new(),
        unsent: Vec::new(),
    };
    let result = answer_all(&mut output, pipeline).await;
    if let Err(error) = result {
        tracing::debug!(peer = %socket.peer(), %error, "connection ended while answering");
    }
    pipeline.close();
    // The reader may wait for memory.
    shared.registration.ends.close(socket);
    // What is still in the pipeline has nobody to answer to.
    while pipeline.try_pop().is_some() {}
}

async fn answer_all<S: Service>(output: &mut Output<'_, S>, pipeline: &Queue<Slot>) -> io::Result<()> {
    loop {
        let Slot { dispatched, memory, label, mut times } = match pipeline.try_pop() {
            Some(slot) => slot,
            None => {
                output.flush(false).await?;
                match pipeline.pop().await {
                    Some(slot) => slot,
                    None => return Ok(()),
                }
            }
        };
        let is_later = matches!(dispatched, Dispatched::Later(_));
        let Some(answer) = finish(dispatched, output).await? else {
            // The reader may wait for it.
            drop(memory);
            abandon(pipeline).await;
            return Ok(());
        };
        if is_later {
            times.ready = now();
        }
        match answer {
            Answer::Send(response) => {
                output.add(response).await?;
                output.follow(label, times);
            }
            Answer::Nothing => output.service.answered(label, &Times { sent: times.ready, ..times }),
            Answer::Close(reason) => {
                output.flush(false).await?;
                if let Some(others) = Refusals::own().count(Refusal::BadRequest) {
                    let peer = output.shared.socket.peer();
                    tracing::info!(%peer, others, "closed the connection: {reason}");
                }
                return Ok(());
            }
        }
    }
}

/// Nobody waits for answers any more. What the peer has sent before it went may still be read and dispatched.
async fn abandon(pipeline: &Queue<Slot>) {
    while pipeline.pop().await.is_some() {}
}

/// Wait for an answer; what is ready to go leaves before the wait. `None` if the peer went first.
async fn finish<S: Service>(
    dispatched: Dispatched,
    output: &mut Output<'_, S>,
) -> io::Result<Option<Answer>> {
    let mut later = match dispatched {
        Dispatched::Done(answer) => return Ok(Some(answer)),
        Dispatched::Later(later) => later,
    };
    let ready = poll_fn(|context| match Pin::new(&mut later).poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    if ready.is_some() {
        return Ok(ready);
    }
    output.flush(false).await?;
    Ok(output.shared.registration.ends.until_abandoned(later).await)
}

/// Answers on their way, put together into few sends.
struct Output<'a, S> {
    shared: &'a Shared,
    service: &'a S,
    buffers: Vec<Bytes>,
    size_bytes: usize,
    /// Of the buffers; given back when they have been sent.
    memory: Vec<Permit>,
    /// Whose answers are among the buffers.
    unsent: Vec<(u32, Times)>,
}

impl<S: Service> Output<'_, S> {
    /// Tell when the answer that was just added has been sent: with the buffers that are left of it, or before.
    fn follow(&mut self, label: u32, times: Times) {
        self.unsent.push((label, times));
        if self.buffers.is_empty() {
            self.tell_sent();
        }
    }

    fn tell_sent(&mut self) {
        let sent = self.shared.registration.last_used();
        for (label, times) in self.unsent.drain(..) {
            // What was sent together may have become ready after the clock was read.
            self.service.answered(label, &Times { sent: sent.max(times.ready), ..times });
        }
    }

    async fn add(&mut self, response: Response) -> io::Result<()> {
        match response {
            Response::Bytes(bytes) => self.add_bytes(bytes).await,
            Response::Pieces { pieces, memory } => {
                for piece in pieces {
                    match piece {
                        Piece::Bytes(bytes) => self.add_bytes(bytes).await?,
                        Piece::File { file, position, size_bytes } => {
                            self.flush(true).await?;
                            self.send_file(&file, position, size_bytes).await?;
                        }
                    }
                }
                if !self.buffers.is_empty() {
                    self.memory.extend(memory);
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
        let _memory = std::mem::take(&mut self.memory);
        let buffers = std::mem::take(&mut self.buffers);
        if std::mem::take(&mut self.size_bytes) < SEND_BATCH_BYTES + PROGRESS_STEP_BYTES {
            self.send(buffers, more).await?;
            self.tell_sent();
            return Ok(());
        }
        for mut buffer in buffers {
            while !buffer.is_empty() {
                let step = buffer.split_to(buffer.len().min(PROGRESS_STEP_BYTES));
                self.send(vec![step], more).await?;
            }
        }
        self.tell_sent();
        Ok(())
    }

    /// One step. A connection whose steps do not end within `connections.max.idle.ms` is idle, and is closed.
    async fn send(&self, buffers: Vec<Bytes>, more: bool) -> io::Result<()> {
        self.shared.socket.send(buffers, more).await?;
        self.shared.registration.touch();
        Ok(())
    }

    async fn send_file(&self, file: &FileLease, mut position: u64, mut left: usize) -> io::Result<()> {
        while left > 0 {
            let step = left.min(FILE_STEP_BYTES);
            self.shared.socket.send_file(file, position, step).await?;
            self.shared.registration.touch();
            position += step as u64;
            left -= step;
        }
        Ok(())
    }
}
