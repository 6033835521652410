//! TCP: listeners and streams. A dropped future loses no bytes: what is in flight belongs to the socket.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    net::SocketAddr,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};

use crate::{
    buffers,
    driver::{Descriptor, Driver, Operation, Payload, SocketBuffers},
    executor,
    file::FileLease,
    operation::{Handle, once},
};

/// `sendfile` is asked for at most this much at once: what a core may send in one turn. Each call ends with waking the
/// receiver, so few large ones cost less; what the socket's buffer takes bounds them as well.
const SEND_FILE_STEP_BYTES: usize = 1 << 20;

/// What the page cache may lack is looked at, and read into memory, in steps of this.
const COLD_STEP_BYTES: usize = 256 << 10;

/// A listening socket, on one core. Several cores may each hold a [`Listener::duplicate`].
pub struct Listener {
    driver: Rc<dyn Driver>,
    descriptor: Descriptor,
    accepting: RefCell<Option<Handle>>,
}

/// An owned descriptor on its way to another core; closed if nobody takes it over.
#[derive(Debug)]
pub struct Detached {
    descriptor: Descriptor,
    peer: Option<SocketAddr>,
}

impl Detached {
    fn into_parts(self) -> (Descriptor, Option<SocketAddr>) {
        let parts = (self.descriptor, self.peer);
        // Plain data: nothing leaks but the right to close, which the caller takes over.
        std::mem::forget(self);
        parts
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        // Outside an executor the process is ending: the descriptor ends with it.
        if let Some(core) = executor::try_core() {
            core.driver.close(self.descriptor);
        }
    }
}

impl Listener {
    /// Bind and listen; also tells the address, whose port the kernel chose if it was 0.
    pub fn bind(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        Self::bind_with(address, SocketBuffers::default())
    }

    /// The same, with buffers for the connections that are accepted.
    pub fn bind_with(address: SocketAddr, buffers: SocketBuffers) -> io::Result<(Self, SocketAddr)> {
        let driver = executor::with(|core| Rc::clone(&core.driver));
        let (descriptor, address) = driver.listen(address, buffers)?;
        Ok((Self { driver, descriptor, accepting: RefCell::default() }, address))
    }

    /// The same listening socket for another core.
    pub fn duplicate(&self) -> io::Result<Detached> {
        Ok(Detached { descriptor: self.driver.duplicate(self.descriptor)?, peer: None })
    }

    /// Take over a duplicate on this core.
    pub fn attach(detached: Detached) -> Self {
        let driver = executor::with(|core| Rc::clone(&core.driver));
        let (descriptor, _) = detached.into_parts();
        Self { driver, descriptor, accepting: RefCell::default() }
    }

    /// The next connection. Errors such as exhausted descriptors leave the listener usable.
    pub async fn accept(&self) -> io::Result<Socket> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        let mut accepting = self.accepting.borrow_mut();
        loop {
            let handle = accepting
                .get_or_insert_with(|| Handle::start(Operation::AcceptMany { listener: self.descriptor }));
            match handle.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => *accepting = None,
                Poll::Ready(Some((Ok(_), Payload::Accepted(descriptor, peer)))) => {
                    return Poll::Ready(Ok(Socket::new(Rc::clone(&self.driver), descriptor, peer)));
                }
                Poll::Ready(Some((Ok(_), _))) => {}
                // The accept stopped, with more taken than were fetched yet: it starts again when they are.
                Poll::Ready(Some((Err(error), _))) if is_pause(&error) => {}
                Poll::Ready(Some((Err(error), _))) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.borrow_mut().take();
        self.driver.close(self.descriptor);
    }
}

/// A connected stream.
pub struct Socket {
    driver: Rc<dyn Driver>,
    descriptor: Descriptor,
    peer: SocketAddr,
    receiving: RefCell<Receiving>,
    ended: Cell<bool>,
    moved: Cell<bool>,
}

#[derive(Default)]
struct Receiving {
    many: Option<Handle>,
    into: Option<Handle>,
    /// Received, not yet taken.
    chunks: std::collections::VecDeque<Bytes>,
}

impl Socket {
    fn new(driver: Rc<dyn Driver>, descriptor: Descriptor, peer: SocketAddr) -> Self {
        Self {
            driver,
            descriptor,
            peer,
            receiving: RefCell::default(),
            ended: Cell::new(false),
            moved: Cell::new(false),
        }
    }

    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        match once(Operation::Connect { address }).await {
            (Ok(_), Payload::Accepted(descriptor, peer)) => {
                let driver = executor::with(|core| Rc::clone(&core.driver));
                Ok(Self::new(driver, descriptor, peer))
            }
            (Err(error), _) => Err(error),
            (Ok(_), _) => Err(io::Error::other("the driver connected without a socket")),
        }
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Give the socket away to another core. Only before anything was received here.
    pub fn detach(self) -> Detached {
        let receiving = self.receiving.borrow();
        assert!(receiving.many.is_none() && receiving.into.is_none(), "a socket that receives cannot move");
        drop(receiving);
        self.moved.set(true);
        Detached { descriptor: self.descriptor, peer: Some(self.peer) }
    }

    /// Take over a socket from another core.
    pub fn attach(detached: Detached) -> Self {
        let driver = executor::with(|core| Rc::clone(&core.driver));
        let (descriptor, peer) = detached.into_parts();
        Self::new(driver, descriptor, peer.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0))))
    }

    /// The next bytes in a buffer of the driver's; `None` at the end of the stream.
    pub async fn receive(&self) -> io::Result<Option<Bytes>> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// As [`Socket::receive`], for callers that poll.
    pub fn poll_receive(&self, context: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let mut receiving = self.receiving.borrow_mut();
        assert!(receiving.into.is_none(), "a receive into a caller's buffer is still in flight");
        loop {
            if let Some(chunk) = receiving.chunks.pop_front() {
                return Poll::Ready(Ok(Some(chunk)));
            }
            if self.ended.get() {
                return Poll::Ready(Ok(None));
            }
            let handle = receiving
                .many
                .get_or_insert_with(|| Handle::start(Operation::ReceiveMany { socket: self.descriptor }));
            match handle.poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => receiving.many = None,
                Poll::Ready(Some(taken)) => {
                    if let Some(error) = self.take_chunks(&mut receiving, taken) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }

    /// Stop taking bytes from the kernel until the next receive; what it has delivered is kept. For a reader that has
    /// no room: its bytes then wait in the socket, not in buffers that others need.
    pub fn pause_receiving(&self) {
        if let Some(handle) = &self.receiving.borrow().many {
            handle.cancel();
        }
    }

    /// Store received chunks. A cancelled or starved receive is no error: the next call starts it again.
    fn take_chunks(
        &self,
        receiving: &mut Receiving,
        taken: (io::Result<usize>, Payload),
    ) -> Option<io::Error> {
        match taken {
            (Ok(0), _) => self.ended.set(true),
            (Ok(_), Payload::Chunks(chunks)) => receiving.chunks.extend(chunks),
            (Ok(_), _) => {}
            (Err(error), _) if is_pause(&error) => {}
            (Err(error), _) => {
                self.ended.set(true);
                return Some(error);
            }
        }
        None
    }

    /// Receive straight from the kernel until `buffer` has `size_bytes`, which its capacity must allow, starting
    /// with what was already received. Short only at the end of the stream. Not to be abandoned half way: the
    /// buffer would be lost with its bytes, so the connection must be closed then.
    pub async fn receive_into(&self, mut buffer: BytesMut, size_bytes: usize) -> io::Result<BytesMut> {
        assert!(buffer.capacity() >= size_bytes, "the buffer is too small for what it is to receive");
        self.stop_receiving().await?;
        self.drain_chunks(&mut buffer, size_bytes);
        while buffer.len() < size_bytes && !self.ended.get() {
            let length = size_bytes - buffer.len();
            let handle = Handle::start(Operation::ReceiveInto { socket: self.descriptor, buffer, length });
            self.receiving.borrow_mut().into = Some(handle);
            let (result, payload) = poll_fn(|context| self.poll_into(context)).await;
            let count = result?;
            let Payload::Buffer(returned) = payload else {
                return Err(io::Error::other("the driver kept a receive buffer"));
            };
            buffer = returned;
            if count == 0 {
                self.ended.set(true);
            }
        }
        Ok(buffer)
    }

    fn poll_into(&self, context: &mut Context<'_>) -> Poll<(io::Result<usize>, Payload)> {
        let mut receiving = self.receiving.borrow_mut();
        let Some(handle) = &receiving.into else {
            return Poll::Ready((Err(io::Error::other("no receive in flight")), Payload::None));
        };
        match handle.poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(taken) => {
                receiving.into = None;
                Poll::Ready(taken.unwrap_or((Ok(0), Payload::None)))
            }
        }
    }

    /// Bytes that were received and not taken yet.
    pub fn received_bytes(&self) -> usize {
        self.receiving.borrow().chunks.iter().map(Bytes::len).sum()
    }

    /// Move these bytes out of the core's receive buffers, for a reader that does not come for them soon.
    pub fn own_received(&self) {
        for chunk in &mut self.receiving.borrow_mut().chunks {
            *chunk = Bytes::copy_from_slice(chunk);
        }
    }

    /// End a receive into pooled buffers and keep every byte that it had already taken. The next receive starts it again.
    pub async fn stop_receiving(&self) -> io::Result<()> {
        self.pause_receiving();
        poll_fn(|context| {
            let mut receiving = self.receiving.borrow_mut();
            loop {
                let Some(handle) = &receiving.many else { return Poll::Ready(Ok(())) };
                match handle.poll_next(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => receiving.many = None,
                    Poll::Ready(Some(taken)) => {
                        if let Some(error) = self.take_chunks(&mut receiving, taken) {
                            return Poll::Ready(Err(error));
                        }
                    }
                }
            }
        })
        .await
    }

    fn drain_chunks(&self, buffer: &mut BytesMut, size_bytes: usize) {
        let mut receiving = self.receiving.borrow_mut();
        while buffer.len() < size_bytes {
            let Some(mut chunk) = receiving.chunks.pop_front() else { return };
            let count = chunk.len().min(size_bytes - buffer.len());
            buffer.extend_from_slice(&chunk.split_to(count));
            if !chunk.is_empty() {
                receiving.chunks.push_front(chunk);
            }
        }
    }

    /// Send all of these buffers. `more` announces that more follows at once.
    pub async fn send(&self, mut buffers: Vec<Bytes>, more: bool) -> io::Result<()> {
        let mut left = buffers::total_bytes(&buffers);
        while left > 0 {
            let (result, payload) = once(Operation::Send { socket: self.descriptor, buffers, more }).await;
            let count = result?;
            let Payload::Buffers(returned) = payload else {
                return Err(io::Error::other("the driver kept send buffers"));
            };
            buffers = returned;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            left -= count;
            if left > 0 {
                buffers::advance(&mut buffers, count);
            }
        }
        Ok(())
    }

    /// Send a range of a file: from the page cache without a copy where it is there, and else read through the ring.
    /// Asked anew for each step, for a slow reader leaves the cache time to lose what it had.
    pub async fn send_file(&self, file: &FileLease, mut position: u64, mut length: usize) -> io::Result<()> {
        while length > 0 {
            let (step, is_cached) = self.next_step(file, position, length);
            let count = if is_cached {
                match self.send_cached(file, position, step).await? {
                    Some(count) => count,
                    None => continue,
                }
            } else {
                let bytes = file.read(position, step).await?.freeze();
                let count = bytes.len();
                self.send(vec![bytes], false).await?;
                count
            };
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            position += count as u64;
            length -= count;
        }
        Ok(())
    }

    /// How much to send next, and whether the page cache has it.
    fn next_step(&self, file: &FileLease, position: u64, length: usize) -> (usize, bool) {
        let is_cached = |step| self.driver.is_cached(file.descriptor, position, step);
        let step = length.min(SEND_FILE_STEP_BYTES);
        if is_cached(step) {
            return (step, true);
        }
        let step = step.min(COLD_STEP_BYTES);
        (step, is_cached(step))
    }

    /// Send some of a range that the page cache holds, once the core's turn has room for it. `None` if the socket had
    /// to become writable first, which takes time.
    async fn send_cached(&self, file: &FileLease, position: u64, step: usize) -> io::Result<Option<usize>> {
        let core = executor::with(Rc::clone);
        let share = core.send_file_share(step).await;
        match self.driver.send_file(self.descriptor, file.descriptor, position, share) {
            Ok(count) => {
                core.return_send_file_share(share - count);
                executor::yield_now().await;
                Ok(Some(count))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                core.return_send_file_share(share);
                once(Operation::Writable { socket: self.descriptor }).await.0?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Wait until the peer has ended its stream or the connection is no more. Receives nothing: for those who have paused.
    pub async fn peer_ended(&self) {
        // Why it failed is told to who receives or sends next.
        let _ = once(Operation::PeerEnded { socket: self.descriptor }).await;
    }

    /// End both directions; a receive in flight ends too.
    pub fn shutdown(&self) {
        self.driver.shutdown(self.descriptor);
    }
}

/// The receive stopped without an end of the stream.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::ENOBUFS | libc::EINTR | libc::EAGAIN))
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.moved.get() {
            return;
        }
        let mut receiving = self.receiving.borrow_mut();
        receiving.many = None;
        receiving.into = None;
        // The kernel keeps the socket alive while operations hold it; the shutdown ends them.
        self.driver.shutdown(self.descriptor);
        self.driver.close(self.descriptor);
    }
}
