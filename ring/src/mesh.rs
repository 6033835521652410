//! Mailboxes between every two cores, with the wake-ups that go with them.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{Ordering, fence},
    },
    task::{Poll, Waker},
};

use crate::{
    executor::{self, Source},
    mailbox::{Receiver, Sender, mailbox},
    signal::CoreSignal,
};

/// One core's ends, not yet on its thread.
pub struct Seat<T> {
    core: usize,
    senders: Vec<Option<Sender<T>>>,
    receivers: Vec<Option<Receiver<T>>>,
    signals: Arc<Signals>,
}

/// Filled as the cores start.
#[derive(Default)]
struct Signals(Vec<OnceLock<Arc<CoreSignal>>>);

/// Ends for `cores` cores; each ordered pair gets a mailbox of `capacity` values.
pub fn mesh<T: Send>(cores: usize, capacity: usize) -> Vec<Seat<T>> {
    let signals = Arc::new(Signals((0..cores).map(|_| OnceLock::new()).collect()));
    let seat = |core| Seat {
        core,
        senders: (0..cores).map(|_| None).collect(),
        receivers: (0..cores).map(|_| None).collect(),
        signals: Arc::clone(&signals),
    };
    let mut seats: Vec<Seat<T>> = (0..cores).map(seat).collect();
    for from in 0..cores {
        for to in (0..cores).filter(|to| *to != from) {
            let (sender, receiver) = mailbox(capacity);
            seats[from].senders[to] = Some(sender);
            seats[to].receivers[from] = Some(receiver);
        }
    }
    seats
}

/// One core's place in the mesh. Clones share it.
pub struct Endpoint<T> {
    inner: Rc<EndpointState<T>>,
}

impl<T> Clone for Endpoint<T> {
    fn clone(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

struct EndpointState<T> {
    core: usize,
    senders: RefCell<Vec<Option<Sender<T>>>>,
    incoming: RefCell<Vec<Option<Receiver<T>>>>,
    next: std::cell::Cell<usize>,
    receiver: RefCell<Option<Waker>>,
    signals: Arc<Signals>,
    /// Who waits for room in each peer's mailbox.
    lines: Vec<RefCell<Line>>,
}

/// Senders that wait, first come first served. Only the first looks at the mailbox; it wakes the next when it goes.
#[derive(Default)]
struct Line {
    waiting: VecDeque<(u64, Option<Waker>)>,
    tickets: u64,
}

/// One sender's place; left on drop, also of a sender that was cancelled.
struct Place<'a> {
    line: &'a RefCell<Line>,
    ticket: u64,
}

impl<'a> Place<'a> {
    fn take(line: &'a RefCell<Line>) -> Self {
        let mut state = line.borrow_mut();
        let ticket = state.tickets;
        state.tickets += 1;
        state.waiting.push_back((ticket, None));
        drop(state);
        Self { line, ticket }
    }

    async fn is_first(&self) {
        poll_fn(|context| {
            let mut line = self.line.borrow_mut();
            let mut places = line.waiting.iter_mut();
            if places.next().is_none_or(|(first, _)| *first == self.ticket) {
                return Poll::Ready(());
            }
            if let Some((_, waker)) = places.find(|(ticket, _)| *ticket == self.ticket) {
                *waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.line.borrow_mut();
        line.waiting.retain(|(ticket, _)| *ticket != self.ticket);
        let next = line.waiting.front_mut().and_then(|(_, waker)| waker.take());
        drop(line);
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

impl<T: Send + 'static> Seat<T> {
    /// Sit down: on the core's own thread, inside its executor.
    pub fn join(self) -> Endpoint<T> {
        executor::with(|core| {
            let signal = core.driver.signal();
            assert!(self.signals.0[self.core].set(signal).is_ok(), "a seat is taken once");
        });
        let inner = Rc::new(EndpointState {
            core: self.core,
            senders: RefCell::new(self.senders),
            incoming: RefCell::new(self.receivers),
            next: std::cell::Cell::new(0),
            receiver: RefCell::new(None),
            lines: self.signals.0.iter().map(|_| RefCell::default()).collect(),
            signals: self.signals,
        });
        let source: Rc<dyn Source> = Rc::clone(&inner) as Rc<dyn Source>;
        executor::with(|core| core.add_source(source));
        Endpoint { inner }
    }
}

impl<T: Send + 'static> Source for EndpointState<T> {
    fn is_ready(&self) -> bool {
        self.receiver.borrow().is_some()
            && self.incoming.borrow().iter().flatten().any(|receiver| !receiver.is_empty())
    }

    fn wake(&self) {
        if let Some(waker) = self.receiver.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl<T: Send + 'static> Endpoint<T> {
    /// This core's number.
    pub fn core(&self) -> usize {
        self.inner.core
    }

    /// How many cores there are.
    pub fn cores(&self) -> usize {
        self.inner.signals.0.len()
    }

    /// Send to another core; gives the value back if the mailbox is full, or others wait for room in it.
    ///
    /// # Panics
    /// On sending to oneself: the caller routes that.
    pub fn try_send(&self, to: usize, value: T) -> Result<(), T> {
        if self.inner.lines[to].borrow().waiting.is_empty() { self.send_now(to, value) } else { Err(value) }
    }

    fn send_now(&self, to: usize, value: T) -> Result<(), T> {
        {
            let mut senders = self.inner.senders.borrow_mut();
            let Some(sender) = &mut senders[to] else { panic!("core {to} sends to itself") };
            sender.try_send(value)?;
        }
        self.wake_peer(to);
        Ok(())
    }

    /// Send to another core, waiting for room. Values of one core to another arrive in the order of the calls'
    /// first polls. Not for a loop that alone empties this core's mailboxes: two that wait for each other's room would
    /// wait for ever.
    pub async fn send(&self, to: usize, value: T) {
        let Err(mut value) = self.try_send(to, value) else { return };
        let place = Place::take(&self.inner.lines[to]);
        place.is_first().await;
        while let Err(refused) = self.send_now(to, value) {
            value = refused;
            // The receiver drains its mailbox without telling; the wait is short.
            crate::timer::sleep(std::time::Duration::from_micros(50)).await;
        }
    }

    fn wake_peer(&self, to: usize) {
        let slot = &self.inner.signals.0[to];
        // A peer that has not started yet looks at its mailboxes when it does. The fence pairs with the one before
        // its first sleep: it sees the value, or we see its signal.
        let signal = slot.get().or_else(|| {
            fence(Ordering::SeqCst);
            slot.get()
        });
        let Some(signal) = signal else { return };
        if signal.claim_wake() {
            executor::with(|core| core.driver.notify(signal));
        }
    }

    /// The next value from any core, taken round robin. One receiver at a time.
    pub async fn receive(&self) -> (usize, T) {
        poll_fn(|context| match self.try_receive() {
            Some(received) => Poll::Ready(received),
            None => {
                *self.inner.receiver.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// The next value if there is one.
    pub fn try_receive(&self) -> Option<(usize, T)> {
        let mut incoming = self.inner.incoming.borrow_mut();
        let cores = incoming.len();
        for step in 0..cores {
            let from = (self.inner.next.get() + step) % cores;
            if let Some(value) = incoming[from].as_mut().and_then(Receiver::try_receive) {
                self.inner.next.set((from + 1) % cores);
                return Some((from, value));
            }
        }
        None
    }
}
